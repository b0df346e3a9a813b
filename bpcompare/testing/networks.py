"""Random networks that can be run: every op, forks, skips, shared and frozen parameters, extreme scales.

`build` asks a `Choose` for every decision, so that Hypothesis (which shrinks) and a seed (which is fast) share one generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, Protocol, TypeVar

import numpy as np

from bpcompare import ops
from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.ops.op import LayerOp, Op, Shape
from bpcompare.parameter import Array, Initializer, Parameter

T = TypeVar("T")


class Choose(Protocol):
    """Where decisions come from."""

    def integer(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""

    def one_of(self, values: Sequence[T]) -> T:
        """One of `values`; the first is the simplest."""


class Seeded:
    """Decisions of a seeded generator."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def integer(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return int(self._random.integers(low, high + 1))

    def one_of(self, values: Sequence[T]) -> T:
        """One of `values`."""
        return values[self.integer(0, len(values) - 1)]


@dataclass(frozen=True)
class Size:
    """How large a random network may be: hidden vector layers, their width, and examples a step."""

    depth: int = 5
    width: int = 12
    batch: int = 6
    dtypes: tuple[str, ...] = ("float64", "float32")


ACTIVATIONS: tuple[ops.Activation, ...] = tuple(form for op in ops.ACTIVATIONS for form in op.forms())
"""Every activation in each of its forms."""


EPSILON = 1e-5
"""ε of normalizations."""


@dataclass
class _Draft:
    """A network under construction. `loose` are the groups that nothing consumes yet."""

    choose: Choose
    size: Size
    inputs: dict[str, Input] = field(default_factory=dict)
    layers: dict[str, Layer] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    shared: dict[Shape, str] = field(default_factory=dict)
    loose: list[str] = field(default_factory=list)

    def input(self, name: str, shape: Shape) -> str:
        self.inputs[name] = Input(shape)
        self.shapes[name] = shape
        return name

    def layer(self, op: LayerOp, sources: Sequence[str], g: Op | None = None) -> str:
        name = f"l{len(self.layers)}"
        needed = op.shapes([self.shapes[source] for source in sources])
        roles = {}
        for role, parameter in needed.parameters.items():
            roles[role] = self._parameter(name, role, parameter.shape)
        self.layers[name] = Layer(op, tuple(sources), g or self.activation(needed.out), roles)
        self.shapes[name] = needed.out
        self.loose = [group for group in self.loose if group not in sources] + [name]
        return name

    def _parameter(self, layer: str, role: str, shape: Shape) -> str:
        if role == "weight" and shape in self.shared and self.choose.integer(0, 3) == 3:
            return self.shared[shape]
        path = f"{layer}.{role}"
        if role == "bias":
            # Biases much larger than Σ|w a|, at times.
            init = Initializer("normal", self.choose.one_of((0.1, 0.1, 1.0, 1.0, 100.0)))
        elif role == "weight":
            init = Initializer("lecun_normal", self.choose.one_of((1.0, 1.0, 1.0, 1.0, 0.1, 10.0)))
        else:
            init = Initializer("normal", 1.0)
        self.parameters[path] = Parameter(init, trainable=self.choose.integer(0, 9) < 9)
        if role == "weight":
            self.shared[shape] = path
        return path

    def activation(self, shape: Shape) -> Op:
        return self.choose.one_of(ACTIVATIONS)

    def vectors(self, *, among: Sequence[str] | None = None) -> list[str]:
        groups = [*self.inputs, *self.layers] if among is None else among
        return [group for group in groups if len(self.shapes[group]) == 1 and group != "i"]


def build(choose: Choose, size: Size | None = None) -> Network:
    """A random network without problems."""
    size = size or Size()
    draft = _Draft(choose, size)
    integers: dict[str, int] = {}
    kind = choose.one_of(("vector", "vector", "image", "tokens"))
    if kind == "image":
        _image(draft)
    elif kind == "tokens":
        rows = choose.integer(2, 6)
        integers[draft.input("i", (choose.integer(1, 4),))] = rows
        embedded = draft.layer(ops.Embedding(rows, choose.integer(1, 5)), ["i"], ops.Identity())
        draft.layer(ops.Flatten(), [embedded])
    if kind == "vector" or choose.integer(0, 1):
        draft.input("x", (choose.integer(1, size.width),))
        draft.loose.append("x")
    for _ in range(choose.integer(0, size.depth)):
        _grow(draft)
    error = _error(choose)
    outputs = choose.integer(2 if error.name == "softmax_cross_entropy" else 1, 5)
    ends = draft.vectors(among=draft.loose)
    last = draft.layer(ops.Dense(outputs), ends, choose.one_of(ACTIVATIONS))
    if choose.integer(0, 7) == 7:  # the output feeds on
        extra = draft.layer(ops.Dense(outputs), [last])
        last = draft.layer(ops.Add(), [last, extra])
    coupled = any(isinstance(layer.op, ops.BatchNorm) for layer in draft.layers.values())
    examples = choose.integer(2 if coupled else 1, size.batch)
    return Network(
        name="random",
        inputs=draft.inputs,
        layers=draft.layers,
        parameters=draft.parameters,
        error=Error(error, last),
        update=_update(choose),
        data=_data(choose, draft, integers, error, draft.shapes[last], examples),
        training=Training(
            dtype=choose.one_of(size.dtypes),  # type: ignore[arg-type]
            steps=choose.integer(1, 2),
            seed=choose.integer(0, 2**16),
            updates_done=choose.integer(1, 5),
            slots="drawn",
        ),
    )


