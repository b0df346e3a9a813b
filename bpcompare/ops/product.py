"""Products of matrices that are both computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bpcompare.ops.op import LayerOp, Shape, Shapes, broadcast

__all__ = ["Matmul"]


@dataclass(frozen=True)
class Matmul(LayerOp):
    """The matrix product of two sources (…, n, k) and (…, k, m), for every example; the axes before these two broadcast."""

    name: ClassVar[str] = "matmul"
    rounding: ClassVar[str] = ""
    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    equations: ClassVar[tuple[str, ...]] = (
        "in_nm = Σ_k a_nk b_km",
        "Δ_a ← Δ bᵀ,  Δ_b ← aᵀ Δ, summed over what was repeated",
    )

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """(…, n, m)."""
        a, b = xs
        if len(a) < 2 or len(b) < 2:
            return Shapes((), problems=(f"matmul needs sources with two axes or more, has {list(a)} and {list(b)}",))
        if a[-1] != b[-2]:
            message = f"matmul: the last axis of {list(a)} and the last but one of {list(b)} must be equal"
            return Shapes((), problems=(message,))
        lead, problems = broadcast(self.name, (a[:-2], b[:-2]))
        return Shapes((*lead, a[-2], b[-1]), problems=problems)
