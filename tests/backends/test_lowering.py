"""The backends of frameworks against plain NumPy: forward by hand, derivatives by complex steps, updates by their formulas."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import steps_by_hand
from bpcompare import ops
from bpcompare.backend import unsupported
from bpcompare.network import Error
from bpcompare.plan import Plan
from bpcompare.plan.record import Record
from bpcompare.testing.networks import ACTIVATIONS, UPDATES
from lowering_plans import CASES, ERRORS, PENALTIES, SUM, activations, at, case, judged, layer, plan_of
from samples import WHOLE

CLOSE = {"float64": 2e-14, "float32": 1e-5}
"""Largest difference of honest rounding, relative to the tensor's scale; the worst case here comes to half of it."""
PLAIN_IS_RECORDED = {"torch"}
"""Where the plain gradient has the recorded one's bits. Of JAX, XLA compiles the two each in its own way."""


def imported(framework: str) -> Any:
    """The backend's class; a skip where the framework is not installed."""
    if framework == "torch":
        pytest.importorskip("torch")
        from bpcompare_torch import Torch

        return Torch
    pytest.importorskip("jax")
    pytest.importorskip("optax")
    from bpcompare_jax import Jax

    return Jax


@pytest.fixture(params=["torch", "jax"])
def backend(request: pytest.FixtureRequest) -> Any:
    """The backend of each framework."""
    return imported(request.param)


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


def with_plain(backend: Any) -> Any:
    """The backend, with the plain gradient beside the recorded one also where it only looks on."""
    return type(backend.__name__, (backend,), {"passive": False})


def check(backend: Any, plan: Plan) -> Record:
    """The framework has the numbers worked out by hand, up to rounding; the plain gradient is the recorded one."""
    record, wanted = with_plain(backend)().run(plan), steps_by_hand.arrays(plan)
    found = arrays(record)
    assert found.keys() == wanted.keys()
    for path, x in found.items():
        assert (type(x), x.dtype, x.shape) == (np.ndarray, plan.dtype, np.shape(wanted[path])), path
        assert (x.flags.owndata, x.flags.c_contiguous) == (True, True), path
        gap = float(np.abs(x.astype("float64") - wanted[path]).max(initial=0))
        assert gap <= CLOSE[plan.dtype] * max(1.0, float(np.abs(wanted[path]).max(initial=0))), (path, gap)
    step, *later = record.steps
    assert all(one.plain is None for one in later)
    assert step.plain is not None
    assert step.plain.keys() == step.gradient.keys()
    if backend.name in PLAIN_IS_RECORDED:
        assert bits(step.plain) == bits(step.gradient)
    for p, x in step.plain.items():
        scale = max(1.0, float(np.abs(step.gradient[p]).max(initial=0)))
        np.testing.assert_allclose(x, step.gradient[p], rtol=0, atol=CLOSE[plan.dtype] * scale, err_msg=p)
    return record


STARTS = [(form, 4) for form in UPDATES] + [(rule.forms()[0], 0) for rule in ops.UPDATES]
"""Every form of every rule after some steps, and the first form of each at its very first."""

SHAPES = ("flat", "rows", "scalar")
"""Of what an error judges."""
AT_ONCE = {"embedding", "forks_and_judged_in_the_middle", "shared_and_frozen", "all_frozen", "shapes"}
"""Layers that the fast tests try with JAX, too: those in which more can go wrong than an op's formula."""


def ways(argument: str, cases: Collection[Any], now: Collection[Any]) -> pytest.MarkDecorator:
    """Each case in each framework and dtype. JAX compiles each, for seconds: at once it is tried with those of `now`.

    The slow tests try JAX with the others, `make whole` in float32, too: conformance cases hold the same ops against the laws.
    """
    found = []
    for one in cases:
        title = "-".join(map(str, one if isinstance(one, tuple) else [one]))
        found += [pytest.param(one, "torch", dtype, id=f"{title}-torch-{dtype}") for dtype in CLOSE]
        marks = () if one in now else pytest.mark.slow
        found += [pytest.param(one, "jax", dtype, id=f"{title}-jax-{dtype}", marks=marks) for dtype in [*CLOSE][: 1 + WHOLE]]
    return pytest.mark.parametrize((argument, "framework", "dtype"), found)


@pytest.mark.sampled(3)
@ways("name", CASES, AT_ONCE)
def test_layers(name: str, framework: str, dtype: str) -> None:
    """A layer op, its state, a fork, a shared or a frozen parameter is lowered to something else than its equations."""
    check(imported(framework), case(name, dtype))


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("framework", "dtype"), [("torch", "float64"), ("torch", "float32"), ("jax", "float64")])
def test_activations(framework: str, dtype: str) -> None:
    """An activation or its derivative is another function than the spec's, near 0 or where it saturates."""
    check(imported(framework), activations(dtype))


