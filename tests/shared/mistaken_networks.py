"""Networks small enough for thousands of runs, and such that every mistake of the catalogue can be made in three of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bpcompare import ops
from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.parameter import Initializer, Parameter

DRAWN = Training(seed=3, slots="drawn", updates_done=3)
"""Nonzero slots and a count above one: an optimizer's first step from zero hides most of its formula."""


def network(name, layers, inputs, error, update, *, examples=5, output="o", target=None, integers=()):
    """A network from (name, op, sources, g) rows; parameters are drawn, biases large enough to matter."""
    random = np.random.default_rng(7)
    inputs = {key: Input(shape) for key, shape in inputs.items()}
    shapes = {key: group.shape for key, group in inputs.items()}
    rows, parameters = {}, {}
    for key, op, sources, g, *shared in layers:
        needed = op.shapes([shapes[source] for source in sources])
        assert not needed.problems, needed.problems
        shapes[key] = needed.out
        roles = {role: f"{key}.{role}" for role in needed.parameters} | (shared[0] if shared else {})
        rows[key] = Layer(op, tuple(sources), g, roles)
        for role, path in roles.items():
            parameters[path] = Parameter(
                Initializer("lecun_normal" if role == "weight" else "normal", 1.0 if role == "weight" else 0.5)
            )
    drawn = {
        key: random.integers(0, 3, (examples, *group.shape))
        if key in integers
        else random.standard_normal((examples, *group.shape))
        for key, group in inputs.items()
    }
    out = shapes[output]
    if target is None:
        target = random.integers(0, out[-1], examples) if error.integer_target else random.standard_normal((examples, *out))
    return Network(name, inputs, rows, parameters, Error(error, output), update, Data(drawn, target), DRAWN)


def mlp(g, error, update, *, widths=(4, 4, 4), output=None, name="mlp", examples=5, inputs=3, target=None, outputs=2):
    """Dense layers of the same activation, fully connected."""
    layers, source = [], "x"
    for number, width in enumerate(widths):
        layers.append((f"h{number}", ops.Dense(width), [source], g))
        source = f"h{number}"
    layers.append(("o", ops.Dense(outputs), [source], output or ops.Identity()))
    return network(name, layers, {"x": (inputs,)}, error, update, examples=examples, target=target)


HALF = ops.HalfSquared(reduce="sum", scale=0.7)
MEAN = ops.MeanSquared(reduce="mean", scale=3.0)
CLASSES = ops.SoftmaxCrossEntropy(reduce="mean", targets="classes")
SGD = ops.Sgd(0.1)
MOMENTUM = ops.Sgd(0.1, 0.9, weight_decay=0.02)
NESTEROV = ops.Sgd(0.05, 0.8, True, 0.01)
ADAM = ops.Adam(0.01, epsilon=1e-3)
ADAMW = ops.AdamW(0.01, epsilon=1e-3, weight_decay=0.1)


def _skip(g, update, error=HALF):
    layers = [
        ("a", ops.Dense(4), ["x"], g),
        ("b", ops.Dense(4), ["a"], ops.Tanh()),
        ("s", ops.Add(), ["a", "b"], ops.Identity()),
        ("k", ops.Scale(-0.5), ["s"], ops.Identity()),
        ("o", ops.Dense(3), ["k", "a"], ops.Sigmoid()),
    ]
    return network(f"skip-{g.name}-{update.name}", layers, {"x": (3,)}, error, update)


def _shared(g, update):
    layers = [
        ("e", ops.Embedding(6, 4), ["i"], ops.Identity()),  # of six rows, three are read
        ("f", ops.Flatten(), ["e"], ops.Identity()),
        ("h1", ops.Dense(8), ["f"], g, {"weight": "W"}),
        ("h2", ops.Dense(8), ["h1"], g, {"weight": "W"}),
        ("d", ops.Dropout(0.3), ["h2"], ops.Identity()),
        ("n", ops.LayerNorm(1e-3), ["d"], ops.LeakyRelu(0.2)),
        ("o", ops.Dense(3), ["n"], ops.Identity()),
    ]
    return network(f"shared-{g.name}", layers, {"i": (2,)}, CLASSES, update, integers=("i",))


def _conv(g, update, norm, pool, error=CLASSES):
    layers = [
        ("c1", ops.Conv2d(3, (3, 3), padding=(1, 1)), ["x"], g),
        ("n", norm, ["c1"], ops.Softplus()),
        ("p", pool, ["n"], ops.Identity()),
        ("c2", ops.Conv2d(2, (2, 2)), ["p"], g),
        ("f", ops.Flatten(), ["c2"], ops.Identity()),
        ("d", ops.Dropout(0.4), ["f"], ops.Identity()),
        ("h", ops.Dense(5), ["d"], g),
        ("k", ops.Scale(0.25), ["h"], ops.Identity()),
        ("o", ops.Dense(3), ["k"], ops.Identity()),
    ]
    return network(f"conv-{g.name}-{norm.name}-{pool.name}", layers, {"x": (1, 6, 6)}, error, update)


