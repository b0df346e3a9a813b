"""A small network, built layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np

from bpcompare.network.network import Data, Error, Input, Layer, Network, Training
from bpcompare.network.parameter import Array, Initializer, Parameter
from bpcompare.ops import Dense, HalfSquared, Identity, Sgd, UpdateOp
from bpcompare.ops.op import Activation, ErrorOp, LayerOp, Shape


@dataclass
class Graph:
    """Groups and parameters under construction, in the order in which they come."""

    inputs: dict[str, Input] = field(default_factory=dict, init=False)
    layers: dict[str, Layer] = field(default_factory=dict, init=False)
    parameters: dict[str, Parameter] = field(default_factory=dict, init=False)
    shapes: dict[str, Shape] = field(default_factory=dict, init=False)

    @property
    def next(self) -> str:
        """The name of the layer that comes next."""
        return f"l{len(self.layers)}"

    def enter(self, name: str, shape: Shape) -> str:
        """An input."""
        self.inputs[name], self.shapes[name] = Input(shape), shape
        return name

    def join(
        self,
        name: str,
        op: LayerOp,
        sources: Sequence[str],
        parameter: Callable[[str, Shape], str],
        g: Callable[[Shape], Activation],
    ) -> str:
        """A layer. `parameter` gives the parameter for a role of this shape, then `g` the activation of what comes out."""
        needed = op.shapes([self.shapes[source] for source in sources])
        roles = {role: parameter(role, it.shape) for role, it in needed.parameters.items()}
        self.layers[name] = Layer(op, tuple(sources), g(needed.out), roles)
        self.shapes[name] = needed.out
        return name


@dataclass
class Draft(Graph):
    """A network under construction. Weights are drawn when it is planned, data at once.

    Data come from a generator seeded by `seed`, or else by the name. `weight` is the scale of weights (LeCun's), `other` the
    standard deviation of all other parameters.
    """

    name: str
    examples: int = 3
    error: ErrorOp = field(default_factory=lambda: HalfSquared("sum"))
    update: UpdateOp = field(default_factory=lambda: Sgd(0.1))
    steps: int = 1
    spread: float = 1.0
    seed: int | None = None
    weight: float = 1.0
    other: float = 0.3
    data: dict[str, Array] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        named = list(sha256(self.name.encode()).digest()[:8])
        self.random = np.random.default_rng(named if self.seed is None else self.seed)

    def input(self, name: str, *shape: int, values: Array | None = None, below: int | None = None) -> str:
        """An input; `values` of all examples, or whole numbers `below` a bound, or normal numbers."""
        size = (self.examples, *shape)
        drawn = self.random.integers(0, below, size) if below else self.spread * self.random.standard_normal(size)
        self.data[name] = drawn if values is None else np.broadcast_to(values, size).copy()
        return self.enter(name, shape)

    def layer(
        self,
        op: LayerOp,
        *sources: str,
        name: str | None = None,
        g: Activation | None = None,
        uses: Mapping[str, str] | None = None,
        init: Initializer | Array | None = None,
        frozen: Sequence[str] = (),
    ) -> str:
        """A layer; roles in `uses` have the parameters of these names, those in `frozen` are not trained."""
        name = name or self.next

        def parameter(role: str, _: Shape) -> str:
            path = (uses or {}).get(role, f"{name}.{role}")
            kind = Initializer("lecun_normal", self.weight) if role == "weight" else Initializer("normal", self.other)
            self.parameters.setdefault(path, Parameter(kind if init is None else init, trainable=role not in frozen))
            return path

        return self.join(name, op, sources, parameter, lambda _: g or Identity())

    def network(self, of: str | None = None, target: Array | None = None, outputs: int = 2, **training: Any) -> Network:
        """The network whose error judges `of`, or a dense layer of `outputs` units on the last one."""
        if of is None:
            of = self.layer(Dense(outputs), next(reversed(self.layers)) if self.layers else next(iter(self.inputs)))
        options = {"steps": self.steps, "updates_done": 3, "slots": "drawn", **training}
        return Network(
            self.name,
            self.inputs,
            self.layers,
            self.parameters,
            Error(self.error, of),
            self.update,
            Data(self.data, targets(self.error, self.shapes[of], self.examples, self.random) if target is None else target),
            Training(**options),
        )


def targets(error: ErrorOp, out: Shape, examples: int, random: np.random.Generator) -> Array:
    """Targets that `error` takes: (examples, *out) for an output of shape `out`, or class numbers (examples, *out[:-1])."""
    size = (examples, *out)
    if error.target_kind == "classes":
        return random.integers(0, out[-1], size[:-1])
    if error.target_kind == "probabilities":
        return random.dirichlet(np.ones(out[-1]), size[:-1])
    if error.target_kind == "zeros and ones":
        return random.integers(0, 2, size).astype(np.float64)
    return random.standard_normal(size)
