"""All contracts of one backward, in the order in which one rests on another."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from bpcompare.tools.gradient.answer import Answer, widened
from bpcompare.tools.gradient.contracts.accumulation import accumulate
from bpcompare.tools.gradient.contracts.alone import alone
from bpcompare.tools.gradient.contracts.asked import Asked
from bpcompare.tools.gradient.contracts.batch import batch
from bpcompare.tools.gradient.contracts.comparison import raised
from bpcompare.tools.gradient.contracts.forward_mode import forward_mode
from bpcompare.tools.gradient.contracts.layouts import layouts, views
from bpcompare.tools.gradient.contracts.linear import linear
from bpcompare.tools.gradient.contracts.memory import memory, runs
from bpcompare.tools.gradient.contracts.options import Options
from bpcompare.tools.gradient.contracts.outcome import CONTRACTS, RANKS, Outcome
from bpcompare.tools.gradient.contracts.second import second
from bpcompare.tools.gradient.contracts.shapes import shapes
from bpcompare.tools.gradient.contracts.vmap import vmap
from bpcompare.tools.gradient.contracts.ways import way_of

AGAIN = 8
"""Runs that a gradient must be the same in before anything else is called broken."""
Tried = Callable[[Asked, Options], Outcome]
TRIES: Mapping[str, Tried] = {
    "accumulate": lambda asked, _: accumulate(asked),
    "linear": lambda asked, _: linear(asked),
    "alone": lambda asked, _: alone(asked),
    "layouts": lambda asked, _: layouts(asked),
    "views": lambda asked, _: views(asked),
    "forward_mode": forward_mode,
    "vmap": vmap,
    "batch": batch,
    "shapes": shapes,
    "second": second,
}


def contracts(answer: Answer, verdicts: Mapping[str, str], options: Options) -> tuple[Outcome, ...]:
    """What became of each contract that is wanted; that all else is shaky is said in any case.

    `verdicts`: what was found of the gradients without any contract, by the names of the inputs.
    """
    if answer.malformed or not options.wanted:
        return ()
    if options.budget.over():
        why = options.budget.leave("contracts")
        return tuple(Outcome(name, "not tried", why) for name in CONTRACTS if name in options.wanted)
    answer = widened(answer)
    asked = Asked(answer, way_of(answer.code), verdicts)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of frameworks, and of dy = 0
        return _all(asked, options)


def _all(asked: Asked, options: Options) -> tuple[Outcome, ...]:
    wanted = options.wanted
    found: dict[str, Outcome] = {}
    try:
        asked.first  # noqa: B018 — what fails here fails for all
        for one in memory(asked):
            found[one.name] = one
    except Exception as error:  # noqa: BLE001 — the author's code
        why = f"the backward cannot be called for it: {raised(error)}"
        return tuple(found.get(name) or Outcome(name, "not tried", why) for name in CONTRACTS if name in wanted)
    if found["inputs"].outcome == "broken":
        why = "its inputs or what it saved are changed by the first call"
        found["accumulate"] = Outcome("accumulate", "not tried", why)
    if found["runs"].outcome == "kept":
        found |= {name: _tried(asked, name, options) for name in TRIES if name in wanted and name not in found}
        if any(one.outcome == "broken" for one in found.values()):
            # What differs now and then may have differed just there, and nothing else be wrong with it.
            found["runs"] = runs(asked, asked.first, AGAIN)
    if found["runs"].outcome != "kept":
        why = "the gradient is another one from run to run"
        found |= {name: Outcome(name, "not tried", why) for name in CONTRACTS if name not in ("dy", "inputs", "runs")}
    return tuple(
        found[name]
        for name in CONTRACTS
        if name in found and (name in wanted or (name, found[name].outcome) == ("runs", "broken"))
    )


def _tried(asked: Asked, name: str, options: Options) -> Outcome:
    if options.budget.over():
        return Outcome(name, "not tried", options.budget.leave(f"contract: {CONTRACTS[name]}"))
    options.budget.tell(f"contract: {CONTRACTS[name]}")
    try:
        return TRIES[name](asked, options)
    except Exception as error:  # noqa: BLE001 — where even asking fails, nothing is said
        return Outcome(name, "not tried", f"it could not be: {raised(error)}")


def over_formats(found: Mapping[str, tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
    """Of each contract the worst that became of it in any format, by the name of the format."""
    worst: dict[str, Outcome] = {}
    for dtype, outcomes in found.items():
        for one in outcomes:
            known = worst.get(one.name)
            if known is None or RANKS[one.outcome] < RANKS[known.outcome]:
                worst[one.name] = replace(
                    one, said=f"in {dtype}, {one.said}" if one.outcome not in ("kept", "not tried") else one.said
                )
    return tuple(worst.values())
