"""What is torch's alone: its switches, its thresholds, and what it leaves behind in its process."""

from contextlib import ExitStack
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import bpcompare  # noqa: E402
from bpcompare import ops  # noqa: E402
from bpcompare.plan.record import Record  # noqa: E402
from bpcompare.report import text  # noqa: E402
from bpcompare_torch import Torch  # noqa: E402
from lowering_plans import at, case, layer, plan_of  # noqa: E402

DTYPES = ("float64", "float32")


def bits(record: Record) -> list[bytes]:
    """Every array of a record."""
    steps = [(x.error, x.net_in, x.a, x.delta, x.gradient, x.plain, x.parameters, x.state, x.slots) for x in record.steps]
    return [x.tobytes() for error, *kinds in steps for x in (error, *(x for kind in kinds for x in (kind or {}).values()))]


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


@pytest.mark.parametrize("update", [ops.Sgd(0.1, momentum=0.5), ops.AdamW(0.1)], ids=str)
def test_an_update_changes_nothing_in_place(update: ops.UpdateOp) -> None:
    """torch.optim works on the very tensors it was given: what was recorded before the update is gone."""
    p, g, slots = {"w": torch.ones(2)}, {"w": torch.full((2,), 3.0)}, {"w": {slot: torch.ones(2) for slot in update.slots}}
    updated, moved = Torch().descend(update, 3, p, g, slots)
    assert {float(x.sum()) for x in (p["w"], *slots["w"].values())} == {2}
    assert 2 not in {float(x.sum()) for x in (updated["w"], *moved["w"].values())}
    assert float(g["w"].sum()) == 6


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
    plan = case("batch_norm", "float32", ops.Adam(0.1))
    usual, wanted = state_of_torch(), bits(Torch().run(plan))
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
    assert bits(record) == wanted


def test_settings_come_back_after_a_failure() -> None:
    """A run that raises leaves the user's torch with other settings."""
    before, plan = state_of_torch(), case("embedding")
    batch = replace(plan.batches[0], inputs={"x": np.full((3, 4), 99)})
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

    class Twice(Torch):
        passive: ClassVar[bool] = False

    step = Twice().run(plan).steps[0]
    assert step.plain is not None
    assert {p: x.tobytes() for p, x in step.plain.items()} == {p: x.tobytes() for p, x in step.gradient.items()}
    assert len(step.delta) == 1000


def test_the_gradient_is_that_of_a_run_without_hooks() -> None:
    """Looking on changes the gradient, or what is handed on as it is has the Δ of all who read it."""
    layers = {
        "h": layer(ops.Dense(3), "x", g=ops.Tanh()),
        "same": layer(ops.Dropout(0.0), "h"),
        "o": layer(ops.Add(), "h", "same"),
    }
    plan = plan_of({"x": (2,)}, layers)
    step = Torch().run(plan).steps[0]
    assert step.plain is None
    backend, plain = Torch(), {}
    parameters = {name: backend.array(x) for name, x in plan.parameters.items()}
    plain = backend.plain_gradient(plan, backend._walk(plan), parameters, backend._feed(plan.batches[0], {}))
    assert {p: x.numpy().tobytes() for p, x in plain.items()} == {p: x.tobytes() for p, x in step.gradient.items()}
    slope = 1 - step.a["h"] ** 2
    assert np.array_equal(step.delta["same"], step.delta["o"])
    np.testing.assert_allclose(step.delta["h"], slope * 2 * step.delta["o"], rtol=1e-15)


def test_a_report_says_where_the_plain_gradient_was_compared() -> None:
    """One step of ten was compared with an unwatched one, and the report speaks as if all had been."""

    class Twice(Torch):
        name = "twice"
        passive: ClassVar[bool] = False

    plan = plan_of({"x": (2,)}, {"o": layer(ops.Dense(1), "x")}, steps=3)
    comparison = bpcompare.run(plan.network, [Torch, Twice])
    assert [step.plain is None for step in comparison.records["twice"].steps] == [False, True, True]
    said = text(comparison, verbose=True)
    assert said.count("gradient without instrumentation: compared in 1 of 3 steps") == 1
