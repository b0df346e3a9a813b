"""Other valid derivatives: on a kink, a value between the two extremes of what the ball leaves open is no error.

Elements are judged one by one where their choices are free of each other (relu at 0), and together where they are not: of a
maximum that several entries of a window share, each may have any part of Δ, but all of them together have it once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np

from bpcompare.laws import Laws
from bpcompare.laws.law import At
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.number import Side
from bpcompare.ops.call import Call
from bpcompare.proof.choices import Sides
from bpcompare.proof.claims import Claim
from bpcompare.proof.groups import as_one, member

Evaluate = Callable[[Side, Side], Ball]
"""The claim's law as a ball, for one side of each kink and one way to break ties."""

SIDES: tuple[Side, ...] = ("low", "high")


MOST_KINKS = 6
"""Kinks at one number up to which all choices are tried; beyond, those on which all agree."""

MIXED = "at a kink or a tie inside of a function of several steps; whether other choices there give these numbers was not decided"
NOT_TOGETHER = (
    "entries tie for a maximum here, and together they have another Δ than any choice among them gives: "
    "whoever gets it, the Δ of a window is handed back once"
)
"""Said of what is wrong at a tie although each entry alone could be right; the law's value is then one of several valid ones."""


def excused(
    claim: Claim, laws: Laws, x: Array, outside: Array, at: Evaluate, get: Callable[[str], Any], chosen: Callable[[Sides], Ball]
) -> tuple[Literal["convention", "refuted", "undecided"], str]:
    """Whether the elements of `x` outside their balls are valid all the same, because the claim is at a kink.

    `x`: the recorded array; `outside`: an array of bool of the same shape. `at(side, ties)` evaluates the claim with that choice
    at every kink, `chosen(sides)` with a choice for each step; `get` looks the premises up as balls that leave ties open. Returns
    the outcome, and why it is so ("" if refuted for no other reason than its ball); undecided are choices that are mixed on their
    way. For sums of tied entries it solves a linear programme, see `_together`.
    """
    calls = any(isinstance(op, Call) for _, op in claim.owners)  # their laws part Δ at ties by the side alone
    # Rules of updates have no kinks. A parameter that a function itself reads is one of its inputs.
    if claim.statement not in ("base", "inductive") and not (calls and claim.statement == "gradient"):
        return "refuted", ""
    kinked = [(op, kinks) for owner, op in claim.owners if (kinks := _kinks(laws.of(owner, op), op))]
    if not kinked:
        return "refuted", ""
    low, high = (at(side, None if calls else side) for side in SIDES)
    r_low, r_high = low.final_radius(), high.final_radius()
    floor = np.minimum(low.mid - r_low, high.mid - r_high)
    ceiling = np.maximum(low.mid + r_low, high.mid + r_high)
    beyond = outside & ~((floor <= x) & (x <= ceiling))
    if beyond.any() and not calls:
        beyond &= ~_between_choices(claim, laws, x, chosen)
    if beyond.any():
        return ("undecided", MIXED) if calls and _mixed(claim, laws, x, beyond, (low, high), at, get) else ("refuted", "")
    if calls:
        mine = member(claim, x, at, get)
        if mine is not None and not as_one([mine]):
            return "refuted", NOT_TOGETHER
        return "convention", _convention(kinked)
    ties = _ties(claim, laws, get)
    if ties is not None and not _together(claim, laws, x, np.maximum(r_low, r_high), ties, at, get):
        return "refuted", NOT_TOGETHER
    return "convention", _convention(kinked)


def _between_choices(claim: Claim, laws: Laws, x: Array, chosen: Callable[[Sides], Ball]) -> Array:
    """Where x is between what two or more kinks give that choose a side each, freely of the others."""
    steps = [(owner, op) for owner, op in claim.owners if _kinks(laws.of(owner, op), op)]
    floor, ceiling = np.full(x.shape, np.inf), np.full(x.shape, -np.inf)
    if 2 <= len(steps) <= MOST_KINKS:
        for sides in product(SIDES, repeat=len(steps)):
            ball = chosen(dict(zip(steps, sides, strict=True)))
            radius = ball.final_radius()
            np.minimum(floor, ball.mid - radius, out=floor)
            np.maximum(ceiling, ball.mid + radius, out=ceiling)
    return np.asarray((floor <= x) & (x <= ceiling))


