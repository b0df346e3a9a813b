"""The contract of a backend: one class that takes a Plan and returns a Record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from bpcompare.ops import OPS
from bpcompare.ops.op import Op
from bpcompare.plan import Plan
from bpcompare.record import Record


class Backend(ABC):
    """One way to compute forward pass, Δ, gradients and updates.

    `name` is what people call it. `table` maps exact op types to the functions that compute them, `gaps` maps the op types it
    does not support to the reason. An op in neither is a gap, too: one that came after the backend was written. A gap is reported
    before anything runs, never skipped.

    `voice` says whose formulas make its numbers: the framework that differentiates, or the backend it builds on ("torch"), one
    name or several. Backends with a name in common are one witness. What its code shows is added; a backend written by hand
    says nothing, and is a voice of its own.
    """

    name: ClassVar[str]
    voice: ClassVar[str | tuple[str, ...]] = ()
    table: ClassVar[Mapping[type[Op], Callable[..., Any]]]
    gaps: ClassVar[Mapping[type[Op], str]] = {}

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """The framework's version, without the backend having run."""

    @abstractmethod
    def run(self, plan: Plan) -> Record:
        """Compute every step of `plan`.

        Law: the result depends on nothing but `plan`; `plan` is not changed; every returned array owns its memory, has the
        plan's dtype and exactly the shape that the plan's network gives its path. May raise anything; the caller reports it
        as this backend's failure.
        """


UNHEARD = "it has neither a row nor a gap for it"
"""The reason of a gap that is not declared."""


def gaps_of(backend: type[Backend]) -> Mapping[type[Op], str]:
    """Every op that `backend` has no row for, with the declared reason, or `UNHEARD`."""
    return {op: backend.gaps.get(op, UNHEARD) for op in OPS.values() if op not in backend.table}


def unsupported(backend: type[Backend], plan: Plan) -> Mapping[str, str]:
    """Ops that `plan` needs and `backend` has no row for: op name → declared reason."""
    network = plan.network
    needed = {type(network.error.op), type(network.update)}
    for layer in network.layers.values():
        needed |= {type(layer.op), type(layer.g)}
    missing = sorted(needed - backend.table.keys(), key=lambda op: op.name)
    return {op.name: backend.gaps.get(op, UNHEARD) for op in missing}
