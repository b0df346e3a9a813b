"""What is another thing in one of two runs: a call, a setting, a parameter, a number that it is given."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bpcompare.ops.call import Call, Fixed, Read
from bpcompare.own.change.mapping import Mapped
from bpcompare.own.change.mark import apart
from bpcompare.own.change.outline import Outline, Part
from bpcompare.own.change.pairing import Match, function_of
from bpcompare.program import Step, Update
from bpcompare.report.numbers import short

ADDED = "is new"
GONE = "is gone"


@dataclass(frozen=True, slots=True)
class Difference:
    """`what` is different, in words, at `name` (a call, a parameter, an optimizer) of `module`; `line` is FILE:LINE now.

    `parameter`: the one that an optimizer does something else with.
    """

    module: str
    name: str
    what: str
    line: str = ""
    parameter: str = ""


def of_part(mapped: Mapped) -> Iterator[Difference]:
    """What two programs that stand for each other do differently, in the order of time.

    Calls that read other values come last: where another call stands before them, that is why.
    """
    for match in mapped.matches:
        yield from _of_match(match, mapped)
    yield from _of_updates(mapped)
    steps = {step.name: step for step in mapped.now.program.steps}
    for name, pairs in mapped.rewired.items():
        place = mapped.now.place(name)
        for before, after in pairs:
            what = f"reads {after}, where it read {before}"
            yield Difference(place.module, function_of(steps[name]), what, place.line)


def of_parameters(then: Outline, now: Outline, renamed: Mapping[str, str]) -> Iterator[Difference]:
    """Parameters that are there in one of the two, or have a gradient in one."""
    for old, new in renamed.items():
        yield _renamed(old, new)
    before = {renamed.get(name, name): why for name, why in then.parameters.items()}
    for name, why in before.items():
        if name not in now.parameters:
            yield Difference(name.rpartition(".")[0], f"parameter {name}", GONE)
        elif bool(why) != bool(now.parameters[name]):
            what = f"no gradient of it is seen any more: {now.parameters[name]}" if not why else "it has a gradient now"
            yield Difference(name.rpartition(".")[0], f"parameter {name}", what)
    for name in now.parameters:
        if name not in before:
            yield Difference(name.rpartition(".")[0], f"parameter {name}", ADDED)


def of_given(mapped: Mapped, handed: Collection[tuple[str, str]]) -> Iterator[Difference]:
    """Numbers that the step is given and that are others now. `handed`: digests, then and now, of what the step makes."""
    for old, new in mapped.given.items():
        before, after = mapped.then.given.get(old), mapped.now.given.get(new)
        if before is None or after is None or before.digest == after.digest:
            continue
        if (before.digest, after.digest) in handed:
            continue
        distance = apart(before, after)
        far = f", about {short(distance)} of their size away" if distance is not None else ""
        if before.shape != after.shape:
            far = f", of the shape {_shape(after.shape)}, no longer {_shape(before.shape)}"
        yield _read_by(new, mapped.now, far)


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "a single number"


def _read_by(path: str, part: Part, far: str) -> Difference:
    """Of a parameter by its name, of what else there is by the call that reads it."""
    value = part.program.values.get(path)
    for step in part.program.steps if value is None or not value.parameter else ():
        if path in step.reads or path in step.constants.values():
            place = part.place(step.name)
            return Difference(place.module, function_of(step), f"reads a constant of other numbers{far}", place.line)
    return Difference(path.rpartition(".")[0], path, f"begins with other numbers{far}")


def _renamed(old: str, new: str) -> Difference:
    """A parameter or module that has another name, by the outermost module of another name."""
    before, after = old.split("."), new.split(".")
    while len(before) > 1 and len(after) > 1 and before[-1] == after[-1]:
        del before[-1], after[-1]
    return Difference(".".join(after), "", f"was called {'.'.join(before)}")


def _of_match(match: Match, mapped: Mapped) -> Iterator[Difference]:
    if match.alone:
        (old,), (new,) = match.then, match.now
        was, place = mapped.then.place(old.name), mapped.now.place(new.name)
        if was.module != place.module and was.module and place.module:
            yield _renamed(was.module, place.module)
        elif was.module != place.module:
            yield Difference(place.module, "", f"its calls were in {was.module}" if was.module else "its calls were in no module")
        for what in _of_pair(old, new, mapped):
            yield Difference(place.module, function_of(new), what, place.line)
        return
    if match.then and match.now:
        place = mapped.now.place(match.now[0].name)
        before, after = (" → ".join(map(function_of, steps)) for steps in (match.then, match.now))
        yield Difference(place.module, after, f"stands where {before} was", place.line)
        return
    part, what = (mapped.now, ADDED) if match.now else (mapped.then, GONE)
    for step in match.now or match.then:
        place = part.place(step.name)
        yield Difference(place.module, function_of(step), what, place.line)


def _of_pair(old: Step, new: Step, mapped: Mapped) -> Iterator[str]:
    """What is different of one call."""
    was, is_ = mapped.then.place(old.name), mapped.now.place(new.name)
    if function_of(old) != function_of(new):
        yield f"was {function_of(old)}"
    elif isinstance(old.op, Call) and isinstance(new.op, Call):
        yield from _of_arguments(old.op, new.op, reshape=function_of(new) == "reshape")
    if was.custom != is_.custom:
        yield f"its backward was {was.custom or 'the framework’s'}, is {is_.custom or 'the framework’s'}"
    formats = [part.program.values[step.writes].dtype for part, step in ((mapped.then, old), (mapped.now, new))]
    if formats[0] != formats[1]:
        yield f"its result was {formats[0]}, is {formats[1]}"


def _of_arguments(old: Call, new: Call, *, reshape: bool) -> Iterator[str]:
    if not reshape:
        for name in dict.fromkeys((*old.arguments, *new.arguments)):
            before, after = (_plain(call.arguments[name]) if name in call.arguments else _ABSENT for call in (old, new))
            if before != after:
                yield f"{name} {_was(before)}, is {_word(after)}"
    if old.results != new.results:
        before, after = (", ".join(map(_shape, call.results)) for call in (old, new))
        yield f"its result was {before}, is {after}"


_ABSENT = object()


def _was(value: Any) -> str:
    return "was not there" if value is _ABSENT else f"was {_word(value)}"


def _word(value: Any) -> str:
    if value is _ABSENT:
        return "gone"
    if value == ("array",):
        return "an array"
    return repr(value)


def _plain(value: Any) -> Any:
    """An argument, to be compared: which array it is is compared elsewhere. What is not equal to itself is a text."""
    if isinstance(value, (Read, Fixed)):
        return ("array",)
    if isinstance(value, (tuple, list)):
        return tuple(map(_plain, value))
    return str(value) if value != value else value  # noqa: PLR0124 — NaN


def _of_updates(mapped: Mapped) -> Iterator[Difference]:
    name = mapped.now.title
    was = {mapped.named(update.parameter): update for update in mapped.then.program.updates}
    is_ = {update.parameter: update for update in mapped.now.program.updates}
    for parameter in dict.fromkeys((*was, *is_)):
        module = parameter.rpartition(".")[0]
        if parameter not in is_ or parameter not in was:
            yield Difference(module, name, GONE if parameter in was else ADDED, "", parameter)
            continue
        for what in _of_update(was[parameter], is_[parameter]):
            yield Difference(module, name, what, "", parameter)


def _of_update(old: Update, new: Update) -> Iterator[str]:
    if old.dtype != new.dtype:
        yield f"it was computed in {old.dtype}, is in {new.dtype}"
    before, after = _rule(old), _rule(new)
    if before["rule"] != after["rule"]:
        yield f"its rule was {before['rule']}, is {after['rule']}"
        return
    for name in dict.fromkeys((*before, *after)):
        if before.get(name, _ABSENT) != after.get(name, _ABSENT):
            yield f"{name} {_was(before.get(name, _ABSENT))}, is {_word(after.get(name, _ABSENT))}"


def _rule(update: Update) -> dict[str, Any]:
    op: Any = update.op
    if op is None:
        return {"rule": "none: it is kept"}
    settings = {name: _plain(value) for name, value in op.settings.items()}
    return {"rule": op.function, **settings, "state": tuple(op.kept)}
