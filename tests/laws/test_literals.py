"""Every law against numbers worked out by hand. No oracle tries a forward law: these literals do."""

from math import log

import numpy as np
import pytest

from activations_by_hand import LITERALS
from bpcompare import ops
from bpcompare.arithmetic import Product
from bpcompare.laws import LAWS

LN2, LN3, LN4, LN5 = log(2), log(3), log(4), log(5)


def number(value):
    return value.x @ value.w if isinstance(value, Product) else value


def close(value, expected):
    expected = np.asarray(expected, float)
    assert np.shape(value) == expected.shape
    assert number(value) == pytest.approx(expected, rel=1e-14, abs=1e-15)


@pytest.mark.parametrize(("op", "net_in", "a", "delta_a", "delta_in"), LITERALS)
def test_activation(op, net_in, a, delta_a, delta_in):
    """A wrong g or g' would be the law, and every backend that has it right would be called wrong."""
    law, x = LAWS.of("l.g", op), np.array([net_in], float)
    close(law.forward(op, [x], {}, {}), [a])
    close(law.delta(op, [x], {}, np.array([delta_a], float), {}, 0), [delta_in])


# Two examples: (error, a, t, E, Δ_a)
ERRORS = [
    (ops.HalfSquared(reduce="sum"), [[1, 2], [3, 4]], [[2, 2], [1, 5]], 3.0, [[1, 0], [-2, 1]]),
    (ops.HalfSquared(reduce="mean"), [[1, 2], [3, 4]], [[2, 2], [1, 5]], 1.5, [[0.5, 0], [-1, 0.5]]),
    (ops.HalfSquared(reduce="sum", scale=10.0), [[1, 2], [3, 4]], [[2, 2], [1, 5]], 30.0, [[10, 0], [-20, 10]]),
    (ops.MeanSquared(reduce="sum"), [[1, 2], [3, 4]], [[2, 2], [1, 5]], 3.0, [[1, 0], [-2, 1]]),
    (ops.MeanSquared(reduce="mean"), [[1, 2], [3, 4]], [[2, 2], [1, 5]], 1.5, [[0.5, 0], [-1, 0.5]]),
    (
        ops.SoftmaxCrossEntropy(reduce="sum", targets="classes"),
        [[0, LN3], [LN3, 0]],
        [1, 1],
        2 * LN4 - LN3,
        [[-1 / 4, 1 / 4], [-3 / 4, 3 / 4]],
    ),
    (
        ops.SoftmaxCrossEntropy(reduce="mean", targets="probabilities"),
        [[0, LN3], [LN3, 0]],
        [[0.5, 0.5], [0, 1]],
        (2 * LN4 - LN3 / 2) / 2,
        [[1 / 8, -1 / 8], [-3 / 8, 3 / 8]],
    ),
    (
        ops.BinaryCrossEntropyWithLogits(reduce="sum"),
        [[LN3, -LN3], [0, LN3]],
        [[1, 0], [0.5, 0]],
        2 * (LN4 - LN3) + LN2 + LN4,
        [[1 / 4, -1 / 4], [0, -3 / 4]],
    ),
    (ops.Huber(threshold=1.0, reduce="sum"), [[0, 0], [0, 0]], [[0.5, 3], [-3, -0.5]], 5.25, [[0.5, 1], [-1, -0.5]]),
    (ops.Huber(threshold=2.0, reduce="mean"), [[0, 0], [0, 0]], [[1, 3], [-3, -1]], 4.5, [[0.5, 1], [-1, -0.5]]),
]


@pytest.mark.parametrize(("op", "a", "t", "error", "delta"), ERRORS)
def test_error(op, a, t, error, delta):
    """The base case of the induction: everything behind it would be wrong by the same factor."""
    law, a = LAWS.of("error", op), np.array(a, float)
    t = np.array(t) if op.integer_target else np.array(t, float)
    close(law.forward(op, [a, t], {}, {}), error)
    close(law.delta(op, [a, t], {}, None, {}, 0), delta)


def test_dense():
    """The textbook's own three equations."""
    op, law = ops.Dense(2), LAWS.of("l", ops.Dense(2))
    x, y = np.array([[1.0, 2], [3, 4]]), np.array([[5.0], [6]])
    p = {"weight": np.array([[1.0, -1], [2, 0], [0, 3]]), "bias": np.array([10.0, 20])}
    delta = np.array([[1.0, 2], [-1, 1]])
    close(law.forward(op, [x, y], p, {}), [[15, 34], [21, 35]])
    close(number(law.delta(op, [x, y], p, delta, {}, 0)), [[-1, 2], [-2, -2]])
    close(number(law.delta(op, [x, y], p, delta, {}, 1)), [[6], [3]])
    close(number(law.gradient(op, [x, y], p, delta, {}, "weight")), [[-2, 5], [-2, 8], [-1, 16]])
    close(law.gradient(op, [x, y], p, delta, {}, "bias"), [0, 3])


