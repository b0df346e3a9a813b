"""Contracts of a module: the gradients of its parameters owe the same as those of its inputs."""

import pytest

from bpcompare import check_gradient

torch = pytest.importorskip("torch")
nn = torch.nn
X = torch.linspace(-1, 1, 18, dtype=torch.float64).reshape(6, 3)


class Scaled(torch.autograd.Function):
    """x · w, with a way back for the parameter that a test plants."""

    @staticmethod
    def forward(ctx, x, w, back):
        ctx.back = back
        ctx.save_for_backward(x, w)
        return x * w

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy * w, ctx.back(ctx, x, w, dy), None


class Layer(nn.Module):
    def __init__(self, back):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.5, -1.5, 2.0], dtype=torch.float64))
        self._back = back

    def forward(self, x):
        return Scaled.apply(x, self.w, self._back)


def right(ctx, x, w, dy):
    return (x * dy).sum(0)


def frozen(ctx, x, w, dy):
    return (x * dy).sum(0) * (1 if ctx.needs_input_grad[0] else 2)


def clipped(ctx, x, w, dy):
    return (x * dy.clamp(-4, 4)).sum(0)


def in_place(ctx, x, w, dy):
    return dy.mul_(x).sum(0)


def overwritten(ctx, x, w, dy):
    if w.grad is not None:
        w.grad.zero_()
    return (x * dy).sum(0)


def by_size(ctx, x, w, dy):
    return (x * dy).sum(0) * (1 if len(x) == 6 else 2)


@pytest.mark.parametrize(
    ("back", "contract", "of"),
    [
        (frozen, "alone", "w"),
        (clipped, "linear", "w"),
        (in_place, "dy", "dy"),
        (overwritten, "accumulate", "w"),
        (by_size, "batch", "w"),
    ],
)
def test_a_contract_that_a_parameter_breaks(back, contract, of):
    """Otherwise a gradient of a parameter that is right once is certified, and wrong in a program."""
    check = check_gradient(Layer(back), inputs=(X,), batch=0)
    broken = {one.name: one.input for one in check.contracts if one.outcome == "broken"}
    assert check.verdict == "wrong"
    assert broken[contract] == of


def test_other_numbers_of_rows_are_tried_with_the_same_parameters():
    """Otherwise a parameter of as many rows as the input is resized with it, and the code refuses."""
    square = nn.Linear(6, 6, dtype=torch.float64)
    check = check_gradient(square, inputs=(torch.ones(6, 6, dtype=torch.float64),), shapes=(1, 7), batch=0)
    outcomes = {one.name: one.outcome for one in check.contracts}
    assert (check.verdict, outcomes["shapes"], outcomes["batch"]) == ("certified", "kept", "kept")
    check = check_gradient(Layer(by_size), inputs=(X,), shapes=(7,))
    assert [one.input for one in check.contracts if one.outcome == "broken"] == ["w"]


def test_modules_of_torch_keep_them_and_stay_as_they_are():
    """Otherwise torch's own layers are accused, or their statistics move while they are asked."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    before = {key: x.clone() for key, x in model.state_dict().items()}
    check = check_gradient(model, inputs=(X.float(),))
    assert {one.outcome for one in check.contracts} == {"kept", "not tried"}
    assert all(torch.equal(x, before[key]) for key, x in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_outputs_in_outputs_are_asked_too():
    """Otherwise the contracts of a recurrent layer are not tried at all, or its library's working memory is held for saved."""
    torch.manual_seed(5)
    check = check_gradient(nn.LSTM(3, 2), inputs=(torch.ones(2, 2, 3) * X.float()[:2, None],))
    outcomes = {one.name: one.outcome for one in check.contracts}
    assert (check.verdict, outcomes["linear"], outcomes["twice"]) == ("certified", "kept", "kept")
