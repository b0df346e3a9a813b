"""Every law of Δ and of the gradient is the derivative of its own forward law."""

import numpy as np
import pytest

from bpcompare.laws import LAWS
from bpcompare.ops import ACTIVATIONS, ERRORS, LAYERS, PENALTIES
from every_law import PLACES, asked, moved, questions

STEP = 2.0**-300


def by_complex_step(place, at, kind, which):
    """⟨Δ, J e_i⟩ for every unit vector e_i of the source or parameter."""
    law = LAWS.ops[type(place.op)]
    own = at.xs[which] if kind == "delta" else at.p[which]
    found = np.zeros(own.shape)
    for index in np.ndindex(*own.shape):

        def change(x, index=index):
            x = x.astype(np.complex128)
            x[index] += 1j * STEP
            return x

        y = np.asarray(law.forward(moved(at, kind, which, change)))
        assert np.iscomplexobj(y), "the forward law dropped the imaginary part"
        derivative = y.imag / STEP
        found[index] = -derivative.sum() if at.dy is None else (at.dy * derivative).sum()
    return found


def test_every_op_is_here():
    """A law that nobody differentiates may be any formula."""
    assert {type(place.op) for place in PLACES} == {*LAYERS, *ACTIVATIONS, *ERRORS, *PENALTIES}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_it_is_the_derivative_of_the_forward_law(place):
    """A wrong transpose would be the law, and every backend that has it right would be called wrong."""
    at = asked(place)
    seen = 0
    for kind, which, answer in questions(place, at):
        expected = by_complex_step(place, at, kind, which)
        value = answer(at)
        assert value.shape == expected.shape
        np.testing.assert_allclose(value, expected, rtol=1e-11, atol=1e-13, err_msg=f"{kind} {which}")
        seen += 1
    assert seen