def ordinary(network: Network) -> bool:
    """Whether the numbers of a random network are of ordinary size: the generator draws much larger and smaller ones, too."""
    spreads = {("weight" if p.init.kind == "lecun_normal" else "other", p.init.scale) for _, p in _drawn(network)}
    return network.error.op.scale in (1.0, 0.3) and spreads <= {("weight", 1.0), ("other", 0.1), ("other", 1.0)}


FACTORS: Mapping[str, tuple[float, ...]] = {
    "float32": (1e30, 1e19, 1e10, 1e-10, 1e-19, 1e-30, 1e-40),
    "float64": (1e300, 1e155, 1e30, 1e-30, 1e-155, 1e-300, 1e-310),
}


def extreme(network: Network, choose: Choose) -> Network:
    """The same network at the ends of what numbers can hold.

    Weights, data, loss or η far too large or small, or denormal; one example; a channel that never changes; dead units; ties.
    """
    factor = choose.one_of(FACTORS[network.training.dtype])
    data, kinds = network.data, ("weights", "data", "loss", "eta", "one", "constant", "dead", "ties")
    for kind in dict.fromkeys((choose.one_of(kinds), choose.one_of(kinds))):
        floats = {name: x for name, x in data.inputs.items() if x.dtype.kind == "f"}
        if kind == "weights":
            scaled = {n: Parameter(replace(p.init, scale=p.init.scale * factor), p.trainable) for n, p in _drawn(network)}
            network = replace(network, parameters={**network.parameters, **scaled})
        elif kind == "data":
            data = Data({**data.inputs, **{name: x * factor for name, x in floats.items()}}, data.target)
        elif kind == "loss":
            op = network.error.op
            network = replace(network, error=replace(network.error, op=replace(op, scale=op.scale * factor)))
        elif kind == "eta":
            network = replace(network, update=replace(network.update, eta=network.update.eta * factor))  # type: ignore[attr-defined, call-arg]
        elif kind == "one":
            data = Data({name: x[:1] for name, x in data.inputs.items()}, data.target[:1])
        elif kind == "constant":
            data = Data({**data.inputs, **{name: np.where(np.arange(x.shape[1]).reshape(-1, *[1] * (x.ndim - 2)) == 0, 1.5, x)
                                           for name, x in floats.items()}}, data.target)  # fmt: skip
        elif kind == "dead":
            biases = {
                n: Parameter(np.full(_size(network, n), -1e3), p.trainable) for n, p in _drawn(network) if n.endswith("bias")
            }
            network = replace(network, parameters={**network.parameters, **dict(list(biases.items())[:1])})
        else:
            data = Data({**data.inputs, **{name: np.round(x) for name, x in floats.items()}}, data.target)
    return replace(network, data=data)


def _drawn(network: Network) -> list[tuple[str, Any]]:
    return [(name, p) for name, p in network.parameters.items() if isinstance(p.init, Initializer)]


def _size(network: Network, parameter: str) -> Shape:
    layer, role = network.uses[parameter][0]
    return network.shapes[layer].parameters[role].shape