@pytest.mark.sampled(3)
@ways("case", [(error, shape) for shape in SHAPES for error in ERRORS], [(error, "rows") for error in ERRORS])
def test_errors(case: tuple[ops.ErrorOp, str], framework: str, dtype: str) -> None:
    """An error adds over outputs, reduces over examples or scales otherwise than the spec says."""
    error, shape = case
    if shape != "scalar" or not isinstance(error, ops.SoftmaxCrossEntropy):
        check(imported(framework), judged(error, shape, dtype))


@ways("penalty", PENALTIES, PENALTIES)
def test_penalties(framework: str, penalty: ops.PenaltyOp, dtype: str) -> None:
    """A penalty is counted once a layer that uses the parameter, or averaged, or scaled; or that of a frozen one is lost."""
    layers = {
        "h": layer(ops.Dense(3), "x", g=ops.Tanh(), weight="W"),
        "k": layer(ops.Dense(3), "h", weight="W"),
        "o": layer(ops.Dense(2), "k"),
    }
    error = ops.HalfSquared("mean", scale=2.5)
    penalties = dict.fromkeys(("W", "o.weight", "o.bias"), penalty)
    check(imported(framework), plan_of({"x": (3,)}, layers, error, frozen=("o.weight",), penalties=penalties, dtype=dtype))


@ways("start", STARTS, STARTS[::3])
def test_updates(start: tuple[ops.UpdateOp, int], framework: str, dtype: str) -> None:
    """An optimizer starts from other state or another step number, or follows another rule, than the plan's."""
    update, done = start
    plan = case("shared_and_frozen", dtype, update, steps=3, updates_done=done)
    backend = imported(framework)
    if refused := unsupported(backend, plan.network):  # one of the two has each form, as the next test says
        pytest.skip("; ".join(refused.values()))
    check(backend, plan)


def test_every_form_of_an_update_rule_is_tried_in_some_framework() -> None:
    """A form that neither framework has would be skipped for both, and tried nowhere."""
    both = [imported("torch"), imported("jax")]
    for update in UPDATES:
        network = case("shared_and_frozen", "float64", update).network
        assert any(not unsupported(backend, network) for backend in both), update


@pytest.mark.parametrize("update", [ops.Sgd(0.5, momentum=0.5), ops.Adam(0.5, 0.5, 0.75, 0.25)], ids=str)
def test_state_is_the_plans(backend: Any, update: ops.UpdateOp) -> None:
    """The optimizer begins with state of its own: these numbers are worked out on paper."""
    layers = {"o": layer(ops.Dense(1, bias=False), "x")}
    plan = plan_of({"x": (1,)}, layers, update=update, updates_done=1, steps=1, batch=1)
    slots = {path: np.array([[{"velocity": 3.0, "m": 1.0, "v": 1.75}[path.rpartition(".")[2]]]]) for path in plan.slots}
    plan = replace(at(plan, [[1.0]], [[0.0]]), parameters={"o.weight": np.array([[2.0]])}, slots=slots)
    step = backend().run(plan).steps[0]
    assert step.gradient["o.weight"] == 2
    if isinstance(update, ops.Sgd):
        moved, w = {"velocity": 0.5 * 3 + 2}, 2 - 0.5 * 3.5
    else:
        moved = {"m": 0.5 * 1 + 0.5 * 2, "v": 0.75 * 1.75 + 0.25 * 4}
        w = 2 - 0.5 * (moved["m"] / (1 - 0.5**2)) / (np.sqrt(moved["v"] / (1 - 0.75**2)) + 0.25)
    assert step.slots == {f"o.weight.{update.name}.{slot}": x for slot, x in moved.items()}
    np.testing.assert_allclose(step.parameters["o.weight"], [[w]], rtol=1e-15)


KINKS = [
    *(("torch", ops.Relu(), 0), ("torch", ops.LeakyRelu(0.25), 0.25), ("torch", ops.Elu(1.75), 1.75)),
    *(("jax", ops.Relu(), 0), ("jax", ops.LeakyRelu(0.25), 1), ("jax", ops.Elu(1.75), 1.75)),
]


@pytest.mark.parametrize(("framework", "g", "slope"), KINKS, ids=str)
def test_kinks(framework: str, g: ops.Activation, slope: float) -> None:
    """A framework's derivative at a kink has moved: what is reported about conventions is out of date."""
    plan = at(plan_of({"x": (1,)}, {"h": layer(ops.Scale(1.0), "x", g=g)}), [[0.0]], [[1.0]])
    assert imported(framework)().run(plan).steps[0].delta["h"] == slope


