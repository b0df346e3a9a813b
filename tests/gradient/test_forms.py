"""The forms in which people write a backward."""

import numpy as np
import pytest

from bpcompare import check_gradient


class Linear:
    """A layer that keeps what its forward was given."""

    def __init__(self, factor=1.0):
        self.w, self.factor = np.random.default_rng(0).standard_normal((3, 2)), factor

    def forward(self, x):
        self.x = x
        return x @ self.w

    def backward(self, dy):
        self.dw = self.x.T @ dy
        return self.factor * (dy @ self.w.T)


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "certified"), (2.0, "wrong")])
def test_the_backward_of_a_layer_takes_dy_alone(factor, verdict):
    """A right layer would be called wrong, for it does not take its inputs a second time."""
    layer = Linear(factor)
    check = check_gradient(layer.forward, layer.backward, (np.random.default_rng(1).standard_normal((5, 3)),))
    assert check.verdict == verdict
    assert not check.untraced


def loss(logits, labels):
    z = logits - logits.max(1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return -np.log(p[np.arange(len(labels)), labels]).mean()


def slope(logits, labels, dy):
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    p[np.arange(len(labels)), labels] -= 1
    return dy * p / len(labels)


@pytest.mark.parametrize(("backward", "verdict"), [(slope, "certified"), (lambda *args: -slope(*args), "wrong")])
def test_labels_need_no_gradient(backward, verdict):
    """The gradient of a loss with labels would be called wrong, for there is one less than there are arrays."""
    inputs = (np.random.default_rng(1).standard_normal((4, 3)), np.array([0, 2, 1, 0]))
    check = check_gradient(loss, backward, inputs)
    assert [(one.name, one.verdict) for one in check.findings] == [("input 0", verdict)]