def test_convolution():
    """A kernel that is flipped, shifted or transposed is caught by a kernel of four different numbers."""
    op, law = ops.Conv2d(1, (2, 2)), LAWS.of("l", ops.Conv2d(1, (2, 2)))
    x = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    p = {"weight": np.array([[[[1.0, 10], [100, 1000]]]]), "bias": np.array([0.5])}
    close(law.forward(op, [x], p, {}), [[[[5421.5, 6532.5], [8754.5, 9865.5]]]])
    delta = np.array([[[[1.0, 2], [0, 3]]]])
    close(law.delta(op, [x], p, delta, {}, 0), [[[[1, 12, 20], [100, 1203, 2030], [0, 300, 3000]]]])
    close(law.gradient(op, [x], p, delta, {}, "weight"), [[[[20, 26], [38, 44]]]])
    close(law.gradient(op, [x], p, delta, {}, "bias"), [6])


def test_convolution_with_stride_and_padding():
    """The far edge, which no window reaches, must get no Δ; the padding must not shift it."""
    op = ops.Conv2d(1, (2, 2), stride=(2, 2), padding=(1, 1), bias=False)
    law, x = LAWS.of("l", op), np.arange(1.0, 5).reshape(1, 1, 2, 2)
    p = {"weight": np.array([[[[1.0, 10], [100, 1000]]]])}
    close(law.forward(op, [x], p, {}), [[[[1000, 200], [30, 4]]]])
    close(law.delta(op, [x], p, np.array([[[[1.0, 2], [3, 4]]]]), {}, 0), [[[[1000, 200], [30, 4]]]])
    close(law.gradient(op, [x], p, np.array([[[[1.0, 2], [3, 4]]]]), {}, "weight"), [[[[16, 9], [4, 1]]]])


def test_pooling():
    """Overlapping windows add up; a tie goes to the first."""
    x = np.array([[[[1.0, 5, 2], [3, 5, 4], [0, 1, 2]]]])
    delta = np.array([[[[4.0, 8], [12, 16]]]])
    op = ops.MaxPool2d((2, 2), (1, 1))
    close(LAWS.of("l", op).forward(op, [x], {}, {}), [[[[5, 5], [5, 5]]]])
    close(LAWS.of("l", op).delta(op, [x], {}, delta, {}, 0), [[[[0, 12, 0], [0, 28, 0], [0, 0, 0]]]])
    op = ops.AvgPool2d((2, 2), (1, 1))
    close(LAWS.of("l", op).forward(op, [x], {}, {}), [[[[3.5, 4], [2.25, 3]]]])
    close(LAWS.of("l", op).delta(op, [x], {}, delta, {}, 0), [[[[1, 3, 2], [4, 10, 6], [3, 7, 4]]]])


def test_layer_norm():
    """μ = 2, σ² = 1 and ε = 3 make the root 2."""
    op = ops.LayerNorm(3.0)
    law, x = LAWS.of("l", op), np.array([[1.0, 3]])
    p, delta = {"scale": np.array([2.0, 4]), "shift": np.array([1.0, -1])}, np.array([[1.0, 1]])
    close(law.forward(op, [x], p, {}), [[0, 1]])
    close(law.delta(op, [x], p, delta, {}, 0), [[-0.375, 0.375]])
    close(law.gradient(op, [x], p, delta, {}, "scale"), [-0.5, 0.5])
    close(law.gradient(op, [x], p, delta, {}, "shift"), [1, 1])


@pytest.mark.parametrize(("kind", "variance"), [("unbiased", 1.1), ("biased", 1.0)])
def test_batch_norm(kind, variance):
    """The same numbers down the batch; the running variance divides by n − 1 or by n."""
    op = ops.BatchNorm(3.0, 0.1, kind)
    law, x = LAWS.of("l", op), np.array([[1.0], [3]])
    p, delta = {"scale": np.array([2.0]), "shift": np.array([1.0])}, np.array([[1.0], [2]])
    c = {"running_mean": np.array([0.0]), "running_var": np.array([1.0])}
    close(law.forward(op, [x], p, c), [[0], [2]])
    # s = (2, 4), mean 3; x̂ s = (−1, 2), mean ½; (s − 3 − x̂/2)/2
    close(law.delta(op, [x], p, delta, c, 0), [[-0.375], [0.375]])
    close(law.gradient(op, [x], p, delta, c, "scale"), [0.5])
    close(law.gradient(op, [x], p, delta, c, "shift"), [3])
    close(law.state(op, [x], p, c, "running_mean"), [0.2])
    close(law.state(op, [x], p, c, "running_var"), [variance])


