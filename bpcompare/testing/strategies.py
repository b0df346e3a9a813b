"""Random networks as a Hypothesis strategy."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from bpcompare.network import Network
from bpcompare.testing.networks import Choose, Size, build


class _Drawn(Choose):
    """Decisions of Hypothesis."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return int(self._draw(st.integers(low, high)))


@st.composite
def networks(draw: Any, size: Size | None = None) -> Network:
    """Networks that `bpcompare.run` can run; they shrink towards small nets of plain layers."""
    return build(_Drawn(draw), size)
