"""Which claims are judged first, where time does not allow for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, zip_longest

from bpcompare.own.where import Where, functions
from bpcompare.proof.claims import Claim

BACKWARD = ("base", "inductive", "gradient")


def by_risk(claims: Sequence[tuple[Where, Claim]]) -> list[int]:
    """The numbers of the claims, in an order of risk.

    First the gradients of all parameters; then what the backward of a custom function gives back; then one of each kind, the
    rarest first, and so on in turns, so that what there is much of comes last. A kind is what is claimed, and by the laws of
    which functions.
    """
    ranks: tuple[dict[tuple[str, ...], list[int]], ...] = ({}, {}, {})
    for number, (where, claim) in enumerate(claims):
        custom = claim.statement in BACKWARD and any(place.custom for place in where.places(claim))
        rank = ranks[0 if claim.statement == "gradient" else 1 if custom else 2]
        rank.setdefault((claim.statement, *sorted(functions(claim))), []).append(number)
    return list(chain.from_iterable(_in_turns(rank.values()) for rank in ranks))


def _in_turns(kinds: Iterable[Sequence[int]]) -> Iterator[int]:
    for turn in zip_longest(*map(_spread, sorted(kinds, key=len))):
        yield from (number for number in turn if number is not None)


def _spread(kind: Sequence[int]) -> list[int]:
    """The same in an order whose beginnings reach all over it: the first, the middle, the quarters."""
    bits = max(len(kind) - 1, 1).bit_length()
    return [kind[at] for at in sorted(range(len(kind)), key=lambda at: int(f"{at:0{bits}b}"[::-1], 2))]
