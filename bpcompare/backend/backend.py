"""The contract of a backend: one class that takes a Plan and returns a Record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, ClassVar

from bpcompare.network import Network
from bpcompare.ops import FAMILIES, OPS
from bpcompare.ops.op import Op
from bpcompare.plan import Plan
from bpcompare.plan.record import Record


class Backend(ABC):
    """One way to compute forward pass, Δ, gradients and updates.

    `name` is what people call it. `table` maps exact op types to the functions that compute them, `gaps` maps the op types it
    does not support to the reason. An op in neither is a gap, too: one that came after the backend was written. A gap is reported
    before anything runs, never skipped.

    `limits` are for ops that it has a row for and can do in some forms only: whether an op is of a form that it cannot do, and
    what keeps it from that ("ε inside the root: torch.optim.RMSprop adds it outside").

    `voice` says whose formulas make its numbers: the framework that differentiates, or the backend it builds on ("torch"), one
    name or several. Backends with a name in common are one witness. What its code shows is added; a backend written by hand
    says nothing, and is a voice of its own.
    """

    name: ClassVar[str]
    voice: ClassVar[str | tuple[str, ...]] = ()
    table: ClassVar[Mapping[type[Op], Callable[..., Any]]]
    gaps: ClassVar[Mapping[type[Op], str]] = {}
    limits: ClassVar[Mapping[type[Op], tuple[Callable[[Any], bool], str]]] = {}

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


def rows(package: str) -> dict[type[Op], Callable[..., Any]]:
    """The table of a backend whose `package` has a file with a `TABLE` for each family of ops, called as in `bpcompare.ops`."""
    families = (import_module(f"{package}.{family}") for family in FAMILIES)
    return {op: row for family in families for op, row in family.TABLE.items()}


UNHEARD = "it has neither a row nor a gap for it"
"""The reason of a gap that is not declared."""


def gaps_of(backend: type[Backend]) -> Mapping[type[Op], str]:
    """Every op that `backend` has no row for, with the declared reason, or `UNHEARD`."""
    return {op: backend.gaps.get(op, UNHEARD) for op in OPS.values() if op not in backend.table}


def unsupported(backend: type[Backend], network: Network) -> Mapping[str, str]:
    """Ops of `network` that `backend` has no row for, or not in this form: op name → declared reason."""
    needed: set[Op] = {network.error.op, network.update, *network.penalties.values()}
    for layer in network.layers.values():
        needed |= {layer.op, layer.g}
    missing = {}
    for op in sorted(needed, key=lambda op: op.name):
        beyond, reason = backend.limits.get(type(op), (None, ""))
        if type(op) not in backend.table:
            missing[op.name] = backend.gaps.get(type(op), UNHEARD)
        elif beyond is not None and beyond(op):
            missing[op.name] = reason
    return missing
