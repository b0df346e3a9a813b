"""A forward of which a part has no law: what is not claimed is looked at by differences, and never certified by the rest."""

import pytest

from bpcompare import check_gradient
from bpcompare.laws.calls import CALLS

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _without_laws(monkeypatch):
    """As if nobody had written the laws of these functions, as of any other of tomorrow."""
    for name in ("i0", "special_i1"):
        monkeypatch.delitem(CALLS, name)


def bessel(x):
    """A function that has no law here."""
    return torch.special.i0(x) * x


class Bessel(torch.autograd.Function):
    factor = 1.0

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return bessel(x)

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return Bessel.factor * dy * (torch.special.i0(x) + x * torch.special.i1(x))


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "certified"), (1.1, "wrong")])
def test_differences_stand_in_for_a_function_without_a_law(factor, verdict):
    """The other parts would certify the whole, or nothing would be said of it."""
    Bessel.factor = factor
    check = check_gradient(Bessel, inputs=(torch.linspace(0.5, 2, 6, dtype=torch.float64),), names=["x"])
    assert check.untraced
    assert [(finding.name, finding.verdict) for finding in check.findings] == [("x", verdict)]
    assert "differences" in str(check)


def test_parameters_of_a_module_that_cannot_be_followed_are_not_certified():
    """A wrong gradient of a parameter would be certified by the differences of the inputs, which do not see it."""

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(6, dtype=torch.float64))
            self.other = torch.nn.Parameter(torch.ones(6, dtype=torch.float64))

        def forward(self, x):
            return bessel(x * self.scale) + self.other

    check = check_gradient(Net(), inputs=(torch.linspace(0.5, 2, 6, dtype=torch.float64),), names=["x"], contracts=False)
    found = {finding.name: finding.verdict for finding in check.findings}
    assert set(found) == {"x", "scale", "other"}
    assert found["scale"] == found["other"] == "undecided"
    assert check.verdict == "undecided"


def test_an_output_that_autograd_does_not_follow_has_no_part_in_differences():
    """A right gradient would be called wrong for the slope of a detached statistic, to which nothing is sent back."""

    def forward(x):
        return x.detach() * 2, bessel(x), (x > 1).sum()

    check = check_gradient(forward, inputs=(torch.linspace(0.5, 2, 6, dtype=torch.float64),), contracts=False)
    assert check.untraced
    assert check.verdict in ("undecided", "certified")