def _mixed(
    claim: Claim, laws: Laws, x: Array, beyond: Array, ends: Sequence[Ball], at: Evaluate, get: Callable[[str], Any]
) -> bool:
    """Whether choices at kinks inside of a function of several steps may add up to what is recorded, as far as anybody knows.

    Where they are mixed on their way (by a product, by another kink), the extremes of each entry are not where all choices are
    extreme. Whatever no choice moves is refuted all the same, and so are groups with another sum than every choice gives.
    """
    every_law: list[Any] = [laws.of(owner, op) for owner, op in claim.owners]
    kinked = [number for number, law in enumerate(every_law) if getattr(law, "kinks", ())]
    before = every_law[: kinked[0]] if kinked else []
    if len(kinked) < 2 and all(law.moves or law.entrywise for law in before):
        return False  # one choice, and what lies between it and the value mixes no entries
    every = [*ends, *(at(side, None) for side in ("even", "drawn", "split"))]
    mids = [np.broadcast_to(one.mid, x.shape) for one in every]
    room = np.max([np.broadcast_to(one.final_radius(), x.shape) for one in every], axis=0)
    if not (np.ptp(mids, axis=0) > room)[beyond].all():
        return False
    mine = member(claim, x, at, get)
    return mine is None or as_one([mine])


def _convention(kinked: Sequence[tuple[Any, tuple[str, ...]]]) -> str:
    named = "; ".join(dict.fromkeys(f"{getattr(op, 'function', op.name)}, {kink}" for op, kinks in kinked for kink in kinks))
    return f"on a kink, where the backend takes another valid derivative than the law's convention ({named})"


def _kinks(law: Any, op: Any) -> tuple[str, ...]:
    """Of an op of a spec, as the op says; of a call, as its law says."""
    found: tuple[str, ...] = op.kinks or getattr(law, "kinks", ())
    return found


CLOSE = 1e-6
"""How far, in the largest Δ of a group, parts may be off in the linear programme, which is solved to 1e-9."""

EXACTLY = {"primal_feasibility_tolerance": 1e-9}
INFEASIBLE = 2
"""scipy's status for a programme that has no solution."""

MOST_TIES = 100_000
"""Ties up to which the programme is solved; beyond, the sums over groups decide alone."""


@dataclass(frozen=True)
class _Ties:
    """Windows whose maximum several entries share: `entry[i]` of the source ties in `window[i]`; `delta` is each window's Δ."""

    entry: Array
    window: Array
    delta: Array


def _ties(claim: Claim, laws: Laws, get: Callable[[str], Any]) -> _Ties | None:
    """All ties in the windows of all consumers; None where there are none, or where g mixes entries."""
    if not getattr(claim.owners[0][1], "elementwise", True):
        return None
    entries, windows, deltas, count = [], [], [], 0
    for consumer, op in claim.owners:
        law: Any = laws.of(consumer, op)
        if not hasattr(law, "tied"):
            continue
        positions, tied = law.tied(op, get(f"{claim.subject}.a"))
        dy = get(f"{consumer}.delta").mid.ravel()
        shared = np.flatnonzero(tied.sum(axis=1) > 1)
        row, column = np.nonzero(tied[shared])
        entries.append(positions[shared][row, column])
        windows.append(row + count)
        deltas.append(dy[shared])
        count += len(shared)
    return _Ties(np.concatenate(entries), np.concatenate(windows), np.concatenate(deltas)) if count else None


