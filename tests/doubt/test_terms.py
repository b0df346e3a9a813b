"""Terms of sums, left out one by one from the source of a backward."""

import numpy as np

from bpcompare.tools.doubt.terms import terms, without


def around(scale):
    def backward(x, dy, *, shift=1.0):
        """A closure with a keyword of its own."""
        rows = x.reshape(len(x) + 1 - 1, -1)[: 2 + 1]
        s = np.tanh(x + scale)
        return dy * (s - x * s + shift), rows

    return backward


def test_every_term_of_the_gradient():
    """A forgotten term is what wrong derivatives are made of; lengths and indices are none."""
    backward = around(2.0)
    words = [term.partition(", line")[0] for term in terms(backward)]
    assert words == [
        "x in x + scale",
        "scale in x + scale",
        "s - x * s in s - x * s + shift",
        "shift in s - x * s + shift",
        "s in s - x * s",
        "x * s in s - x * s",
    ]


def test_without_one():
    """The mutant would be another, or fail with a name that it does not know."""
    backward, x, dy = around(2.0), np.array([0.5, -1.0]), np.array([1.0, 3.0])
    s = np.tanh(x + 2.0)
    wanted = [
        dy * (np.tanh(2.0) * (1 - x) + 1),
        dy * (np.tanh(x) * (1 - x) + 1),
        dy * 1.0,
        dy * (s - x * s),
        dy * (-x * s + 1),
        dy * (s + 1),
    ]
    for at, expected in enumerate(wanted):
        np.testing.assert_allclose(without(backward, at)(x, dy)[0], expected)
    np.testing.assert_allclose(backward(x, dy)[0], dy * (s - x * s + 1), err_msg="the original is as it was")


def test_where_there_is_no_source():
    """An extension module has none, and a lambda is no definition."""
    assert terms(np.add) == []
    assert terms(lambda x, dy: dy + x) == []
