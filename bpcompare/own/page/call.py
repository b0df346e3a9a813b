"""A call as it is shown: what it read and gave, and the claims about its value and about Δ of what it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.ops.call import Fixed, Read
from bpcompare.own.judged import Judged
from bpcompare.own.page.chosen import Chosen
from bpcompare.own.page.home import findings_of, homes
from bpcompare.own.page.mathml import Formulas
from bpcompare.own.page.row import Row, States, about, kind, row, worst
from bpcompare.own.page.sheet import sheet
from bpcompare.own.page.window import sample
from bpcompare.program import Program, Step, Update, Value
from bpcompare.report.lines import clipped

HIDDEN = "this function has no law (bpcompare.law adds one): its value, and the Δ of what it reads, were taken as they are"
FAILED = "its law does not speak of this call; the list above says why"
LONGEST = 120
"""Cells of a call's arguments."""


@dataclass(frozen=True)
class Operand:
    """What a call read or gave: its `role`, `name`, the id of the call that made it, its shape and format, first numbers."""

    role: str
    name: str
    made: str
    shape: str
    numbers: str


@dataclass(frozen=True)
class Shown:
    """One call of a function, or one parameter's step of an optimizer.

    `state` is the worst of its claims, `states` all of them. `elsewhere` are claims about what it reads that stand with another
    call: what they are about, and their ids. `operands` are left out where none of its claims has a sheet. `unexamined` says why
    something of it was not examined.
    """

    id: str
    function: str
    name: str
    module: str
    line: str
    custom: str
    arguments: str
    state: str
    states: tuple[str, ...]
    rows: tuple[Row, ...]
    elsewhere: tuple[tuple[str, str], ...]
    operands: tuple[Operand, ...]
    unexamined: str


