"""Every function: an honest call holds, whole; a gradient that is wrong in one way is refuted, and nothing else is."""

import numpy as np
import pytest
import torch

from bpcompare.own.judged import judged
from called import Call, between, judged_with, watched
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
    """torch cuts a series after four terms in every format: in float64 that would pass for rounding, or float32 be accused for it."""
    call = Call("polygamma 1", lambda x: torch.polygamma(1, x), (between(0.2, 9, 3, 5),))
    found = judged(watched(call, getattr(torch, dtype)))
    assert {claim.path for claim, _ in found.refuted} == refuted
    assert not found.unexamined
