"""The JAX backend against plain NumPy: forward by hand, gradients and Δ by central differences, updates by their formulas."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any, ClassVar

import numpy as np
import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("optax")

from activations_by_hand import G  # noqa: E402
from bpcompare import ops  # noqa: E402
from bpcompare.backend import unsupported  # noqa: E402
from bpcompare.network import Data, Error, Input, Layer, Network  # noqa: E402
from bpcompare.parameter import Parameter  # noqa: E402
from bpcompare.plan import Batch, Plan  # noqa: E402
from bpcompare.testing.networks import ACTIVATIONS  # noqa: E402
from bpcompare_jax import Jax  # noqa: E402

SUM = ops.HalfSquared(reduce="sum")
STEP = ops.Sgd(eta=0.1)
DTYPES = ("float64", "float32")


def layer(op: ops.LayerOp, *sources: str, g: Any = None, **roles: str) -> Layer:
    """A layer; parameters not named get ids of their own in `plan_of`."""
    return Layer(op, sources, g or ops.Identity(), roles)


def plan_of(
    inputs: dict[str, tuple[int, ...]],
    layers: dict[str, Layer],
    error: ops.ErrorOp = SUM,
    update: ops.UpdateOp = STEP,
    *,
    of: str | None = None,
    integers: dict[str, int] | None = None,
    frozen: tuple[str, ...] = (),
    dtype: Any = "float64",
    steps: int = 1,
    examples: int = 3,
    updates_done: int = 0,
) -> Plan:
    """A plan drawn around layers: missing parameters, state, draws and slots come from one fixed generator."""
    rng = np.random.default_rng(7)
    of = of or list(layers)[-1]
    groups = {name: Input(shape) for name, shape in inputs.items()}
    bare = Network("t", groups, layers, {}, Error(error, of), update, Data({}, np.zeros(examples)))
    roles = {n: bare.shapes[n].parameters for n in bare.order}
    layers = {n: replace(x, parameters={r: x.parameters.get(r, f"{n}.{r}") for r in roles[n]}) for n, x in layers.items()}
    values = {layers[n].parameters[r]: rng.normal(0.2, 0.6, s.shape) for n in bare.order for r, s in roles[n].items()}
    own = {name: Parameter(v, trainable=name not in frozen) for name, v in values.items()}
    network = replace(bare, layers=layers, parameters=own)

    def cast(x: Any) -> Any:
        x = np.array(x, dtype)
        x.flags.writeable = False
        return x

    def batch() -> Batch:
        def data(name: str) -> Any:
            shape = (examples, *inputs[name])
            return rng.integers(0, integers[name], shape) if integers and name in integers else cast(rng.normal(size=shape))

        target = (examples, *error.target_shape(network.shape(of)))
        if error.integer_target:
            t = rng.integers(0, network.shape(of)[-1], target)
        elif isinstance(error, ops.SoftmaxCrossEntropy | ops.BinaryCrossEntropyWithLogits):
            t = cast(rng.uniform(0.1, 0.9, target))
        else:
            t = cast(rng.normal(size=target))
        draws = {
            f"{n}.{k}": cast(rng.random((examples, *s)) < 0.6) for n in network.order for k, s in network.shapes[n].draws.items()
        }
        return Batch({name: data(name) for name in inputs}, t, draws)

    state = {f"{n}.{k}": cast(rng.uniform(0.5, 2, s)) for n in network.order for k, s in network.shapes[n].state.items()}
    slots = {
        f"{p}.{update.name}.{s}": cast(rng.uniform(0.01, 0.3, values[p].shape)) for p in network.trainable for s in update.slots
    }
    parameters = {name: cast(v) for name, v in values.items()}
    return Plan(network, dtype, parameters, state, slots, tuple(batch() for _ in range(steps)), updates_done)


# ---- the reference: forward only, in float64, written from the equations ----


def windows(x: Any, kernel: tuple[int, int], stride: tuple[int, int]) -> Any:
    view = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))
    return view[:, :, :: stride[0], :: stride[1]]


def convolved(op: Any, x: Any, p: Any) -> Any:
    top, left = op.padding
    x = np.pad(x, ((0, 0), (0, 0), (top, top), (left, left)))
    y = np.einsum("ncyxuv,ocuv->noyx", windows(x, op.kernel, op.stride), p["weight"])
    return y + p["bias"][:, None, None] if op.bias else y


def normalized(op: Any, x: Any, p: Any, axes: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    mean = x.mean(axes, keepdims=True)
    deviation = np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + op.epsilon)
    return (x - mean) / deviation * p["scale"].reshape(shape) + p["shift"].reshape(shape)


def channels(x: Any) -> tuple[int, ...]:
    return (x.shape[1], *[1] * (x.ndim - 2))


FORWARD: dict[type, Any] = {
    ops.Dense: lambda op, xs, p, e: np.concatenate(xs, 1) @ p["weight"] + (p["bias"] if op.bias else 0),
    ops.Conv2d: lambda op, xs, p, e: convolved(op, xs[0], p),
    ops.MaxPool2d: lambda op, xs, p, e: windows(xs[0], op.kernel, op.stride).max((4, 5)),
    ops.AvgPool2d: lambda op, xs, p, e: windows(xs[0], op.kernel, op.stride).mean((4, 5)),
    ops.LayerNorm: lambda op, xs, p, e: normalized(op, xs[0], p, tuple(range(1, xs[0].ndim)), xs[0].shape[1:]),
    ops.BatchNorm: lambda op, xs, p, e: normalized(op, xs[0], p, (0, *range(2, xs[0].ndim)), channels(xs[0])),
    ops.Embedding: lambda op, xs, p, e: p["weight"][xs[0]],
    ops.Add: lambda op, xs, p, e: np.sum(xs, 0),
    ops.Concat: lambda op, xs, p, e: np.concatenate(xs, 1),
    ops.Scale: lambda op, xs, p, e: op.factor * xs[0],
    ops.Flatten: lambda op, xs, p, e: xs[0].reshape(len(xs[0]), prod(xs[0].shape[1:])),
    ops.Dropout: lambda op, xs, p, e: xs[0] * e["mask"] / (1 - op.rate),
}
E: dict[type, Any] = {
    ops.HalfSquared: lambda op, a, t: (t - a) ** 2 / 2,
    ops.MeanSquared: lambda op, a, t: (t - a) ** 2 / prod(a.shape[1:]),
    ops.SoftmaxCrossEntropy: lambda op, a, t: (
        (np.eye(a.shape[-1])[t] if op.integer_target else t) * (np.log(np.exp(a).sum(-1, keepdims=True)) - a)
    ),
    ops.BinaryCrossEntropyWithLogits: lambda op, a, t: np.log(1 + np.exp(a)) - t * a,
    ops.Huber: lambda op, a, t: np.where(
        abs(t - a) <= op.threshold, (t - a) ** 2 / 2, op.threshold * (abs(t - a) - op.threshold / 2)
    ),
}


def forward(plan: Plan, parameters: dict[str, Any], probes: dict[str, Any]) -> tuple[float, dict[str, Any], dict[str, Any]]:
    """E, in and a of the first batch."""
    network, batch = plan.network, plan.batches[0]
    a: dict[str, Any] = {n: x if x.dtype.kind == "i" else x.astype("float64") for n, x in batch.inputs.items()}
    net_in: dict[str, Any] = {}
    for name in network.order:
        x = network.layers[name]
        roles = {role: parameters[p] for role, p in x.parameters.items()}
        draws = {k: batch.draws[path] for k, path in plan.draw_paths[name].items()}
        net_in[name] = FORWARD[type(x.op)](x.op, [a[s] for s in x.sources], roles, draws) + probes[name]
        a[name] = G[type(x.g)](x.g, net_in[name])
    op = network.error.op
    each = E[type(op)](op, a[network.error.of], batch.target)
    return op.scale * each.sum() / (len(batch) if op.reduce == "mean" else 1), net_in, a


def by_differences(plan: Plan) -> tuple[dict[str, Any], dict[str, Any]]:
    """+∂E/∂p of trainable parameters and +∂E/∂in, every element by a central difference."""
    parameters = {p: x.astype("float64") for p, x in plan.parameters.items()}
    probes = {n: np.zeros((len(plan.batches[0]), *plan.network.shape(n))) for n in plan.order}

    def slope(x: Any) -> Any:
        found = np.empty(x.shape)
        for at in np.ndindex(*x.shape):
            kept, h = x[at], 1e-5
            x[at] = kept + h
            above = forward(plan, parameters, probes)[0]
            x[at] = kept - h
            found[at] = (above - forward(plan, parameters, probes)[0]) / (2 * h)
            x[at] = kept
        return found

    return {p: slope(parameters[p]) for p in plan.network.trainable}, {n: slope(x) for n, x in probes.items()}


def close(found: Any, wanted: Any, dtype: str, tolerance: float) -> None:
    """Equal keys, shapes, dtypes; values within `tolerance` of the tensor's scale."""
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        got = found[name]
        assert (type(got), got.dtype, got.shape) == (np.ndarray, dtype, np.shape(value)), name
        assert got.flags.owndata, name
        np.testing.assert_allclose(got, value, rtol=0, atol=tolerance * max(1.0, np.abs(value).max(initial=0)), err_msg=name)