class Calls:
    """The calls of one recording, in the order of time. `at` is its number, `prefix` begins the ids of its calls and claims."""

    def __init__(self, at: int, one: Judged, states: States, chosen: Chosen, prefix: str) -> None:
        self._at, self._one, self._states, self._chosen = at, one, states, chosen
        self._prefix = f"{prefix}p{at}"
        self._findings = findings_of(one)
        self._formulas = Formulas(one)
        self._program = one.recording.program
        self._hidden = {step.name for steps in one.covered.hidden.values() for step in steps}
        self._numbers = {step.name: f"{self._prefix}c{number}" for number, step in enumerate(self._program.steps)}
        self._ids = ids_of(self._prefix, one)
        self._homes = homes(one)

    def __iter__(self) -> Iterator[Shown]:
        seen = set()
        for step in self._program.steps:
            shown = self._call(step)
            seen |= {one.id for one in shown.rows}
            yield shown
        for number, update in enumerate(self._program.updates):
            shown = self._update(number, update)
            seen |= {one.id for one in shown.rows}
            yield shown
        rest = [path for path in self._findings if self._ids[path] not in seen]
        if rest:  # no claim is to be missing, wherever it belongs
            yield self._shown(f"{self._prefix}rest", "other claims", "", "", rest, [], [])

    def _call(self, step: Step) -> Shown:
        own, others = [step.writes, *step.state.values()], list[str]()
        for path in dict.fromkeys((*step.reads, *step.parameters.values())):
            value = self._program.values.get(path)
            if value is not None and value.delta is not None:
                elsewhere = self._homes.get(value.delta, step.name) != step.name
                (others if elsewhere else own).append(value.delta)
        paths = [path for path in own if path in self._findings]
        why = HIDDEN if step.name in self._hidden else FAILED if any(map(self._failed, own)) else ""
        function = getattr(step.op, "function", step.op.name)
        operands = list(self._operands(step))
        return self._shown(self._numbers[step.name], function, step.name, _arguments(step.op), paths, others, operands, why)

    def _failed(self, path: str) -> bool:
        """Whether there is a claim that its law could not be evaluated for."""
        return path in self._one.question.by_path and path not in self._findings

    def _shown(
        self,
        id: str,  # noqa: A002 — of the page
        function: str,
        name: str,
        arguments: str,
        paths: list[str],
        others: list[str],
        operands: list[Operand],
        unexamined: str = "",
    ) -> Shown:
        place = self._one.recording.places.get(name)
        rows = tuple(self._row(path) for path in paths)
        states = [one.state for one in rows] + (["not examined"] if unexamined else [])
        return Shown(
            id=id,
            function=function,
            name=name,
            module=place.module if place is not None else "",
            line=place.line if place is not None else "",
            custom=place.custom if place is not None else "",
            arguments=arguments,
            state=worst(states),
            states=tuple(dict.fromkeys(states)),
            rows=rows,
            elsewhere=tuple((self._of(path), self._ids[path]) for path in others),
            operands=tuple(operands) if any(one.sheet for one in rows) or unexamined else (),
            unexamined=unexamined,
        )

    def _of(self, path: str) -> str:
        claim = self._findings[path][0]
        return f"{kind(claim)} of {about(self._one, claim)}"

    def _row(self, path: str) -> Row:
        claim, finding = self._findings[path]
        state = self._states.of(finding)
        key = (self._at, path)
        found = None
        if key in self._chosen.sheets:
            blamed = key in self._chosen.blamed
            found = sheet(self._one, claim, finding, state, blamed=blamed, formulas=self._formulas)
        return row(self._ids[path], self._one, claim, finding, state, found)

    def _operands(self, step: Step) -> Iterator[Operand]:
        for path in step.reads:
            value = self._program.values.get(path)
            yield self._operand("parameter" if value is not None and value.parameter else "reads", path, value)
        for role, path in (*step.parameters.items(), *step.constants.items()):
            yield self._operand(role, path, self._program.values.get(path))
        yield self._operand("gives", step.writes, self._program.values.get(step.writes))

    def _operand(self, role: str, path: str, value: Value | None) -> Operand:
        recording = self._one.recording
        x: Any = recording.given.get(path, recording.recorded.get(path))
        writer = self._program.writers.get(path)
        shape = "not recorded"
        if x is not None:
            array = np.asarray(x)
            dtype = value.dtype if value is not None and value.dtype else str(array.dtype)
            shape = f"{'×'.join(map(str, array.shape)) or 'one number'} {dtype}"
        made = self._numbers[writer.name] if writer is not None and role != "gives" else ""
        return Operand(role, path if writer is None else writer.name, made, shape, sample(x) if x is not None else "")

    def _update(self, number: int, update: Update) -> Shown:
        rule = update.op
        function = "kept as it is" if rule is None else str(getattr(rule, "function", rule.name))
        settings: Mapping[str, Any] = getattr(rule, "settings", {})
        words = clipped(", ".join(f"{name} = {value}" for name, value in settings.items()), LONGEST)
        words = f"{function}: {words}" if words else function
        paths = [path for path in update.claimed if path in self._findings]
        kept = {name: f"{path}.before" for name, path in update.slots.items()}
        reads = {"parameter": update.parameter, "gradient": update.gradient, **kept}
        operands = [self._operand(role, path, self._program.values.get(path)) for role, path in reads.items() if path]
        operands.append(self._operand("gives", update.writes, None))
        return self._shown(f"{self._prefix}u{number}", update.parameter, update.parameter, words, paths, [], operands)


def _arguments(op: Any) -> str:
    """The plain arguments of a call."""
    plain = {name: value for name, value in op.passed.items() if not _array(value)}
    return clipped(", ".join(f"{name} = {value}" for name, value in plain.items()), LONGEST)


def _array(value: Any) -> bool:
    return isinstance(value, (Read, Fixed)) or (isinstance(value, tuple) and any(map(_array, value)))


def ids_of(prefix: str, one: Judged) -> dict[str, str]:
    """The ids of the claims of a recording in the page, by their paths. `prefix` is that of the recording."""
    return {path: f"{prefix}q{number}" for number, path in enumerate(findings_of(one))}


def is_pass(program: Program) -> bool:
    """Whether a recording is a way back through modules; others are about gradients afterwards, or an optimizer's step."""
    return bool(program.addends)
