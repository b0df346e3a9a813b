"""Every law against numbers worked out by hand. No oracle tries a forward law: these literals do."""

from math import log

import numpy as np
import pytest

from activations_by_hand import LITERALS
from bpcompare import ops
from bpcompare.laws import LAWS
from bpcompare.laws.law import At, UpdateAt
from bpcompare.numbers.number import Product, total

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
    close(law.forward(At(op, [x])), [a])
    close(law.delta(At(op, [x], dy=np.array([delta_a], float))), [delta_in])


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
    close(law.forward(At(op, [a, t])), error)
    close(law.delta(At(op, [a, t])), delta)


def test_dense():
    """The textbook's own three equations."""
    op, law = ops.Dense(2), LAWS.of("l", ops.Dense(2))
    x, y = np.array([[1.0, 2], [3, 4]]), np.array([[5.0], [6]])
    p = {"weight": np.array([[1.0, -1], [2, 0], [0, 3]]), "bias": np.array([10.0, 20])}
    delta = np.array([[1.0, 2], [-1, 1]])
    close(law.forward(At(op, [x, y], p)), [[15, 34], [21, 35]])
    close(number(law.delta(At(op, [x, y], p, dy=delta))), [[-1, 2], [-2, -2]])
    close(number(law.delta(At(op, [x, y], p, dy=delta, slot=1))), [[6], [3]])
    close(number(law.gradient(At(op, [x, y], p, dy=delta, role="weight"))), [[-2, 5], [-2, 8], [-1, 16]])
    close(law.gradient(At(op, [x, y], p, dy=delta, role="bias")), [0, 3])


def test_convolution():
    """A kernel that is flipped, shifted or transposed is caught by a kernel of four different numbers."""
    op, law = ops.Conv2d(1, (2, 2)), LAWS.of("l", ops.Conv2d(1, (2, 2)))
    x = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    p = {"weight": np.array([[[[1.0, 10], [100, 1000]]]]), "bias": np.array([0.5])}
    close(law.forward(At(op, [x], p)), [[[[5421.5, 6532.5], [8754.5, 9865.5]]]])
    delta = np.array([[[[1.0, 2], [0, 3]]]])
    close(law.delta(At(op, [x], p, dy=delta)), [[[[1, 12, 20], [100, 1203, 2030], [0, 300, 3000]]]])
    close(law.gradient(At(op, [x], p, dy=delta, role="weight")), [[[[20, 26], [38, 44]]]])
    close(law.gradient(At(op, [x], p, dy=delta, role="bias")), [6])


def test_convolution_with_stride_and_padding():
    """The far edge, which no window reaches, must get no Δ; the padding must not shift it."""
    op = ops.Conv2d(1, (2, 2), stride=(2, 2), padding=(1, 1), bias=False)
    law, x = LAWS.of("l", op), np.arange(1.0, 5).reshape(1, 1, 2, 2)
    p = {"weight": np.array([[[[1.0, 10], [100, 1000]]]])}
    close(law.forward(At(op, [x], p)), [[[[1000, 200], [30, 4]]]])
    close(law.delta(At(op, [x], p, dy=np.array([[[[1.0, 2], [3, 4]]]]))), [[[[1000, 200], [30, 4]]]])
    close(law.gradient(At(op, [x], p, dy=np.array([[[[1.0, 2], [3, 4]]]]), role="weight")), [[[[16, 9], [4, 1]]]])


def test_pooling():
    """Overlapping windows add up; a tie goes to the first."""
    x = np.array([[[[1.0, 5, 2], [3, 5, 4], [0, 1, 2]]]])
    delta = np.array([[[[4.0, 8], [12, 16]]]])
    op = ops.MaxPool2d((2, 2), (1, 1))
    close(LAWS.of("l", op).forward(At(op, [x])), [[[[5, 5], [5, 5]]]])
    close(LAWS.of("l", op).delta(At(op, [x], dy=delta)), [[[[0, 12, 0], [0, 28, 0], [0, 0, 0]]]])
    op = ops.AvgPool2d((2, 2), (1, 1))
    close(LAWS.of("l", op).forward(At(op, [x])), [[[[3.5, 4], [2.25, 3]]]])
    close(LAWS.of("l", op).delta(At(op, [x], dy=delta)), [[[[1, 3, 2], [4, 10, 6], [3, 7, 4]]]])


