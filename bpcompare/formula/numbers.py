"""The numbers that a formula is written over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpcompare.formula.expression import Constant, Expression, Kind, Quantity, Rest, times
from bpcompare.formula.pairs import Pairs
from bpcompare.network import Network
from bpcompare.values import StepValues

MOST = 4
"""Terms of a sum that are written out; of a longer one the largest, and the rest added up."""


class Numbers:
    """Looks up what stands in one step's formulas: given numbers, and those that one backend recorded."""

    def __init__(self, network: Network, values: StepValues, *, positive: bool = False) -> None:
        self.network = network
        self.values = values
        self.positive = positive
        self._wide: dict[str, Any] = {}

    def __call__(self, path: str) -> Any:
        """A whole quantity, in float64 (integers as they are)."""
        if path not in self._wide:
            given = self.values.given
            x = np.asarray(given[path] if path in given else self.values.recorded[path])
            x = x.astype(np.float64) if x.dtype.kind == "f" else x
            self._wide[path] = -x if self.positive and path.endswith(".delta") and path not in given else x
        return self._wide[path]

    def quantity(self, path: str, index: tuple[int, ...]) -> Quantity:
        """One element, as part of a formula."""
        return Quantity(self._kind(path), path, index, float(self(path)[index]))

    def _kind(self, path: str) -> Kind:
        last = path.rpartition(".")[2]
        if path == "target":
            return "t"
        if path in self.network.parameters:
            return "w"
        if path == "error":
            return "error"
        kinds: dict[str, Kind] = {"in": "in", "a": "a", "delta": "delta", "gradient": "gradient", "update": "w"}
        if last in kinds:
            return kinds[last]
        layer = path.removesuffix(".before").rpartition(".")[0]
        return "state" if layer in self.network.layers else "slot"

    def terms(self, pairs: Sequence[Pairs], extra: Sequence[Expression] = (), most: int = MOST) -> list[Expression]:
        """The terms of Σ left · right and `extra`; where they are more than `most`, the largest, and the rest as one number."""
        sizes, right, left = [], [], []
        for pair in pairs:
            there = self(pair.right)[tuple(pair.right_at.T)].astype(np.float64)
            here = np.full(len(there), pair.factor) if pair.left is None else self(pair.left)[tuple(pair.left_at.T)]
            right.append(there)
            left.append(here)
            sizes.append(here * there)
        count = sum(map(len, sizes))
        every = np.concatenate(sizes) if sizes else np.zeros(0)
        room = most - len(extra)
        if count <= room:
            chosen = set(range(count))
        else:
            # NaN sorts last: a term that is no number is always shown.
            chosen = set(np.argsort(np.abs(every), kind="stable")[-max(room - 1, 1) :].tolist())
        found: list[Expression] = []
        start = 0
        for pair, size in zip(pairs, sizes, strict=True):
            found += [self._term(pair, at) for at in range(len(size)) if start + at in chosen]
            start += len(size)
        if len(chosen) < count:
            others = np.delete(every, sorted(chosen))
            found.append(Rest(float(others.sum()), len(others)))
        return [*found, *extra]

    def _term(self, pair: Pairs, at: int) -> Expression:
        right = self.quantity(pair.right, tuple(map(int, pair.right_at[at])))
        if pair.left is not None:
            return times(self.quantity(pair.left, tuple(map(int, pair.left_at[at]))), right)
        return times(Constant(pair.factor, pair.symbol if pair.factor != 1 else ""), right)


def shortened(terms: list[Expression]) -> list[Expression]:
    """The largest terms, and the rest as one number."""
    if len(terms) <= MOST:
        return terms
    order = sorted(range(len(terms)), key=lambda at: -abs(terms[at].value))
    kept = sorted(order[: MOST - 1])
    return [*(terms[at] for at in kept), Rest(sum(terms[at].value for at in order[MOST - 1 :]), len(terms) - MOST + 1)]
