"""The laws of a program, along its steps: forward to a number, and back to a Δ."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

from bpcompare.laws import At, Laws
from bpcompare.laws.law import Sources
from bpcompare.numbers.number import Num, Product, total
from bpcompare.ops.op import Op
from bpcompare.program import Program, Step

Lookup = Callable[[str], Any]
"""From the path of a quantity to its number, in some arithmetic."""


def kept_by(get: Lookup) -> dict[str, Any] | None:
    """What laws made of the numbers of a lookup already: one that always gives the same numbers may keep that as `kept`."""
    kept: dict[str, Any] | None = getattr(get, "kept", None)
    return kept


class Walk:
    """Evaluates the laws of one program along its steps. Numbers come from a lookup; values that nothing records are computed."""

    def __init__(self, program: Program, get: Lookup, laws: Laws) -> None:
        self._program = program
        self._get = get
        self._laws = laws
        self._kept = kept_by(get)
        self._worked_out: dict[str, Num] = {}
        self._backs: dict[str, Num] = {}

    def number(self, path: str) -> Num:
        """The number of a value: what was recorded or given, or else what the laws make of what was."""
        if not self._program.is_open(path):
            return self._get(path)
        for one in _first(path, self._worked_out, self._open_reads):
            self._worked_out[one] = self.forward(self._program.writers[one])
        return self._worked_out[path]

    def forward(self, step: Step) -> Num:
        """What a step writes."""
        return self._laws.of(step.name, step.op).forward(self._at(step, [self.number(path) for path in step.reads]))

    def state(self, step: Step, name: str) -> Num:
        """What a step leaves for the next run of it."""
        at = self._at(step, [self.number(path) for path in step.reads])
        at.name = name
        return self._laws.of(step.name, step.op).state(at)

    def back(self, path: str) -> Num:
        """Δ of a value from every step that reads it, as one sum."""
        for one in _first(path, self._backs, self._open_writes)[:-1]:
            self._backs[one] = self._back(one)
        return self._back(path)

    def _back(self, path: str) -> Num:
        return total([self._from(step, slot) for step, slot in self._program.readers[path]])

    def _open_reads(self, path: str) -> Iterator[str]:
        """What has to be worked out before a value that nothing records."""
        step = self._program.writers[path]
        return (one for one in (*step.reads, *step.parameters.values()) if self._program.is_open(one))

    def _open_writes(self, path: str) -> Iterator[str]:
        """What has to have its Δ before a value: what is written where it is read, if nobody recorded the Δ of that."""
        program = self._program
        written = (step.writes for step, _ in program.readers[path])
        return (one for one in written if one not in program.addends and program.values[one].delta is None)

    def _from(self, step: Step, slot: int | str) -> Num | Product:
        law, program = self._laws.of(step.name, step.op), self._program
        # Looked up when the law asks for them: a node of thousands of sources asks for few at a time.
        at = self._at(step, Sources(step.reads, step.starts, self.number))
        if step.writes not in program.addends:
            delta = program.values[step.writes].delta
            at.dy, at.sent = (self._backs[step.writes], "") if delta is None else (self._get(delta), delta)
        if isinstance(slot, str):
            at.role = slot
            return law.gradient(at)
        at.slot = slot
        return law.delta(at)

    def _at(self, step: Step, xs: Any) -> At[Op]:
        p = {role: self.number(path) for role, path in step.parameters.items()}
        c = {name: self._get(path) for name, path in step.constants.items()}
        return At(step.op, xs, p, c, kept=self._kept, owner=step.name)


def _first(path: str, known: Container[str], needs: Callable[[str], Iterable[str]]) -> list[str]:
    """`path`, behind all that it needs and that is not `known`, each behind what that needs; nothing, if it is known.

    By a list and no recursion: the inside of a custom function that solves an equation step by step is thousands of steps long.
    """
    order: dict[str, None] = {}
    waiting = [(path, False)]
    while waiting:
        one, ready = waiting.pop()
        if one in order or one in known:
            continue
        if ready:
            order[one] = None
        else:
            waiting.append((one, True))
            waiting += [(more, False) for more in needs(one)]
    return list(order)
