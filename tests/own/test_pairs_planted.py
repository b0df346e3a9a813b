"""Ports with a mistake: the layer is named, and nobody is accused who is right by his own law."""

from linecache import getline

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
import ports  # noqa: E402
from ports import MISTAKES, Port, batch, last, model  # noqa: E402


@pytest.fixture(scope="module")
def original():
    x, y = batch()
    return bpcompare.check(model(), x, target=y, loss=nn.functional.cross_entropy)


def ported(mistake=""):
    x, y = batch()
    port = Port(mistake)
    return bpcompare.check(port, last(x), target=y, loss=port.loss)


def test_an_honest_port(original):
    """A right port would be sent back to its author."""
    found = bpcompare.compare(original, ported())
    assert found.verdict == "the same", str(found)
    assert len(found.gradients) == 10


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_a_port(original, mistake):
    """A mistake would pass, or be sought in another layer, or the right program be accused."""
    found = bpcompare.compare(original, ported(mistake))
    assert (found.verdict, found.exit_code, found.blamed) == ("differ", 1, ()), str(found)
    module, line, cause = MISTAKES[mistake]
    assert found.first.first.module == module
    assert line in getline(ports.__file__, int(found.first.second.line.rpartition(":")[2]))
    assert cause in "; ".join(found.first.causes)


def test_a_cut_on_the_way_back(original):
    """Two programs with the same loss would be the same, though one of them does not train what the other trains."""
    found = bpcompare.compare(original, ported("cut"))
    assert (found.verdict, found.first.way) == ("differ", "back")
    assert 'is_("cut")' in getline(ports.__file__, int(found.first.second.line.rpartition(":")[2]))


def test_who_is_wrong_is_said(own):
    """Of two programs that differ, the one whose backward is wrong would go unnamed, or the right one be accused."""
    x, y = batch()
    pair = []
    for function in (own.Swish, own.Forgetful):
        one = model()
        one.act = own.Activation(function)
        pair.append(bpcompare.check(one, x, target=y, loss=nn.functional.cross_entropy))
    found = bpcompare.compare(*pair)
    assert (found.verdict, found.blamed, found.first.way) == ("differ", ("the second",), "back")
    assert "act" in found.first.second.module
    assert "Forgetful" in str(found)
    found = bpcompare.compare(pair[1], pair[1])
    assert (found.verdict, found.exit_code) == ("wrong", 1)  # alike, and both wrong


def test_a_frozen_parameter(original):
    """A model that does not train one of its parameters would be the same as one that does."""
    x, y = batch()
    one = model()
    one.mix.dense.weight.requires_grad_(False)
    found = bpcompare.compare(original, bpcompare.check(one, x, target=y, loss=nn.functional.cross_entropy))
    assert found.verdict == "the same in part"
    assert "frozen" in str(found)


class Stacked(nn.Module):
    """Layers of one size, one after the other, or two of them in another order."""

    def __init__(self, order=(0, 1, 2), *, by_hand=False):
        super().__init__()
        torch.manual_seed(3)
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in order)
        self.head = nn.Linear(4, 3)
        self.order, self.by_hand = order, by_hand

    def forward(self, x):
        for number in self.order:
            layer = self.layers[number]
            x = torch.tanh(x @ layer.weight.T + layer.bias if self.by_hand else layer(x))
        return self.head(x)


@pytest.mark.parametrize("by_hand", [False, True])
def test_two_layers_in_another_order(by_hand):
    """Two programs that differ would be left without a cause, where a layer stands in the place of another."""
    torch.manual_seed(4)
    x, y = torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1])
    pair = [
        bpcompare.check(one, x, target=y, loss=nn.functional.cross_entropy)
        for one in (Stacked(), Stacked((0, 2, 1), by_hand=by_hand))
    ]
    found = bpcompare.compare(*pair)
    assert (found.verdict, found.blamed) == ("differ", ())
    here, there = ("layers.{0}.weight", "layers.{0}.bias and layers.{0}.weight"), "the first reads {} here, the second what is {}"
    assert any(there.format(one.format(1), one.format(2)) in "; ".join(found.first.causes) for one in here), str(found)
