"""Where the op is known: output and VJP against its law in ball arithmetic, and the catalogue of mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpcompare.laws import LAWS, Laws
from bpcompare.laws.law import At
from bpcompare.mistakes import MISTAKES
from bpcompare.network import Network
from bpcompare.network.draft import Draft
from bpcompare.network.parameter import Array, Initializer
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.format import format_of
from bpcompare.numbers.number import Num, Product, closed
from bpcompare.ops import LayerOp, Op, Scale
from bpcompare.ops.op import Shape
from bpcompare.tools.gradient.answer import Answer
from bpcompare.tools.gradient.finding import InputFinding


@dataclass(frozen=True)
class Ruled:
    """What the law says of one tensor: midpoint and radius."""

    mid: Array
    radius: Array

    def holds(self, x: Array) -> bool:
        """Whether `x` lies in the ball, every element."""
        return bool(np.isfinite(x).all() and (np.abs(x - self.mid) <= self.radius).all())


class Known:
    """The law of `op` on these inputs: its sources first, then its parameters in the order of their roles."""

    def __init__(self, op: Op, inputs: Sequence[Array], y: Array, dy: Array) -> None:
        self.op = op
        self._network, self._owner, self._roles = _network(op, inputs)
        self._sources = len(inputs) - len(self._roles)
        dtype = "float32" if inputs[0].dtype == np.float32 else "float64"
        law = LAWS.of(self._owner, op)
        self._fmt = format_of(dtype)(rearranged=law.rearranged)
        balls = [x if x.dtype.kind != "f" else Ball(x.astype(np.float64), self._fmt) for x in inputs]
        self._xs = balls[: self._sources]
        self._p = dict(zip(self._roles, balls[self._sources :], strict=True))
        self._dy = Ball(dy.astype(np.float64), self._fmt)
        self.output = self._ruled(law.forward(At(op, self._xs, self._p)))
        if self.output.mid.shape != y.shape:
            raise ValueError(f"op: {op.name} gives shape {list(self.output.mid.shape)}, forward gives {list(y.shape)}")

    def gradient(self, at: int, laws: Laws = LAWS) -> Ruled:
        """The VJP with respect to input `at`, under the laws given."""
        law = laws.of(self._owner, self.op)
        if at < self._sources:
            return self._ruled(law.delta(At(self.op, self._xs, self._p, dy=self._dy, slot=at)))
        return self._ruled(law.gradient(At(self.op, self._xs, self._p, dy=self._dy, role=self._roles[at - self._sources])))

    def codes(self, at: int, got: Array) -> tuple[str, ...]:
        """Mistakes of the catalogue that give `got` for input `at`, inside their balls."""
        found = []
        for code, mistake in MISTAKES.items():
            for laws in mistake.forms(self._network, frozenset({self._owner})):
                try:
                    ruled = self.gradient(at, laws)
                except (KeyError, TypeError, ValueError, AttributeError):
                    continue  # a mistake of another quantity
                if ruled.mid.shape == got.shape and ruled.holds(got) and not self.gradient(at).holds(got):
                    found.append(code)
                    break
        return tuple(found)

    def _ruled(self, value: Num | Product) -> Ruled:
        ball = closed(value)
        if not isinstance(ball, Ball):
            return Ruled(np.asarray(ball, np.float64), np.zeros(np.shape(ball)))
        return Ruled(ball.mid, np.broadcast_to(np.asarray(ball.final_radius()), ball.mid.shape))


def known(op: Op, answer: Answer) -> Known:
    """The law of `op` on the inputs of an answer. Raises ValueError where they do not fit it."""
    try:
        return Known(op, answer.code.inputs, answer.y, answer.dy)
    except (ValueError, TypeError, IndexError) as error:
        said = str(error)
        raise ValueError(said if said.startswith("op:") else f"op: {op.name} does not fit these inputs: {said}") from error


def beside_law(findings: Sequence[InputFinding], law: Known, answer: Answer) -> list[InputFinding]:
    """The findings, where they are wrong with the code of a mistake that gives exactly these numbers; and one of the output."""
    coded = [_coded(one, law, answer) for one in findings]
    if law.output.holds(np.asarray(answer.code.forward(answer.code.inputs), np.float64)):
        return coded
    note = f"the forward is not {law.op.name}: it gives other numbers than the law of {law.op.name}, by more than rounding"
    return [InputFinding("the output", answer.y.shape, "wrong", 0.0, answer.y.size, note=note), *coded]


def _coded(one: InputFinding, law: Known, answer: Answer) -> InputFinding:
    """A wrong gradient with the code of the mistake that gives exactly its numbers."""
    if one.verdict != "wrong" or one.name not in answer.names:
        return one
    at = answer.names.index(one.name)
    g = answer.gradients[at]
    codes = law.codes(at, np.asarray(g, np.float64)) if g is not None and g.shape == one.shape else ()
    return replace(one, code=codes[0]) if codes else one


def _network(op: Any, inputs: Sequence[Array]) -> tuple[Network, str, tuple[str, ...]]:
    """A network of this op alone, its owner among the laws, and the roles of its parameters."""
    activation: Any = op if op.role == "activation" else None
    if activation is None and op.role != "layer":
        raise ValueError(f"op: {op.name} is no layer and no activation")
    if activation and len(inputs) != 1:
        raise ValueError(f"op: {op.name} has one input, {len(inputs)} were given")
    count = 1 if activation else _sources(op, [x.shape[1:] for x in inputs])
    draft = Draft("alone", len(inputs[0]))
    sources = [draft.input(f"x{i}", *x.shape[1:], values=x) for i, x in enumerate(inputs[:count])]
    if activation:
        layer = draft.layer(Scale(1.0), *sources, g=activation)
    else:
        layer = draft.layer(op, *sources, init=Initializer("zeros"))
    network = draft.network(layer, slots="zero", updates_done=0)
    return network, f"{layer}.g" if activation else layer, tuple(network.layers[layer].parameters)


def _sources(op: LayerOp, shapes: Sequence[Shape]) -> int:
    """How many of these shapes are sources': parameters come after them, as many as the op has."""
    fits = [n for n in range(1, len(shapes) + 1) if len(op.shapes(shapes[:n]).parameters) == len(shapes) - n]
    needed = op.shapes(shapes[: fits[0]]) if fits else None
    if needed is None or needed.problems or needed.state or needed.draws:
        why = "; ".join(needed.problems) if needed and needed.problems else "sources first, then parameters; no state, no draws"
        raise ValueError(f"op: {op.name} does not fit these inputs: {why}")
    return fits[0]
