"""Random networks that can be run: every op, forks, skips, shared and frozen parameters, extreme scales.

`build` asks a `Choose` for every decision, so that Hypothesis (which shrinks) and a seed (which is fast) share one generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeVar

import numpy as np

from bpcompare import ops
from bpcompare.network import Data, Error, Network, Training
from bpcompare.network.draft import Graph, targets
from bpcompare.network.parameter import Array, Initializer, Parameter
from bpcompare.ops.op import LayerOp, Shape, UpdateOp
from bpcompare.testing.growth import grow, image, sequence

T = TypeVar("T")


class Choose(Protocol):
    """Where decisions come from."""

    def integer(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""

    def one_of(self, values: Sequence[T]) -> T:
        """One of `values`; the first is the simplest."""
        return values[self.integer(0, len(values) - 1)]


class Seeded(Choose):
    """Decisions of a seeded generator."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def integer(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return int(self._random.integers(low, high + 1))


@dataclass(frozen=True)
class Size:
    """How large a random network may be: hidden vector layers, their width, and examples a step."""

    depth: int = 5
    width: int = 12
    batch: int = 6
    dtypes: tuple[str, ...] = ("float64", "float32")


ACTIVATIONS: tuple[ops.Activation, ...] = tuple(form for op in ops.ACTIVATIONS for form in op.forms())
"""Every activation in each of its forms."""

UPDATES: tuple[UpdateOp, ...] = tuple(form for op in ops.UPDATES for form in op.forms())
"""Every update rule in each of its forms. Not every framework can do every form."""


@dataclass
class Drawing(Graph):
    """A network under construction. `loose` are the groups that nothing consumes yet."""

    choose: Choose
    size: Size
    shared: dict[Shape, str] = field(default_factory=dict)
    loose: list[str] = field(default_factory=list)

    def input(self, name: str, shape: Shape) -> str:
        """An input of this shape; its name."""
        return self.enter(name, shape)

    def layer(self, op: LayerOp, sources: Sequence[str], g: ops.Activation | None = None) -> str:
        """A layer that reads `sources`; its name. Its activation is drawn where `g` is None."""
        name = self.next
        self.join(name, op, sources, partial(self._parameter, name), lambda out: g or self.activation(out))
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

    def constant(self, value: Array) -> str:
        """A layer that gives these numbers, and learns nothing."""
        path = f"{self.next}.value"
        self.parameters[path] = Parameter(value, trainable=False)
        return self.join(self.next, ops.Constant(value.shape), (), lambda *_: path, lambda _: ops.Identity())

    def positive(self, source: str) -> str:
        """Something on `source` that lies between 1/e and e, whatever the weights are."""
        bounded = self.layer(ops.Dense(self.shapes[source][-1]), [source], ops.Tanh())
        return self.layer(ops.Exp(), [bounded], ops.Identity())

    def activation(self, shape: Shape) -> ops.Activation:
        """An activation for a layer of this shape."""
        return self.choose.one_of(ACTIVATIONS)

    def vectors(self, *, among: Sequence[str] | None = None) -> list[str]:
        """The groups that are vectors of real numbers."""
        groups = [*self.inputs, *self.layers] if among is None else among
        return [group for group in groups if len(self.shapes[group]) == 1 and group != "i"]


def build(choose: Choose, size: Size | None = None) -> Network:
    """A random network without problems."""
    size = size or Size()
    draft = Drawing(choose, size)
    integers: dict[str, int] = {}
    kind = choose.one_of(("vector", "vector", "image", "image", "tokens", "sequence", "sequence"))
    if kind == "image":
        image(draft)
    elif kind == "sequence":
        sequence(draft)
    elif kind == "tokens":
        rows = choose.integer(2, 6)
        integers[draft.input("i", (choose.integer(1, 4),))] = rows
        embedded = draft.layer(ops.Embedding(rows, choose.integer(1, 5)), ["i"], ops.Identity())
        draft.layer(ops.Flatten(), [embedded])
    if kind == "vector" or choose.integer(0, 1):
        draft.input("x", (choose.integer(1, size.width),))
        draft.loose.append("x")
    for _ in range(choose.integer(0, size.depth)):
        grow(draft)
    error = _error(choose)
    outputs = choose.integer(1 if error.elementwise else 2, 5)
    ends = draft.vectors(among=draft.loose)
    last = draft.layer(ops.Dense(outputs), ends, choose.one_of(ACTIVATIONS))
    if choose.integer(0, 7) == 7:  # the output feeds on
        extra = draft.layer(ops.Dense(outputs), [last])
        last = draft.layer(ops.Add(), [last, extra])
    coupled = any(layer.op.couples_examples for layer in draft.layers.values())
    examples = choose.integer(2 if coupled else 1, size.batch)
    network = Network(
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
    return _penalized(choose, network)


def _penalized(choose: Choose, network: Network) -> Network:
    """Now and then with penalties. They are drawn last: all else of a seed stays as it was before there were any."""
    if choose.integer(0, 5) < 5:
        return network
    factor, which = choose.one_of((0.01, 0.5, 1e-4)), choose.one_of(("weight", "all", "one"))
    one = choose.one_of(list(network.parameters))
    chosen = {
        name for name in network.parameters if which == "all" or name == one or (which == "weight" and name.endswith("weight"))
    }
    penalized = {name: replace(network.parameters[name], penalty=ops.L2(factor)) for name in chosen}
    return replace(network, parameters={**network.parameters, **penalized})


def redrawn(network: Network, number: int) -> Network:
    """The same layers, shapes and rules, with other inputs and other drawn weights. A framework compiles the same for both.

    Real inputs become numbers of size one, integers are moved among their places; numbers that the network states stay.
    """
    random = np.random.default_rng(number)
    inputs: dict[str, Array] = {
        name: np.asarray(random.standard_normal(x.shape)) if x.dtype.kind == "f" else random.permutation(x)
        for name, x in network.data.inputs.items()
    }
    return replace(network, data=Data(inputs, network.data.target), training=replace(network.training, seed=number))


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
            scaled = {n: replace(p, init=replace(p.init, scale=p.init.scale * factor)) for n, p in _drawn(network)}
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
                n: replace(p, init=np.full(network.parameter_shape(n), -1e3)) for n, p in _drawn(network) if n.endswith("bias")
            }
            network = replace(network, parameters={**network.parameters, **dict(list(biases.items())[:1])})
        else:
            data = Data({**data.inputs, **{name: np.round(x) for name, x in floats.items()}}, data.target)
    return replace(network, data=data)


def _drawn(network: Network) -> list[tuple[str, Any]]:
    return [(name, p) for name, p in network.parameters.items() if isinstance(p.init, Initializer)]


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
    rule: Any = choose.one_of(UPDATES)
    return replace(rule, eta=choose.one_of((0.1, 0.003)))


def _data(choose: Choose, draft: Drawing, integers: dict[str, int], error: Any, out: Shape, examples: int) -> Data:
    random = np.random.default_rng(choose.integer(0, 2**16))
    inputs: dict[str, Array] = {}
    for name, group in draft.inputs.items():
        shape = (examples, *group.shape)
        inputs[name] = random.integers(0, integers[name], shape) if name in integers else random.standard_normal(shape)
    return Data(inputs, targets(error, out, examples, random))
