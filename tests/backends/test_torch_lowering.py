"""The torch backend against the hand-written Δ rule on the same plans, and what it leaves behind in its process."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from bpcompare import draw, ops  # noqa: E402
from bpcompare.backend import unsupported  # noqa: E402
from bpcompare.network import Data, Error, Input, Layer, Network, Training  # noqa: E402
from bpcompare.parameter import Initializer, Parameter  # noqa: E402
from bpcompare.plan import Batch, Plan  # noqa: E402
from bpcompare.record import Record  # noqa: E402
from bpcompare.testing.networks import ACTIVATIONS  # noqa: E402
from bpcompare_delta import Delta  # noqa: E402
from bpcompare_torch import Torch  # noqa: E402

SUM = ops.HalfSquared(reduce="sum")
STEP = ops.Sgd(eta=0.1)
DTYPES = ("float64", "float32")
CLOSE = {"float64": 2e-14, "float32": 1e-5}
"""Largest difference of honest rounding, relative to the tensor's scale; the worst case here comes to a fifth of it."""


def layer(op: ops.LayerOp, *sources: str, g: Any = None, **roles: str) -> Layer:
    """A layer; parameters not named get ids of their own in `plan_of`."""
    return Layer(op, sources, g or ops.Identity(), roles)


def plan_of(
    inputs: dict[str, tuple[int, ...]],
    layers: dict[str, Layer],
    error: ops.ErrorOp = SUM,
    update: ops.UpdateOp = STEP,
    *,
    integers: dict[str, int] | None = None,
    frozen: tuple[str, ...] = (),
    spread: float = 1.0,
    **changes: Any,
) -> Plan:
    """A plan around layers, drawn as any other; parameters are normal numbers, optimizer state is not zero."""
    rng = np.random.default_rng(7)
    training = replace(Training(steps=2, batch=4, slots="drawn" if update.slots else "zero"), **changes)
    examples = training.steps * training.batch
    of = list(layers)[-1]
    groups = {name: Input(shape) for name, shape in inputs.items()}
    bare = Network("t", groups, layers, {}, Error(error, of), update, Data({}, np.zeros(examples)))
    roles = {n: bare.shapes[n].parameters for n in bare.order}
    layers = {n: replace(x, parameters={r: x.parameters.get(r, f"{n}.{r}") for r in roles[n]}) for n, x in layers.items()}
    names = dict.fromkeys(p for n in bare.order for p in layers[n].parameters.values())
    own = {p: Parameter(Initializer("normal", 0.6), trainable=p not in frozen) for p in names}

    def data(name: str) -> Any:
        shape = (examples, *inputs[name])
        return rng.integers(0, integers[name], shape) if integers and name in integers else spread * rng.normal(size=shape)

    target = (examples, *error.target_shape(bare.shape(of)))
    t: Any = rng.integers(0, bare.shape(of)[-1], target) if error.integer_target else rng.uniform(0.1, 0.9, target)
    if isinstance(error, ops.SoftmaxCrossEntropy) and not error.integer_target:
        t /= t.sum(-1, keepdims=True)
    network = replace(bare, layers=layers, parameters=own, data=Data({n: data(n) for n in inputs}, t), training=training)
    return draw.plan(network)


def at(plan: Plan, x: Any, target: Any) -> Plan:
    """The same plan with one batch: this input, this target."""
    return replace(plan, batches=(Batch({"x": np.asarray(x, plan.dtype)}, np.asarray(target, plan.dtype), {}),))


IMAGE = {"x": (2, 5, 4)}
EMBEDDING = layer(ops.Embedding(3, 2), "x", g=ops.Tanh())
SUM_OF = layer(ops.Add(), "n", "x")
HEAD = layer(ops.Dense(2), "f")


def image(op: ops.LayerOp, g: Any = None) -> dict[str, Layer]:
    """An image through a convolution, then `op`, flattened into a dense layer."""
    first = layer(ops.Conv2d(3, (2, 3), padding=(1, 0), bias=False), "x", g=ops.Tanh())
    return {"c": first, "y": layer(op, "c", g=g), "f": layer(ops.Flatten(), "y"), "o": HEAD}


