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


class DenseLaw(PlainLaw):
    """in_j = Σ_i w_ij a_i + b_j;  Δ_i ← Σ_j w_ij Δ_j;  −∂E/∂w_ij = a_i Δ_j. Other axes than the last are places of their own."""

    def forward(self, at: At[Dense]) -> Num:
        """in = a w + b, one sum."""
        x, units = joined(at.xs), at.op.units
        y = dot(listed(x), at.p["weight"], plus=at.p.get("bias"))
        return y if x.ndim == 2 else np.reshape(y, (*x.shape[:-1], units))

    def delta(self, at: At[Dense]) -> Product:
        """Σ_j w_ij Δ_j, left open so that all consumers of a node enter one sum."""
        w = at.p["weight"] if len(at.xs) == 1 else at.p["weight"][rows_of(at.xs, at.slot)]
        return Product(at.dy, w.T)

    def gradient(self, at: At[Dense]) -> Num | Product:
        """a_i Δ_j, or Δ_j for a bias, summed over examples and places."""
        dy = listed(at.dy)
        return Product(listed(joined(at.xs)).T, dy) if at.role == "weight" else total(dy, axis=0)


TABLE: Mapping[type[Op], Law] = {Dense: DenseLaw()}
