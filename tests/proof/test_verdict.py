"""From findings to a verdict and an exit code: the worst counts, and nothing that was asked for is missing."""

from itertools import product
from types import SimpleNamespace

import pytest

from bpcompare.plan.record import Provenance
from bpcompare.proof.finding import Certificate, Finding
from bpcompare.verdict.comparison import EXIT, PRECEDENCE, Comparison
from bpcompare.verdict.distance import Pair

BY = Provenance("b", "numpy", "1")
OUTCOMES = ("holds", "convention", "undecided", "refuted")
WORST = {"refuted": "wrong", "convention": "convention", "undecided": "undecided", "holds": "certified"}


def _certificate(*outcomes, plain=(), failure=None):
    findings = tuple(Finding(f"q{i}", "forward", one, 0.5, 1e-9) for i, one in enumerate(outcomes))
    seen = tuple(Finding(f"p{i}.plain", "gradient", one, 0.5, 1e-9) for i, one in enumerate(plain))
    return Certificate(BY, findings, seen, failure=failure)


def _comparison(ulp=0.0, **certificates):
    names = [name for name, one in certificates.items() if one.failure is None]
    pairs = tuple(Pair(a, b, ulp, 0.0) for a, b in product(names, names) if a < b)
    plan = SimpleNamespace(dtype="float64", exact=False)
    return Comparison("spec", plan, dict.fromkeys(certificates), certificates, pairs=pairs)


@pytest.mark.parametrize("outcomes", list(product(OUTCOMES, repeat=2)))
def test_the_worst_finding_is_the_certificate(outcomes):
    """One refuted claim among a thousand that hold makes it wrong; undecided is said only where nothing worse is."""
    for one in (_certificate(*outcomes), _certificate(outcomes[0], plain=outcomes[1:])):
        wanted = next(WORST[bad] for bad in ("refuted", "convention", "undecided", "holds") if bad in outcomes)
        assert one.verdict == wanted


@pytest.mark.parametrize("outcomes", list(product((*OUTCOMES, "failed"), repeat=3)))
def test_the_worst_backend_is_the_verdict(outcomes):
    """Neither a majority nor the first one decides, and a backend that failed is never left out."""
    certificates = {
        f"b{i}": _certificate("holds", failure="it crashed") if one == "failed" else _certificate("holds", one)
        for i, one in enumerate(outcomes)
    }
    comparison = _comparison(3.0, **certificates)
    found = {"not_run" if one == "failed" else WORST[one] for one in outcomes}
    assert comparison.verdict == next(v for v in ("not_run", "wrong", "convention", "undecided", "certified") if v in found)
    codes = {EXIT[verdict] for verdict in found} | ({5} if outcomes.count("failed") > 1 else set())
    assert comparison.exit_code == next(code for code in PRECEDENCE if code in codes)
    assert (comparison.exit_code == 0) == (found == {"certified"})


def test_identical_means_every_bit_of_everybody():
    """One ulp between two of three is not identity, and identity of two that are undecided is no success."""
    good = _certificate("holds")
    assert _comparison(0.0, a=good, b=good).verdict == "identical"
    assert _comparison(1.0, a=good, b=good).verdict == "certified"
    assert _comparison(0.0, a=good).verdict == "certified"
    assert _comparison(0.0, a=good).exit_code == 5
    assert _comparison(0.0, a=good, b=_certificate("undecided")).exit_code == 4
    three = _comparison(0.0, a=good, b=good, c=good)
    two = Comparison("spec", three.plan, three.records, three.certificates, pairs=(*three.pairs[:2], Pair("b", "c", 1.0, 0.0)))
    assert two.verdict == "certified"
    assert two.backends["a"].verdict == "identical"
    assert two.backends["b"].verdict == "certified"


def test_nobody_is_missing():
    """A record without a certificate, or the other way round, would be a backend that nobody judged."""
    good = _certificate("holds")
    with pytest.raises(ValueError, match="every record must have a certificate"):
        Comparison("spec", SimpleNamespace(), {"a": None, "b": None}, {"a": good})


def test_power_is_the_worst_of_everybody():
    """The report promises that a mistake of this size would have shown everywhere."""
    sharp, blunt = (Certificate(BY, (Finding("q", "forward", "holds", 0.5, power),)) for power in (1e-12, 1e-3))
    assert _comparison(1.0, a=sharp, b=blunt).power == (1e-3, "q")
    assert _comparison(1.0, a=blunt, b=sharp).power == (1e-3, "q")
