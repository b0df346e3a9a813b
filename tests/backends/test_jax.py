"""What is JAX's alone: compilations, 64-bit numbers as a context, and arrays that it reads late."""

from typing import Any, ClassVar

import numpy as np
import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("optax")

import steps_by_hand  # noqa: E402
from bpcompare import ops  # noqa: E402
from bpcompare_jax import Jax  # noqa: E402
from lowering_plans import layer, plan_of  # noqa: E402


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
    plan = plan_of({"x": (1,)}, layers, steps=1, batch=2)
    record, wanted = Jax().run(plan), steps_by_hand.arrays(plan)
    for kind in ("net_in", "a", "delta", "gradient"):
        for name, x in getattr(record.steps[0], kind).items():
            np.testing.assert_allclose(x, wanted[f"1.{kind}.{name}"], rtol=0, atol=1e-12, err_msg=name)
    assert record.provenance.switches["xla_disable_hlo_passes"] == "fusion"
    assert record.steps[0].plain is not None
    assert all(np.array_equal(x, record.steps[0].gradient[p]) for p, x in record.steps[0].plain.items())
