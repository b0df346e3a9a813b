"""A gradient does not depend on who else wants one: `ctx.needs_input_grad`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from bpcompare.tools.gradient.contracts.asked import Asked
from bpcompare.tools.gradient.contracts.comparison import compared, settled
from bpcompare.tools.gradient.contracts.expected import Expected
from bpcompare.tools.gradient.contracts.outcome import Outcome

MOST = 8
"""Parameters of a module, spread over all of them, that are asked for alone."""
ADVICE = "compute each gradient where its own entry of ctx.needs_input_grad is True, whatever the other entries are"


def alone(asked: Asked) -> Outcome:
    """Each input that carries a gradient, as the only one that is asked for it."""
    carrying = asked.code.carrying
    if asked.way.partial or len(carrying) < 2:
        return Outcome("alone", "not tried", asked.way.partial or "there is only one input that has a gradient")
    parameters = sorted(asked.code.parameters)
    some = parameters[:: max(1, len(parameters) // MOST)][:MOST]
    found = []
    for i in (*asked.inputs_alone, *some):
        done = f"only {asked.names[i]} wanted a gradient"
        want = {i: asked.first[i]}
        ask = partial(asked.gradients, asked.dys, needs=(i,))
        one = compared(asked, "alone", done, ask, Expected(want, asked.dys), ADVICE, must_answer=True)
        found += [] if one is None else [one]
    whole = settled("alone", found)
    few = f"{len(some)} of {len(parameters)} parameters" if len(some) < len(parameters) else ""
    return replace(whole, said=few) if whole.outcome == "kept" else whole
