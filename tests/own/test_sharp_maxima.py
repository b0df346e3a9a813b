"""A maximum without ties has one derivative; and no two ops are the same op because nobody compares their fields."""

import pytest

import bpcompare
from bpcompare.ops.call import Call
from bpcompare.ops.rule import Rule

torch = pytest.importorskip("torch")


class Largest(torch.autograd.Function):
    part = 0.5

    @staticmethod
    def forward(ctx, x):
        y = x.amax(-1)
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, y = ctx.saved_tensors
        tied = (x == y[:, None]).to(x)
        return Largest.part * dy[:, None] * tied / tied.sum(-1, keepdim=True)


@pytest.mark.parametrize(("part", "verdict"), [(1.0, "certified"), (0.5, "wrong"), (0.0, "wrong")])
def test_half_of_a_maximum_is_no_convention(part, verdict):
    """Whatever lies between nothing and the whole would pass at every maximum, tied or not."""
    torch.manual_seed(0)
    Largest.part = part
    model = torch.nn.Linear(3, 4).double()
    with bpcompare.watch(model) as step:
        Largest.apply(model(torch.randn(5, 3).double())).square().sum().backward()
    assert step.verdict == verdict, str(step)


def test_rules_with_other_settings_are_others():
    """Two groups of an optimizer would be judged with the rate of the first."""
    assert Rule("adam", {"eta": 0.01}) == Rule("adam", {"eta": 0.01})
    assert Rule("adam", {"eta": 0.01}) != Rule("adam", {"eta": 0.02})
    assert Rule("adam", {"eta": 0.01}) != Rule("sgd", {"eta": 0.01})
    assert Call("relu", {}, ((2,),)) != Call("gelu", {}, ((2,),))
