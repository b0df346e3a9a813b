"""The textbook's three equations for a layer of nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bpcompare.laws.law import At, Law, PlainLaw, Sources
from bpcompare.numbers.number import Num, Product, dot, total
from bpcompare.ops import Dense, Op


def joined(xs: Sequence[Num]) -> Num:
    """All sources side by side, along the last axis."""
    return xs[0] if len(xs) == 1 else np.concatenate(list(xs), axis=-1)


def rows_of(xs: Sequence[Num], slot: int) -> slice:
    """The rows of the weight that belong to source `slot`."""
    start = xs.starts[slot] if isinstance(xs, Sources) else sum(x.shape[-1] for x in xs[:slot])
    return slice(start, start + xs[slot].shape[-1])


def listed(x: Num) -> Num:
    """All places of all examples below one another, so that a sum over them is one matrix product: (places, last axis)."""
    return x if x.ndim == 2 else np.reshape(x, (-1, x.shape[-1]))


def turned(x: Num) -> Num:
    """Rows and columns exchanged, of each layer where several stand side by side."""
    return x.T if x.ndim == 2 else np.swapaxes(x, -1, -2)


class DenseLaw(PlainLaw):
    """in_j = Σ_i w_ij a_i + b_j;  Δ_i ← Σ_j w_ij Δ_j;  −∂E/∂w_ij = a_i Δ_j. Other axes than the last are places of their own.

    Layers of one shape may be asked side by side: weight (layers, sources, units), bias (layers, 1, units), sources and Δ
    (layers, examples, …); of the Δ of sources, those of one source.
    """

    side_by_side = True

    def forward(self, at: At[Dense]) -> Num:
        """in = a w + b, one sum."""
        x, w, units = joined(at.xs), at.p["weight"], at.op.units
        rows = x if w.ndim > 2 else listed(x)
        y = dot(rows, w, plus=at.p.get("bias"))
        return y if rows is x else np.reshape(y, (*x.shape[:-1], units))

    def delta(self, at: At[Dense]) -> Product:
        """Σ_j w_ij Δ_j, left open so that all consumers of a node enter one sum."""
        w = at.p["weight"] if len(at.xs) == 1 else at.p["weight"][rows_of(at.xs, at.slot)]
        return Product(at.dy, turned(w))

    def gradient(self, at: At[Dense]) -> Num | Product:
        """a_i Δ_j, or Δ_j for a bias, summed over examples and places."""
        if at.p["weight"].ndim > 2:
            return Product(turned(joined(at.xs)), at.dy) if at.role == "weight" else total(at.dy, axis=1)
        dy = listed(at.dy)
        return Product(turned(listed(joined(at.xs))), dy) if at.role == "weight" else total(dy, axis=0)

    def stacked(self, steps: int) -> Law:
        """See `PlainLaw`: steps side by side, as layers are."""
        return StackedDense(self, steps)


class StackedDense(PlainLaw):
    """The same equations for several steps at once (`PlainLaw.stacked`), from one source."""

    def __init__(self, law: Law, steps: int) -> None:
        self._law, self._steps = law, steps
        self.rearranged = law.rearranged

    def forward(self, at: At[Dense]) -> Num:
        """in = a w + b, one sum."""
        return np.reshape(self._law.forward(self._apart(at)), (*at.x.shape[:-1], at.op.units))

    def delta(self, at: At[Dense]) -> Num:
        """Σ_j w_ij Δ_j. Raises LookupError for one of several sources."""
        if len(at.xs) > 1:
            raise LookupError("Δ of one of several sources")
        return np.reshape(total([self._law.delta(self._apart(at))]), (*at.dy.shape[:-1], -1))

    def gradient(self, at: At[Dense]) -> Num | Product:
        """a_i Δ_j, or Δ_j for a bias, summed over the examples of each step."""
        return self._law.gradient(self._apart(at))

    def _apart(self, at: At[Dense]) -> At[Dense]:
        def steps(x: Num) -> Num:
            return np.reshape(x, (self._steps, -1, x.shape[-1]))

        weight, bias = at.p["weight"], at.p.get("bias")
        p = {"weight": weight} if bias is None else {"weight": weight, "bias": np.reshape(bias, (self._steps, 1, -1))}
        return at.but(xs=[steps(x) for x in at.xs], p=p, dy=None if at.dy is None else steps(at.dy))


TABLE: Mapping[type[Op], Law] = {Dense: DenseLaw()}
