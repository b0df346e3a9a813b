"""Ten mistakes that are planted into a right backward: into what is sent back, or into one of the gradients that it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.gradients.sample import Change, Sample

Array = np.ndarray[Any, Any]


def same(arrays: list[Any]) -> list[Any]:
    """No change."""
    return arrays


def _scaled(factors: Callable[[tuple[int, ...]], Array]) -> Callable[[Sample, int], Change]:
    """Gradient number `at`, times constants."""

    def made(sample: Sample, at: int) -> Change:
        def change(found: list[Any]) -> list[Any]:
            g = found[at]
            return found if g is None else [*found[:at], g * sample.constant(factors(tuple(g.shape)), g), *found[at + 1 :]]

        return change

    return made


def _even(factor: float) -> Callable[[tuple[int, ...]], Array]:
    return lambda shape: np.full(shape, factor)


def _but(factor: float, place: Callable[[Array], Any]) -> Callable[[tuple[int, ...]], Array]:
    """Ones, but for one place."""

    def factors(shape: tuple[int, ...]) -> Array:
        made = np.ones(shape)
        made[place(made)] = factor
        return made

    return factors


def _middle(x: Array) -> Any:
    return np.unravel_index(x.size // 2, x.shape)


def _last(x: Array) -> Any:
    return -1 if x.ndim else ()


def _permuted(sample: Sample, at: int) -> Change:
    """Transposed in two axes of the same length; where there are none, its elements are turned round."""

    def change(found: list[Any]) -> list[Any]:
        g = found[at]
        if g is None:
            return found
        places = np.arange(int(np.prod(g.shape)), dtype=np.int64).reshape(tuple(g.shape))
        pair = next(((i, j) for i in range(g.ndim) for j in range(i) if 1 < g.shape[i] == g.shape[j]), None)
        places = places.reshape(-1)[::-1] if pair is None else np.swapaxes(places, *pair).reshape(-1)
        return [*found[:at], g.reshape(-1)[sample.constant(places, g)].reshape(g.shape), *found[at + 1 :]]

    return change


def _without_one_output(sample: Sample, _: int) -> Change:
    """The terms of the middle element of the first output are forgotten."""

    def change(sent: list[Any]) -> list[Any]:
        dy = sent[0]
        return [dy * sample.constant(_but(0.0, _middle)(tuple(dy.shape)), dy), *sent[1:]]

    return change


SENT: dict[str, Callable[[Sample, int], Change]] = {
    "dy ignored": lambda _, __: lambda sent: [0 * dy + 1 for dy in sent],
    "|dy|": lambda _, __: lambda sent: [abs(dy) for dy in sent],
    "a term dropped": _without_one_output,
}
"""Mistakes with what is sent back."""

FOUND: dict[str, Callable[[Sample, int], Change]] = {
    "sign": _scaled(_even(-1.0)),
    "half": _scaled(_even(0.5)),
    "zero": _scaled(_even(0.0)),
    "permuted": _permuted,
    "one element": _scaled(_but(1.1, _middle)),
    "last row": _scaled(_but(0.0, _last)),
    "×(1+1e-3)": _scaled(_even(1.001)),
}
"""Mistakes in one gradient, by its number among the inputs that have one."""

KINDS = (*FOUND, *SENT)


def changes(kind: str, sample: Sample, at: int) -> tuple[Change, Change]:
    """What becomes of what is sent back, and of the gradients."""
    return (SENT[kind](sample, at), same) if kind in SENT else (same, FOUND[kind](sample, at))
