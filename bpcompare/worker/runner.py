"""The contract of a runner: a plan out, a record back."""

from __future__ import annotations

from typing import Protocol

from bpcompare.backend import Backend
from bpcompare.plan import Plan
from bpcompare.record import Record


class Runner(Protocol):
    """A way to have a backend compute a plan."""

    def run(self, backend: type[Backend], plan: Plan) -> Record:
        """The backend's record of `plan`, complete and of the right shapes, or one with `failure` and no steps. Never raises."""
        ...