# ---- the cases ----

IMAGE = {"x": (2, 5, 4)}
HEAD = layer(ops.Dense(2), "f")


def image(op: ops.LayerOp, g: Any = None) -> dict[str, Layer]:
    """An image through a convolution, then `op`, flattened into a dense layer."""
    first = layer(ops.Conv2d(3, (2, 3), padding=(1, 0), bias=False), "x", g=ops.Tanh())
    return {"c": first, "y": layer(op, "c", g=g), "f": layer(ops.Flatten(), "y"), "o": HEAD}


CASES: dict[str, tuple[Any, ...]] = {
    "conv": ({"x": (2, 5, 4)}, image(ops.Conv2d(2, (3, 2), stride=(2, 1), padding=(0, 1)))),
    "max_pool": (IMAGE, image(ops.MaxPool2d((3, 2), (1, 1)))),
    "avg_pool": (IMAGE, image(ops.AvgPool2d((2, 2), (3, 1)))),
    "layer_norm_image": (IMAGE, image(ops.LayerNorm(1e-5), ops.Silu())),
    "batch_norm_image": (IMAGE, image(ops.BatchNorm(1e-5, 0.1, "unbiased"), ops.Relu())),
    "batch_norm_flat": ({"x": (4,)}, {"b": layer(ops.BatchNorm(1e-3, 0.3, "biased"), "x"), "o": layer(ops.Dense(2), "b")}),
    "layer_norm_flat": ({"x": (4,)}, {"n": layer(ops.LayerNorm(1e-3), "x", g=ops.Sigmoid()), "o": layer(ops.Dense(2), "n")}),
    "embedding": (
        {"x": (4,)},
        {"e": layer(ops.Embedding(3, 2), "x", g=ops.Tanh()), "f": layer(ops.Flatten(), "e"), "o": HEAD},
        {"integers": {"x": 3}},
    ),
    "shapes": (
        {"x": (3,), "z": (2,)},
        {
            "h": layer(ops.Dense(3, bias=False), "x", "z", g=ops.Tanh()),
            "d": layer(ops.Dropout(0.4), "h"),
            "s": layer(ops.Scale(-1.5), "d"),
            "p": layer(ops.Add(), "s", "h", "x"),
            "c": layer(ops.Concat(), "p", "z", "p"),
            "o": layer(ops.Dense(2), "c"),
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
    "shared_and_frozen": (
        {"x": (3,)},
        {
            "h": layer(ops.Dense(3), "x", g=ops.Tanh(), weight="mu", bias="trace"),
            "k": layer(ops.Dense(3), "h", g=ops.Tanh(), weight="mu"),
            "o": layer(ops.Dense(2), "k"),
        },
        {"frozen": ("o.weight", "trace")},
    ),
    "all_frozen": ({"x": (3,)}, {"o": layer(ops.Dense(2), "x")}, {"frozen": ("o.weight", "o.bias")}),
}
ERROR_KINDS: list[tuple[Any, dict[str, Any]]] = [
    (ops.HalfSquared, {}),
    (ops.MeanSquared, {}),
    (ops.SoftmaxCrossEntropy, {"targets": "classes"}),
    (ops.SoftmaxCrossEntropy, {"targets": "probabilities"}),
    (ops.BinaryCrossEntropyWithLogits, {}),
    (ops.Huber, {"threshold": 0.7}),
]
ERRORS = [op for kind, own in ERROR_KINDS for op in (kind(reduce="sum", **own), kind(reduce="mean", scale=2.5, **own))]
UPDATES = [
    ops.Sgd(0.1),
    ops.Sgd(0.1, weight_decay=0.2),
    ops.Sgd(0.1, momentum=0.9),
    ops.Sgd(0.1, momentum=0.9, nesterov=True, weight_decay=0.2),
    ops.Adam(0.01, 0.8, 0.95, 1e-3),
    ops.AdamW(0.01, 0.8, 0.95, 1e-3, weight_decay=0.1),
]


def check(plan: Plan) -> None:
    """The first step of the record against the reference."""
    loose = plan.dtype == "float32"
    record = Jax().run(plan).steps[0]
    parameters = {p: x.astype("float64") for p, x in plan.parameters.items()}
    error, net_in, a = forward(plan, parameters, dict.fromkeys(plan.order, 0.0))
    gradient, din = by_differences(plan)
    near, far = (3e-5, 3e-5) if loose else (1e-12, 1e-8)
    close({"E": record.error}, {"E": error}, plan.dtype, near)
    close(record.net_in, net_in, plan.dtype, near)
    close(record.a, {n: a[n] for n in plan.order}, plan.dtype, near)
    close(record.delta, {n: -x for n, x in din.items()}, plan.dtype, far)
    close(record.gradient, gradient, plan.dtype, far)
    assert record.plain is not None
    close(record.plain, record.gradient, plan.dtype, near)


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CASES)
def test_layers(case: str, dtype: str) -> None:
    """A layer op, a fork, a shared or a frozen parameter is lowered to something else than its equations."""
    inputs, layers, *rest = CASES[case]
    check(plan_of(inputs, layers, dtype=dtype, **(rest[0] if rest else {})))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("g", ACTIVATIONS, ids=str)
def test_activations(g: ops.Activation, dtype: str) -> None:
    """An activation or its derivative is another function than the spec's."""
    check(plan_of({"x": (3,)}, {"h": layer(ops.Dense(4), "x", g=g), "o": layer(ops.Dense(2), "h")}, dtype=dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("error", ERRORS, ids=str)
@pytest.mark.parametrize("flat", [True, False], ids=["flat", "rows"])
def test_errors(error: ops.ErrorOp, flat: bool, dtype: str) -> None:
    """An error adds over outputs, reduces over examples or scales otherwise than the spec says."""
    if flat:
        check(plan_of({"x": (3,)}, {"o": layer(ops.Dense(3), "x")}, error, dtype=dtype))
    else:
        check(plan_of({"x": (2,)}, {"o": layer(ops.Embedding(4, 3), "x")}, error, integers={"x": 4}, dtype=dtype))


def updated(op: Any, t: int, w: Any, g: Any, slots: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The update rules' equations."""
    if isinstance(op, ops.Sgd):
        d = g + op.weight_decay * w
        if not op.momentum:
            return w - op.eta * d, {}
        v = op.momentum * slots["velocity"] + d
        return w - op.eta * (d + op.momentum * v if op.nesterov else v), {"velocity": v}
    m = op.beta1 * slots["m"] + (1 - op.beta1) * g
    v = op.beta2 * slots["v"] + (1 - op.beta2) * g * g
    step = m / (1 - op.beta1**t) / (np.sqrt(v / (1 - op.beta2**t)) + op.epsilon)
    return w - op.eta * (step + (op.weight_decay * w if isinstance(op, ops.AdamW) else 0)), {"m": m, "v": v}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("update", UPDATES, ids=str)
def test_updates(update: ops.UpdateOp, dtype: str) -> None:
    """An optimizer starts from other state or another step number, or follows another rule, than the plan's."""
    inputs, layers, rest = CASES["shared_and_frozen"]
    # Parameters named like optax's own fields must not be taken for them.
    layers = layers | {"o": layer(ops.Dense(2), "k", weight="o.weight", bias="count")}
    plan = plan_of(inputs, layers, update=update, dtype=dtype, steps=3, updates_done=4, **rest)
    record, tolerance = Jax().run(plan), 1e-6 if dtype == "float32" else 1e-14
    parameters, slots = dict(plan.parameters), dict(plan.slots)
    for number, step in enumerate(record.steps, 1):
        for p, paths in plan.slot_paths.items():
            g = step.gradient[p].astype("float64")
            now = {slot: slots[path].astype("float64") for slot, path in paths.items()}
            parameters[p], moved = updated(update, 4 + number, parameters[p].astype("float64"), g, now)
            slots |= {paths[slot]: x for slot, x in moved.items()}
        close(step.parameters, parameters, dtype, tolerance)
        close(step.slots, slots, dtype, tolerance)
        parameters, slots = dict(step.parameters), dict(step.slots)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["unbiased", "biased"])
def test_running_statistics(kind: Any, dtype: str) -> None:
    """Batch norm's state is lost between steps, weighs old and new the wrong way round, or takes the other variance."""
    layers = {"b": layer(ops.BatchNorm(1e-5, 0.1, kind), "x"), "f": layer(ops.Flatten(), "b"), "o": layer(ops.Dense(1), "f")}
    plan = plan_of({"x": (2, 3)}, layers, dtype=dtype, steps=2)
    mean, var = (plan.state[f"b.running_{x}"].astype("float64") for x in ("mean", "var"))
    for batch, step in zip(plan.batches, Jax().run(plan).steps, strict=True):
        x = batch.inputs["x"].astype("float64")
        mean = 0.9 * mean + 0.1 * x.mean((0, 2))
        var = 0.9 * var + 0.1 * x.var((0, 2), ddof=kind == "unbiased")
        close(step.state, {"b.running_mean": mean, "b.running_var": var}, dtype, 1e-6 if dtype == "float32" else 1e-14)


@pytest.mark.parametrize(("g", "slope"), [(ops.Relu(), 0), (ops.LeakyRelu(0.3), 1), (ops.Elu(1.7), 1.7)], ids=str)
def test_kinks(g: ops.Activation, slope: float) -> None:
    """JAX's derivative at a kink has moved: what is reported about conventions is out of date."""
    plan = plan_of({"x": (1,)}, {"h": layer(ops.Scale(1.0), "x", g=g)}, examples=1)
    plan = replace(plan, batches=(Batch({"x": np.zeros((1, 1))}, np.ones((1, 1)), {}),))
    assert Jax().run(plan).steps[0].delta["h"] == slope


def test_ties_in_a_pool_go_to_the_first() -> None:
    """A tie in a max pool is shared out or goes to a later place."""
    layers = {"i": layer(ops.Scale(1.0), "x"), "p": layer(ops.MaxPool2d((2, 2), (1, 1)), "i")}
    plan = plan_of({"x": (1, 3, 3)}, layers, examples=1)
    plan = replace(plan, batches=(Batch({"x": np.zeros((1, 1, 3, 3))}, np.ones((1, 1, 2, 2)), {}),))
    assert Jax().run(plan).steps[0].delta["i"].tolist() == [[[[1, 1, 0], [1, 1, 0], [0, 0, 0]]]]


def test_every_op_has_a_row() -> None:
    """An op was added without a JAX lowering and without a declared gap."""
    assert Jax.table.keys() | Jax.gaps.keys() == set(ops.OPS.values())
    assert not Jax.table.keys() & Jax.gaps.keys()
    assert not unsupported(Jax, plan_of(*CASES["embedding"][:2], **CASES["embedding"][2]))


def test_steps_share_one_compilation() -> None:
    """Every step is traced anew: numbers became constants of the compiled function."""
    traced = []

    def scale(op: ops.Scale, xs: Any, *_: Any) -> Any:
        traced.append(op)
        return op.factor * xs[0]

    class Counting(Jax):
        table: ClassVar[Any] = {**Jax.table, ops.Scale: scale}

    plan = plan_of({"x": (2,)}, {"o": layer(ops.Scale(2.0), "x"), "p": layer(ops.Dense(1), "o")}, steps=4)
    Counting().run(plan)
    assert len(traced) == 2, "once for the recorded gradient, once for the plain one"


def test_run_leaves_the_process_as_it_was() -> None:
    """Running the backend switches 64-bit numbers on for the user's own JAX code."""
    plan = plan_of({"x": (2,)}, {"o": layer(ops.Dense(1), "x")})
    before = jax.enable_x64.value
    first, second = (Jax().run(plan) for _ in range(2))
    assert jax.enable_x64.value is before
    assert first.provenance.switches["x64"] == "True"
    assert first.steps[0].parameters["o.weight"].tobytes() == second.steps[0].parameters["o.weight"].tobytes()


def test_arrays_are_handed_over_complete() -> None:
    """JAX still reads an array, or shares it, after hand-over: a later write changes what was computed."""
    raw = np.empty(64 * 64 * 8 + 64, np.uint8)
    # JAX aliases only what is aligned to 64 bytes, which NumPy's own allocations rarely are.
    x = raw[-raw.ctypes.data % 64 :][: 64 * 64 * 8].view("float64").reshape(64, 64)
    x[:] = 1
    with jax.enable_x64(True):
        backend = Jax()
        y = backend.array(x)
        x[:] = 0
        z = backend.numpy(y)
        assert (z.min(), z.dtype, z.flags.owndata, z.flags.writeable) == (1, "float64", True, True)
        assert backend.numpy(backend.array(np.ones((), "float32"))).shape == ()


@pytest.mark.slow
def test_many_single_nodes() -> None:
    """A graph of single nodes is beyond the compiler; or its recorded and plain gradient are compiled differently."""
    nodes = [f"n{i}" for i in range(40)]
    names = ["x", *nodes]
    layers = {n: layer(ops.Dense(1), *dict.fromkeys(names[max(0, i - 4) : i + 1]), g=ops.Tanh()) for i, n in enumerate(nodes)}
    plan = plan_of({"x": (1,)}, layers, examples=2)
    check(plan)
    record = Jax().run(plan)
    assert record.provenance.switches["xla_disable_hlo_passes"] == "fusion"
    assert record.steps[0].plain is not None
    assert all(np.array_equal(x, record.steps[0].gradient[p]) for p, x in record.steps[0].plain.items())