def test_layer_norm():
    """μ = 2, σ² = 1 and ε = 3 make the root 2."""
    op = ops.LayerNorm(3.0)
    law, x = LAWS.of("l", op), np.array([[1.0, 3]])
    p, delta = {"scale": np.array([2.0, 4]), "shift": np.array([1.0, -1])}, np.array([[1.0, 1]])
    close(law.forward(At(op, [x], p)), [[0, 1]])
    close(law.delta(At(op, [x], p, dy=delta)), [[-0.375, 0.375]])
    close(law.gradient(At(op, [x], p, dy=delta, role="scale")), [-0.5, 0.5])
    close(law.gradient(At(op, [x], p, dy=delta, role="shift")), [1, 1])


@pytest.mark.parametrize(("kind", "variance"), [("unbiased", 1.1), ("biased", 1.0)])
def test_batch_norm(kind, variance):
    """The same numbers down the batch; the running variance divides by n − 1 or by n."""
    op = ops.BatchNorm(3.0, 0.1, kind)
    law, x = LAWS.of("l", op), np.array([[1.0], [3]])
    p, delta = {"scale": np.array([2.0]), "shift": np.array([1.0])}, np.array([[1.0], [2]])
    c = {"running_mean": np.array([0.0]), "running_var": np.array([1.0])}
    close(law.forward(At(op, [x], p, c)), [[0], [2]])
    # s = (2, 4), mean 3; x̂ s = (−1, 2), mean ½; (s − 3 − x̂/2)/2
    close(law.delta(At(op, [x], p, c, dy=delta)), [[-0.375], [0.375]])
    close(law.gradient(At(op, [x], p, c, dy=delta, role="scale")), [0.5])
    close(law.gradient(At(op, [x], p, c, dy=delta, role="shift")), [3])
    close(law.state(At(op, [x], p, c, name="running_mean")), [0.2])
    close(law.state(At(op, [x], p, c, name="running_var")), [variance])


def test_embedding():
    """An index met twice adds twice; a row never read has no gradient."""
    op = ops.Embedding(3, 2)
    law, x = LAWS.of("l", op), np.array([[0, 2], [0, 0]])
    p, delta = {"weight": np.array([[1.0, 2], [3, 4], [5, 6]])}, np.arange(1.0, 9).reshape(2, 2, 2)
    close(law.forward(At(op, [x], p)), [[[1, 2], [5, 6]], [[1, 2], [1, 2]]])
    close(law.gradient(At(op, [x], p, dy=delta, role="weight")), [[13, 16], [0, 0], [3, 4]])


def test_shape_ops():
    """Joins, splits, factors and masks."""
    x, y, delta = np.array([[1.0, 2]]), np.array([[3.0, 5]]), np.array([[7.0, 11]])
    close(LAWS.of("l", ops.Add()).forward(At(ops.Add(), [x, y, x])), [[5, 9]])
    close(LAWS.of("l", ops.Add()).delta(At(ops.Add(), [x, y, x], dy=delta, slot=1)), delta)
    wide = np.array([[7.0, 11, 13]])
    close(LAWS.of("l", ops.Concat()).forward(At(ops.Concat(), [x, y[:, :1]])), [[1, 2, 3]])
    close(LAWS.of("l", ops.Concat()).delta(At(ops.Concat(), [x, y[:, :1]], dy=wide)), [[7, 11]])
    close(LAWS.of("l", ops.Concat()).delta(At(ops.Concat(), [x, y[:, :1]], dy=wide, slot=1)), [[13]])
    op = ops.Scale(-0.5)
    close(LAWS.of("l", op).forward(At(op, [x])), [[-0.5, -1]])
    close(LAWS.of("l", op).delta(At(op, [x], dy=delta)), [[-3.5, -5.5]])
    image = np.arange(1.0, 5).reshape(1, 1, 2, 2)
    close(LAWS.of("l", ops.Flatten()).forward(At(ops.Flatten(), [image])), [[1, 2, 3, 4]])
    close(LAWS.of("l", ops.Flatten()).delta(At(ops.Flatten(), [image], dy=np.array([[5.0, 6, 7, 8]]))), [[[[5, 6], [7, 8]]]])
    op, c = ops.Dropout(0.75), {"mask": np.array([[1.0, 0]])}
    close(LAWS.of("l", op).forward(At(op, [x], c=c)), [[4, 0]])
    close(LAWS.of("l", op).delta(At(op, [x], c=c, dy=delta)), [[28, 0]])


