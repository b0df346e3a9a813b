"""The code under test, ready to be asked for its gradients again and again, in other circumstances."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.answer import Answer
from bpcompare.tools.gradient.contracts.ways import Pullback, Way
from bpcompare.tools.gradient.door import CodeUnderTest

Gradients = Mapping[int, Array]
Dys = tuple[Array, ...]


class Asked:
    """The code that gave an `answer`, and what is known of its gradients without any contract: `verdicts` by the input's name."""

    def __init__(self, answer: Answer, way: Way, verdicts: Mapping[str, str]) -> None:
        self.code, self.way, self.names, self._dy = answer.code, way, answer.names, answer.dy
        self.verdicts = {i: verdicts[name] for i, name in enumerate(answer.names) if name in verdicts}
        self.given = answer.carried
        self.random = np.random.default_rng(0)

    @cached_property
    def pullback(self) -> Pullback:
        """The one on the inputs as they were given."""
        return self.open()

    @cached_property
    def dys(self) -> Dys:
        """dy of each output."""
        found, at = [], 0
        for y in self.pullback.outputs:
            found.append(self._dy.reshape(-1)[at : at + y.size].reshape(y.shape).astype(y.dtype))
            at += y.size
        return tuple(found)

    @cached_property
    def first(self) -> Gradients:
        """What the backward gives there."""
        return self.gradients(self.dys)

    def arguments(self, inputs: Sequence[Any] | None = None, layouts: Mapping[int, str] | None = None) -> list[Any]:
        """Fresh arrays of the framework's for the code's inputs, or for other numbers; those of `layouts` laid out as it says."""
        found = []
        for i, given in enumerate(self.code.inputs if inputs is None else inputs):
            x = np.asarray(given) if isinstance(given, np.generic) else given  # what NumPy makes of arithmetic with a scalar
            laid = self.laid(i, x, layouts[i]) if layouts and i in layouts else None
            found.append(x if not isinstance(x, np.ndarray) else self.way.array(x) if laid is None else laid)
        return found

    def raw(self, dys: Sequence[Array], layout: str = "") -> list[Any]:
        """Fresh arrays of the framework's for dy."""
        laid = self.laid_dys(dys, layout) if layout else [None] * len(dys)
        return [self.way.array(dy) if one is None else one for dy, one in zip(dys, laid, strict=True)]

    def laid(self, i: int, x: Array, layout: str) -> Any | None:
        """Numbers for input `i` in another layout; None where it is none."""
        return self.way.array(x, layout, pair=self.names[i] in self.code.complexes)

    def laid_dys(self, dys: Sequence[Array], layout: str) -> list[Any | None]:
        """`dys` in another layout; None for each where it is none."""
        pairs = self.pullback.pairs or (False,) * len(dys)
        return [self.way.array(dy, layout, pair=pair) for dy, pair in zip(dys, pairs, strict=True)]

    def open(self, arguments: Sequence[Any] | None = None, needs: Collection[int] | None = None) -> Pullback:
        """A call of the forward with them."""
        return self.way.pullback(self.arguments() if arguments is None else arguments, needs)

    def gradients(
        self, dys: Sequence[Array], arguments: Sequence[Any] | None = None, needs: Collection[int] | None = None, layout: str = ""
    ) -> Gradients:
        """A fresh call, and what its backward gives for fresh arrays `dys`."""
        # JAX's pullback is a value: there is nothing in it that one pull could leave to the next.
        pullback = self.pullback if self.way.fixed and arguments is None and needs is None else self.open(arguments, needs)
        return self.named(pullback.pull(self.raw(dys, layout)), needs)

    def fresh(self) -> Gradients:
        """Forward and backward again, from the same numbers."""
        return self.gradients(self.dys, self.arguments())

    def named(self, found: Sequence[Array | None], needs: Collection[int] | None = None) -> Gradients:
        """Gradients by the number of their input; None stands for zeros."""
        asked = [i for i in self.code.carrying if needs is None or i in needs]
        return {i: np.zeros(self.code.inputs[i].shape) if (g := found[i]) is None else g for i in asked}

    @property
    def inputs_alone(self) -> list[int]:
        """The inputs that carry a gradient and are no parameters of a module."""
        return [i for i in self.code.carrying if i not in self.code.parameters]

    def with_dys(self, dys: Dys) -> Asked:
        """The same code, asked with other dys."""
        other = copy(self)
        vars(other).pop("first", None)
        vars(other)["dys"] = dys
        return other

    def vector(self, i: int) -> Array:
        """A direction to move input `i` along: numbers of both signs, none of them small."""
        shape = self.code.inputs[i].shape
        return np.asarray(self.random.choice([-1.0, 1.0], shape) * self.random.uniform(0.5, 1.5, shape))

    def at(self, inputs: Sequence[Any]) -> CodeUnderTest:
        """The code on other inputs."""
        return replace(self.code, inputs=tuple(inputs))
