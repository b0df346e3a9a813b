"""Which misreading of a known rule gives what an optimizer of somebody's own does? The rule is the other program's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bpcompare.laws import Laws
from bpcompare.numbers.ball.format import format_of
from bpcompare.own.causes.rules import misread
from bpcompare.own.pair.gradients import Held
from bpcompare.own.pair.updates import Move
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import claims
from bpcompare.proof.evaluation import evaluate
from bpcompare.proof.values import StepValues

NAMED = 3
"""Of misreadings that give the same steps, so many are told."""
EXPLAINED = 0.01
"""What a misreading leaves of the difference at the most."""
TIMES = 4.0
"""How many times farther apart than rounding explains two steps may be, and be the same."""


def misreading(updates: Sequence[Held], first: Mapping[str, Move], second: Mapping[str, Move]) -> str:
    """In words, which misreading of one program's rule gives every step of the other; "" where none does."""
    for moves, others, at, where in ((first, second, 0, "second"), (second, first, 1, "first")):
        pairs = [(held, moves[_names(held)[at]], others[_names(held)[1 - at]]) for held in updates if not held.zero]
        known = bool(pairs) and all(move.rule is not None and other.rule is None for _, move, other in pairs)
        if known:
            with np.errstate(all="ignore"):
                found = list(_found(pairs, at))[:NAMED]
            return f"{'one of these in' if len(found) > 1 else 'in'} the {where}: {'; or '.join(found)}" if found else ""
    return ""


def _names(held: Held) -> tuple[str, str]:
    return held.match.firsts[0], held.match.seconds[0]


def _found(pairs: Sequence[tuple[Held, Move, Move]], at: int) -> Iterator[str]:
    """Those by which every parameter moves as it does."""
    every = [dict(misread(move.rule.op, move.rule.parameter)) for _, move, _ in pairs if move.rule is not None]
    for words in every[0]:
        if all(words in one for one in every) and all(
            _gives(held, move, other, one[words], at) for (held, move, other), one in zip(pairs, every, strict=True)
        ):
            yield words


def _gives(held: Held, move: Move, other: Move, laws: Laws, at: int) -> bool:
    """Whether the other program's step is the one by these laws, on the numbers of this one."""
    if move.recording is None or move.rule is None or held.alignment is None:
        return False
    recording, path = move.recording, move.rule.writes
    claim = next(one for one in claims(recording.program) if one.path == path)
    try:
        balls = Balls(StepValues(recording.given, recording.recorded), format_of(claim.dtype or "float64"), exact=True)
        made = evaluate(claim, balls, laws)
    except Exception:  # noqa: BLE001 — a misreading that this rule cannot have
        return False
    ways = held.alignment.first, held.alignment.second
    mine, theirs = (ways[at], ways[1 - at])
    found, got = mine([made.mid - move.before]), theirs([other.change])
    radius = mine([np.broadcast_to(np.asarray(made.final_radius(), np.float64), made.mid.shape)])
    right = mine([move.change])
    scale = max(float(np.abs(right).max(initial=0.0)), float(np.abs(got).max(initial=0.0)))
    gap = np.abs(found - got)
    near = bool((gap <= radius + TIMES * held.allowed * scale).all())
    return near and float(gap.max(initial=0.0)) <= EXPLAINED * float(np.abs(right - got).max(initial=0.0))
