"""The textbook's three equations for a layer of nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bpcompare.arithmetic import Num, Product, dot, total
from bpcompare.laws.law import Law, PlainLaw, Sources
from bpcompare.ops import Dense, Op


def joined(xs: Sequence[Num]) -> Num:
    """All sources side by side."""
    return xs[0] if len(xs) == 1 else np.concatenate(list(xs), axis=-1)


def rows_of(xs: Sequence[Num], slot: int) -> slice:
    """The rows of the weight that belong to source `slot`."""
    start = xs.starts[slot] if isinstance(xs, Sources) else sum(x.shape[-1] for x in xs[:slot])
    return slice(start, start + xs[slot].shape[-1])


class DenseLaw(PlainLaw):
    """in_j = Σ_i w_ij a_i + b_j;  Δ_i ← Σ_j w_ij Δ_j;  −∂E/∂w_ij = a_i Δ_j."""

    def forward(self, op: Dense, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num]) -> Num:
        """in = a w + b, one sum."""
        return dot(joined(xs), p["weight"], plus=p.get("bias"))

    def delta(self, op: Dense, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Product:
        """Σ_j w_ij Δ_j, left open so that all consumers of a node enter one sum."""
        w = p["weight"] if len(xs) == 1 else p["weight"][rows_of(xs, slot)]
        return Product(dy, w.T)

    def gradient(
        self, op: Dense, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], role: str
    ) -> Num | Product:
        """a_i Δ_j, or Δ_j for a bias, summed over examples."""
        return Product(joined(xs).T, dy) if role == "weight" else total(dy, axis=0)


TABLE: Mapping[type[Op], Law] = {Dense: DenseLaw()}
