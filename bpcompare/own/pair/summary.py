"""The verdict about two programs as a line of JSON."""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING, Any

from bpcompare import __version__
from bpcompare.own.summary import summary as of_step

if TYPE_CHECKING:
    from bpcompare.own.pair.compared import Compared
    from bpcompare.own.pair.gradients import Held
    from bpcompare.own.pair.passes import Passes
    from bpcompare.own.pair.side import Spot


def to_json(compared: Compared) -> str:
    """One line; numbers that are not finite become null."""
    content = {"bpcompare": __version__, "door": "check", "of": list(compared.names), **summary(compared)}
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


def summary(compared: Compared) -> dict[str, Any]:
    """What is said about the two, and about each by itself."""
    first = compared.first
    return {
        "exit_code": compared.exit_code,
        "verdict": compared.verdict,
        "why": list(compared.obstacles),
        "alone": list(compared.alone),
        "wrong": list(compared.blamed),
        "part": first
        and {
            "way": first.way,
            "first": _spot(first.first),
            "second": _spot(first.second),
            "after": first.before and [_spot(spot) for spot in first.before],
            "causes": list(first.causes),
        },
        "passes": [] if compared.obstacles else [_pass(one) for one in compared.passes],
        "updates": [] if compared.obstacles else [_held(held) for held in compared.updates],
        "missing": [{"what": what, "why": why} for what, why in compared.missing],
        "runs": [of_step(step) for step in compared.steps],
    }


def _pass(one: Passes) -> dict[str, Any]:
    return {
        "loss": {"values": [_finite(x) for x in one.losses], "apart": _finite(one.loss_apart), "rounding": one.loss_allowed},
        "gradients": [_held(held) for held in one.gradients],
        "alone": [list(one.matched.first_alone), list(one.matched.second_alone)],
    }


def _held(held: Held) -> dict[str, Any]:
    return {
        "first": list(held.match.firsts),
        "second": list(held.match.seconds),
        "outcome": held.outcome,
        "apart": _finite(held.apart),
        "rounding": _finite(held.allowed),
        "layout": held.layout or None,
        "ratio": _finite(held.ratio),
    }


def _spot(spot: Spot | None) -> dict[str, Any] | None:
    if spot is None:
        return None
    place = {"module": spot.module or None, "function": spot.function, "line": spot.line or None}
    return {**place, "value": spot.path, "shape": list(spot.shape)}


def _finite(x: float) -> float | None:
    return float(x) if isfinite(x) else None
