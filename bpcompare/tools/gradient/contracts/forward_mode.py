"""Forward mode and reverse mode are one derivative: ⟨dy, J v⟩ = ⟨Jᵀ dy, v⟩."""

from __future__ import annotations

import numpy as np

from bpcompare.tools.gradient.contracts.asked import Asked
from bpcompare.tools.gradient.contracts.comparison import raised, settled
from bpcompare.tools.gradient.contracts.directional import Direction, direction, forward_along
from bpcompare.tools.gradient.contracts.offered import offered
from bpcompare.tools.gradient.contracts.options import Options
from bpcompare.tools.gradient.contracts.outcome import Outcome

ADVICE = "compare jvp with the forward, term by term: its result must be the derivative along the tangent"


def forward_mode(asked: Asked, options: Options) -> Outcome:
    """Each input moved along a vector, by the jvp that the code has."""
    modes = offered(asked, options, "forward_mode", "NumPy has no forward mode")
    if isinstance(modes, Outcome):
        return modes
    found = []
    for i in asked.code.carrying:
        if asked.verdicts.get(i) == "wrong":
            continue
        v = asked.vector(i)
        try:
            moved = modes.forward(asked.arguments(), i, v)
        except Exception as error:  # noqa: BLE001 — the author's code
            return Outcome("forward_mode", "refused", f"{asked.names[i]} was given a tangent: it raises {raised(error)}")
        terms = np.concatenate([(y.astype(np.float64) * dy).ravel() for y, dy in zip(moved, asked.dys, strict=True)])
        got = Direction(float(terms.sum()), float(np.abs(terms).sum()))
        back = direction(asked.first[i], v)
        done = f"{asked.names[i]} was moved along a vector v: ⟨dy, jvp(v)⟩"
        one = got.beside(asked, "forward_mode", i, done, back, lambda i=i, v=v: forward_along(asked, i)(v), ADVICE)  # type: ignore[misc]
        found += [] if one is None else [one]
    return settled("forward_mode", found)
