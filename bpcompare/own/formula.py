"""The law of one element, written out: traced from the law itself, over the numbers of this very run."""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from bpcompare.formula.expression import Expression, Kind, Quantity
from bpcompare.formula.named import spelled
from bpcompare.formula.text import in_numbers, in_symbols
from bpcompare.formula.traced import Traced
from bpcompare.own.judged import Judged
from bpcompare.proof.claims import Claim
from bpcompare.proof.question import Question

MOST = 4
"""Terms of a sum that are written out."""
LONGEST = 2_000
"""Quantities of a formula, each as often as it stands there. The law of a program that is run as one step (a custom function, a
checkpoint) uses its own results again and again: written out, that would fill libraries."""
_SPELLED: WeakKeyDictionary[Judged, Question] = WeakKeyDictionary()


def formula(one: Judged, claim: Claim, index: tuple[int, ...]) -> tuple[str, str] | None:
    """The right-hand side of a claim at element `index`, in symbols and in numbers; None where it cannot be written."""
    found = expression(one, claim, index)
    try:
        return None if found is None else (in_symbols(found, Called(one).of), in_numbers(found))
    except Exception:  # noqa: BLE001 — a law may use what has no formula, and the verdict does not need one
        return None


def expression(one: Judged, claim: Claim, index: tuple[int, ...]) -> Expression | None:
    """The right-hand side of a claim at element `index`, as a formula over quantities; None where it cannot be written."""
    if one not in _SPELLED:
        _SPELLED[one] = Question(spelled(one.covered.program))
    try:
        with np.errstate(all="ignore"):
            traced = _SPELLED[one].by_path[claim.path].value(_lookup(one), one.laws)
            found: Expression = traced.element(tuple(map(int, index)))
            return found
    except Exception:  # noqa: BLE001 — as above
        return None


def _lookup(one: Judged) -> Any:
    values, names, written = one.values, Called(one), count(1)

    def quantity(path: str, at: tuple[int, ...], number: float) -> Quantity:
        if next(written) > LONGEST:
            raise OverflowError(f"a formula of more than {LONGEST:,} quantities")
        return Quantity(names.kind(path), path, at, number)

    @cache
    def get(path: str) -> Any:
        x = values.given[path] if path in values.given else values.recorded[path]
        if isinstance(x, int) or x.dtype.kind != "f":
            return x
        x = np.asarray(x, np.float64)
        return Traced(x, lambda at: quantity(path, at, float(x[at])), MOST)

    return get


class Called:
    """What quantities are called: a value by the function that made it, its Δ with .delta behind that."""

    def __init__(self, one: Judged) -> None:
        self._program = one.recording.program

    def kind(self, path: str) -> Kind:
        """What kind of a quantity stands at a path."""
        value = self._program.by_delta.get(path)
        if value is not None:
            return "gradient" if value.parameter else "delta"
        return "w" if path in self._program.values and self._program.values[path].parameter else "a"

    def value(self, path: str) -> str:
        """What the value at a path, or the one whose Δ stands there, is called: `gelu`, `0.weight`."""
        value = self._program.by_delta.get(path)
        path = path if value is None or value.parameter else value.path
        writer = self._program.writers.get(path)
        return (path if writer is None else writer.name.rpartition(":")[2]).replace(" (", "(")

    def of(self, x: Quantity) -> str:
        """`gelu[2,13]`, `gelu.delta[2,13]`, `0.weight[1,4]`."""
        index = f"[{','.join(map(str, x.index))}]" if x.index else ""
        return f"{self.value(x.path)}{'.delta' if self.kind(x.path) == 'delta' else ''}{index}"
