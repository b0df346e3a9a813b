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