_BATCH = ops.BatchNorm(1e-3, 0.1, "unbiased")
_MAX, _AVG = ops.MaxPool2d((2, 2), (2, 2)), ops.AvgPool2d((2, 2), (2, 2))
_BINARY = ops.BinaryCrossEntropyWithLogits(reduce="mean", scale=2.0)
_HUBER = ops.Huber(threshold=0.4, reduce="sum", scale=0.5)
_TWO = np.random.default_rng(1).dirichlet(np.ones(2), 5)
_ONE = np.array([[1.0], [0.0], [0.0], [1.0], [1.0]])

NETWORKS = (
    mlp(ops.Sigmoid(), HALF, SGD, name="sigmoid", output=ops.Sigmoid()),
    mlp(ops.Tanh(), ops.HalfSquared(reduce="mean"), SGD, name="tanh", widths=(4, 4), output=ops.Tanh()),
    mlp(ops.Silu(), MEAN, MOMENTUM, name="silu", output=ops.Sigmoid()),
    mlp(ops.Silu(), ops.MeanSquared(reduce="sum"), NESTEROV, name="silu-nesterov", widths=(4,)),
    mlp(ops.GeluErf(), MEAN, NESTEROV, name="gelu_erf", output=ops.Elu(0.5)),
    mlp(ops.GeluErf(), _HUBER, ADAM, name="gelu_erf-adam", widths=(4, 6)),
    mlp(ops.GeluTanh(), _HUBER, ADAM, name="gelu_tanh", output=ops.Tanh()),
    mlp(ops.LeakyRelu(0.1), _HUBER, ADAMW, name="leaky", widths=(6, 6)),
    mlp(ops.LeakyRelu(0.3), _BINARY, ADAM, name="leaky-binary", target=np.array([[1.0, 0], [0, 1], [1, 1], [0, 0], [1, 0]])),
    mlp(ops.Elu(0.5), CLASSES, ADAMW, name="elu"),
    mlp(ops.Elu(2.0), ops.SoftmaxCrossEntropy(reduce="sum", targets="probabilities"), MOMENTUM, name="elu-soft", target=_TWO),
    mlp(ops.Softmax(), HALF, NESTEROV, name="softmax", output=ops.Softmax()),
    mlp(ops.Softmax(), MEAN, MOMENTUM, name="softmax-mean", widths=(4,)),
    mlp(
        ops.Tanh(),
        ops.SoftmaxCrossEntropy(reduce="mean", targets="classes", scale=10.0),
        ADAMW,
        name="softmax-tanh",
        output=ops.Softmax(),
    ),
    mlp(ops.Silu(), _BINARY, ADAMW, name="silu-binary", target=np.array([[1.0, 0], [0, 1], [1, 1], [0, 0], [1, 0]])),
    mlp(ops.Softplus(), CLASSES, ADAM, name="softplus", widths=(3, 3)),
    mlp(ops.Relu(), ops.MeanSquared(reduce="mean"), SGD, name="relu-one", widths=(6, 6), outputs=1),
    mlp(ops.Relu(), HALF, MOMENTUM, name="relu-one-sum", widths=(6,), outputs=1),
    mlp(
        ops.Tanh(), ops.BinaryCrossEntropyWithLogits(reduce="mean"), ADAM, name="binary-one", widths=(4,), outputs=1, target=_ONE
    ),
    _skip(ops.Sigmoid(), SGD),
    _skip(ops.Tanh(), MOMENTUM, ops.HalfSquared(reduce="mean")),
    _skip(ops.Elu(0.5), ADAM, MEAN),
    _shared(ops.Tanh(), ADAM),
    _shared(ops.GeluTanh(), ADAMW),
    _shared(ops.Sigmoid(), NESTEROV),
    _conv(ops.Tanh(), SGD, _BATCH, _MAX),
    _conv(ops.Silu(), ADAM, ops.LayerNorm(1e-3), _AVG),
    _conv(ops.GeluTanh(), NESTEROV, _BATCH, _AVG, CLASSES),
    _conv(ops.Sigmoid(), ADAMW, _BATCH, _MAX),
    _conv(ops.Softplus(), MOMENTUM, _BATCH, _MAX),
    _conv(ops.LeakyRelu(0.1), SGD, ops.LayerNorm(1e-3), _AVG),
)
"""Every mistake applies to at least three of these."""

TWO_STEPS = tuple(replace(one, training=replace(one.training, steps=2)) for one in NETWORKS)
