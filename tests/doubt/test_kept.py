"""Gradients that a layer keeps in its object, as half of the layers by hand do; and forwards that are taken for backwards."""

import sys
from types import ModuleType

import numpy as np
import pytest

from bpcompare.tools.doubt.observer import Observer
from bpcompare.tools.doubt.remedy import _of_attribute, check

LAYER = """
import numpy as np

class Linear:
    def __init__(self, w):
        self.w, self.grads, self.count = w, {"b": np.zeros(2)}, 0
    def forward(self, x):
        self.x = x
        return x @ self.w
    def backward(self, dy):
        self.count += 1
        self.dw = self.x.T @ dy
        self.grads["b"] += dy.sum(0)
        return dy @ self.w.T

try:
    import torch

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            return 2 * x
        @staticmethod
        def backward(ctx, dy):
            return 2 * dy, None

    def double(x, factor=1.0):
        return Double.apply(x, factor)
except ImportError:
    pass
"""


@pytest.fixture
def theirs(monkeypatch):
    """theirs(): their module, anew."""

    def make():
        module = ModuleType("their_layers")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(LAYER, vars(module))
        return module

    return make


X, W, DY = np.arange(6.0).reshape(3, 2), np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[1.0, -2.0], [3.0, 0.5], [-1.0, 4.0]])


def called(theirs, mutant):
    """What the layer keeps after a forward and two backwards, with a mutant planted; and what was seen."""
    module, observer = theirs(), Observer(mutant)
    observer.plant(module, "Linear.backward", "")
    assert not observer.seen.problem
    layer = module.Linear(W)
    layer.forward(X)
    dx = [layer.backward(DY) for _ in range(2)][-1]
    return layer, dx, observer.seen


def test_what_a_layer_keeps_are_gradients(theirs):
    """Tests that never look at `layer.dw` would be said to notice every mistake."""
    layer, dx, seen = called(theirs, None)
    assert [leaf.name for leaf in seen.leaves[1:]] == ["self.dw", "self.grads['b']"]
    assert np.array_equal(layer.dw, X.T @ DY)
    assert np.array_equal(layer.grads["b"], 2 * DY.sum(0))
    assert np.array_equal(dx, DY @ W.T)


def test_a_mistake_is_planted_there(theirs):
    """It would be planted into what is returned, under the name of what is kept."""
    layer, dx, seen = called(theirs, {"kind": "sign", "leaf": 1, "where": "self.dw"})
    assert seen.differed
    assert np.array_equal(layer.dw, -(X.T @ DY))
    assert np.array_equal(layer.grads["b"], 2 * DY.sum(0))
    assert np.array_equal(dx, DY @ W.T)


def test_what_is_added_up_is_added_once(theirs):
    """A mutant that calls the backward a second time would add to the gradients twice, and be killed for that."""
    layer, dx, seen = called(theirs, {"kind": "dy-absolute", "leaf": 1, "where": "self.dw"})
    assert seen.differed
    assert np.array_equal(layer.dw, X.T @ np.abs(DY))
    assert np.array_equal(dx, DY @ W.T)
    layer, _, _ = called(theirs, {"kind": "sign", "leaf": 0, "where": "dx"})
    assert np.array_equal(layer.grads["b"], 2 * DY.sum(0))


def test_the_line_that_checks_what_is_kept(theirs):
    """The line that is proposed would check what is returned, and not what is kept."""
    _, _, seen = called(theirs, None)
    assert "layer.backward(dy), layer.dw)[1], (layer.w,)" in _of_attribute(seen.found, "self.dw")
    assert check(seen.found) == "bpcompare.check_gradient(layer.forward, layer.backward, (x,)).assert_ok()"


def test_a_forward_is_no_backward(theirs):
    """Mistakes would be planted into the output of a forward, killed by the tests of that, and the backward be called tested."""
    torch = pytest.importorskip("torch")
    module, observer = theirs(), Observer(None)
    observer.plant(module, "double", "")
    module.double(torch.ones(2, requires_grad=True))
    assert observer.seen.forward == "their_layers:Double"
