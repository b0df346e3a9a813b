"""The claims of an exact plan while its numbers are still being changed, and where its numbers have too few significant bits.

Numbers are changed one after the other, and most claims keep their values: a claim is evaluated again only if a number that it
reads has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.dyadic import Precision
from bpcompare.plan import Plan
from bpcompare.proof.claims import Claim
from bpcompare.proof.exact.numbers import Numbers
from bpcompare.proof.exact.reference import exact_value, tied
from bpcompare.proof.exact.sight import Blur, blurs
from bpcompare.proof.question import question
from bpcompare.proof.values import given_values

Entry = tuple[tuple[Any, ...], Array, tuple[Blur, ...]]
"""Of one claim: what it read, what came out, and where that is too short."""


UNIT = 4_000
"""Numbers that take as long to read as a claim takes by itself."""


class Draft:
    """The claims of one plan, evaluated again for each change of its numbers; `effort` counts the evaluations."""

    def __init__(self, start: Plan) -> None:
        self.plan = start
        self.claims = question(start).claims
        self.fixed = given_values(start, 1, None)
        self.effort = 0
        self.output = f"{start.network.error.of}.a"

    def evaluated(self, numbers: Numbers, before: Mapping[str, Entry]) -> Mapping[str, Entry]:
        """Every claim on these numbers. Raises InexactError where one rounds, or where a tie of a maximum matters."""
        look = dict(self.fixed) | {f"{name}.a": x for name, x in numbers.inputs.items()} | dict(numbers.parameters)
        look |= {f"{path}.before": x for path, x in numbers.slots.items()}
        found: dict[str, Entry] = {}
        for claim in self.claims:
            found[claim.path] = self._entry(claim, look, before.get(claim.path))
            look[claim.path] = found[claim.path][1]
            if claim.path == self.output:
                look["target"] = look[claim.path] + numbers.offset
        return found

    def _entry(self, claim: Claim, look: Mapping[str, Any], before: Entry | None) -> Entry:
        read = tuple(look[path] for path in claim.premises)
        if before is not None and all(x is y or np.array_equal(x, y) for x, y in zip(read, before[0], strict=True)):
            return before
        self.effort += 1 + sum(x.size for x in read if isinstance(x, np.ndarray)) // UNIT
        value = exact_value(claim, look.__getitem__, Precision(self.plan.dtype))
        same = before is not None and np.array_equal(before[1], value)
        result = before[1] if before is not None and same else value  # the same array: what reads it stays as it is
        tied(claim, look.__getitem__, self.plan.dtype, result)
        return read, result, blurs(self.plan, claim, look, result)
