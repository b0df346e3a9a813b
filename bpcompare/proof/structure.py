"""What is 0 whatever the numbers are: a softmax over one unit sends no Δ back, a bias before a batch norm has no gradient.

A layer that is dead or saturated on these numbers is not so on others; what is 0 by structure stays 0 on all numbers. To tell
the two apart, the laws are evaluated on other weights, inputs, targets and masks, half of the time with every relu open. What is
then 0, compared with the size of its own terms, in every element and every time, is 0 by structure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from math import prod
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from bpcompare.laws import LAWS, Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball, Format
from bpcompare.numbers.ball.format import format_of
from bpcompare.plan import Batch, Plan
from bpcompare.plan.path import Path
from bpcompare.proof.claims import Claim
from bpcompare.proof.finding import Finding
from bpcompare.proof.values import given_values

DRAWS = 4
"""Other draws that are tried: of both signs or positive, with branches as they fall or all open."""

EXAMPLES = 8
"""So many examples are enough: what is 0 by structure is so for any number of them."""

MOST_NUMBERS = 20_000_000
"""Up to so many numbers in parameters and a batch; more would outlast the verdict, and what is 0 there stays undecided."""

SMALL = 1e-9
"""Relative to Σ|terms| of the law: below this a number is what rounding left. Drawn terms do not cancel so far by chance."""


def settled(plan: Plan, listed: Sequence[Claim], laws: Laws, findings: Sequence[Finding]) -> Sequence[Finding]:
    """`findings`, with those about zeros decided: what is 0 by structure holds, for no data would give another number.

    What is 0 on these numbers alone, because all terms are 0 or cancel, is undecided: it would not be 0 on other numbers.
    `listed` are the claims of one step.
    """
    doubted = {_zero_path(finding) for finding in findings if finding.doubt == "zero" or finding.terms}
    if not doubted:
        return findings
    always = structural(plan, listed, laws, doubted)
    cancelled = {_zero_path(finding) for finding in findings if finding.terms}
    always |= structural(plan, listed, laws, cancelled - always, kept=True)
    return [_settle(finding, _zero_path(finding) in always) for finding in findings]


def _settle(finding: Finding, always: bool) -> Finding:
    if finding.doubt == "zero" and always:
        note = "0 by structure: it is 0 on other weights and data as well"
        return replace(finding, outcome="holds", power=0.0, note=note, doubt="", structural=True)
    if finding.terms and not always:
        if finding.statement == "update":
            note = "it is lost in the rounding of the parameter, and its gradient in that of its terms"
        else:
            note = f"it is lost in the rounding of its terms, of size {finding.terms:.2g}, and on other numbers it is not 0"
        return replace(finding, outcome="undecided", power=float("inf"), terms=0.0, note=note, doubt="blurred")
    return finding


def _zero_path(finding: Finding) -> str:
    """The quantity whose being 0 is the reason, without its step: of an update, the gradient."""
    path = Path(finding.path).bare
    return f"{path.owner}.gradient" if finding.statement == "update" else path


def structural(plan: Plan, listed: Sequence[Claim], laws: Laws, paths: Collection[str], *, kept: bool = False) -> frozenset[str]:
    """Those of `paths` (of one step, without a prefix) that are 0 in every element on `DRAWS` other draws of all numbers, too.

    `kept`: an array of weights is not drawn again but scaled by one factor, so that terms still cancel which cancel because two
    weights are equal. Empty for a plan of more than `MOST_NUMBERS` numbers.
    """
    if sum(x.size for _, x in plan.arrays()) > MOST_NUMBERS:
        return frozenset()
    # Each path by itself is 0 or not, and on drawn numbers that is so for every record, and for all plans that differ in numbers.
    known: dict[str, bool] = {}
    if laws is LAWS:
        known = _FOUND.setdefault(plan, {}) if kept else _found_before(plan)
    if left := frozenset(path for path in paths if path not in known):
        always = _on_other_numbers(plan, listed, laws, left, kept)
        known.update((path, path in always) for path in left)
    return frozenset(path for path in paths if known[path])


_FOUND: WeakKeyDictionary[Plan, dict[str, bool]] = WeakKeyDictionary()
"""Whether the paths of a plan that were asked for are 0 where weights are kept."""
MOST_ALIKE = 64


@lru_cache(MOST_ALIKE)
def _alike(_text: str, _kinds: frozenset[type]) -> dict[str, bool]:
    """The same where weights are drawn again, by what that depends on: it is so for all plans that differ in numbers."""
    return {}


def _found_before(plan: Plan) -> dict[str, bool]:
    """What is known of all plans that have the ops, the shapes, and the state that is not drawn again, of this one."""
    network = plan.network
    text = sha256()
    for part in (
        (network.inputs, network.layers, network.error, network.update, plan.updates_done),
        [(name, parameter.trainable, parameter.penalty) for name, parameter in network.parameters.items()],
        [(name, x.shape, x.dtype.str) for name, x in plan.parameters.items()],
        [(name, x[:EXAMPLES].shape, x.dtype.str) for name, x in (*plan.batches[0].inputs.items(), ("", plan.batches[0].target))],
        [(name, x[:EXAMPLES].shape, float(x.max(initial=0.0))) for name, x in plan.batches[0].draws.items()],
        [(name, x.shape, x.dtype.str) for name, x in (*plan.state.items(), *plan.slots.items())],
    ):
        text.update(repr(part).encode())
    for x in (*plan.state.values(), *plan.slots.values()):
        text.update(x.tobytes())
    return _alike(text.hexdigest(), network.kinds)


def _on_other_numbers(plan: Plan, listed: Sequence[Claim], laws: Laws, paths: frozenset[str], kept: bool) -> frozenset[str]:
    left = paths
    with np.errstate(all="ignore"):
        for number in range(DRAWS):
            if left:
                needed = _needed(listed, left)
                left &= _zeros(_redrawn(plan, number, kept=kept), needed, laws, opened=number >= DRAWS // 2)
    return left


def _needed(listed: Sequence[Claim], paths: Collection[str]) -> list[Claim]:
    """The claims of `paths`, and those that they rest on, in their order."""
    wanted, found = set(paths), []
    for claim in reversed(listed):  # each stands after those that it rests on
        if claim.path in wanted:
            wanted.update(claim.premises)
            found.append(claim)
    return found[::-1]


def _zeros(plan: Plan, listed: Sequence[Claim], laws: Laws, *, opened: bool) -> frozenset[str]:
    """The paths that are 0 in every element. What rounding leaves of a 0 goes no further: it would have terms of its own size."""
    fmt = format_of("float64")(rearranged=True, side="high" if opened else None)
    known: dict[str, Any] = {path: _known(x, fmt, opened=opened) for path, x in given_values(plan, 1, None).items()}
    found = []
    for claim in listed:
        if not claim.owners or claim.statement == "update":
            continue
        value: Any = claim.value(known.__getitem__, laws)
        ball = value if isinstance(value, Ball) else Ball(np.asarray(value, np.float64), fmt)
        # Infinities and NaN are no zeros: such a draw decides nothing.
        zero = np.abs(ball.mid) <= SMALL * np.where(np.isfinite(ball.magnitude()), ball.magnitude(), 0.0)
        if zero.all():
            found.append(claim.path)
        known[claim.path] = _known(np.where(zero, 0.0, ball.mid), fmt, opened=opened)
    return frozenset(found)


def _known(x: Any, fmt: Format, *, opened: bool) -> Any:
    """A number as a ball; one without end lies on both sides of every branch, and `fmt` says which is taken."""
    if isinstance(x, int) or x.dtype.kind != "f":
        return x
    return Ball(x.astype(np.float64), fmt, 0.0, np.inf if opened else 0.0)


def _redrawn(plan: Plan, number: int, *, kept: bool) -> Plan:
    """One step of the plan on other numbers, for a few examples; the state stays."""
    random = np.random.default_rng(number)

    def drawn(x: Array, spread: float = 1.0, most: int = 1) -> Array:
        if x.dtype.kind != "f":
            return np.asarray(random.integers(0, most, x.shape), x.dtype)
        normal = random.standard_normal(x.shape)
        # Sums of positive numbers grow with their count, those of both signs with its root.
        return np.asarray(np.abs(normal) * spread**2 if number % 2 else normal * spread)

    def spread(x: Array) -> float:
        return float(prod(x.shape) / max(x.shape[-1], 1)) ** -0.5 if x.ndim > 1 and x.size else 1.0

    def weight(x: Array) -> Array:
        size = float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) if kept and x.size else 0.0
        return np.asarray(x * (random.uniform(0.5, 2.0) / size * spread(x))) if size else drawn(x, spread(x))

    batch, network = plan.batches[0], plan.network
    rows: dict[str, int] = {}
    for layer in network.layers.values():
        if layer.op.below is not None:
            for slot in layer.op.integer:
                rows[layer.sources[slot]] = min(layer.op.below, rows.get(layer.sources[slot], layer.op.below))
    classes = max(network.shape(network.error.of)[-1:], default=1)
    other = Batch(
        {name: drawn(x[:EXAMPLES], most=rows.get(name, 1)) for name, x in batch.inputs.items()},
        drawn(batch.target[:EXAMPLES], most=classes),
        {path: np.full_like(x[:EXAMPLES], float(x.max(initial=0.0)) or 1.0) for path, x in batch.draws.items()},
    )
    return replace(plan, parameters={name: weight(x) for name, x in plan.parameters.items()}, batches=(other,))
