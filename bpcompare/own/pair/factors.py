"""Constant factors between two programs, in words: a size of some axis, its root, a sign, a half."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose, sqrt

import numpy as np

from bpcompare.own.pair.pairing import Pairing
from bpcompare.own.pair.side import Side
from bpcompare.report.numbers import short

CLOSE = 1e-6
"""Relative size within which a factor is a known one."""


def factor(found: float, pairing: Pairing) -> tuple[str, str]:
    """The factor, and what it is if that is known: "5", "a sum over 5 …"."""
    if not np.isfinite(found) or not found:
        return str(found), ""
    sign = "−" if found < 0 else ""
    for size, words in _known(pairing):
        for value, said in ((size, f"{sign}{short(size)}"), (1 / size, f"{sign}1/{short(size)}")):
            if isclose(abs(found), value, rel_tol=CLOSE):
                return said, words
    if isclose(abs(found), 1.0, rel_tol=CLOSE):
        return f"{sign}1", ""
    return f"{found:.6g}", ""


def _known(pairing: Pairing) -> Iterator[tuple[float, str]]:
    """Factors that have a name: sizes of the data's axes first, for a sum stands where the other has a mean."""
    sizes = dict.fromkeys(size for side in (pairing.first, pairing.second) for size in _sizes(side))
    for size in sizes:
        if size > 2:
            yield float(size), f"a sum over {size:,} where the other has a mean, or the other way round"
    yield 2.0, ""
    for size in sizes:
        if size > 2:
            yield sqrt(size), f"the root of {size:,}"


def _sizes(side: Side) -> Iterator[int]:
    """Sizes of axes, and of leading axes together; the data's first."""
    data = [path for path, value in side.program.values.items() if value.given and not value.parameter]
    for path in (*data, *(step.writes for step in side.steps())):
        x = side.number(path)
        if x is not None:
            yield from x.shape
            yield from (int(np.prod(x.shape[:axis])) for axis in range(2, x.ndim + 1))
