"""Programs as JSON-able trees, without their numbers: calls, rules, values, what was not examined. Reading executes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from math import isfinite
from typing import Any

from bpcompare.ops.call import Call, Fixed, Read
from bpcompare.ops.op import UpdateOp
from bpcompare.ops.rule import Rule
from bpcompare.plan import trees
from bpcompare.plan.storage import StorageError
from bpcompare.plan.trees import Tree
from bpcompare.program import Program, Step, Unexamined, Update, Value

PROGRAM = ("end", "addends", "values", "steps", "updates")
"""The entries of a program."""


def program_tree(program: Program) -> Tree:
    """A program. Raises StorageError for what has no place in a file."""
    return {
        "end": program.end,
        "addends": list(program.addends),
        "values": [fields_of(value) for value in program.values.values()],
        "steps": [fields_of(step) | {"op": _call(step)} for step in program.steps],
        "updates": [_update(update) for update in program.updates],
    }


def program_of(content: Any, place: str) -> Program:
    """The reverse of `program_tree`. Raises ValueError, naming the place."""
    top = trees.entries(content, place, *PROGRAM)
    values = trees.items(top["values"], f"{place}.values", lambda entry, where: trees.load(Value, entry, where))
    return Program(
        {value.path: value for value in values},
        trees.items(top["steps"], f"{place}.steps", _called),
        trees.items(top["updates"], f"{place}.updates", _updated),
        trees.value(str, top["end"], "end"),
        trees.value(tuple[str, ...], top["addends"], "addends"),
    )


def fields_of(value: Any) -> Tree:
    """The fields of a dataclass of plain ones, without its defaults."""
    known = trees.defaults(type(value))
    found = {field.name: getattr(value, field.name) for field in fields(value)}
    plain = {name: dict(x) if isinstance(x, Mapping) else list(x) if isinstance(x, tuple) else x for name, x in found.items()}
    return {name: x for name, x in plain.items() if name not in known or x != known[name]}


def unexamined_of(entry: Any, place: str) -> Unexamined:
    """The reverse of `fields_of` for what was not examined. Raises ValueError."""
    return trees.load(Unexamined, entry, place)


def _call(step: Step) -> Tree:
    op = step.op
    if not isinstance(op, Call):
        raise StorageError(f"{step.name} is no call of a function")
    arguments = {name: _argument(value) for name, value in op.arguments.items()}
    content = {"function": op.function, "arguments": arguments, "results": [list(one) for one in op.results], "output": op.output}
    return content | ({"factors": op.factors} if op.factors else {})


def _update(update: Update) -> Tree:
    way = {} if update.way is None else {"way": _rule(update, update.way)}
    return fields_of(update) | {"op": None if update.op is None else _rule(update, update.op)} | way


def _rule(update: Update, op: UpdateOp) -> Tree:
    if not isinstance(op, Rule):
        raise StorageError(f"{update.parameter} is updated by no rule that was recorded")
    settings = {name: _argument(value) for name, value in op.settings.items()}
    return fields_of(op) | {"settings": settings}


def _argument(value: Any) -> Any:
    """An argument of a call: what stands for an array is an object, a tuple a list."""
    match value:
        case Read():
            return {"read": value.slot}
        case Fixed():
            return {"fixed": value.name}
        case tuple():
            return [_argument(one) for one in value]
        case float() if not isfinite(value):
            return {"float": str(value)}
    return value


def _argument_from(entry: Any, place: str) -> Any:
    if isinstance(entry, list):
        return trees.items(entry, place, _argument_from)
    if not isinstance(entry, dict):
        return entry
    ((kind, found),) = entry.items()
    kinds = {"read": (int, Read), "fixed": (str, Fixed), "float": (str, float)}
    hint, make = kinds[kind]
    return make(trees.value(hint, found, place))


def _called(entry: Any, place: str) -> Step:
    content = dict(trees.entries(entry, place, "name", "op", "reads", "writes", optional=trees.hints(Step)))
    op = trees.entries(content.pop("op"), f"{place}.op", "function", "arguments", "results", "output", optional=("factors",))
    call = Call(
        trees.value(str, op["function"], place),
        trees.each(op["arguments"], place, _argument_from),
        trees.value(tuple[tuple[int, ...], ...], op["results"], place),
        trees.value(int, op["output"], place),
        trees.value(float, op.get("factors", 0.0), place),
    )
    return Step(op=call, **_typed(Step, content, place))


def _updated(entry: Any, place: str) -> Update:
    content = dict(trees.entries(entry, place, "parameter", "op", "writes", optional=trees.hints(Update)))
    op, way = (None if rule is None else _ruled(rule, place) for rule in (content.pop("op"), content.pop("way", None)))
    return Update(op=op, way=way, **_typed(Update, content, place))


def _ruled(entry: Any, place: str) -> Rule:
    found = dict(trees.entries(entry, f"{place}.op", "function", "settings", optional=trees.hints(Rule)))
    settings = trees.each(found.pop("settings"), place, _argument_from)
    return Rule(settings=settings, **_typed(Rule, found, place))


def _typed(kind: type, content: Tree, place: str) -> Any:
    hints = trees.hints(kind)
    return {name: trees.value(hints[name], found, f"{place}.{name}") for name, found in content.items()}
