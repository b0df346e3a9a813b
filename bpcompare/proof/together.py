"""Small claims about one update rule, judged side by side: the law of a bias takes no longer for all biases of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from bpcompare.laws import Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.number import Num
from bpcompare.ops.op import UpdateOp
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.entries import is_update
from bpcompare.proof.entrywise import LARGE
from bpcompare.proof.evaluation import format_for
from bpcompare.proof.finding import Finding
from bpcompare.proof.inside import NEARLY_ONE, SMALLEST
from bpcompare.proof.power import least as needed

NUMBER = "t"
"""The number of the update, where a run has one for all parameters; every other path of an update begins with its parameter's."""


class UnlikeError(Exception):
    """Members of a group that do not have the same single numbers."""


def together(claims: Sequence[Claim], balls: Balls, laws: Laws, prefix: str = "") -> Mapping[int, Finding]:
    """Those that hold, by their place in `claims`. Whatever is not among them says nothing: it is to be judged by itself.

    `prefix` is put before the paths of what is found.
    """
    found: dict[int, Finding] = {}
    for group in alike(claims, balls, laws):
        try:
            found |= _judged([(number, claims[number]) for number in group], balls, laws, prefix)
        except Exception:  # noqa: BLE001, S112 — whatever it is, it is found again where each is judged by itself
            continue
    return found


def alike(claims: Sequence[Claim], balls: Balls, laws: Laws, fewest: int = 2) -> list[list[int]]:
    """Places of small claims that say the same of different parameters, so many or more of them."""
    groups: dict[tuple[Any, ...], list[list[int]]] = {}
    for number, claim in enumerate(claims):
        if not is_update(claim) or not 0 < balls.values.recorded[claim.path].size < LARGE:
            continue
        owner, op = claim.owners[0][0], cast(UpdateOp, claim.owners[0][1])
        key = (claim.statement, claim.path.removeprefix(claim.subject), claim.dtype, id(laws.update(owner, op)))
        found = groups.setdefault(key, [])
        mine = next((group for group in found if claims[group[0]].owners[0][1] == op), None)
        if mine is None:
            found.append([number])
        else:
            mine.append(number)
    return [group for found in groups.values() for group in found if len(group) >= fewest]


def _judged(group: Sequence[tuple[int, Claim]], balls: Balls, laws: Laws, prefix: str) -> dict[int, Finding]:
    first = group[0][1]
    balls = balls.of(first) if first.dtype else balls
    fmt = format_for(first, balls, laws)
    recorded = [balls.values.recorded[claim.path] for _, claim in group]
    subjects = [claim.subject for _, claim in group]

    def get(path: str) -> Num:
        if path == NUMBER:
            return balls.number(path)
        paths = [subject + path.removeprefix(subjects[0]) for subject in subjects]
        numbers = [balls.number(one) for one in paths]
        if all(np.shape(x) == mine.shape for x, mine in zip(numbers, recorded, strict=True)) and isinstance(
            numbers[0], np.ndarray
        ):
            return _row(balls, paths, numbers, fmt)
        if any(np.shape(x) or x != numbers[0] for x in numbers):
            raise UnlikeError
        return balls.ball(path, fmt)

    value = first.value(get, laws)
    if (
        not isinstance(value, Ball)
        or value.shape != (sum(x.size for x in recorded),)
        or any(x.dtype.kind != "f" for x in recorded)
    ):
        return {}
    radius = np.broadcast_to(np.asarray(value.final_radius(), np.float64), value.shape)
    before = [balls.number(claim.subject) for _, claim in group] if first.statement == "update" else None
    return _inside(group, recorded, before, value.mid, radius + SMALLEST, balls.fmt.u, prefix)


def _inside(
    group: Sequence[tuple[int, Claim]],
    recorded: Sequence[Array],
    before: Sequence[Array] | None,
    m: Array,
    r: Array,
    u: float,
    prefix: str,
) -> dict[int, Finding]:
    """As `inside` says it of one claim, of all of a group, whose numbers stand one behind the other in `m` and `r`."""
    x = _behind(recorded)
    share, size = np.abs(m - x) / r, np.abs(m if before is None else m - _behind(before))
    starts = np.cumsum([0, *(one.size for one in recorded[:-1])])
    largest = np.maximum.reduceat(share, starts)  # a NaN is the largest
    sharp = 2 * np.minimum.reduceat(r / size, starts)
    sure = (largest <= NEARLY_ONE) & (sharp <= needed(u))
    sure &= np.isfinite(np.maximum.reduceat(r, starts)) & (np.minimum.reduceat(r, starts) > 0)
    found = {}
    for place in np.flatnonzero(sure).tolist():
        (number, claim), own = group[place], recorded[place]
        start = int(starts[place])
        at = int(share[start : start + own.size].argmax())
        worst = tuple(int(i) for i in np.unravel_index(at, own.shape)) if own.ndim else ()
        law, answer, radius = (float(part[start + at]) for part in (m, x, r))
        relative = abs(answer - law) / abs(law) if law else np.inf if answer else 0.0
        found[number] = Finding(
            prefix + claim.path, claim.statement, "holds", float(largest[place]), float(sharp[place]), worst, answer, law, radius,
            relative, size=own.size,
        )  # fmt: skip
    return found


def _behind(arrays: Sequence[Array]) -> Array:
    """The numbers of arrays, one behind the other, in float64."""
    return np.concatenate([x.reshape(-1) for x in arrays]).astype(np.float64, copy=False)


def _row(balls: Balls, paths: Sequence[str], numbers: Sequence[Array], fmt: Any) -> Num:
    """The arrays of these paths, one behind the other."""
    parts = [balls.part(path, fmt, x.reshape(-1)) for path, x in zip(paths, numbers, strict=True)]
    return Ball(np.concatenate([part.mid for part in parts]), fmt, parts[0].rel, max(float(part.rad) for part in parts))
