"""What is 0 whatever the weights and data are: a softmax over one unit sends no Δ back, and a net input behind none has none.

A layer that is dead on these numbers comes alive on others; what is 0 by structure does not, and no advice would help. The two
are told apart by trying: the laws are worked out on other weights, inputs and masks, positive ones among them, which keep relu
alive.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from math import prod

import numpy as np

from bpcompare.claims import Claim
from bpcompare.laws import Laws
from bpcompare.parameter import Array
from bpcompare.plan import Batch, Plan
from bpcompare.worked import values

DRAWS = 4
"""Other draws that are tried, every second one of positive numbers."""

LARGEST = 3_000_000
"""Up to so many numbers in parameters and a batch; more would outlast the verdict, and what is 0 there stays undecided."""

SMALL = 1e-12
"""Relative to the largest Δ of a draw: below this a number is what rounding left."""


def structural(plan: Plan, listed: Sequence[Claim], laws: Laws, paths: Collection[str]) -> frozenset[str]:
    """Those of `paths` (of one step, without a prefix) that are 0 in every element on all other draws too."""
    size = sum(x.size for _, x in plan.arrays())
    left = set(paths)
    for number in range(DRAWS if size <= LARGEST else 0):
        if not left:
            break
        (found,) = values(_redrawn(plan, number), listed, laws)
        scale = max((_largest(found[claim.path]) for claim in listed if claim.statement in ("base", "inductive")), default=0.0)
        if not np.isfinite(scale):
            continue
        left = {path for path in left if _largest(found[path]) <= SMALL * scale}
    return frozenset(left) if size <= LARGEST else frozenset()


def _largest(x: Array) -> float:
    return float(np.abs(x).max(initial=0.0))


def _redrawn(plan: Plan, number: int) -> Plan:
    """One step of the plan on other numbers; the target, integer inputs and state stay."""
    random = np.random.default_rng(number)

    def drawn(x: Array, spread: float = 1.0) -> Array:
        if x.dtype.kind != "f":
            return x
        normal = random.standard_normal(x.shape)
        # Sums of positive numbers grow with their count, those of both signs with its root.
        return np.asarray(np.abs(normal) * spread**2 if number % 2 else normal * spread)

    def spread(x: Array) -> float:
        return (prod(x.shape) / max(x.shape[-1], 1)) ** -0.5 if x.ndim > 1 and x.size else 1.0

    batch = plan.batches[0]
    masks = {path: np.full(x.shape, float(x.max(initial=0.0)) or 1.0) for path, x in batch.draws.items()}
    other = Batch({name: drawn(x) for name, x in batch.inputs.items()}, batch.target, masks)
    return replace(plan, parameters={name: drawn(x, spread(x)) for name, x in plan.parameters.items()}, batches=(other,))
