"""The NaN of a branch that `where` does not take has a cause in somebody's own code, and nothing else has that one."""

import pytest

import bpcompare

torch = pytest.importorskip("torch")
NAMED = "the NaN of a branch that is not taken"


class Root(torch.nn.Module):
    """√ of what is positive, 0 of the rest."""

    def __init__(self, positive):
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor([0.0, 1.0, 3.0]))
        self.positive = positive

    def forward(self, x):
        z = self.w * x
        return torch.where(self.positive(z), torch.sqrt(z), torch.zeros(())).sum()


@pytest.mark.parametrize(
    ("positive", "named"), [(lambda z: z > 0, True), (lambda z: z >= 0, False)], ids=["not taken", "taken, and infinite"]
)
def test_it_is_named_with_its_lines(positive, named):
    """Else whoever finds NaN in a gradient is told that it is NaN; or a root at 0 that is really taken is called not taken."""
    model = Root(positive)
    with bpcompare.watch(model) as step:
        model(torch.ones(3)).backward()
    text = " ".join(str(step).split())
    assert step.verdict == "undecided"
    assert (NAMED in text) == named
    if named:
        assert "`where` (own/test_not_taken.py:21) hands a Δ of 0 back there" in text
        assert "derivative of `sqrt` (own/test_not_taken.py:21) is not finite" in text


@pytest.mark.parametrize(
    ("forward", "verdict"),
    [
        (lambda x: torch.where(x != 0, torch.sin(x) / x, torch.ones_like(x)), "wrong"),
        (lambda x: torch.sqrt(x * x), "undecided"),
        (lambda x: (x * x).sum().sqrt(), "undecided"),
    ],
    ids=["a constant beside it", "|x|", "a norm"],
)
def test_a_derivative_of_0_is_one(forward, verdict):
    """Else NaN is left undecided where the branch that is taken is a constant; or a kink, which has no derivative, is accused."""
    x = torch.zeros(2, dtype=torch.float64)
    assert bpcompare.check_gradient(forward, inputs=(x,), contracts=False).verdict == verdict
