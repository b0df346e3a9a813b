"""Random networks as a Hypothesis strategy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

from bpcompare.network import Network
from bpcompare.testing.networks import Size, build

T = TypeVar("T")


class _Drawn:
    """Decisions of Hypothesis."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return int(self._draw(st.integers(low, high)))

    def one_of(self, values: Sequence[T]) -> T:
        """One of `values`."""
        return values[self.integer(0, len(values) - 1)]


@st.composite
def networks(draw: Any, size: Size | None = None) -> Network:
    """Networks that `bpcompare.run` can run; they shrink towards small nets of plain layers."""
    return build(_Drawn(draw), size)
