"""Backwards that lose their digits where the forward is badly conditioned: by differences, that is no mistake of theirs."""

import pytest

from bpcompare import check_gradient
from bpcompare.laws.calls import CALLS

torch = pytest.importorskip("torch")


def turned():
    """A matrix with two eigenvalues close to each other, whose vectors are nearly parallel."""
    torch.manual_seed(0)
    q = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0]
    return (q @ torch.tensor([[1.1, 1.0, 0.0], [1e-4, 1.1, 0.0], [0.3, 0.2, 3.0]]).double() @ q.T).float()


def eigenvalues(x):
    return torch.linalg.eigvals(x).real.clone()


def pulled(forward, factor):
    def backward(x, dy):
        own = x.detach().requires_grad_()
        with torch.enable_grad():
            return factor * torch.autograd.grad(forward(own), own, dy)[0]

    return backward


def test_rounding_that_the_problem_makes_large_is_no_mistake():
    """The eigenvalues of torch would be called wrong, for a float32 backward of theirs has three digits here."""
    check = check_gradient(eigenvalues, pulled(eigenvalues, 1.0), (turned(),), contracts=False)
    assert check.verdict == "undecided"
    assert "errors of rounding" in check.findings[0].note


def test_a_mistake_is_one_all_the_same():
    """Anything would be excused where digits are lost."""
    assert check_gradient(eigenvalues, pulled(eigenvalues, -1.0), (turned(),), contracts=False).verdict == "wrong"


@pytest.fixture
def _without_law(monkeypatch):
    """As if nobody had written the law of Φ⁻¹, as of any other function of tomorrow."""
    monkeypatch.delitem(CALLS, "special_ndtri")


def rounded_inside(x):
    return torch.special.ndtri(x + 1e3 - 1e3)


@pytest.mark.usefixtures("_without_law")
def test_what_is_right_in_float64_lost_its_digits():
    """A right backward in float32 would be called wrong for what is rounded inside of its forward, which nobody can follow."""
    torch.manual_seed(0)
    x = 0.02 * torch.rand(3, 4) + 0.001
    check = check_gradient(rounded_inside, pulled(rounded_inside, 1.0), (x,), contracts=False)
    assert check.verdict == "undecided"
    assert "in float64 the same backward is" in check.findings[0].note
    assert check_gradient(rounded_inside, pulled(rounded_inside, 1.0), (x.double(),), contracts=False).verdict == "certified"
    for wrong in (x, x.double()):
        assert check_gradient(rounded_inside, pulled(rounded_inside, 1.05), (wrong,), contracts=False).verdict == "wrong"
