"""A forward that writes in place into parts of one memory, as torch's recurrent layers do where autograd does not follow."""

import pytest

from bpcompare import check_gradient

torch = pytest.importorskip("torch")


def _in_place(parted):
    def forward(x):
        a, b = parted(x * 1)
        a.exp_()
        b.exp_()
        return a * b + a

    return forward


def _backward(x, dy):
    a, b = (one.exp() for one in x.chunk(2, 1))
    return torch.cat((dy * a * (b + 1), dy * a * b), 1)


FORWARDS = {
    "chunk": _in_place(lambda y: y.chunk(2, 1)),
    "unsafe_chunk": _in_place(lambda y: y.unsafe_chunk(2, 1)),
    "unbind": _in_place(lambda y: y.unflatten(1, (2, 2)).unbind(1)),
}


@pytest.mark.parametrize("forward", FORWARDS.values(), ids=FORWARDS)
def test_what_stands_beside_a_write_is_no_constant(forward):
    """A right backward would be called wrong, and one that forgets a term certified: the other half would count as given."""
    x = torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(2, 3)
    x = torch.cat((x, -x[:, :1]), 1)
    check = check_gradient(forward, _backward, (x,), contracts=False)
    assert not check.untraced
    assert check.verdict == "certified"
    assert check.power < 1e-12


def test_a_term_that_leads_through_such_a_part_is_missed():
    """The same program without its second half would certify a backward that forgets it."""
    x = torch.linspace(-1, 1, 8, dtype=torch.float64).reshape(2, 4)

    def forgetful(x, dy):
        g = _backward(x, dy)
        g[:, 2:] = 0
        return g

    assert check_gradient(FORWARDS["unsafe_chunk"], forgetful, (x,), contracts=False).verdict == "wrong"
