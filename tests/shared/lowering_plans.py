"""Small plans on which a framework's lowerings are tried: every op, in each of its forms that differ, beside its like."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from bpcompare import ops
from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.network.parameter import Initializer, Parameter
from bpcompare.plan import Batch, Plan, draw
from bpcompare.testing.cases import forms
from bpcompare.testing.networks import ACTIVATIONS

SUM = ops.HalfSquared(reduce="sum")
STEP = ops.Sgd(eta=0.1)


def layer(op: ops.LayerOp, *sources: str, g: Any = None, **roles: str) -> Layer:
    """A layer; parameters not named get ids of their own in `plan_of`."""
    return Layer(op, sources, g or ops.Identity(), roles)


def plan_of(
    inputs: Mapping[str, tuple[int, ...]],
    layers: Mapping[str, Layer],
    error: ops.ErrorOp = SUM,
    update: ops.UpdateOp = STEP,
    *,
    of: str | None = None,
    integers: Mapping[str, int] | None = None,
    frozen: tuple[str, ...] = (),
    penalties: Mapping[str, ops.PenaltyOp] | None = None,
    **changes: Any,
) -> Plan:
    """A plan around layers, drawn as any other; parameters are normal numbers, state and optimizer state are not zero."""
    rng = np.random.default_rng(7)
    training = replace(Training(steps=2, batch=3, slots="drawn" if update.slots else "zero"), **changes)
    examples = training.steps * training.batch
    last = list(layers)[-1]
    groups = {name: Input(shape) for name, shape in inputs.items()}
    bare = Network("t", groups, layers, {}, Error(error, last), update, Data({}, np.zeros(examples)))
    roles = {n: bare.shapes[n].parameters for n in bare.order}
    layers = {n: replace(x, parameters={r: x.parameters.get(r, f"{n}.{r}") for r in roles[n]}) for n, x in layers.items()}
    names = dict.fromkeys(p for n in bare.order for p in layers[n].parameters.values())
    penalized = penalties or {}
    own = {p: Parameter(Initializer("normal", 0.6), p not in frozen, penalized.get(p)) for p in names}

    def data(name: str) -> Any:
        shape = (examples, *inputs[name])
        return rng.integers(0, integers[name], shape) if integers and name in integers else rng.normal(size=shape)

    target = (examples, *error.target_shape(bare.shape(last)))
    t: Any = rng.integers(0, bare.shape(last)[-1], target) if error.integer_target else rng.uniform(0.1, 0.9, target)
    network = replace(bare, layers=layers, parameters=own, data=Data({n: data(n) for n in inputs}, t), training=training)
    plan = draw.plan(network)
    # Nothing is drawn for layers that do not reach the error, so another is judged only now.
    network = replace(plan.network, error=Error(error, of or last))
    state = {path: rng.uniform(0.5, 2, x.shape).astype(plan.dtype) for path, x in plan.state.items()}
    return replace(plan, network=network, state=state)


def at(plan: Plan, x: Any, target: Any) -> Plan:
    """The same plan with one batch: this input, this target."""
    return replace(plan, batches=(Batch({"x": np.asarray(x, plan.dtype)}, np.asarray(target, plan.dtype), {}),))


# ---- layers: ops side by side, each with sources of its own, all flattened and joined in one dense layer ----

SHAPES = {
    "s": (),
    "v": (4,),
    "w": (3,),
    "row": (1, 3),
    "column": (2, 1),
    "m": (2, 3),
    "n": (3, 4),
    "t": (2, 3, 2),
    "u": (2, 1, 3),
    "image": (4, 4, 3),
    "small": (2, 3, 3),
    "t3": (2, 2, 3),
    "t4": (3, 3, 2),
    "f": (2, 1, 2, 3),
}
"""Inputs by name, others by their shapes: `2x3`. `w+` is `w` made positive."""
FAMILIES: dict[str, dict[str, tuple[Any, ...]]] = {
    "dense": {
        "flat": (ops.Dense(2), "v"),
        "rows": (ops.Dense(2), "m"),
        "deep": (ops.Dense(3, bias=False), "t"),
        "joined": (ops.Dense(2, bias=False), "w", "v", "w"),
        "joined_rows": (ops.Dense(2), "m", "column", "m"),
    },
    "arithmetic": {
        "multiply": (ops.Multiply(), "m", "m"),
        "multiply_by_row": (ops.Multiply(), "m", "w"),
        "multiply_both_ways": (ops.Multiply(), "w", "column"),
        "multiply_by_scalar": (ops.Multiply(), "s", "m"),
        "subtract": (ops.Subtract(), "m", "m"),
        "subtract_from_row": (ops.Subtract(), "w", "t3"),
        "divide": (ops.Divide(), "m", "m+"),
        "divide_by_column": (ops.Divide(), "m", "column+"),
        "divide_row": (ops.Divide(), "w", "u+"),
        **{f"power_{p:.0f}": (ops.Power(p), "m") for p in (1.0, 2.0, 3.0, 4.0)},
        **{f"power_{10 * p:.0f}_tenths": (ops.Power(p), "m+") for p in (-1.0, -2.0, 0.5, 1.5, -0.7)},
    },
    "joining": {
        "add": (ops.Add(), "m", "m"),
        "add_rows": (ops.Add(), "w", "m", "s", "u"),
        "concat": (ops.Concat(), "v", "w"),
        "concat_rows": (ops.Concat(), "m", "row", "m"),
        "concat_last": (ops.Concat(axis=-1), "m", "column"),
        "concat_second": (ops.Concat(axis=1), "u", "t3"),
        "concat_from_the_end": (ops.Concat(axis=-2), "u", "t3"),
        "scale": (ops.Scale(-1.5), "m"),
        "flatten": (ops.Flatten(), "t"),
        "flatten_scalar": (ops.Flatten(), "s"),
        "dropout": (ops.Dropout(0.4), "m"),
    },
    "moving": {
        "permute": (ops.Permute((1, 0)), "m"),
        "permute_three": (ops.Permute((2, 0, 1)), "t"),
        "permute_from_the_end": (ops.Permute((-1, 0, -2)), "t"),
        "reshape": (ops.Reshape((3, 2)), "m"),
        "reshape_to_fit": (ops.Reshape((2, -1, 1, 2)), "t"),
        "slice": (ops.Slice(1), "v"),
        "slice_to": (ops.Slice(0, 2), "n"),
        "slice_from_the_end": (ops.Slice(-3, -1, axis=1), "n"),
        "slice_every_second": (ops.Slice(1, None, 2, axis=-1), "n"),
        "slice_last_dropped": (ops.Slice(-1, drop=True), "n"),
        "slice_middle_dropped": (ops.Slice(1, 2, axis=-2, drop=True), "t"),
    },
    "product": {
        "matmul": (ops.Matmul(), "m", "n"),
        "matmul_for_each": (ops.Matmul(), "t3", "n"),
        "matmul_of_each": (ops.Matmul(), "m", "t"),
        "matmul_both_ways": (ops.Matmul(), "f", "t4"),
    },
    "reduction": {
        **{
            f"{op.name}{'_keeping' if keep else ''}{''.join(map(str, axes))}": (op(axes, keep), "t")
            for op in (ops.Sum, ops.Mean)
            for axes, keep in (((0,), False), ((1,), True), ((-1,), False), ((0, -1), True), ((2, 0), False), ((0, 1, 2), False))
        },
        "sum_of_vector": (ops.Sum((0,)), "v"),
    },
    "constant": {
        "constant": (ops.Constant((2, 3)),),
        "frozen": (ops.Constant((3,)),),
        "one_number": (ops.Constant(()),),
    },
    "normalization": {
        "layer_norm": (ops.LayerNorm(1e-3), "v"),
        "layer_norm_image": (ops.LayerNorm(1e-5), "small"),
        "layer_norm_last": (ops.LayerNorm(1e-3, last=1), "m"),
        "layer_norm_last_two": (ops.LayerNorm(0.1, last=2), "t"),
        "layer_norm_scalar": (ops.LayerNorm(0.3), "s"),
        "rms_norm": (ops.RmsNorm(1e-3), "v"),
        "rms_norm_image": (ops.RmsNorm(1e-5), "small"),
        "rms_norm_last": (ops.RmsNorm(1e-3, last=1), "m"),
        "rms_norm_last_two": (ops.RmsNorm(0.1, last=2), "t"),
        "rms_norm_scalar": (ops.RmsNorm(1e-1), "s"),
        "group_norm": (ops.GroupNorm(2, 0.3), "v"),
        "group_norm_one": (ops.GroupNorm(1, 1e-5), "small"),
        "group_norm_image": (ops.GroupNorm(2, 1e-3), "image"),
        "group_norm_each": (ops.GroupNorm(2, 0.1), "m"),
    },
    "batch_norm": {
        "flat": (ops.BatchNorm(1e-3, 0.3, "unbiased"), "v"),
        "flat_biased": (ops.BatchNorm(1e-3, 0.3, "biased"), "v"),
        "rows": (ops.BatchNorm(1e-5, 0.1, "unbiased"), "m"),
        "image": (ops.BatchNorm(1e-5, 0.1, "unbiased"), "small"),
        "image_biased": (ops.BatchNorm(1e-5, 0.3, "biased"), "small"),
    },
    "parametric": {
        "prelu": (ops.PRelu(), "m"),
        "prelu_scalar": (ops.PRelu(), "s"),
        "prelu_each": (ops.PRelu(channels=True), "v"),
        "prelu_rows": (ops.PRelu(channels=True), "m"),
        "prelu_image": (ops.PRelu(channels=True), "small"),
    },
    "convolution": {
        "plain": (ops.Conv2d(2, (2, 3), bias=False), "small"),
        "strided": (ops.Conv2d(2, (3, 2), stride=(2, 1), padding=(0, 1)), "image"),
        "dilated": (ops.Conv2d(2, (2, 2), dilation=(2, 1)), "small"),
        "padded_unevenly": (ops.Conv2d(2, (2, 2), padding=(1, 0), far_padding=(0, 2)), "small"),
        "padded_far": (ops.Conv2d(1, (3, 2), far_padding=(2, 1), bias=False), "small"),
        "grouped": (ops.Conv2d(4, (2, 2), groups=2), "image"),
        "one_channel_each": (ops.Conv2d(4, (2, 1), groups=2, bias=False), "small"),
        "all_at_once": (ops.Conv2d(2, (2, 2), (2, 1), (1, 1), dilation=(1, 2), groups=2, far_padding=(0, 2)), "image"),
    },
    "pooling": {
        **{
            f"{op.name}_{what}": (op(*form), "small")
            for op in (ops.MaxPool2d, ops.AvgPool2d)
            for what, form in {
                "overlapping": ((3, 2), (1, 1)),
                "apart": ((2, 1), (3, 2)),
                "padded": ((2, 3), (1, 2), (1, 1)),
                "padded_above": ((2, 2), (2, 1), (1, 0)),
            }.items()
        },
        "avg_pool2d_without_padding": (ops.AvgPool2d((2, 3), (1, 2), (1, 1), counts_padding=False), "small"),
        "one": (ops.AdaptiveAvgPool2d((1, 1)), "small"),
        "uneven": (ops.AdaptiveAvgPool2d((3, 2)), "image"),
        "as_many": (ops.AdaptiveAvgPool2d((3, 3)), "small"),
        "more": (ops.AdaptiveAvgPool2d((4, 2)), "small"),
    },
}


def family_of(kind: type[ops.LayerOp]) -> str:
    """The file that it stands in."""
    return kind.__module__.rpartition(".")[2]


def in_their_cases(kinds: Sequence[type[ops.LayerOp]]) -> dict[str, tuple[Any, ...]]:
    """A row for each form in which the conformance cases have these ops."""
    rows: dict[str, tuple[Any, ...]] = {}
    for kind in kinds:
        for number, (op, shapes) in enumerate(forms(kind)):
            sources = (("x".join(map(str, shape)) or "s") + "+" * (slot in op.domain) for slot, shape in enumerate(shapes))
            rows[f"{kind.name}_{number}"] = (op, *sources)
    return rows


def side_by_side(family: Mapping[str, tuple[Any, ...]]) -> tuple[dict[str, tuple[int, ...]], dict[str, Layer]]:
    """Inputs and layers: each op on activated sources, so that it has a Δ to pass on and numbers of both signs."""
    layers: dict[str, Layer] = {}
    for name, (op, *sources) in family.items():
        for slot, source in enumerate(sources):
            g = ops.Softplus() if source.endswith("+") else ops.Tanh()
            layers[f"{name}<{slot}"] = layer(ops.Scale(0.8), source.rstrip("+"), g=g)
        layers[name] = layer(op, *(f"{name}<{slot}" for slot in range(len(sources))))
        layers[f"{name}>"] = layer(ops.Flatten(), name)
    layers |= {"all": layer(ops.Concat(), *(f"{name}>" for name in family)), "o": layer(ops.Dense(2), "all")}
    used = dict.fromkeys(source for x in layers.values() for source in x.sources if source not in layers)
    inputs = {name: shape for name, shape in SHAPES.items() if name in used}
    return inputs | {name: tuple(map(int, name.split("x"))) for name in used if name not in inputs}, layers


# ---- networks in which it is the graph that matters ----

SOFTMAXES = {f"softmax{axis}": layer(ops.Scale(1.0), "t", g=ops.Softmax(axis)) for axis in (0, 1, 2, -1, -2, -3)}
GRAPHS: dict[str, tuple[Any, ...]] = {
    "softmax": (
        {"t": (2, 3, 2)},
        {**SOFTMAXES, "c": layer(ops.Concat(), *SOFTMAXES), "f": layer(ops.Flatten(), "c"), "o": layer(ops.Dense(2), "f")},
    ),
    "embedding": (
        {"x": (4,)},
        {
            "e": layer(ops.Embedding(3, 2), "x", g=ops.Tanh()),
            "f": layer(ops.Flatten(), "e"),
            "o": layer(ops.Dense(2), "f"),
        },
        {"integers": {"x": 3}},
    ),
    "attention": (
        {"x": (3, 2), "mask": (3, 3)},
        {
            **{name: layer(ops.Dense(2, bias=False), "x") for name in ("q", "k", "v")},
            "kt": layer(ops.Permute((1, 0)), "k"),
            "scores": layer(ops.Matmul(), "q", "kt"),
            "masked": layer(ops.Add(), "scores", "mask", g=ops.Softmax()),
            "mixed": layer(ops.Matmul(), "masked", "v"),
            "residual": layer(ops.Add(), "x", "mixed"),
            "n": layer(ops.LayerNorm(1e-5, last=1), "residual"),
            "o": layer(ops.Mean((0,)), "n"),
        },
    ),
    "scalars": (
        {"x": ()},
        {
            "n": layer(ops.LayerNorm(1e-3), "x"),
            "s": layer(ops.Add(), "n", "x"),
            "f": layer(ops.Flatten(), "s"),
            "o": layer(ops.Dense(2), "f"),
        },
    ),
    "shapes": (
        {"x": (3,), "z": (2,)},
        {
            "h": layer(ops.Dense(3, bias=False), "x", "z", g=ops.Tanh()),
            "d": layer(ops.Dropout(0.4), "h"),
            "s": layer(ops.Scale(-1.5), "d"),
            "p": layer(ops.Add(), "s", "h", "x"),
            "c": layer(ops.Concat(), "p", "z", "p"),
            "o": layer(ops.Dense(2), "c", "h", "c"),
        },
    ),
    "forks_and_judged_in_the_middle": (
        {"x": (3,)},
        {
            "h": layer(ops.Dense(3), "x", g=ops.Sigmoid()),
            "k": layer(ops.Dense(2), "h", "x", "h", g=ops.Tanh()),
            "o": layer(ops.Dense(2), "k", "h", "x"),
            "unjudged": layer(ops.Dense(2), "o"),
        },
        {"of": "o"},
    ),
    # Parameters named like optax's own fields must not be taken for them.
    "shared_and_frozen": (
        {"x": (3,)},
        {
            "h": layer(ops.Dense(3), "x", g=ops.Tanh(), weight="mu", bias="trace"),
            "k": layer(ops.Dense(3), "h", g=ops.Tanh(), weight="mu"),
            "o": layer(ops.Dense(2), "k", bias="count"),
        },
        {"frozen": ("o.weight", "trace")},
    ),
    "all_frozen": ({"x": (3,)}, {"o": layer(ops.Dense(2), "x")}, {"frozen": ("o.weight", "o.bias")}),
}
OWN: dict[str, dict[str, Any]] = {"batch_norm": {"steps": 2, "batch": 5}, "constant": {"frozen": ("frozen.value",)}}
TRIED = {type(op) for family in FAMILIES.values() for op, *_ in family.values()} | {ops.Embedding}
REST = [kind for kind in ops.LAYERS if kind not in TRIED]
"""Ops without rows of their own: as their conformance cases have them, beside the ops of their family."""
FAMILIES |= {
    name: FAMILIES.get(name, {}) | in_their_cases([kind for kind in REST if family_of(kind) == name])
    for name in dict.fromkeys(family_of(kind) for kind in REST)
}
CASES: dict[str, tuple[Any, ...]] = GRAPHS | {
    name: (*side_by_side(family), {"steps": 1, **OWN.get(name, {})}) for name, family in FAMILIES.items()
}

ERROR_KINDS: tuple[ops.ErrorOp, ...] = (
    *(ops.SoftmaxCrossEntropy("sum", targets="classes"), ops.SoftmaxCrossEntropy("sum", targets="probabilities")),
    *(ops.HalfSquared("sum"), ops.MeanSquared("sum"), ops.BinaryCrossEntropyWithLogits("sum"), ops.Huber("sum", threshold=0.7)),
)
ERRORS = tuple(op for error in ERROR_KINDS for op in (error, replace(error, reduce="mean", scale=2.5)))
PENALTIES: tuple[ops.PenaltyOp, ...] = (ops.L2(0.3),)


@cache
def case(name: str, dtype: str = "float64", update: ops.UpdateOp = STEP, **changes: Any) -> Plan:
    """One of the cases, with other arguments of `plan_of`."""
    inputs, layers, *rest = CASES[name]
    return plan_of(inputs, layers, update=update, **{**(rest[0] if rest else {}), "dtype": dtype, **changes})


@cache
def activations(dtype: str) -> Plan:
    """Every activation in each of its forms, on the same numbers: near 0 in the first step, far from it in the second."""
    layers = {f"{n}_{g.name}": layer(ops.Scale(1.0), "x", g=g) for n, g in enumerate(ACTIVATIONS)}
    layers |= {"all": layer(ops.Concat(), *layers), "o": layer(ops.Dense(2), "all")}
    plan = plan_of({"x": (16,)}, layers, ops.Huber("mean"), dtype=dtype)
    near, far = plan.batches
    return replace(plan, batches=(near, replace(far, inputs={"x": 20 * far.inputs["x"]})))


@cache
def judged(error: ops.ErrorOp, shape: str, dtype: str) -> Plan:
    """An error over an example that is flat, rows, or a scalar."""
    inputs, layers = {
        "flat": ({"x": (3,)}, {"o": layer(ops.Dense(3), "x")}),
        "rows": ({"x": (2,)}, {"o": layer(ops.Embedding(4, 3), "x")}),
        "scalar": ({"x": ()}, {"o": layer(ops.Scale(0.5), "x", g=ops.Tanh())}),
    }[shape]
    return plan_of(inputs, layers, error, integers={"x": 4} if shape == "rows" else None, dtype=dtype)