CASES: dict[str, tuple[Any, ...]] = {
    "conv": (IMAGE, image(ops.Conv2d(2, (3, 2), stride=(2, 1), padding=(0, 1)))),
    "max_pool": (IMAGE, image(ops.MaxPool2d((3, 2), (1, 1)))),
    "avg_pool": (IMAGE, image(ops.AvgPool2d((2, 2), (3, 1)))),
    "layer_norm_image": (IMAGE, image(ops.LayerNorm(1e-5), ops.Silu())),
    "layer_norm_flat": ({"x": (4,)}, {"n": layer(ops.LayerNorm(1e-3), "x", g=ops.Sigmoid()), "o": layer(ops.Dense(2), "n")}),
    "batch_norm_image": (IMAGE, image(ops.BatchNorm(1e-5, 0.1, "unbiased"), ops.Relu())),
    "batch_norm_image_biased": (IMAGE, image(ops.BatchNorm(1e-5, 0.3, "biased"), ops.Relu())),
    "batch_norm_flat": ({"x": (4,)}, {"b": layer(ops.BatchNorm(1e-3, 0.3, "unbiased"), "x"), "o": layer(ops.Dense(2), "b")}),
    "embedding": ({"x": (4,)}, {"e": EMBEDDING, "f": layer(ops.Flatten(), "e"), "o": HEAD}, {"integers": {"x": 3}}),
    "scalars": ({"x": ()}, {"n": layer(ops.LayerNorm(1e-3), "x"), "s": SUM_OF, "f": layer(ops.Flatten(), "s"), "o": HEAD}),
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
    "shared_and_frozen": (
        {"x": (3,)},
        {
            "h": layer(ops.Dense(3), "x", g=ops.Tanh(), weight="w", bias="b"),
            "k": layer(ops.Dense(3), "h", g=ops.Tanh(), weight="w"),
            "o": layer(ops.Dense(2), "k"),
        },
        {"frozen": ("o.weight", "b")},
    ),
    "all_frozen": ({"x": (3,)}, {"o": layer(ops.Dense(2), "x")}, {"frozen": ("o.weight", "o.bias")}),
}
ERROR_KINDS = [
    *(ops.SoftmaxCrossEntropy("sum", targets="classes"), ops.SoftmaxCrossEntropy("sum", targets="probabilities")),
    *(ops.HalfSquared("sum"), ops.MeanSquared("sum"), ops.BinaryCrossEntropyWithLogits("sum"), ops.Huber("sum", threshold=0.7)),
]
ERRORS = [op for error in ERROR_KINDS for op in (error, replace(error, reduce="mean", scale=2.5))]
UPDATES = [
    ops.Sgd(0.1),
    ops.Sgd(0.1, weight_decay=0.2),
    ops.Sgd(0.1, momentum=0.9),
    ops.Sgd(0.1, momentum=0.9, nesterov=True, weight_decay=0.2),
    ops.Adam(0.01, 0.8, 0.95, 1e-3),
    ops.AdamW(0.01, 0.8, 0.95, 1e-3, weight_decay=0.1),
]


def case(name: str, **changes: Any) -> Plan:
    """One of the cases, with other arguments of `plan_of`."""
    inputs, layers, *rest = CASES[name]
    return plan_of(inputs, layers, **{**(rest[0] if rest else {}), **changes})


def arrays(record: Record) -> dict[str, Any]:
    """Every array of a record but the plain gradients, by a path of its own."""
    found: dict[str, Any] = {}
    for number, step in enumerate(record.steps, 1):
        found[f"{number}.error"] = step.error
        for kind in ("net_in", "a", "delta", "gradient", "parameters", "state", "slots"):
            found |= {f"{number}.{kind}.{name}": x for name, x in getattr(step, kind).items()}
    return found


def bits(found: Mapping[str, Any]) -> dict[str, bytes]:
    return {path: x.tobytes() for path, x in found.items()}


