"""How far two records are apart: the same bits or not, in whichever part of an array the difference is."""

import numpy as np
import pytest

from bpcompare.verdict import distance
from bpcompare.verdict.distance import apart

WHAT = ["same", "one bit", "zeros", "infinity in both", "infinity in one", "NaN in both", "infinity and a bit"]
RANDOM = np.random.default_rng(3)


def plainly(x, y):
    """The largest distance in numbers of the format, and relative to the largest element, without parts."""
    if np.array_equal(x, y):
        return 0.0, 0.0
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return np.inf, np.inf
    gap = float(np.abs(x - y).max())
    return float(distance._ulps(x.reshape(-1), y.reshape(-1))), gap / float(max(np.abs(x).max(), np.abs(y).max()))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "what", ["same", "one bit", "zeros", "infinity in both", "infinity in one", "NaN in both", "infinity and a bit"]
)
def test_parts_say_what_the_whole_says(what, dtype, monkeypatch):
    """Two records would be called identical because the last part of an array was not looked at, or held NaN in both."""
    monkeypatch.setattr(distance, "BLOCK", 7)
    for at in (0, 10, 39):
        x = RANDOM.standard_normal((5, 8)).astype(dtype)
        y = x.copy()
        if what in ("one bit", "infinity and a bit"):
            y.flat[at] = np.nextafter(y.flat[at], np.asarray(9, dtype))
        if what == "zeros":
            x.flat[at], y.flat[at] = 0.0, -0.0
        if what in ("infinity in both", "infinity and a bit"):
            x.flat[20] = y.flat[20] = np.inf
        if what == "infinity in one":
            y.flat[at] = np.inf
        if what == "NaN in both":
            x.flat[at] = y.flat[at] = np.nan
        with np.errstate(all="ignore"):
            assert apart(x, y) == plainly(x, y)
        assert (apart(x, y)[0] == 0) == (what in ("same", "zeros", "infinity in both"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_on_both_sides_of_zero(dtype):
    """0 and −0 are counted as two numbers, or the way through them is not the sum of both ways to them."""
    least = np.nextafter(np.zeros(1, dtype), np.ones(1, dtype))
    assert apart(-least, np.zeros(1, dtype))[0] == 1
    assert apart(-3 * least, 2 * least)[0] == 5
