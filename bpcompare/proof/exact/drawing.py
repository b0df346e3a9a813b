"""The numbers of an exact run: drawn again and again until the proof shows that nothing rounds."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from bpcompare.network import Dtype, Network, Problem, SpecError
from bpcompare.numbers.dyadic import InexactError
from bpcompare.plan import Plan
from bpcompare.plan.draw import asked, sealed
from bpcompare.plan.seeds import generator
from bpcompare.proof.exact.lengthen import Lengthening
from bpcompare.proof.exact.numbers import plan_of, short
from bpcompare.proof.exact.reference import proved
from bpcompare.proof.exact.rounds import inexact

ATTEMPTS = 60
"""Draws before giving up. The number of nonzero weights a unit changes from draw to draw (2, 1, 3, 2, …), and after every 12
draws the number of examples is halved: fewer terms in a sum need fewer bits."""
GOOD, NODES = 6, 50
"""Draws that fit, of which the one is taken that shows most: so many in a small net, fewer where there are that many nodes."""
EFFORT = 8_000
"""Claims evaluated, over all draws, before what was found is taken: some ten seconds."""

ALIVE = 0.25
"""The share of all Δ that must not be zero: identity of zeros proves nothing."""


def draw(network: Network, dtype: Dtype | None = None, steps: int | None = None, seed: int | None = None) -> Plan:
    """A plan of one step whose every partial sum is proved representable, and whose numbers need the bits of its dtype.

    Learning rate and number of examples become powers of two, momentum and decay multiples of 1/8. Raises SpecError where an
    op rounds by nature, or where no draw was found that fits the dtype.
    """
    problems = [*network.problems(), *asked(dtype, steps, seed)]
    if isinstance(steps, int | np.integer) and steps > 1:
        problems.append(Problem(("training", "steps"), "exact mode takes one step: a second one never fits", "leave --steps out"))
    problems += inexact(network)
    if problems:
        text = "\n".join([f"{network.name} cannot be run exactly:", *(f"  {problem}" for problem in problems)])
        raise SpecError(text, tuple(problems))
    dtype = network.training.dtype if dtype is None else dtype
    seed = network.training.seed if seed is None else seed
    found: list[Lengthening] = []
    nodes = sum(prod(network.shape(name)) for name in network.order)
    most = max(GOOD // (1 + nodes // NODES), 2)
    reason, effort = "", 0
    for attempt in range(ATTEMPTS):
        try:
            tried = Lengthening(*short(network, dtype, seed, attempt), generator(seed + attempt, "exact/long"))
        except InexactError as error:
            reason = str(error)
            continue
        if (alive := _alive(tried)) < ALIVE:
            reason = f"only {alive:.0%} of all Δ were not zero"
            continue
        tried.run(weights_first=len(found) % 2 == 0, most=EFFORT - effort)
        effort += tried.draft.effort
        if _alive(tried) >= ALIVE:
            found.append(tried)
        if not tried.blurred or len(found) >= most or (found and effort >= EFFORT):
            break
    if found:
        best = min(found, key=lambda one: len(one.blurred))
        plan = plan_of(best.start, best.numbers)
        proved(plan)
        return replace(sealed(plan), exact=True)
    problem = Problem(("layers",), f"no exact draw found in {ATTEMPTS} attempts: {reason}", "run in float64, or a smaller net")
    raise SpecError(f"{network.name} cannot be run exactly:\n  {problem}", (problem,))


def _alive(tried: Lengthening) -> float:
    deltas = [tried.right(f"{name}.delta") for name in tried.start.order]
    return sum(int(np.count_nonzero(x)) for x in deltas) / max(sum(x.size for x in deltas), 1)
