"""Embedding: rows out, and Δ added back to the rows."""

from __future__ import annotations

from collections.abc import Mapping

from bpcompare.laws.law import At, Law, PlainLaw
from bpcompare.numbers.number import Num, gather, scatter
from bpcompare.ops import Embedding, Op


class EmbeddingLaw(PlainLaw):
    """Row x of the weight; every use of a row adds its Δ there."""

    def forward(self, at: At[Embedding]) -> Num:
        """weight[x]."""
        return gather(at.p["weight"], at.x)

    def delta(self, at: At[Embedding]) -> Num:  # noqa: ARG002 — there is none, wherever it is asked for
        """Raises TypeError: integers carry no Δ."""
        raise TypeError("an integer source has no Δ")

    def gradient(self, at: At[Embedding]) -> Num:
        """Σ over the places that read the row."""
        return scatter(at.dy, at.x, at.op.rows)


TABLE: Mapping[type[Op], Law] = {Embedding: EmbeddingLaw()}
