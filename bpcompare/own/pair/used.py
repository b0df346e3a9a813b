"""What becomes of gradients between the passes that give them and the optimizer that uses them: cut, scaled, added to others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isclose, sqrt

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.own.pair.updates import Move
from bpcompare.report.numbers import short

ROUNDINGS = 256.0
"""Roundings of the largest element that two gradients may be apart, and be the same: norms are added up in any order."""
CLOSE = 1e-6
"""Relative size up to which two factors, or two norms, are one."""
NEAR = 1e-4
"""The same for norms that are cut: torch adds 1e-6 to the norm before it divides."""
LEAST_SCALE = 16
"""Powers of two that are no smaller are loss scales."""


def differing(first: Mapping[str, Move], second: Mapping[str, Move]) -> str:
    """In words what each program does with its gradients; "" where it is the same, or not known of one of them."""
    one, other = used(first), used(second)
    if not one or not other or one == other:
        return ""
    return f"the gradients that the first uses are {one}; those that the second uses are {other}"


def used(moves: Mapping[str, Move]) -> str:
    """What the gradients that an optimizer uses are, of what its backward passes gave; "" where that is not known."""
    with np.errstate(all="ignore"):
        known = [move for move in moves.values() if move.given and np.isfinite(move.gradient).all()]
        if not known or len(known) < len(moves):
            return ""
        return next((words for words, made in _ways(known) if all(map(_same, known, made))), "")


def _same(move: Move, made: Array) -> bool:
    size = float(np.abs(move.gradient).max(initial=0.0))
    return bool((np.abs(move.gradient - made) <= ROUNDINGS * move.unit * size).all())


def _ways(moves: list[Move]) -> Iterator[tuple[str, list[Array]]]:
    """Each in words, and with the gradients that it makes."""
    passes = max(len(move.given) for move in moves)
    sums = [np.sum(move.given, axis=0) for move in moves]
    yield ("the sum of what its passes give" if passes > 1 else "what its pass gives"), sums
    if passes > 1:
        yield "what its last pass gives alone: are they zeroed between the passes?", [move.given[-1] for move in moves]
        yield f"the mean of what its {passes} passes give", [x / passes for x in sums]
    if any(move.earlier is not None and move.earlier.any() for move in moves):
        words = "added to what .grad held before: is it not zeroed (zero_grad)?"
        added = [x if move.earlier is None else x + move.earlier for x, move in zip(sums, moves, strict=True)]
        yield words, added
    yield from _cut(moves, sums)


def _cut(moves: list[Move], sums: list[Array]) -> Iterator[tuple[str, list[Array]]]:
    """With a factor, for all together or for each by itself, or element by element."""
    grads = [move.gradient for move in moves]
    uphill = sum(float((g * x).sum()) for g, x in zip(grads, sums, strict=True)) < 0
    factor = _over(_norm(grads), _norm(sums)) * (-1 if uphill else 1)
    yield _factored(factor, _norm(grads)), [factor * x for x in sums]
    bound = max(float(np.abs(g).max(initial=0.0)) for g in grads)
    yield f"those of its passes, each element cut to ±{short(bound)}", [np.clip(x, -bound, bound) for x in sums]
    norms = [(_norm([g]), _norm([x])) for g, x in zip(grads, sums, strict=True)]
    cut = [after for after, before in norms if not isclose(after, before, rel_tol=CLOSE)]
    if cut and all(isclose(one, cut[0], rel_tol=NEAR) for one in cut):
        made = [x * _over(after, before) for x, (after, before) in zip(sums, norms, strict=True)]
        yield f"those of its passes, each parameter's cut to a norm of {short(cut[0])} by itself", made


def _factored(factor: float, norm: float) -> str:
    """A factor in words: a loss scale is a power of two, and the norm that somebody cuts to has few digits."""
    times = f"those of its passes times {short(factor)}"
    if not 0 < factor < 1:
        return times
    scale = round(1 / factor)
    if isclose(scale * factor, 1.0, rel_tol=CLOSE) and scale >= LEAST_SCALE and scale & (scale - 1) == 0:
        return f"those of its passes divided by {scale:,}: a loss that was scaled is unscaled"
    return (
        f"{times}: they are cut to a norm of {short(norm)} in all" if isclose(norm, float(short(norm)), rel_tol=NEAR) else times
    )


def _norm(xs: list[Array]) -> float:
    return sqrt(float(sum((x * x).sum() for x in xs)))


def _over(a: float, b: float) -> float:
    return a / b if b else 1.0
