"""What is JAX's alone: compilations, 64-bit numbers as a context, and arrays that it reads late."""

import gc
import weakref
from collections import OrderedDict
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("optax")

import steps_by_hand  # noqa: E402
from bpcompare import ops  # noqa: E402
from bpcompare.plan.record import Record  # noqa: E402
from bpcompare_jax import Jax, compilations  # noqa: E402
from bpcompare_jax import backend as backend_module  # noqa: E402
from lowering_plans import layer, plan_of  # noqa: E402


def arrays(record: Record) -> list[bytes]:
    """Every array of a record but the plain gradients."""
    steps = [(x.error, x.net_in, x.a, x.delta, x.gradient, x.parameters, x.state, x.slots) for x in record.steps]
    return [x.tobytes() for error, *kinds in steps for x in (error, *(x for kind in kinds for x in kind.values()))]


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


def test_plans_of_one_structure_share_one_compilation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session compiles again for every run; or what was compiled for one plan gives the numbers of another."""
    traced = []

    def scale(op: ops.Scale, xs: Any, *_: Any) -> Any:
        traced.append(repr(op.factor))
        return op.factor * xs[0]

    def plan(factor: float, number: float) -> Any:
        made = plan_of({"x": (2,)}, {"o": layer(ops.Scale(factor), "x"), "p": layer(ops.Dense(1), "o")}, steps=2)
        return replace(made, parameters={name: x + number for name, x in made.parameters.items()})

    monkeypatch.setitem(Jax.table, ops.Scale, scale)
    first, again = (arrays(Jax().run(plan(2.0, number))) for number in (0.0, 1.0))
    assert traced == ["2.0", "2.0"], "once for the recorded gradient, once for the plain one"
    monkeypatch.setattr(compilations, "_KEPT", OrderedDict())
    assert again == arrays(Jax().run(plan(2.0, 1.0))) != first
    for factor in (3.0, -3.0):
        Jax().run(plan(factor, 0.0))
    assert traced[4:] == ["3.0", "3.0", "-3.0", "-3.0"]
    monkeypatch.setitem(Jax.table, ops.Scale, lambda op, xs, *_: -xs[0])
    assert arrays(Jax().run(plan(2.0, 1.0))) != again, "another function in the table"


@pytest.mark.slow
def test_what_is_kept_is_bounded_and_holds_no_plan() -> None:
    """A long session keeps every network that it ever ran, or the data of one."""
    for units in range(compilations.MOST + 3):
        plan = plan_of({"x": (2,)}, {"o": layer(ops.Dense(units + 1), "x")}, steps=1)
        Jax().run(plan)
    held = [weakref.ref(x) for x in (*plan.parameters.values(), plan.batches[0].target)]
    del plan
    gc.collect()
    assert [one() for one in held] == [None] * len(held)
    assert len(compilations._KEPT) == compilations.MOST


def test_a_backend_on_this_one_is_traced_in_every_run() -> None:
    """Somebody changes what their function reads, runs it again, and the numbers of before are certified."""
    by = [2.0]

    class Theirs(Jax):
        table: ClassVar[Any] = {**Jax.table, ops.Scale: lambda op, xs, *_: by[0] * xs[0]}

    plan = plan_of({"x": (2,)}, {"o": layer(ops.Scale(2.0), "x")}, steps=1)
    before = Theirs().run(plan).steps[0].a["o"]
    by[0] = 3.0
    np.testing.assert_allclose(Theirs().run(plan).steps[0].a["o"], before * 1.5, rtol=1e-15)


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


def test_compiled_code_that_had_the_plain_bits_is_not_compared_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run of a large net would pay for a second gradient; or one that watching changed would be told once."""
    monkeypatch.setattr(backend_module, "MANY", 1)
    layers = {"o": layer(ops.Dense(3), "x", g=ops.Tanh()), "p": layer(ops.Dense(2), "o")}
    plan, other = (plan_of({"x": (4,)}, layers, batch=batch) for batch in (5, 6))
    monkeypatch.setattr(compilations, "_KEPT", OrderedDict())
    told = "gradient without instrumentation"
    first, second, third = (Jax().run(one) for one in (plan, plan, other))
    assert [record.steps[0].plain is None for record in (first, second, third)] == [False, True, False]
    assert [told in record.provenance.switches for record in (first, second, third)] == [False, True, False]
    assert arrays(first) == arrays(second)
    plain = Jax.plain_gradient
    monkeypatch.setattr(compilations, "_KEPT", OrderedDict())
    monkeypatch.setattr(Jax, "plain_gradient", lambda *given: {name: 2 * x for name, x in plain(*given).items()})
    assert all(Jax().run(plan).steps[0].plain is not None for _ in range(2))


@pytest.mark.slow
def test_many_single_nodes() -> None:
    """A graph of single nodes is beyond the compiler; or its recorded and plain gradient are computed differently."""
    nodes = [f"n{i}" for i in range(40)]
    names = ["x", *nodes]
    layers = {n: layer(ops.Dense(1), *dict.fromkeys(names[max(0, i - 4) : i + 1]), g=ops.Tanh()) for i, n in enumerate(nodes)}
    plan = plan_of({"x": (1,)}, layers, steps=1, batch=2)
    record, wanted = Jax().run(plan), steps_by_hand.arrays(plan)
    for kind in ("net_in", "a", "delta", "gradient"):
        for name, x in getattr(record.steps[0], kind).items():
            np.testing.assert_allclose(x, wanted[f"1.{kind}.{name}"], rtol=0, atol=1e-12, err_msg=name)
    assert record.provenance.mode == "eager"
    assert Jax().run(plan_of({"x": (1,)}, dict(list(layers.items())[:20]), steps=1, batch=2)).provenance.mode == "jit"
    assert record.steps[0].plain is not None
    assert all(np.array_equal(x, record.steps[0].gradient[p]) for p, x in record.steps[0].plain.items())
