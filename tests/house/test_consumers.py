"""Every op through everything that reads one: an op that can be run and not shown ends in a traceback on somebody's screen."""

import importlib.util
from contextlib import suppress

import pytest

import bpcompare
from bpcompare.network import SpecError
from bpcompare.numbers.dyadic import InexactError
from bpcompare.ops import OPS
from bpcompare.page import page
from bpcompare.report import text
from bpcompare.report.steps import steps_text
from bpcompare.teach.symbolic import prove
from bpcompare.teach.symbolic.prove import TooLargeError
from bpcompare.teach.transcript import Numbers, check
from bpcompare.teach.transcript.printed import printed
from bpcompare.testing.cases import cases

SYMPY = importlib.util.find_spec("sympy") is not None
FIRST = {case.about: case.name for case in reversed(cases())}
LAST = {case.about: case.name for case in cases()}
"""Two cases of each op, the plainest and the one with most fields set; the slow tests try the second."""
CHOSEN = [case for case in cases() if case.name in (FIRST[case.about], LAST[case.about])]
EVERY = [pytest.param(case, id=case.name, marks=[pytest.mark.slow] * (FIRST[case.about] != case.name)) for case in CHOSEN]
PROVED = [
    *(pytest.param(case, 0.25, id=f"{case.name}-begun") for case in CHOSEN if FIRST[case.about] == case.name),
    *(pytest.param(case, 1, id=case.name, marks=pytest.mark.slow) for case in CHOSEN),
]
"""Each case with the seconds that its proof may take."""


def test_every_op_is_tried():
    """An op without a case is tried by none of these."""
    assert set(FIRST) == set(OPS.values())


@pytest.mark.sampled(3)
@pytest.mark.parametrize("case", EVERY)
def test_it_is_run_shown_and_drawn(case):
    """The report, `show`, or the page knows the op by a list of its own, in which it is missing."""
    comparison = bpcompare.run(case.network, ["delta"])
    assert comparison.verdict in ("certified", "undecided")
    assert case.network.name[:20] in text(comparison)
    for layer, a in comparison.records["delta"].steps[0].a.items():
        for quantity in ("in", "a", "delta"):
            name = f"{layer}.{quantity}[{','.join('0' * a.ndim)}]"
            assert "=" in steps_text(comparison, name, 1), name
    for parameter, w in case.network.parameters.items():
        if w.trainable:
            shape = comparison.records["delta"].steps[0].gradient[parameter].ndim
            for quantity in ("gradient", "update"):
                assert "=" in steps_text(comparison, f"{parameter}.{quantity}[{','.join('0' * shape)}]", 1)
    assert page(comparison).startswith("<!")


@pytest.mark.parametrize("case", EVERY)
def test_numbers_that_somebody_printed_are_not_refuted(case):
    """`transcript` ends in a traceback, or calls right numbers wrong, for a net with this op."""
    network = case.network
    step = bpcompare.run(network, ["delta"], steps=1).records["delta"].steps[0]
    typed = {"E": step.error} | {f"{layer}.delta[{','.join('0' * x.ndim)}]": x.flat[0] for layer, x in step.delta.items()}
    found = check(network, Numbers({name: printed(f"{float(x):.13e}") for name, x in typed.items()}))
    assert not found.refuted


@pytest.mark.sampled(4)
@pytest.mark.parametrize("case", EVERY)
def test_exact_mode_takes_it_or_says_why_not(case):
    """Exact mode ends in a traceback where no rule of its numbers fits the law."""
    with suppress(SpecError, InexactError):
        assert bpcompare.run(case.network, ["delta"], exact=True).verdict in ("identical", "certified", "undecided")


@pytest.mark.sampled(3)
@pytest.mark.skipif(not SYMPY, reason="needs SymPy")
@pytest.mark.parametrize(("case", "seconds"), PROVED)
def test_it_is_proved_or_stays_open(case, seconds):
    """`prove` ends in a traceback, or finds a right law wrong."""
    with suppress(TooLargeError):
        assert prove(case.network, seconds=seconds).outcome in ("shown", "open")