@pytest.mark.parametrize(("framework", "slope"), [("torch", 0.25), ("jax", 1)])
def test_kink_of_prelu(framework: str, slope: float) -> None:
    """A framework's derivative of prelu at 0 has moved, or another one than that of its leaky_relu is used."""
    plan = plan_of({"x": (1,)}, {"h": layer(ops.Scale(1.0), "x"), "o": layer(ops.PRelu(), "h")})
    plan = replace(at(plan, [[0.0]], [[1.0]]), parameters={"o.slope": np.array([0.25])})
    step = imported(framework)().run(plan).steps[0]
    assert (step.delta["h"], step.gradient["o.slope"]) == (slope, 0)


@pytest.mark.parametrize("value", [0.0, -1.0])
@pytest.mark.parametrize("padding", [0, 1])
def test_ties_in_a_pool_go_to_the_first(backend: Any, padding: int, value: float) -> None:
    """A tie in a max pool is shared out or goes to a later place, or padding is larger than a negative number."""
    layers = {"i": layer(ops.Scale(1.0), "x"), "p": layer(ops.MaxPool2d((2, 2), (1, 1), (padding, padding)), "i")}
    size = 2 + 2 * padding
    plan = at(plan_of({"x": (1, 3, 3)}, layers), np.full((1, 1, 3, 3), value), np.full((1, 1, size, size), value + 1))
    step = backend().run(plan).steps[0]
    assert (step.a["p"] == value).all()
    wanted = [[4, 2, 2], [2, 1, 1], [2, 1, 1]] if padding else [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert step.delta["i"].tolist() == [[wanted]]


def test_a_constant_keeps_its_digits(backend: Any) -> None:
    """The values of a constant go through float32, or through a product, on their way into a float64 network."""
    plan = case("constant")
    step = backend().run(plan).steps[0]
    for name in ("constant", "frozen", "one_number"):
        wanted = np.stack([plan.parameters[f"{name}.value"]] * len(plan.batches[0]))
        assert step.net_in[name].tobytes() == wanted.tobytes()
    assert step.parameters["frozen.value"].tobytes() == plan.parameters["frozen.value"].tobytes()


def test_every_op_is_lowered_and_tried(backend: Any) -> None:
    """An op was added without a lowering, or with one that no case here runs."""
    assert backend.table.keys() == set(ops.OPS.values())
    assert (dict(backend.gaps), dict(unsupported(backend, case("embedding").network))) == ({}, {})
    tried = {type(x) for x in (*ACTIVATIONS, *ERRORS, *PENALTIES, *UPDATES)}
    tried |= {type(x.op) for _, layers, *_ in CASES.values() for x in layers.values()}
    assert tried == set(ops.OPS.values())


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", ["batch_norm", "constant", "shapes", "embedding", "shared_and_frozen"])
def test_the_plan_is_not_changed(backend: Any, name: str) -> None:
    """A framework writes through to the plan, a record shares its memory, or the same plan has other bits the next time."""
    plan = case(name, update=ops.AdamW(0.1), steps=3)
    before = bits(dict(plan.arrays()))
    first, second = (arrays(backend().run(plan)) for _ in range(2))
    assert bits(dict(plan.arrays())) == before
    assert bits(first) == bits(second)
    held = [*first.values(), *(x for _, x in plan.arrays())]
    assert len({x.__array_interface__["data"][0] for x in held if x.size}) == len([x for x in held if x.size])


def test_an_op_that_hands_its_source_on(backend: Any) -> None:
    """A Δ is that of all who share an array, not of one layer: `in` was no node of its own."""
    handing = type("Handing", (backend,), {"table": {**backend.table, ops.Scale: lambda op, xs, *_: xs[0]}})
    layers = {"h": layer(ops.Dense(2), "x"), "s": layer(ops.Scale(1.0), "h"), "o": layer(ops.Add(), "s", "h")}
    plan = plan_of({"x": (2,)}, layers)
    found, wanted = (arrays(one().run(plan)) for one in (handing, backend))
    assert bits(found) == bits(wanted)


def test_a_parameter_that_does_not_reach_the_error(backend: Any) -> None:
    """A gradient that a framework does not have becomes a failure instead of zeros."""
    plan = plan_of({"x": (2,)}, {"o": layer(ops.Scale(2.0), "x"), "p": layer(ops.Dense(2), "o")})
    plan = replace(plan, network=replace(plan.network, error=Error(SUM, "o")))
    step = with_plain(backend)().run(plan).steps[0]
    assert step.plain is not None
    for found in (step.gradient, step.plain):
        assert {p: (x.shape, x.any()) for p, x in found.items()} == {"p.weight": ((2, 2), False), "p.bias": ((2,), False)}
    assert (step.delta["p"].any(), step.delta["o"].any()) == (False, True)