def _image(draft: _Draft) -> None:
    choose = draft.choose
    side = choose.integer(3, 8)
    group = draft.input("p", (choose.integer(1, 2), side, choose.integer(3, 8)))
    for _ in range(choose.integer(1, 3)):
        channels, high, wide = draft.shapes[group]
        kernel = (choose.integer(1, min(3, high)), choose.integer(1, min(3, wide)))
        stride = (choose.integer(1, 2), choose.integer(1, 2))
        kind = choose.one_of(("conv", "conv", "max", "avg", "batch", "layer", "add"))
        if kind == "conv":
            padding = (choose.integer(0, 1), choose.integer(0, 1))
            op = ops.Conv2d(choose.integer(1, 3), kernel, stride, padding, bias=choose.one_of((True, False)))
            group = draft.layer(op, [group])
        elif kind in ("max", "avg"):
            group = draft.layer((ops.MaxPool2d if kind == "max" else ops.AvgPool2d)(kernel, stride), [group])
        elif kind == "add":
            other = draft.layer(ops.Conv2d(channels, (1, 1)), [group])
            group = draft.layer(ops.Add(), [group, other])
        else:
            group = draft.layer(_batch_norm(choose) if kind == "batch" else ops.LayerNorm(EPSILON), [group])
    draft.layer(ops.Flatten(), [group])


def _grow(draft: _Draft) -> None:
    """One more vector layer, from any earlier vectors: forks and skips come about by themselves."""
    choose, size = draft.choose, draft.size
    vectors = draft.vectors()
    source = choose.one_of(vectors[::-1])
    width = draft.shapes[source][0]
    kind = choose.one_of(("dense", "dense", "dense", "add", "concat", "scale", "dropout", "layer_norm", "batch_norm"))
    if kind == "dense":
        sources = list(dict.fromkeys([source, *(choose.one_of(vectors) for _ in range(choose.integer(0, 2)))]))
        draft.layer(
            ops.Dense(choose.one_of((choose.integer(2, size.width), 1, size.width)), bias=choose.one_of((True, False))), sources
        )
    elif kind == "add":
        alike = [group for group in vectors if draft.shapes[group] == (width,) and group != source]
        other = choose.one_of(alike) if alike else draft.layer(ops.Dense(width), [source])
        draft.layer(ops.Add(), [source, other])
    elif kind == "concat":
        draft.layer(ops.Concat(), list(dict.fromkeys([source, choose.one_of(vectors)])) * (1 if len(vectors) > 1 else 2))
    elif kind == "scale":
        draft.layer(ops.Scale(choose.one_of((0.5, -3.0, 0.1))), [source])
    elif kind == "dropout":
        draft.layer(ops.Dropout(choose.one_of((0.5, 0.1))), [source])
    elif kind == "layer_norm" and width > 2:
        draft.layer(ops.LayerNorm(EPSILON), [source])
    elif kind == "batch_norm":
        draft.layer(_batch_norm(choose), [source])


def _batch_norm(choose: Choose) -> ops.BatchNorm:
    return ops.BatchNorm(EPSILON, 0.1, choose.one_of(("biased", "unbiased")))


def _error(choose: Choose) -> Any:
    reduce, scale = choose.one_of(("mean", "sum")), choose.one_of((1.0, 1e-6, 1e6, 0.3))
    kind = choose.one_of(("half", "mean", "classes", "probabilities", "binary", "huber"))
    options = {"reduce": reduce, "scale": scale}
    if kind in ("classes", "probabilities"):
        return ops.SoftmaxCrossEntropy(targets=kind, **options)  # type: ignore[arg-type]
    if kind == "huber":
        return ops.Huber(threshold=choose.one_of((1.0, 0.3)), **options)  # type: ignore[arg-type]
    return {"half": ops.HalfSquared, "mean": ops.MeanSquared, "binary": ops.BinaryCrossEntropyWithLogits}[kind](**options)  # type: ignore[arg-type]


def _update(choose: Choose) -> Any:
    eta = choose.one_of((0.1, 0.003))
    kind = choose.one_of(("sgd", "momentum", "nesterov", "adam", "adamw"))
    decay = choose.one_of((0.0, 0.05))
    if kind == "adam":
        return ops.Adam(eta)
    if kind == "adamw":
        return ops.AdamW(eta, weight_decay=decay)
    return ops.Sgd(eta, 0.0 if kind == "sgd" else 0.9, kind == "nesterov", decay)


def _data(choose: Choose, draft: _Draft, integers: dict[str, int], error: Any, out: Shape, examples: int) -> Data:
    random = np.random.default_rng(choose.integer(0, 2**16))
    inputs: dict[str, Array] = {}
    for name, group in draft.inputs.items():
        shape = (examples, *group.shape)
        inputs[name] = random.integers(0, integers[name], shape) if name in integers else random.standard_normal(shape)
    if error.integer_target:
        target: Array = random.integers(0, out[-1], examples)
    elif error.name == "softmax_cross_entropy":
        target = random.dirichlet(np.ones(prod(out)), examples).reshape(examples, *out)
    elif error.name == "binary_cross_entropy_with_logits":
        target = random.integers(0, 2, (examples, *out)).astype(np.float64)
    else:
        target = random.standard_normal((examples, *out))
    return Data(inputs, target)