# p = 1; (rule, t, g, slots, new slots, new p)
UPDATES = [
    (ops.Sgd(0.1), 1, 0.5, {}, {}, 0.95),
    (ops.Sgd(0.1, weight_decay=0.1), 1, 0.5, {}, {}, 0.94),
    (ops.Sgd(0.1, 0.5), 1, 0.5, {"velocity": 2}, {"velocity": 1.5}, 0.85),
    (ops.Sgd(0.1, 0.5, weight_decay=0.1), 1, 0.5, {"velocity": 2}, {"velocity": 1.6}, 0.84),
    (ops.Sgd(0.1, 0.5, True), 1, 0.5, {"velocity": 2}, {"velocity": 1.5}, 0.875),
    (ops.Adam(0.1, 0.5, 0.75, 0.5), 2, 2.0, {"m": 1, "v": 1}, {"m": 1.5, "v": 1.75}, 0.92),
    (ops.AdamW(0.1, 0.5, 0.75, 0.5, 0.5), 2, 2.0, {"m": 1, "v": 1}, {"m": 1.5, "v": 1.75}, 0.87),
    # d = 1.5 + ½ · 1 = 2: the numbers of Adam above
    (ops.Adam(0.1, 0.5, 0.75, 0.5, 0.5), 2, 1.5, {"m": 1, "v": 1}, {"m": 1.5, "v": 1.75}, 0.92),
    # v = ¾ · 4 + ¼ · 4 = 4; 1 − 0.1 · 2 / (2 + ½); with ε = 12 inside, 1 − 0.1 · 2 / 4
    (ops.RmsProp(0.1, 0.75, False, 0.5), 1, 2.0, {"v": 4}, {"v": 4}, 0.92),
    (ops.RmsProp(0.1, 0.75, True, 12.0), 1, 2.0, {"v": 4}, {"v": 4}, 0.95),
    (ops.RmsProp(0.1, 0.75, False, 0.5, weight_decay=0.5), 1, 1.5, {"v": 4}, {"v": 4}, 0.92),
    # velocity = ½ · 3 + 2 / (2 + ½)
    (ops.RmsProp(0.1, 0.75, False, 0.5, 0.5), 1, 2.0, {"v": 4, "velocity": 3}, {"v": 4, "velocity": 2.3}, 0.77),
    # m = ½ · 0 + ½ · 2 = 1, v = ½ · 6 + ½ · 4 = 5: √(5 − 1) = 2; 2 / (2 + ½) = 0.8; with ε = 12 inside, 2 / 4
    (ops.RmsProp(0.1, 0.5, False, 0.5, centered=True), 1, 2.0, {"v": 6, "m": 0}, {"v": 5, "m": 1}, 0.92),
    (
        ops.RmsProp(0.1, 0.5, True, 12.0, 0.5, centered=True),
        *(1, 2.0, {"v": 6, "m": 0, "velocity": 3}, {"v": 5, "m": 1, "velocity": 2}, 0.8),
    ),
    # sum = 5 + 4 = 9; 1 − 0.1 · 2 / (3 + 1); with ε = 7 inside, 1 − 0.1 · 2 / 4
    (ops.Adagrad(0.1, 1.0, False), 1, 2.0, {"sum": 5}, {"sum": 9}, 0.95),
    (ops.Adagrad(0.1, 7.0, True), 3, 2.0, {"sum": 5}, {"sum": 9}, 0.95),
    (ops.Adagrad(0.1, 0.0, True, 5.0, weight_decay=0.5), 1, 1.5, {"sum": 12}, {"sum": 16}, 0.95),
]


