"""Embedding: integers pick rows of a weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bpcompare.ops.op import LayerOp, ParameterShape, Shape, Shapes, at_least

__all__ = ["Embedding"]


@dataclass(frozen=True)
class Embedding(LayerOp):
    """in[…] = weight[x[…]]: row x of a rows × width weight. An index met twice receives both Δ contributions."""

    name: ClassVar[str] = "embedding"
    rounding: ClassVar[str] = ""
    integer: ClassVar[frozenset[int]] = frozenset({0})
    equations: ClassVar[tuple[str, ...]] = ("in[n,:] = w[x_n,:]", "−∂E/∂w[r,:] = Σ_{n: x_n = r} Δ[n,:]")
    rows: int
    width: int

    @property
    def below(self) -> int:  # type: ignore[override]
        """The number of its rows."""
        return self.rows

    def problems(self) -> tuple[str, ...]:
        """At least one row and one column."""
        return at_least(self, 1, "rows", "width")

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """The source's shape with `width` appended."""
        return Shapes((*xs[0], self.width), {"weight": ParameterShape((self.rows, self.width), (self.rows, self.width))})
