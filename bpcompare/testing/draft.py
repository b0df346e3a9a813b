"""A small network, built layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np

from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.ops import Dense, HalfSquared, Identity, Op, Sgd, UpdateOp
from bpcompare.ops.op import ErrorOp, LayerOp, Shape
from bpcompare.parameter import Array, Initializer, Parameter


@dataclass
class Draft:
    """A network under construction. Data come from a generator seeded by the name; weights are drawn when it is planned."""

    name: str
    examples: int = 3
    error: ErrorOp = field(default_factory=lambda: HalfSquared("sum"))
    update: UpdateOp = field(default_factory=lambda: Sgd(0.1))
    steps: int = 1
    spread: float = 1.0
    inputs: dict[str, Input] = field(default_factory=dict)
    layers: dict[str, Layer] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    data: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(list(sha256(self.name.encode()).digest()[:8]))

    def input(self, name: str, *shape: int, values: Array | None = None, below: int | None = None) -> str:
        """An input; `values` of all examples, or whole numbers `below` a bound, or normal numbers."""
        self.inputs[name], self.shapes[name] = Input(shape), shape
        size = (self.examples, *shape)
        drawn = self.random.integers(0, below, size) if below else self.spread * self.random.standard_normal(size)
        self.data[name] = drawn if values is None else np.broadcast_to(values, size).copy()
        return name

    def layer(
        self,
        op: LayerOp,
        *sources: str,
        g: Op | None = None,
        uses: Mapping[str, str] | None = None,
        init: Initializer | Array | None = None,
        frozen: Sequence[str] = (),
    ) -> str:
        """A layer; roles in `uses` refer to other layers' parameters, those in `frozen` are not trained."""
        name = f"l{len(self.layers)}"
        needed = op.shapes([self.shapes[source] for source in sources])
        roles = {role: (uses or {}).get(role, f"{name}.{role}") for role in needed.parameters}
        for role, parameter in roles.items():
            kind = Initializer("lecun_normal" if role == "weight" else "normal", 1.0 if role == "weight" else 0.3)
            self.parameters.setdefault(parameter, Parameter(kind if init is None else init, trainable=role not in frozen))
        self.layers[name] = Layer(op, sources, g or Identity(), roles)
        self.shapes[name] = needed.out
        return name

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
            Data(self.data, self._target(self.shapes[of]) if target is None else target),
            Training(**options),
        )

    def _target(self, out: Shape) -> Array:
        size = (self.examples, *out)
        if self.error.integer_target:
            return self.random.integers(0, out[-1], size[:-1])
        if self.error.name == "softmax_cross_entropy":
            return self.random.dirichlet(np.ones(out[-1]), size[:-1])
        if self.error.name == "binary_cross_entropy_with_logits":
            return self.random.integers(0, 2, size).astype(np.float64)
        return self.random.standard_normal(size)