@pytest.mark.parametrize(("op", "t", "g", "before", "after", "p"), UPDATES)
def test_update(op, t, g, before, after, p):
    """An optimizer that is off by one, or applies decay elsewhere, differs in these digits."""
    law = LAWS.update("w", op)
    slots = {name: np.array([float(value)]) for name, value in before.items()}
    at = UpdateAt(op, t, np.array([1.0]), np.array([g]), slots)
    close(law.parameter(at), [p])
    for name, value in after.items():
        close(law.slot(at.but(name=name)), [value])


def both(op, xs, y, delta, deltas, p=None, gradients=None, c=None):
    """The forward law, Δ of every source, and every gradient, against numbers by hand."""
    law, xs = LAWS.of("l", op), [np.array(x, float) for x in xs]
    at = At(op, xs, {role: np.array(x, float) for role, x in (p or {}).items()}, c or {}, np.array(delta, float))
    close(law.forward(at), y)
    for slot, expected in enumerate(deltas):
        close(total([law.delta(at.but(slot=slot))]), expected)
    for role, expected in (gradients or {}).items():
        close(total([law.gradient(at.but(role=role))]), expected)


def test_arithmetic():
    """Two examples with a row for both columns: what was repeated adds up, and examples do not mix."""
    a, b = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]], [[10, 100], [2, -4]]
    delta = [[[1, 2], [3, 4]], [[1, 0], [0, 1]]]
    both(
        ops.Multiply(),
        [a, b],
        [[[10, 200], [30, 400]], [[10, -24], [14, -32]]],
        delta,
        [[[[10, 200], [30, 400]], [[2, 0], [0, -4]]], [[10, 20], [5, 8]]],
    )
    both(
        ops.Subtract(),
        [a, b],
        [[[-9, -98], [-7, -96]], [[3, 10], [5, 12]]],
        delta,
        [delta, [[-4, -6], [-1, -1]]],
    )
    both(
        ops.Divide(),
        [a, b],
        [[[0.1, 0.02], [0.3, 0.04]], [[2.5, -1.5], [3.5, -2]]],
        delta,
        [[[[0.1, 0.02], [0.3, 0.04]], [[0.5, 0], [0, -0.25]]], [[-0.1, -0.002], [-1.25, -0.5]]],
    )
    both(ops.Add(), [a, b, [1, 2]], [[[12, 103], [14, 105]], [[9, 4], [11, 6]]], delta, [delta, [[4, 6], [1, 1]], [10, 2]])
    both(ops.Exp(), [[[0, LN3]]], [[1, 3]], [[2, 5]], [[[2, 15]]])
    both(ops.Log(), [[[1, 4]]], [[0, LN4]], [[2, 2]], [[[2, 0.5]]])
    both(ops.Sqrt(), [[[4, 0.25]]], [[2, 0.5]], [[2, 3]], [[[0.5, 3]]])
    both(ops.Power(3.0), [[[2, -1]]], [[8, -1]], [[1, 2]], [[[12, 6]]])
    both(ops.Power(-2.0), [[[2, -1]]], [[0.25, 1]], [[1, 2]], [[[-0.25, 4]]])
    both(ops.Power(1.5), [[[4, 9]]], [[8, 27]], [[1, 2]], [[[3, 9]]])