def _together(claim: Claim, laws: Laws, x: Array, r: Array, ties: _Ties, at: Evaluate, get: Callable[[str], Any]) -> bool:
    """Whether the entries of each group of ties have, together, what all valid choices give them together.

    Moving all entries of a group by the same amount moves each of its windows' maxima by that amount, whichever entry is
    chosen: one common direction in which the derivative is no matter of choice. Windows that overlap in a tie are one group.
    The sum over a group is judged to the last digit; that no window pays for another one is left to a linear programme.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    entry, place = np.unique(ties.entry, return_inverse=True)
    windows = len(ties.delta)
    graph = coo_array((np.ones(len(place)), (ties.window, place + windows)), shape=(windows + len(entry),) * 2)
    _, group = connected_components(graph, directed=False)

    def per_group(of: Array, values: Array) -> Array:
        return np.bincount(of, weights=values, minlength=int(group.max()) + 1)

    own = [at(side, "low").mid.ravel()[entry] for side in SIDES]  # without what the tied windows send
    slopes = [_slope(claim, laws, side, get).ravel()[ties.entry] * ties.delta[ties.window] for side in SIDES]
    least, most = np.full(windows, np.inf), np.full(windows, -np.inf)
    for sent in slopes:
        np.minimum.at(least, ties.window, sent)
        np.maximum.at(most, ties.window, sent)
    of_entry, of_window = group[windows:], group[:windows]
    there = x.ravel()[entry]
    floor = per_group(of_entry, np.minimum(*own)) + per_group(of_window, least)
    ceiling = per_group(of_entry, np.maximum(*own)) + per_group(of_window, most)
    size = per_group(of_entry, np.abs(there)) + per_group(of_window, np.abs(ties.delta))
    slack = per_group(of_entry, np.broadcast_to(r, x.shape).ravel()[entry]) + len(there) * 2.0**-52 * size
    sums = per_group(of_entry, there)
    if not ((floor - slack <= sums) & (sums <= ceiling + slack)).all():
        return False
    largest = np.zeros(len(size))
    np.maximum.at(largest, of_window, np.abs(ties.delta))
    unit = np.where(largest > 0, largest, 1.0)
    spare = slack[of_entry] / unit[of_entry] + CLOSE
    mine = (there - np.maximum(*own)) / unit[of_entry] - spare, (there - np.minimum(*own)) / unit[of_entry] + spare
    side = [_slope(claim, laws, side, get).ravel()[entry] for side in SIDES]
    return _shared_out(ties.window, place, ties.delta / unit[of_window], mine, (np.minimum(*side), np.maximum(*side)))


def _shared_out(window: Array, entry: Array, delta: Array, mine: tuple[Array, Array], slope: tuple[Array, Array]) -> bool:
    """Whether each window can share its Δ out among its tied entries so that every entry has what is recorded there.

    Tie i gives entry[i] the part y_i of delta[window[i]]: y ≥ 0, and those of a window add up to 1. D_e arrives at e, and some
    number between slope·D_e at both of its sides must lie within `mine`: for slopes that are not negative, two lines in D_e.
    """
    if len(window) > MOST_TIES:
        return True
    from scipy.optimize import linprog
    from scipy.sparse import coo_array, vstack

    at = np.arange(len(window))
    ones = coo_array((np.ones(len(window)), (window, at)), shape=(len(delta), len(window))).tocsr()
    arriving = coo_array((delta[window], (entry, at)), shape=(len(mine[0]), len(window))).tocsr()
    (low, high), (flat, steep) = mine, slope
    # What must be positive needs the steeper side to reach it, and the flatter not to pass it; what may be 0 only the latter.
    reach, stay = np.where(low > 0, steep, flat), np.where(high < 0, steep, flat)
    free = (flat < 0) & (flat < steep)
    reach, stay = (np.where(free, 0.0, part) for part in (reach, stay))
    low, high = np.where(free, -1.0, low), np.where(free, 1.0, high)
    rows = vstack([arriving.multiply(stay[:, None]), -arriving.multiply(reach[:, None])])
    limit = np.concatenate([high, -low])
    done = linprog(np.zeros(len(window)), rows, limit, ones, np.ones(len(delta)), (0, 1), "highs", options=EXACTLY)
    return bool(done.status != INFEASIBLE)


def _slope(claim: Claim, laws: Laws, side: Side, get: Callable[[str], Any]) -> Array:
    """g'(in) of the claim's node, at one side of its own kink."""
    owner, g = claim.owners[0]
    net_in = get(f"{claim.subject}.in")
    fmt = net_in.fmt(rearranged=net_in.fmt.rearranged, side=side)
    net_in = Ball(net_in.mid, fmt, net_in.rel, net_in.rad)
    slope = laws.of(owner, g).delta(At(g, [net_in], dy=Ball(np.ones_like(net_in.mid), fmt)))
    return np.asarray(slope.mid if isinstance(slope, Ball) else slope)
