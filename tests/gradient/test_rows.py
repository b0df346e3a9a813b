"""Backwards that take the first axis alone for the rows of a matrix."""

import numpy as np
import pytest

from bpcompare import check_gradient

R = np.random.default_rng(0)
X, W, B = R.normal(size=(2, 3, 5)), R.normal(1, 0.2, 5), R.normal(size=5)


def forward(x, w, b):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5) * w + b


def backward(x, w, b, dy, rows=None):
    rows = rows or x.shape[0]
    columns = x.size // rows
    mean, variance = x.mean(-1).reshape(-1)[:rows, None], x.var(-1).reshape(-1)[:rows, None]
    hat = (x.reshape(rows, columns) - mean) / np.sqrt(variance + 1e-5)
    d = dy.reshape(rows, columns)
    s = d * np.tile(w, columns // w.size)
    dx = (s - s.mean(1, keepdims=True) - hat * (s * hat).mean(1, keepdims=True)) / np.sqrt(variance + 1e-5)
    return dx.reshape(x.shape), (d * hat).sum(0)[: w.size], d.sum(0)[: b.size]


def test_rows_of_several_axes_are_named_as_the_cause():
    """What is right for every matrix would be wrong for unknown reasons."""
    check = check_gradient(forward, backward, (X, W, B), names=["x", "w", "b"])
    causes = {one.name: one.cause for one in check.findings}
    assert "(6, 5) in the place of (2, 3, 5) this backward is right" in causes["x"]
    assert "(6, 5) in the place of (2, 3, 5) this backward is right" in causes["w"]
    assert check_gradient(forward, lambda *args: backward(*args, rows=6), (X, W, B)).verdict == "certified"


def of_the_last(x, w, b, dy):
    dx, dw, db = backward(x, w, b, dy, rows=x.size // 5)
    return dx * np.where(np.arange(5) == 3, 1.7, 1.0) + 0.1 * dx.sum(-1, keepdims=True), dw, db


@pytest.mark.parametrize("x", [X, X[0]], ids=["several axes", "a matrix"])
def test_what_is_wrong_for_a_matrix_has_another_cause(x):
    """Any mistake would be said to be one of axes."""
    check = check_gradient(forward, of_the_last, (x, W, B))
    assert check.verdict == "wrong"
    assert not any("in the place of" in one.cause for one in check.findings)


def test_where_the_forward_is_another_function_for_a_matrix_nothing_is_said():
    """A mean over the last two axes is no mean over the last one."""

    def whole(x):
        return x - x.mean((-2, -1), keepdims=True) if x.ndim > 2 else x - x.mean(-1, keepdims=True)

    check = check_gradient(whole, lambda _, dy: dy - dy.mean(-1, keepdims=True), (X,))
    assert check.verdict == "wrong"
    assert not any("in the place of" in one.cause for one in check.findings)
