"""The ways to find that a claim holds which need no ball for most of its numbers, one after the other. None of them refutes."""

from __future__ import annotations

from functools import partial

from bpcompare.laws import Laws
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.entrywise import held
from bpcompare.proof.finding import Finding
from bpcompare.proof.halves import halved
from bpcompare.proof.probes import probed
from bpcompare.proof.products import alike, summed, sums


def quickly(claim: Claim, balls: Balls, laws: Laws, prefix: str) -> Finding | None:
    """That it holds, without balls for most of its elements; None where that does not decide."""
    found = held(claim, balls, laws, prefix)
    if found is None and claim.halves is not None and balls.values.back:
        found = halved(claim, balls, partial(quickly, laws=laws, prefix=prefix), prefix)
    if found is not None:
        return found
    value = sums(claim, balls, laws)
    if value is None:
        return None
    found = alike(claim, balls, laws, value, prefix)
    if found is None and balls.random is not None:
        found = probed(claim, balls, laws, balls.random, prefix, value)
    return summed(claim, balls, laws, prefix, value) if found is None else found
