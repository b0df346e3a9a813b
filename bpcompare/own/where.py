"""Where in somebody's code a claim belongs: its module, and the calls that it is about."""

from __future__ import annotations

from functools import cached_property

from bpcompare.program import Place, Recording
from bpcompare.proof.claims import Claim


class Where:
    """Finds it for the claims of one recording."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    @cached_property
    def _by_delta(self) -> dict[str, str]:
        return {value.delta: value.path for value in self._recording.program.values.values() if value.delta is not None}

    def places(self, claim: Claim) -> list[Place]:
        """The calls whose laws the claim uses."""
        places = self._recording.places
        return [places[owner] for owner, _ in claim.owners if owner in places]

    def module(self, claim: Claim) -> str:
        """Of a parameter, the module that has it; else the one where the value was made."""
        if claim.statement in ("gradient", "update", "state"):
            return claim.subject.rpartition(".")[0]
        writer = self._recording.program.writers.get(self._by_delta.get(claim.path, claim.path))
        name = writer.name if writer is not None else claim.owners[0][0] if claim.owners else ""
        place = self._recording.places.get(name)
        return place.module if place is not None else ""


def functions(claim: Claim) -> tuple[str, ...]:
    """The functions whose laws a claim uses, each once."""
    return tuple(dict.fromkeys(str(getattr(op, "function", op.name)) for _, op in claim.owners))