def test_embedding():
    """An index met twice adds twice; a row never read has no gradient."""
    op = ops.Embedding(3, 2)
    law, x = LAWS.of("l", op), np.array([[0, 2], [0, 0]])
    p, delta = {"weight": np.array([[1.0, 2], [3, 4], [5, 6]])}, np.arange(1.0, 9).reshape(2, 2, 2)
    close(law.forward(op, [x], p, {}), [[[1, 2], [5, 6]], [[1, 2], [1, 2]]])
    close(law.gradient(op, [x], p, delta, {}, "weight"), [[13, 16], [0, 0], [3, 4]])


def test_shape_ops():
    """Joins, splits, factors and masks."""
    x, y, delta = np.array([[1.0, 2]]), np.array([[3.0, 5]]), np.array([[7.0, 11]])
    close(LAWS.of("l", ops.Add()).forward(ops.Add(), [x, y, x], {}, {}), [[5, 9]])
    close(LAWS.of("l", ops.Add()).delta(ops.Add(), [x, y, x], {}, delta, {}, 1), delta)
    wide = np.array([[7.0, 11, 13]])
    close(LAWS.of("l", ops.Concat()).forward(ops.Concat(), [x, y[:, :1]], {}, {}), [[1, 2, 3]])
    close(LAWS.of("l", ops.Concat()).delta(ops.Concat(), [x, y[:, :1]], {}, wide, {}, 0), [[7, 11]])
    close(LAWS.of("l", ops.Concat()).delta(ops.Concat(), [x, y[:, :1]], {}, wide, {}, 1), [[13]])
    op = ops.Scale(-0.5)
    close(LAWS.of("l", op).forward(op, [x], {}, {}), [[-0.5, -1]])
    close(LAWS.of("l", op).delta(op, [x], {}, delta, {}, 0), [[-3.5, -5.5]])
    image = np.arange(1.0, 5).reshape(1, 1, 2, 2)
    close(LAWS.of("l", ops.Flatten()).forward(ops.Flatten(), [image], {}, {}), [[1, 2, 3, 4]])
    close(LAWS.of("l", ops.Flatten()).delta(ops.Flatten(), [image], {}, np.array([[5.0, 6, 7, 8]]), {}, 0), [[[[5, 6], [7, 8]]]])
    op, c = ops.Dropout(0.75), {"mask": np.array([[1.0, 0]])}
    close(LAWS.of("l", op).forward(op, [x], {}, c), [[4, 0]])
    close(LAWS.of("l", op).delta(op, [x], {}, delta, c, 0), [[28, 0]])


# p = 1; (rule, t, g, slots, new slots, new p)
UPDATES = [
    (ops.Sgd(0.1), 1, 0.5, {}, {}, 0.95),
    (ops.Sgd(0.1, weight_decay=0.1), 1, 0.5, {}, {}, 0.94),
    (ops.Sgd(0.1, 0.5), 1, 0.5, {"velocity": 2}, {"velocity": 1.5}, 0.85),
    (ops.Sgd(0.1, 0.5, weight_decay=0.1), 1, 0.5, {"velocity": 2}, {"velocity": 1.6}, 0.84),
    (ops.Sgd(0.1, 0.5, True), 1, 0.5, {"velocity": 2}, {"velocity": 1.5}, 0.875),
    (ops.Adam(0.1, 0.5, 0.75, 0.5), 2, 2.0, {"m": 1, "v": 1}, {"m": 1.5, "v": 1.75}, 0.92),
    (ops.AdamW(0.1, 0.5, 0.75, 0.5, 0.5), 2, 2.0, {"m": 1, "v": 1}, {"m": 1.5, "v": 1.75}, 0.87),
]


@pytest.mark.parametrize(("op", "t", "g", "before", "after", "p"), UPDATES)
def test_update(op, t, g, before, after, p):
    """An optimizer that is off by one, or applies decay elsewhere, differs in these digits."""
    law = LAWS.update("w", op)
    slots = {name: np.array([float(value)]) for name, value in before.items()}
    close(law.parameter(op, t, np.array([1.0]), np.array([g]), slots), [p])
    for name, value in after.items():
        close(law.slot(op, t, np.array([1.0]), np.array([g]), slots, name), [value])


def test_every_law_has_literals():
    """A law without numbers of its own would be checked against nothing."""
    covered = {type(row[0]) for row in (*LITERALS, *ERRORS, *UPDATES)}
    covered |= {ops.Dense, ops.Conv2d, ops.MaxPool2d, ops.AvgPool2d, ops.LayerNorm, ops.BatchNorm, ops.Embedding}
    covered |= {ops.Add, ops.Concat, ops.Scale, ops.Flatten, ops.Dropout}
    assert covered == {*LAWS.ops, *LAWS.updates}
