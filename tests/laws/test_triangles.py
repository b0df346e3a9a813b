"""Laws of what reads one triangle of a matrix."""

import numpy as np
import pytest

from bpcompare.laws.calls import CALLS
from bpcompare.laws.law import At
from bpcompare.ops.call import Call, Read

MATRIX = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]])
DY = np.array([[1.0, 0.0, 0.0], [-0.4, 0.7, 0.0], [0.3, 1.1, -0.9]])


@pytest.mark.parametrize("place", [(0, 0), (1, 0), (2, 1), (0, 1)])
def test_a_cholesky_factor_by_the_triangle_that_is_read(place):
    """Under JAX 0.11 an honest Δ would be called wrong: 0 in the upper triangle, and twice as much in the lower one."""
    op = Call("lax.cholesky", {"x0": Read(0), "triangle": True}, ((3, 3),))
    moved, h = np.zeros((3, 3)), 1e-6
    moved[place] = h
    lower = [np.tril(MATRIX + side * moved) for side in (1.0, -1.0)]
    above, below = (np.linalg.cholesky(x + np.tril(x, -1).T) for x in lower)
    found = CALLS["lax.cholesky"].delta(At(op, [MATRIX], {}, dy=DY, slot=0))
    assert found[place] == pytest.approx((DY * (above - below)).sum() / (2 * h), abs=1e-8)
