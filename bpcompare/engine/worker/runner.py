"""The contract of a runner: a plan out, a record back."""

from __future__ import annotations

from typing import Protocol

from bpcompare.backend import Backend
from bpcompare.engine.address import Address
from bpcompare.plan import Plan
from bpcompare.plan.record import Provenance, Record
from bpcompare.text.words import inert

TRACED = 8_192
"""Characters of a traceback, or of last words, that are kept."""


class AbsentError(Exception):
    """The backend is there, its framework is not; `hint` is the command that installs it."""

    def __init__(self, hint: str) -> None:
        super().__init__(hint)
        self.hint = hint


class Runner(Protocol):
    """A way to have a backend compute a plan."""

    def run(self, backend: Address | type[Backend], plan: Plan) -> Record:
        """The backend's record of `plan`, complete and of the right shapes, or one with `failure` and no steps.

        Raises AbsentError, and nothing else.
        """
        ...


def unanswered(name: str, plan: Plan, failure: str, version: str = "unknown") -> Record:
    """A record without steps, for a backend that gave none. The first line of `failure` is the reason; a traceback may follow."""
    return Record(plan.digest, (), Provenance(backend=name, framework=name, version=version), legible(failure))


def legible(failure: str) -> str:
    """A reason, and the end of what follows, with nothing in them that a terminal or a build server obeys."""
    first, line, rest = failure.partition("\n")
    return f"{inert(first)}{line}{inert(rest, TRACED, end=True)}"
