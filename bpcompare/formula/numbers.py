"""The numbers that a formula is written over."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.formula.expression import Constant, Expression, Kind, Quantity
from bpcompare.formula.traced import Traced
from bpcompare.network import Network
from bpcompare.plan.path import Path
from bpcompare.proof.values import StepValues

_KINDS: dict[str, Kind] = {"in": "in", "a": "a", "delta": "delta", "gradient": "gradient", "update": "w"}


class Numbers:
    """Looks up what stands in one step's formulas: given numbers, and those that one backend recorded, with their names.

    `positive`: Δ with the sign of the frameworks, +∂E/∂in. Sums of more than `most` terms show the largest.
    """

    def __init__(self, network: Network, values: StepValues, most: int, *, positive: bool = False) -> None:
        self.network = network
        self.values = values
        self.most = most
        self.positive = positive
        self._draws = {path for paths in network.draw_paths.values() for path in paths.values()}

    def __call__(self, path: str) -> Any:
        """A whole quantity: reals as formulas, integers as they are."""
        given = self.values.given
        x = given[path] if path in given else self.values.recorded[path]
        if isinstance(x, int) or x.dtype.kind != "f":
            return x
        x = np.asarray(x, np.float64)
        if self.positive and Path(path).kind == "delta" and path not in given:
            x = -x
        return Traced(x, lambda at: self._element(path, at, float(x[at])), self.most)

    def _element(self, path: str, at: tuple[int, ...], x: float) -> Expression:
        if path in self._draws:
            return Constant(x, Path(path).kind)
        return Quantity(self._kind(path), path, at, x)

    def _kind(self, path: str) -> Kind:
        if path == "target":
            return "t"
        if path in self.network.parameters:
            return "w"
        if path == "error":
            return "error"
        at = Path(path)
        if not at.earlier and at.kind in _KINDS:
            return _KINDS[at.kind]
        return "state" if at.owner in self.network.layers else "slot"
