"""A pullback is linear in dy, whatever it is the derivative of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from bpcompare.tools.gradient.contracts.asked import Asked, Dys, Gradients
from bpcompare.tools.gradient.contracts.comparison import compared, settled
from bpcompare.tools.gradient.contracts.expected import Expected
from bpcompare.tools.gradient.contracts.outcome import Outcome

SCALES = {2: (-4.0, 2.0**-4), 4: (-256.0, 2.0**-20), 8: (-65536.0, 2.0**-40)}
"""What dy is multiplied with, by the bytes of a number: powers of two, which no rounding disturbs."""
ADVICE = "use dy only as a factor, and in sums: no |dy|, no dy², no clipping, no `if` that asks for dy"


def linear(asked: Asked) -> Outcome:
    """0, a large multiple with the other sign, a small one, and the positive and negative parts of dy, which add up."""
    return settled("linear", list(_tries(asked)))


def _tries(asked: Asked) -> Iterator[Outcome]:
    first, dys = asked.first, asked.dys
    zeros = tuple(np.zeros_like(dy) for dy in dys)
    nothing = {i: np.zeros(g.shape) for i, g in first.items()}
    if not all(np.isfinite(g).all() for g in first.values()):
        return  # NaN is told as what it is, and is linear in nothing
    found = compared(asked, "linear", "dy was 0", lambda: _zero(asked, zeros), Expected(nothing, dys), ADVICE)
    if found is not None:
        yield found
    for scale in SCALES.get(min(dy.dtype.itemsize for dy in dys), SCALES[2]):
        if not all(_roomy(g, scale) for g in first.values()):
            continue
        scaled = tuple((scale * dy).astype(dy.dtype) for dy in dys)
        want = {i: scale * g for i, g in first.items()}
        done = f"dy was multiplied with {scale:.6g}"
        found = compared(asked, "linear", done, partial(asked.gradients, scaled), Expected(want, dys, scale=scale), ADVICE)
        if found is not None:
            yield found
    if sum(dy.size for dy in dys) > 1:
        done = "dy was split into its positive and its negative part, and their two gradients added up"
        found = compared(asked, "linear", done, lambda: _parts(asked), Expected(first, dys), ADVICE)
        if found is not None:
            yield found


def _zero(asked: Asked, zeros: Dys) -> Gradients:
    return asked.gradients(zeros)


def _roomy(g: np.ndarray, scale: float) -> bool:
    """Whether its multiple, and what it was made of, is far from the largest and the smallest number of its format."""
    size, limits = float(np.abs(g).max(initial=0.0)), np.finfo(g.dtype)
    small = not size or size * abs(scale) > float(limits.tiny) ** 0.75
    return bool(np.isfinite(size)) and small and size * abs(scale) < float(limits.max) ** 0.75


def _parts(asked: Asked) -> Gradients:
    plus = asked.gradients([np.where(dy > 0, dy, 0).astype(dy.dtype) for dy in asked.dys])
    minus = asked.gradients([np.where(dy > 0, 0, dy).astype(dy.dtype) for dy in asked.dys])
    return {i: plus[i] + minus[i] for i in plus}
