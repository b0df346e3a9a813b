"""The judge on one quantity whose ball is known: what holds, what is refuted, and what is said of neither."""

from types import SimpleNamespace

import numpy as np
import pytest

from bpcompare import ops
from bpcompare.proof.power import LEAST


@pytest.mark.parametrize("at", [0, 4])
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_edge_of_a_ball(judged, at, sign):
    """A value 1.05 radii away must be refuted, and one 0.95 radii away must not, wherever it stands."""
    mid, rad = np.linspace(1, 2, 5), np.linspace(1e-3, 4e-3, 5)
    for share, outcome in (
        (0.0, "holds"),
        (0.95, "holds"),
        (1.0 - 1e-9, "holds"),
        (1.0005, "refuted"),
        (1.05, "refuted"),
        (1.4, "refuted"),
    ):
        x = mid.copy()
        x[at] += sign * share * rad[at]
        finding = judged(x, mid, rad)
        assert (finding.outcome, finding.share) == (outcome, pytest.approx(share, abs=1e-6))
        assert finding.off == (outcome == "refuted")
    assert finding.worst == (at,)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_agrees_with_nothing(judged, wrong):
    """|NaN − m| ≤ r is false, and so is its negation: written the wrong way round, NaN passes."""
    for rad in (1e-9, 1e300):
        finding = judged([1.0, wrong], [1.0, 1.0], rad)
        assert finding.outcome == "refuted"
        assert finding.worst == (1,)
        assert finding.share == np.inf


@pytest.mark.parametrize("broken", [np.nan, np.inf, -1.0])
def test_a_broken_radius_decides_nothing_for_itself_and_all_for_others(judged, broken):
    """A radius that is no number accepts nothing and excuses nothing."""
    radii = [1e-9, broken]
    assert judged([1.0, 1.0], [1.0, 1.0], radii).outcome == "undecided"
    assert judged([1.0, 1.0], [1.0, 1.0], radii).doubt == "unbounded"
    assert judged([1.0, 99.0], [1.0, 1.0], radii).outcome == "undecided"
    finding = judged([1.1, 99.0], [1.0, 1.0], radii)
    assert (finding.outcome, finding.worst, finding.off) == ("refuted", (0,), 1)


def test_a_midpoint_that_is_not_finite(judged):
    """Where the law itself overflows there is nothing to be measured."""
    assert judged([1.0, 1.0], [1.0, np.inf], [1e-9, 1e-9]).outcome == "undecided"
    assert judged([1.0, np.inf], [1.0, np.inf], [1e-9, 1e-9]).outcome == "undecided"
    assert judged([1.1, 1.0], [1.0, np.nan], [1e-9, 1e-9]).outcome == "refuted"


def test_an_infinity_is_excused_only_where_numbers_are_near_the_end(judged):
    """Frameworks multiply in another order: an infinity is innocent where inputs are large, and only there."""
    largest = float(np.finfo(np.float64).max)
    mid, rad = [1.0, 2.0], [1e-9, 1e-9]
    assert judged([1.0, np.inf], mid, rad).outcome == "refuted"
    assert judged([1.0, np.inf], mid, rad, premises={"y": [1e100]}, reads=("y",)).outcome == "refuted"
    assert judged([1.0, np.inf], mid, rad, premises={"y": [1e160]}, reads=("y",)).outcome == "undecided"
    assert judged([1.0, np.inf], mid, rad, premises={"y": [1e160]}, reads=()).outcome == "refuted"
    assert judged([1.1, np.inf], mid, rad, premises={"y": [1e160]}, reads=("y",)).outcome == "refuted"
    assert judged([1.0, np.inf], [1.0, largest], [1e-9, largest / 4]).outcome == "undecided"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_one_percent_of_power(judged, dtype):
    """A ball as wide as half a percent of its midpoint hides a mistake of one percent: that is not certified."""
    assert LEAST == 0.01
    for rad, outcome in ((0.0049, "holds"), (0.0051, "undecided"), (0.4, "undecided")):
        finding = judged([1.0, 1.0], [1.0, 1.0], rad, dtype=dtype)
        assert finding.outcome == outcome
        assert finding.power == pytest.approx(2 * rad)
    assert finding.doubt == "blurred"
    assert ("wider dtype" in finding.note) == (dtype == "float32")
    # One sharp element is enough: a tensor that is off by a factor moves there.
    assert judged([1.0, 1.0], [1.0, 1.0], [0.4, 1e-6]).outcome == "holds"
    # And what cannot be seen is no licence: outside is outside.
    assert judged([1.0, 2.0], [1.0, 1.0], 0.4).outcome == "refuted"


