"""Networks small enough for thousands of runs, and such that every mistake of the catalogue can be made in three of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bpcompare import ops
from bpcompare.network.draft import Draft


def network(name, layers, inputs, error, update, *, examples=5, output="o", target=None, integers=()):
    """A network from (name, op, sources, g) rows; parameters are drawn, biases large enough to matter.

    Nonzero slots and a count above one: an optimizer's first step from zero hides most of its formula.
    """
    draft = Draft(name, examples, error, update, seed=7, other=0.5)
    for key, shape in inputs.items():
        draft.input(key, *shape, below=3 if key in integers else None)
    for key, op, sources, g, *shared in layers:
        draft.layer(op, *sources, name=key, g=g, uses=shared[0] if shared else None)
    return draft.network(output, target, seed=3)


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
ADAM_L2 = ops.Adam(0.01, epsilon=1e-3, weight_decay=0.1)
# ε outside the root: so that torch can be the witness.
RMSPROP = ops.RmsProp(0.01, 0.9, False, 1e-3, weight_decay=0.1)
CENTERED = ops.RmsProp(0.01, 0.8, False, 1e-3, centered=True)
GRAVES = ops.RmsProp(0.01, 0.9, False, 1e-3, 0.9, centered=True, weight_decay=0.1)
ADAGRAD = ops.Adagrad(0.01, 1e-3, False)
ADAGRAD_L2 = ops.Adagrad(0.1, 1e-3, False, 0.01, weight_decay=0.1)


def penalized(one, what, *names):
    """The same network with a penalty on the parameters whose ids end so."""
    parameters = {
        name: replace(parameter, penalty=ops.L2(0.05)) if name.endswith(names) else parameter
        for name, parameter in one.parameters.items()
    }
    return replace(one, name=f"{one.name}-{what}", parameters=parameters)


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
    mlp(ops.Tanh(), HALF, ADAM_L2, name="adam-l2"),
    mlp(ops.Silu(), MEAN, RMSPROP, name="rmsprop", widths=(4,)),
    mlp(ops.Tanh(), HALF, CENTERED, name="rmsprop-centered", widths=(4, 4)),
    mlp(ops.Sigmoid(), MEAN, GRAVES, name="rmsprop-graves", widths=(4,)),
    _skip(ops.Tanh(), GRAVES),
    _shared(ops.Softplus(), GRAVES),
    mlp(ops.Tanh(), HALF, ADAGRAD, name="adagrad", widths=(4, 4)),
    mlp(ops.Silu(), MEAN, ADAGRAD_L2, name="adagrad-l2", widths=(4,)),
    _shared(ops.Silu(), ADAGRAD),
    penalized(mlp(ops.Tanh(), HALF, SGD, widths=(4,)), "l2", "weight"),
    penalized(mlp(ops.Sigmoid(), MEAN, ADAM, widths=(4, 4)), "l2-of-all", ""),
    penalized(_shared(ops.Tanh(), MOMENTUM), "l2-of-shared", "W", "e.weight", "n.scale"),
    penalized(_skip(ops.Elu(0.5), ADAMW, MEAN), "l2", "weight", "o.bias"),
)
"""Every mistake applies to at least three of these."""
