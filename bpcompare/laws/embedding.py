"""Embedding: rows out, and Δ added back to the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpcompare.arithmetic import Num, gather, scatter
from bpcompare.laws.law import Law, PlainLaw
from bpcompare.ops import Embedding, Op


class EmbeddingLaw(PlainLaw):
    """Row x of the weight; every use of a row adds its Δ there."""

    def forward(self, op: Embedding, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num]) -> Num:
        """weight[x]."""
        return gather(p["weight"], xs[0])

    def delta(self, op: Embedding, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num:
        """Integers carry no Δ."""
        raise TypeError("an integer source has no Δ")

    def gradient(self, op: Embedding, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], role: str) -> Num:
        """Σ over the places that read the row."""
        return scatter(dy, xs[0], op.rows)


TABLE: Mapping[type[Op], Law] = {Embedding: EmbeddingLaw()}