def test_power_of_an_update_is_that_of_its_step(judged):
    """Against the parameter itself no update at all would pass."""
    finding = judged([1.001], [1.001], 1e-7, statement="update", before=[1.0], gradient=[1.0])
    assert (finding.outcome, finding.power) == ("holds", pytest.approx(2e-4, rel=1e-3))
    finding = judged([1.0], [1.0 + 1e-9], 1e-7, statement="update", before=[1.0], gradient=[1.0])
    assert (finding.outcome, finding.doubt) == ("undecided", "still")
    finding = judged([1.0], [1.0], 1e-17, statement="update", before=[1.0], gradient=[0.0])
    assert (finding.outcome, finding.doubt) == ("undecided", "zero")


def test_zero_up_to_rounding(judged):
    """What is inside its own radius is measured against its terms; without terms it proves nothing."""
    finding = judged([3e-17], [1e-17], 1e-15, major=[0.5])
    assert (finding.outcome, finding.terms, finding.power) == ("holds", 0.5, pytest.approx(4e-15))
    assert judged([3e-17], [1e-17], 1e-15, major=[1e-14]).outcome == "undecided"
    assert judged([0.0], [0.0], 1e-300, major=[0.0]).doubt == "zero"
    assert judged([1e-3], [1e-17], 1e-15, major=[0.5]).outcome == "refuted"
    # Larger than its radius is no zero, whatever its terms are.
    assert judged([1.0], [1.0], 0.9, major=[1e9]).outcome == "undecided"


def test_the_step_from_a_zero(judged):
    """It holds only from a gradient that is known to be 0 up to rounding, and only where nothing moves."""
    still = {"statement": "update", "before": [1.0], "gradient": [1e-17]}
    assert judged([1.0], [1.0], 1e-15, **still).outcome == "undecided"
    finding = judged([1.0], [1.0], 1e-15, zeros={"p.gradient": 0.5}, **still)
    assert (finding.outcome, finding.terms) == ("holds", 0.5)
    assert judged([1.0], [1.0], 1e-15, zeros={"other.gradient": 0.5}, **still).outcome == "undecided"
    assert judged([1.01], [1.0], 1e-15, zeros={"p.gradient": 0.5}, **still).outcome == "refuted"


def test_shapes_must_be_equal(judged):
    """A record of shape (1, 3) would be compared with a law of (4, 3) by broadcasting."""
    with pytest.raises(AssertionError, match="shape"):
        judged(np.ones((1, 3)), np.ones((4, 3)), 1e-9)


def test_a_frozen_parameter_must_keep_its_bits(lookup):
    """No arithmetic is involved, so there is no rounding to excuse the last bit."""
    from bpcompare.laws import LAWS
    from bpcompare.proof.certificate import judge
    from bpcompare.proof.claims import Claim
    from bpcompare.proof.values import StepValues

    def after(x):
        values = StepValues({"p": np.array([1.0, 2.0])}, {"p.update": np.array(x)})
        claim = Claim("p.update", "update", "p", (), lambda: ("p",), lambda get, laws: get("p"))
        return judge(claim, SimpleNamespace(values=values, recorded=values.recorded.get, fmt=None), LAWS)

    assert after([1.0, 2.0]).outcome == "holds"
    assert after([1.0, np.nextafter(2.0, 3)]).outcome == "refuted"
    assert after([1.0, np.nan]).outcome == "refuted"


def test_a_kink_excuses_what_lies_between_its_sides_only(judged):
    """`kinks` on an op is no licence for claims that have no derivative in them."""
    assert judged([1.5], [1.0], 1e-9, op=ops.Relu()).outcome == "refuted"
