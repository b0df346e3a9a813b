"""Values that nobody records, thousands in a row: the inside of a function that solves an equation step by step."""

import pytest

torch = pytest.importorskip("torch")

import bpcompare  # noqa: E402 — it needs torch here


class Descent(torch.autograd.Function):
    """x after 400 steps of x ← 0.99 x: longer than Python's stack is deep."""

    slope = 0.99**400

    @staticmethod
    def forward(ctx, x):
        for _ in range(400):
            x = 0.99 * x
        return x

    @staticmethod
    def backward(ctx, g):
        return Descent.slope * g


class Wrong(Descent):
    @staticmethod
    def backward(ctx, g):
        return 0.99**399 * g


@pytest.mark.parametrize(("function", "verdict"), [(Descent, "certified"), (Wrong, "wrong")])
def test_the_delta_of_a_long_inside(function, verdict):
    """Its backward would not be examined: "maximum recursion depth exceeded"."""
    model = torch.nn.Linear(3, 2, dtype=torch.float64)
    with bpcompare.watch(model) as step:
        function.apply(model(torch.ones(1, 3, dtype=torch.float64))).square().sum().backward()
    assert step.verdict == verdict, str(step)
