"""Every function: an honest call holds, whole; a gradient that is wrong in one way is refuted, and nothing else is."""

import numpy as np
import pytest
import torch

from bpcompare.own.judged import judged
from called import Call, between, judged_with, normal, watched
from calls_of_functions import CALLS

STEPPED = {"floor", "ceil", "trunc", "round", "sign", "sgn", "norm 0"}
"""Their Δ is 0 whatever arrives."""
BY_NAME = {call.name: call for call in CALLS}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", BY_NAME)
def test_an_honest_call_holds(name, dtype):
    """A model is accused for a function that torch evaluates by another formula, or is left half examined."""
    call = BY_NAME[name]
    found = judged(watched(call, getattr(torch, dtype)))
    assert not found.unexamined, found.unexamined
    outcomes = {claim.path: finding for claim, finding in found.findings}
    refuted = {path for path, finding in outcomes.items() if finding.outcome == "refuted"}
    assert {"x0.gradient"} == refuted if dtype in call.known else not refuted, {path: outcomes[path] for path in refuted}
    for number in range(len(call.leaves)):
        finding = outcomes[f"x{number}.gradient"]
        still = finding.outcome == "undecided" and finding.doubt == "zero" and name in STEPPED | {"copysign"}
        assert finding.outcome == "holds" or still or dtype in call.known, finding


def _one_element(g):
    at = np.unravel_index(np.argmax(np.abs(g)), g.shape)
    g[at] += 0.01 * abs(g[at]) or 0.01
    return g


PLANTED = {"an element": _one_element, "scale": lambda g: 1.001 * g, "sign": lambda g: -g}


@pytest.mark.parametrize("name", BY_NAME)
def test_a_wrong_gradient_is_refuted(name):
    """A mistake in a function's backward passes for right, or the blame falls on others."""
    call = BY_NAME[name]
    if "float64" in call.known:
        pytest.skip(call.known["float64"])
    recording = watched(call, torch.float64)
    for number in range(len(call.leaves)):
        path = f"x{number}.gradient"
        still = not np.any(recording.recorded[path])
        for kind, change in PLANTED.items():
            if still and kind != "an element":
                continue
            found = judged_with(recording, path, change)
            assert [claim.path for claim, _ in found.refuted] == [path], kind


@pytest.mark.parametrize(("dtype", "refuted"), [("float64", {"polygamma.y"}), ("float32", set())])
def test_trigamma_of_torch(dtype, refuted):
    """torch cuts a series after four terms in every format: in float64 that would pass, or float32 be accused."""
    call = Call("polygamma 1", lambda x: torch.polygamma(1, x), (between(0.2, 9, 3, 5),))
    found = judged(watched(call, getattr(torch, dtype)))
    assert {claim.path for claim, _ in found.refuted} == refuted
    assert not found.unexamined


@pytest.mark.parametrize(("dtype", "refuted"), [("float64", {"linalg_matrix_exp.y"}), ("float32", set())])
def test_matrix_exponentials_of_torch(dtype, refuted):
    """torch 2.13 has a wrong coefficient in its series of degree 8: 4e-10 off in float64 would pass, or float32 be accused."""
    call = Call("matrix_exp", lambda x: torch.linalg.matrix_exp(0.01 * x), (normal(4, 4),))
    found = judged(watched(call, getattr(torch, dtype)))
    assert {claim.path for claim, _ in found.refuted} == refuted
    assert not found.unexamined


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_matrix_of_lower_rank_accuses_nobody(dtype):
    """What a library takes for 0 among singular values would be held against another's choice, or certified unknown."""
    call = Call("pinv", lambda x: torch.linalg.pinv(x @ torch.ones(2, 2).to(x)), (normal(4, 2),))
    found = judged(watched(call, getattr(torch, dtype)))
    outcomes = {claim.path: finding.outcome for claim, finding in found.findings}
    assert not found.refuted
    assert outcomes["linalg_pinv.y"] == "undecided"
    cut = Call("pinv", lambda x: torch.linalg.pinv(x, rtol=0.9), (normal(4, 2),))
    assert any("cuts off" in one.why for one in judged(watched(cut, getattr(torch, dtype))).unexamined)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_vectors_of_values_that_meet_are_not_certified(dtype):
    """Eigenvectors of a multiple eigenvalue, whose derivative divides by 0, would be certified; or an honest step refuted."""
    call = Call(
        "eigh", lambda x: torch.linalg.eigh(torch.diag(torch.tensor([2.0, 2.0, 5.0]).to(x)) + 0 * x)[1] * x, (normal(3, 3),)
    )
    found = judged(watched(call, getattr(torch, dtype)))
    outcomes = {claim.path: finding.outcome for claim, finding in found.findings}
    assert not found.refuted
    assert outcomes["_linalg_eigh.y"] == outcomes["add.y.delta"] == "undecided"


@pytest.mark.parametrize(("f", "name"), [(torch.linalg.eigh, "_linalg_eigh"), (torch.linalg.qr, "linalg_qr")])
def test_a_wrong_factor_is_refuted(f, name):
    """The record says which signs its vectors have; it would justify any other number by that, too."""
    recording = watched(Call("factors", lambda x: f(x @ x.mT)[0] ** 2, (normal(4, 4),)), torch.float64)
    path = f"{name}.y"
    found = judged_with(recording, path, lambda y: y * (1 + 1e-6))
    assert path in {claim.path for claim, _ in found.refuted}
