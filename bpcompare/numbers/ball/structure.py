"""NumPy functions that move entries without computing: they act alike on every part of a ball."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball.array import FUNCTIONS, Ball, as_ball, format_in
from bpcompare.numbers.number import MOVES


def _moved(function: Callable[..., Array]) -> Callable[..., Ball]:
    def rule(x: Ball, *args: Any, **kwargs: Any) -> Ball:
        return x.map(lambda part: function(part, *args, **kwargs))

    return rule


for _function in MOVES:
    FUNCTIONS[_function] = _moved(_function)


def _full(part: Array | float, like: Array) -> Array:
    return np.broadcast_to(np.asarray(part, dtype=np.float64), like.shape)


def concatenate(xs: Sequence[Any], axis: int = 0) -> Ball:
    """Parts side by side; the relative part stays apart where all have the same."""
    fmt = format_in(xs)
    balls = [as_ball(x, fmt) for x in xs]
    mid = np.concatenate([ball.mid for ball in balls], axis=axis)
    if all(ball.n == 0 and ball.major is None for ball in balls):
        rel = balls[0].rel
        scalars = {ball.rad for ball in balls if not isinstance(ball.rad, np.ndarray)}
        if all(ball.rel == rel for ball in balls) and len(scalars) == 1 and not any(isinstance(b.rad, np.ndarray) for b in balls):
            return Ball(mid, fmt, rel, scalars.pop())
    rad = np.concatenate([_full(ball.radius(), ball.mid) for ball in balls], axis=axis)
    major = np.concatenate([ball.magnitude() for ball in balls], axis=axis) if fmt.rearranged else None
    return Ball(mid, fmt, 0.0, rad, major=major)


def where(condition: Array, x: Any, y: Any) -> Ball:
    """Entries of x or y; the condition is plain booleans."""
    fmt = format_in((x, y))
    if isinstance(x, Ball) and not isinstance(y, Ball | np.ndarray) and y == 0 and np.shape(condition) == x.shape:
        # An exact zero has every radius: what is pending in x stays pending.
        return x.map(lambda part: _kept(part, condition))
    x, y = as_ball(x, fmt), as_ball(y, fmt)
    mid = np.where(condition, x.mid, y.mid)
    if x.rel == y.rel and not x.n and not y.n and not np.ndim(x.rad) and not np.ndim(y.rad) and not fmt.rearranged:
        return Ball(mid, fmt, x.rel, max(x.rad, y.rad))
    rad = np.where(condition, x.radius(), y.radius())
    major = np.where(condition, x.magnitude(), y.magnitude()) if fmt.rearranged else None
    return Ball(mid, fmt, 0.0, rad, major=major)


def _kept(part: Array, condition: Array) -> Array:
    """`part` where the condition holds, else 0. A product is ten times faster than `where`, but 0 · ∞ is no 0."""
    kept = part * condition
    return kept if np.isfinite(kept.sum()) else np.where(condition, part, 0.0)


def zeros_like(x: Ball) -> Ball:
    """Exact zeros."""
    return Ball(np.zeros_like(x.mid), x.fmt)


FUNCTIONS[np.concatenate] = concatenate
FUNCTIONS[np.where] = where
FUNCTIONS[np.zeros_like] = zeros_like
