"""The likely mistake: what the whole wrong gradient looks like beside the right one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.own.causes.factor import Factors

SMALLEST = 1e-9
"""Factors that are no smaller are no rounding."""
FACTORS = {
    -1.0: "every element has the wrong sign",
    0.5: "every element is half of the right one: is a 2 missing?",
    2.0: "every element is 2 times the right one: is a ½ missing?",
}


def likely(got: Array, want: Array, others: Sequence[Array | None], close: Callable[[Array, Array], bool]) -> str:
    """What the wrong gradient `got` looks like beside the right one `want`, in words ("it is transposed"); "" where nothing fits.

    Both have the shape of the input. `others`: the right gradients of the other inputs. `close(a, b)`: whether two arrays are
    equal up to rounding.
    """
    form = formed(got, want, others, close)
    return form or next((words for words, found in scaled(got, want, Factors({})) if close(got, found)), "")


def formed(got: Array, want: Array, others: Sequence[Array | None], close: Callable[[Array, Array], bool]) -> str:
    """The same for the same arguments, but without factors that nobody expects: "" where a right gradient times 0.3 was given."""
    if not got.any() and want.any():
        return "it is 0 everywhere: is it never computed, or not given back?"
    return next((words for wrong, words in _forms(want, others) if close(got, wrong)), "")


def _forms(want: Array, others: Sequence[Array | None]) -> Iterator[tuple[Array, str]]:
    """What a gradient often is instead of `want`, and what to call it."""
    for factor, words in FACTORS.items():
        yield factor * want, words
    if want.ndim == 2 and want.shape[0] == want.shape[1]:
        yield want.T, "it is transposed"
    for other in others:
        if other is not None and other.shape == want.shape:
            yield other, "it is the right gradient of another input: are two of them swapped?"
    for axis in range(want.ndim if want.size > 2 else 0):
        for by, words in ((1, "after"), (-1, "before")):
            yield np.roll(want, by, axis), f"every element stands one place {words} its own along axis {axis}: off by one?"
    if want.ndim and len(want) > 1:
        for at, words in ((-1, "last"), (0, "first")):
            alone = np.zeros_like(want)
            alone[at] = want[at]
            yield alone, f"only its {words} row is there, all others are 0: is it assigned (=) where it must be added up (+=)?"
            yield want - alone, f"its {words} row is 0, all others are right: is a loop one too short?"
        rows = len(want)
        yield want / rows, f"every element is 1/{rows} of the right one: a mean over {rows} rows, where their sum is meant"
        yield want * rows, f"every element is {rows} times the right one: a sum over {rows} rows, where their mean is meant"


def scaled(got: Array, want: Array, factors: Factors) -> Iterator[tuple[str, Array]]:
    """The right gradient with a constant factor, which may be made of some `factors`: words, and numbers to hold it against."""
    at = np.unravel_index(int(np.argmax(np.abs(want))), want.shape) if want.ndim else ()
    if not want[at] or not np.isfinite(got[at]):
        return
    ratio = float(got[at] / want[at])
    every = "every element" if want.size > 1 else "it"
    for exact, words in factors.near(ratio):
        yield f"{every} is the right one times {words}", exact * want
    # Of a single number, some factor is always true, and says nothing; nor does one that is 0 but for rounding.
    if np.count_nonzero(want) > 1 and abs(ratio) > SMALLEST:
        yield f"every element is the right one times {ratio:.6g}: a constant factor", ratio * want
