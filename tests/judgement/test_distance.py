"""How far two arrays are apart, in blocks."""

import numpy as np
import pytest

from bpcompare.verdict import distance
from bpcompare.verdict.distance import Pair, apart


def ulps_one_by_one(x, y):
    """Floating-point numbers from one to the other, as Python's whole numbers; those below 0 count down from it."""
    kind, sign = (np.uint32, 2**31) if x.dtype == np.float32 else (np.uint64, 2**63)

    def place(z):
        bits = int(np.asarray(z).view(kind))
        return bits if bits < sign else sign - bits

    return max(abs(place(a) - place(b)) for a, b in zip(x.ravel(), y.ravel(), strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("block", [1, 7, 2**16])
def test_blocks_change_nothing(dtype, block, monkeypatch):
    """A distance depends on where a block ends, or on the sign of a zero."""
    monkeypatch.setattr(distance, "BLOCK", block)
    rng = np.random.default_rng(3)
    for off in (0.0, 1e-7, 1e-3, 3.0):
        x = (rng.standard_normal((5, 6)) * 10.0 ** rng.integers(-25, 25, (5, 6))).astype(dtype)
        y = (x * (1 + rng.standard_normal(x.shape) * off)).astype(dtype)
        x[rng.integers(0, 5, 3), rng.integers(0, 6, 3)] = 0.0
        y[rng.integers(0, 5, 3), rng.integers(0, 6, 3)] = -0.0
        for a, b in ((x, y), (x.T, y.T), (x[::2], y[::2])):
            same = np.array_equal(a, b)
            gap = 0.0 if same else float(np.abs(a - b).max()) / float(max(np.abs(a).max(), np.abs(b).max()))
            assert apart(a, b) == (float(ulps_one_by_one(a, b)), gap)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [0, 5, 9])
@pytest.mark.parametrize("both", [True, False])
def test_what_is_not_finite_is_infinitely_far(odd, where, both, monkeypatch):
    """An infinity in a block that is the same on both sides is left out of sight."""
    monkeypatch.setattr(distance, "BLOCK", 4)
    x, y = np.arange(10.0), np.arange(10.0)
    x[where] = odd
    if both:
        y[where] = odd
    y[3] += 1.0
    assert apart(x, y) == (np.inf, np.inf)
    y[3] -= 1.0
    assert apart(x, y) == ((0.0, 0.0) if both and not np.isnan(odd) else (np.inf, np.inf))


def test_empty_arrays_and_single_numbers():
    """A network without trainable parameters has nothing to measure, and is no error."""
    assert apart(np.zeros((0, 3)), np.zeros((0, 3))) == (0.0, 0.0)
    assert apart(np.array(1.0), np.array(1.0 + 2.0**-52)) == (1.0, 2.0**-52 / (1.0 + 2.0**-52))


def test_nothing_is_measured_until_somebody_asks():
    """A verdict pays for a distance that no report shows; or sameness goes on after the first difference."""
    asked = []

    def arrays():
        for number in range(3):
            asked.append(number)
            yield np.zeros(2), np.full(2, float(number))

    pair = Pair("a", "b", arrays)
    assert asked == []
    assert not pair.same
    assert asked == [0, 1]
    assert pair.max_scaled == 1.0
    assert asked == [0, 1, 0, 1, 2]