def check(plan: Plan) -> None:
    """torch has delta's numbers up to rounding, the plain gradient has the recorded one's bits."""
    record, wanted = Torch().run(plan), arrays(Delta().run(plan))
    found = arrays(record)
    assert found.keys() == wanted.keys()
    for path, x in found.items():
        assert (type(x), x.dtype, x.shape) == (np.ndarray, plan.dtype, np.shape(wanted[path])), path
        assert (x.flags.owndata, x.flags.c_contiguous) == (True, True), path
        gap = float(np.abs(x.astype("float64") - wanted[path]).max(initial=0))
        assert gap <= CLOSE[plan.dtype] * max(1.0, float(np.abs(wanted[path]).max(initial=0))), (path, gap)
    for step in record.steps:
        assert step.plain is not None
        assert bits(step.plain) == bits(step.gradient)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_layers(name: str, dtype: str) -> None:
    """A layer op, its state, a fork, a shared or a frozen parameter is lowered to something else than the law."""
    check(case(name, dtype=dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spread", [1.0, 20.0], ids=["near", "far"])
@pytest.mark.parametrize("g", ACTIVATIONS, ids=str)
def test_activations(g: ops.Activation, spread: float, dtype: str) -> None:
    """An activation or its derivative is another function than the spec's, near 0 or where it saturates."""
    layers = {"h": layer(ops.Scale(1.0), "x", g=g), "o": layer(ops.Dense(2), "h")}
    check(plan_of({"x": (24,)}, layers, ops.Huber("mean"), dtype=dtype, spread=spread))


@pytest.mark.parametrize("x", [21.0, 30.0, 39.9, 40.1, 90.0, 800.0, -30.0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_softplus_has_no_threshold(x: float, dtype: Any) -> None:
    """torch's shortcut for large x shows: at 20 it is wrong by 2e-9, without any it overflows."""
    plan = at(plan_of({"x": (1,)}, {"h": layer(ops.Scale(1.0), "x", g=ops.Softplus())}, dtype=dtype), [[x]], [[0.0]])
    step = Torch().run(plan).steps[0]
    x, u = float(plan.batches[0].inputs["x"][0, 0]), float(np.finfo(dtype).eps)
    a = float(np.logaddexp(0.0, x))
    assert float(step.a["h"][0, 0]) == pytest.approx(a, rel=4 * u, abs=0)
    assert float(step.delta["h"][0, 0]) == pytest.approx(-a / (1 + np.exp(-x)), rel=8 * u, abs=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("error", ERRORS, ids=str)
@pytest.mark.parametrize("shape", ["flat", "rows", "scalar"])
def test_errors(error: ops.ErrorOp, shape: str, dtype: str) -> None:
    """An error adds over outputs, reduces over examples or scales otherwise than the spec says."""
    if shape == "flat":
        check(plan_of({"x": (3,)}, {"o": layer(ops.Dense(3), "x")}, error, dtype=dtype))
    elif shape == "rows":
        check(plan_of({"x": (2,)}, {"o": layer(ops.Embedding(4, 3), "x")}, error, integers={"x": 4}, dtype=dtype))
    elif not isinstance(error, ops.SoftmaxCrossEntropy):
        check(plan_of({"x": ()}, {"o": layer(ops.Scale(0.5), "x", g=ops.Tanh())}, error, dtype=dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("done", [0, 4])
@pytest.mark.parametrize("update", UPDATES, ids=str)
def test_updates(update: ops.UpdateOp, done: int, dtype: str) -> None:
    """An optimizer starts from other state or another step number, or follows another rule, than the plan's."""
    check(case("shared_and_frozen", update=update, dtype=dtype, steps=3, updates_done=done))


@pytest.mark.parametrize("update", [ops.Sgd(0.5, momentum=0.5), ops.Adam(0.5, 0.5, 0.75, 0.25)], ids=str)
def test_state_is_the_plans(update: ops.UpdateOp) -> None:
    """The optimizer begins with state of its own: these numbers are worked out by hand."""
    layers = {"o": layer(ops.Dense(1, bias=False), "x")}
    plan = plan_of({"x": (1,)}, layers, update=update, updates_done=1, steps=1, batch=1)
    slots = {path: np.array([[{"velocity": 3.0, "m": 1.0, "v": 1.75}[path.rpartition(".")[2]]]]) for path in plan.slots}
    plan = replace(at(plan, [[1.0]], [[0.0]]), parameters={"o.weight": np.array([[2.0]])}, slots=slots)
    step = Torch().run(plan).steps[0]
    assert step.gradient["o.weight"] == 2
    if isinstance(update, ops.Sgd):
        moved, w = {"velocity": 0.5 * 3 + 2}, 2 - 0.5 * 3.5
    else:
        moved = {"m": 0.5 * 1 + 0.5 * 2, "v": 0.75 * 1.75 + 0.25 * 4}
        w = 2 - 0.5 * (moved["m"] / (1 - 0.5**2)) / (np.sqrt(moved["v"] / (1 - 0.75**2)) + 0.25)
    assert step.slots == {f"o.weight.{update.name}.{slot}": x for slot, x in moved.items()}
    np.testing.assert_allclose(step.parameters["o.weight"], [[w]], rtol=1e-15)


@pytest.mark.parametrize(("g", "slope"), [(ops.Relu(), 0), (ops.LeakyRelu(0.25), 0.25), (ops.Elu(1.75), 1.75)], ids=str)
def test_kinks(g: ops.Activation, slope: float) -> None:
    """torch's derivative at a kink has moved: what is reported about conventions is out of date."""
    plan = at(plan_of({"x": (1,)}, {"h": layer(ops.Scale(1.0), "x", g=g)}), [[0.0]], [[1.0]])
    assert Torch().run(plan).steps[0].delta["h"] == slope


def test_ties_in_a_pool_go_to_the_first() -> None:
    """A tie in a max pool is shared out or goes to a later place."""
    layers = {"i": layer(ops.Scale(1.0), "x"), "p": layer(ops.MaxPool2d((2, 2), (1, 1)), "i")}
    plan = at(plan_of({"x": (1, 3, 3)}, layers), np.zeros((1, 1, 3, 3)), np.ones((1, 1, 2, 2)))
    assert Torch().run(plan).steps[0].delta["i"].tolist() == [[[[1, 1, 0], [1, 1, 0], [0, 0, 0]]]]


def test_every_op_is_lowered_and_tried() -> None:
    """An op was added without a torch lowering, or with one that no case above runs."""
    assert Torch.table.keys() == set(ops.OPS.values())
    assert (dict(Torch.gaps), dict(unsupported(Torch, case("embedding")))) == ({}, {})
    tried = {type(x) for x in (*ACTIVATIONS, *ERRORS, *UPDATES)}
    tried |= {type(x.op) for _, layers, *_ in CASES.values() for x in layers.values()}
    assert tried == set(ops.OPS.values())


@pytest.mark.parametrize("name", ["batch_norm_image", "batch_norm_flat", "shapes", "embedding", "shared_and_frozen"])
def test_the_plan_is_not_changed(name: str) -> None:
    """torch writes through to the plan, which NumPy's read-only flag does not keep it from, or a record shares its memory."""
    plan = case(name, update=ops.AdamW(0.1), steps=3)
    before = bits(dict(plan.arrays()))
    first, second = (arrays(Torch().run(plan)) for _ in range(2))
    assert bits(dict(plan.arrays())) == before
    assert bits(first) == bits(second)
    held = [*first.values(), *(x for _, x in plan.arrays())]
    assert len({x.__array_interface__["data"][0] for x in held if x.size}) == len([x for x in held if x.size])


@pytest.mark.parametrize("update", [ops.Sgd(0.1, momentum=0.5), ops.AdamW(0.1)], ids=str)
def test_an_update_changes_nothing_in_place(update: ops.UpdateOp) -> None:
    """torch.optim works on the very tensors it was given: what was recorded before the update is gone."""
    p, g, slots = {"w": torch.ones(2)}, {"w": torch.full((2,), 3.0)}, {"w": {slot: torch.ones(2) for slot in update.slots}}
    updated, moved = Torch().descend(update, 3, p, g, slots)
    assert {float(x.sum()) for x in (p["w"], *slots["w"].values())} == {2}
    assert 2 not in {float(x.sum()) for x in (updated["w"], *moved["w"].values())}
    assert float(g["w"].sum()) == 6


def test_an_op_that_hands_its_source_on() -> None:
    """A Δ is that of all who share a tensor, not of one layer: `in` was no node of its own."""

    class Handing(Torch):
        table: ClassVar[Any] = {**Torch.table, ops.Scale: lambda op, xs, *_: xs[0]}

    layers = {"h": layer(ops.Dense(2), "x"), "s": layer(ops.Scale(1.0), "h"), "o": layer(ops.Add(), "s", "h")}
    plan = plan_of({"x": (2,)}, layers)
    found, wanted = (arrays(backend.run(plan)) for backend in (Handing(), Torch()))
    assert bits(found) == bits(wanted)


def test_a_parameter_that_does_not_reach_the_error() -> None:
    """A gradient that torch calls None becomes a failure instead of zeros."""
    plan = plan_of({"x": (2,)}, {"o": layer(ops.Scale(2.0), "x"), "p": layer(ops.Dense(2), "o")})
    plan = replace(plan, network=replace(plan.network, error=Error(SUM, "o")))
    step = Torch().run(plan).steps[0]
    assert step.plain is not None
    for found in (step.gradient, step.plain):
        assert {p: (x.shape, x.any()) for p, x in found.items()} == {"p.weight": ((2, 2), False), "p.bias": ((2,), False)}
    assert (step.delta["p"].any(), step.delta["o"].any()) == (False, True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_denormals_are_kept(dtype: Any) -> None:
    """The record says that torch keeps what is below the smallest normal number, and it does not."""
    tiny, layers = float(np.finfo(dtype).tiny), {"h": layer(ops.Scale(0.5), "x"), "o": layer(ops.Dense(1, bias=False), "h")}
    plan = at(plan_of({"x": (2,)}, layers, dtype=dtype), [[tiny, tiny]], [[0.0]])
    plan = replace(plan, parameters={"o.weight": np.array([[0.25], [0.25]], dtype)})
    record = Torch().run(plan)
    assert not record.provenance.flushes
    assert {n: x.tolist() for n, x in record.steps[0].net_in.items()} == {"h": [[tiny / 2, tiny / 2]], "o": [[tiny / 4]]}


@pytest.mark.parametrize("onednn", [True, False])
def test_convolution_is_a_direct_sum(onednn: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Winograd's algorithm or an FFT computes convolutions: 5e-5 of Σ|w||a| off, where the certificate grants rounding alone."""
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", onednn)
    conv = layer(ops.Conv2d(6, (3, 3), padding=(1, 1), bias=False), "x")
    plan = plan_of({"x": (1, 8, 8)}, {"c": conv}, dtype="float32", steps=1, batch=32)
    x, w = (torch.tensor(y, dtype=torch.float64) for y in (plan.batches[0].inputs["x"], plan.parameters["c.weight"]))
    exact, size = (torch.conv2d(a, b, padding=1).numpy() for a, b in ((x, w), (x.abs(), w.abs())))
    record = Torch().run(plan)
    assert record.provenance.switches["mkldnn"] == str(onednn)
    assert (np.abs(record.steps[0].net_in["c"] - exact) / size).max() < 1e-6


def state_of_torch() -> dict[str, Any]:
    """The process-wide settings of torch that the backend could have touched."""
    return {
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "nnpack": torch._C._get_nnpack_enabled(),
        "matmul": torch.get_float32_matmul_precision(),
        "mkldnn": torch.backends.mkldnn.enabled,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "denormals": float(torch.tensor(2.0**-126, dtype=torch.float32, device="cpu") * 0.5),
        "random": torch.get_rng_state().tolist(),
    }


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode], ids=["no_grad", "inference"])
def test_the_process_neither_changes_the_answer_nor_is_changed(mode: Any) -> None:
    """A user's torch settings reach into the record, or are others after a run."""
    plan = case("batch_norm_image", dtype="float32", update=ops.Adam(0.1))
    usual, wanted = state_of_torch(), arrays(Torch().run(plan))
    assert state_of_torch() == usual
    with ExitStack() as stack:
        stack.callback(torch.set_default_dtype, torch.get_default_dtype())
        stack.callback(torch.set_float32_matmul_precision, "highest")
        stack.callback(torch.set_flush_denormal, False)
        torch.set_default_dtype(torch.float64)
        torch.set_float32_matmul_precision("medium")
        torch.set_flush_denormal(True)
        for setting in (mode(), torch.autocast("cpu", torch.bfloat16), torch.device("meta")):
            stack.enter_context(setting)
        unusual = state_of_torch()
        record = Torch().run(plan)
        assert state_of_torch() == unusual
        assert (record.provenance.flushes, record.provenance.switches["reduced_float32"]) == (False, "none")
    assert state_of_torch() == usual
    assert bits(arrays(record)) == bits(wanted)


def test_settings_come_back_after_a_failure() -> None:
    """A run that raises leaves the user's torch with other settings."""
    before, plan = state_of_torch(), case("embedding")
    batch = replace(plan.batches[0], inputs={"x": np.full((4, 4), 99)})
    with pytest.raises(IndexError):
        Torch().run(replace(plan, batches=(batch,)))
    assert state_of_torch() == before


def test_provenance() -> None:
    """The record does not say what computed it."""
    own = Torch().run(case("shapes", update=ops.AdamW(0.1))).provenance
    assert (own.backend, own.framework, own.version, own.mode) == ("torch", "torch", torch.__version__, "eager")
    assert own.updater == "torch.optim.AdamW"
    assert (own.switches["nnpack"], own.switches["reduced_float32"]) == ("False", "none")
    assert all(isinstance(x, str) for x in own.switches.values())
    assert Torch().run(case("all_frozen")).provenance.updater == ""


def test_a_thousand_single_nodes() -> None:
    """A graph of single nodes is beyond the backend, or the order of its sums depends on who watches."""
    names = ["x", *(f"n{i}" for i in range(1000))]
    layers = {n: layer(ops.Dense(1), *names[max(0, i - 9) : i + 1], g=ops.Tanh()) for i, n in enumerate(names[1:])}
    plan = plan_of({"x": (1,)}, layers, steps=1)
    step = Torch().run(plan).steps[0]
    assert step.plain is not None
    assert bits(step.plain) == bits(step.gradient)
    assert len(step.delta) == 1000