def test_products_and_reductions():
    """A factor transposed, or an example's axis summed over."""
    a, b = [[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]
    both(ops.Matmul(), [a, b], [[[19, 22], [43, 50]]], [[[1, 0], [0, 2]]], [[[[5, 7], [12, 16]]], [[[1, 6], [2, 8]]]])
    x = [[[1, 2], [3, 5]], [[4, 4], [0, 2]]]
    both(ops.Sum((0,)), [x], [[4, 7], [4, 6]], [[1, 2], [3, 4]], [[[[1, 2], [1, 2]], [[3, 4], [3, 4]]]])
    both(ops.Mean((-1,), keep=True), [x], [[[1.5], [4]], [[4], [1]]], [[[2], [4]], [[6], [8]]],
         [[[[1, 1], [2, 2]], [[3, 3], [4, 4]]]])  # fmt: skip


def test_moves():
    """An entry in another place than where it belongs."""
    x, delta = [[[1, 2, 3], [4, 5, 6]]], [[[1, 2], [3, 4], [5, 6]]]
    both(ops.Permute((1, 0)), [x], [[[1, 4], [2, 5], [3, 6]]], delta, [[[[1, 3, 5], [2, 4, 6]]]])
    both(ops.Reshape((3, -1)), [x], [[[1, 2], [3, 4], [5, 6]]], delta, [[[[1, 2, 3], [4, 5, 6]]]])
    both(ops.Slice(0, None, 2, axis=1), [x], [[[1, 3], [4, 6]]], [[[1, 2], [3, 4]]], [[[[1, 0, 2], [3, 0, 4]]]])
    both(ops.Slice(-1, drop=True), [x], [[4, 5, 6]], [[1, 2, 3]], [[[[0, 0, 0], [1, 2, 3]]]])
    both(ops.Concat(axis=1), [[[[1], [2]]], [[[3, 4], [5, 6]]]], [[[1, 3, 4], [2, 5, 6]]], [[[1, 2, 3], [4, 5, 6]]],
         [[[[1], [4]]], [[[2, 3], [5, 6]]]])  # fmt: skip


def test_constant_and_prelu():
    """A parameter that every example uses gets the Δ of every example; at 0 prelu's derivative is the slope."""
    ones = {"ones": np.ones(2)}
    both(ops.Constant((2,)), [], [[5, 7], [5, 7]], [[1, 2], [3, 4]], [], {"value": [5, 7]}, {"value": [4, 6]}, ones)
    both(ops.PRelu(), [[[2, -4, 0]]], [[2, -1, 0]], [[1, 2, 3]], [[[1, 0.5, 0.75]]], {"slope": [0.25]}, {"slope": [-8]})
    x, delta = [[[-1, 2], [-3, 4]]], [[[1, 1], [1, 1]]]
    y, back = [[[-10, 2], [-60, 4]]], [[[10, 1], [20, 1]]]
    both(ops.PRelu(channels=True), [x], y, delta, [back], {"slope": [10, 20]}, {"slope": [-1, -3]})


def test_sequences():
    """A dense layer, a layer norm and a softmax along one axis of several."""
    x = [[[1, 2], [3, 4], [5, 6]]]
    both(ops.Dense(1), [x], [[[22], [44], [66]]], [[[1], [2], [3]]], [[[[1, 10], [2, 20], [3, 30]]]],
         {"weight": [[1], [10]], "bias": [1]}, {"weight": [[22], [28]], "bias": [6]})  # fmt: skip
    p = {"scale": [2, 4], "shift": [1, -1]}
    both(ops.LayerNorm(3.0, last=1), [[[[1, 3], [3, 1]]]], [[[0, 1], [2, -3]]], [[[1, 1], [0, 0]]],
         [[[[-0.375, 0.375], [0, 0]]]], p, {"scale": [-0.5, 0.5], "shift": [1, 1]})  # fmt: skip
    both(ops.Softmax(axis=0), [[[[0, LN3], [0, 0]]]], [[[0.5, 0.75], [0.5, 0.25]]], [[[1, 4], [0, 0]]],
         [[[[0.25, 0.75], [-0.25, -0.75]]]])  # fmt: skip


def test_other_norms():
    """mean(x²) = 5 with ε = 11, and two groups of μ = 2, σ² = 1 with ε = 3."""
    both(ops.RmsNorm(11.0), [[[1, 3]]], [[0.5, 3]], [[4, 1]], [[[1.84375, 0.53125]]], {"scale": [2, 4]}, {"scale": [1, 0.75]})
    both(ops.GroupNorm(2, 3.0), [[[1, 3, 3, 1]]], [[0, 1, 1.5, -1.5]], [[1, 1, 0, 0]], [[[-0.375, 0.375, 0, 0]]],
         {"scale": [2, 4, 1, 1], "shift": [1, -1, 1, -1]},
         {"scale": [-0.5, 0.5, 0, 0], "shift": [1, 1, 0, 0]})  # fmt: skip


def test_other_convolutions():
    """Groups that mix, a kernel that is not stretched, or a border on the wrong side."""
    op, x = ops.Conv2d(2, (1, 2), groups=2, bias=False), [[[[1, 2, 3]], [[4, 5, 6]]]]
    w = {"weight": [[[[1, 10]]], [[[2, 3]]]]}
    both(op, [x], [[[[21, 32]], [[23, 28]]]], [[[[1, 2]], [[3, 4]]]], [[[[[1, 12, 20]], [[6, 17, 12]]]]],
         w, {"weight": [[[[5, 8]]], [[[32, 39]]]]})  # fmt: skip
    op, x = ops.Conv2d(1, (1, 2), dilation=(1, 2), far_padding=(0, 1), bias=False), [[[[1, 2, 3]]]]
    w = {"weight": [[[[1, 10]]]]}
    both(op, [x], [[[[31, 2]]]], [[[[1, 5]]]], [[[[[1, 5, 10]]]]], w, {"weight": [[[[11, 3]]]]})


def test_other_pools():
    """Padding that wins over negative numbers; a mean over what is no member; regions that overlap."""
    x, delta = [[[[-4, -3, -2]]]], [[[[1, 2]]]]
    both(ops.MaxPool2d((1, 2), (1, 2), (0, 1)), [x], [[[[-4, -2]]]], delta, [[[[[1, 0, 2]]]]])
    both(ops.AvgPool2d((1, 2), (1, 2), (0, 1)), [x], [[[[-2, -2.5]]]], delta, [[[[[0.5, 1, 1]]]]])
    both(ops.AvgPool2d((1, 2), (1, 2), (0, 1), counts_padding=False), [x], [[[[-4, -2.5]]]], delta, [[[[[1, 1, 1]]]]])
    both(ops.AdaptiveAvgPool2d((1, 2)), [x], [[[[-3.5, -2.5]]]], delta, [[[[[0.5, 1.5, 1]]]]])


def test_penalty():
    """½ · ½ (1 + 4 + 9) and −½ w: without the ½ of E, both would be twice as large."""
    law, at = LAWS.of("h.weight.penalty", ops.L2(0.5)), At(ops.L2(0.5), [], {"w": np.array([[1.0, -2.0], [3.0, 0.0]])})
    assert law.forward(at) == 3.5
    assert law.gradient(at.but(role="w")).tolist() == [[-0.5, 1.0], [-1.5, 0.0]]


def test_every_law_has_literals():
    """A law without numbers of its own would be checked against nothing."""
    covered = {type(row[0]) for row in (*LITERALS, *ERRORS, *UPDATES)}
    covered |= {ops.Dense, ops.Conv2d, ops.MaxPool2d, ops.AvgPool2d, ops.LayerNorm, ops.BatchNorm, ops.Embedding}
    covered |= {ops.Add, ops.Concat, ops.Scale, ops.Flatten, ops.Dropout, ops.Permute, ops.Reshape, ops.Slice}
    covered |= {ops.Multiply, ops.Subtract, ops.Divide, ops.Exp, ops.Log, ops.Sqrt, ops.Power, ops.Matmul, ops.Sum, ops.Mean}
    covered |= {ops.Constant, ops.PRelu, ops.RmsNorm, ops.GroupNorm, ops.AdaptiveAvgPool2d, ops.L2}
    assert covered == {*LAWS.ops, *LAWS.updates}
