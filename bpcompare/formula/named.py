"""Hyperparameters that know what they are called."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TypeVar

from bpcompare.ops.op import Op
from bpcompare.program import Program

O = TypeVar("O", bound=Op)  # noqa: E741 — an op


class Named(float):
    """A number of the spec with its symbol. 1 minus it has one, too: (1 − β₁)."""

    symbol = ""

    def __rsub__(self, other: float) -> float:
        return called(f"({other:g} − {self.symbol})", float(other) - float(self))


def called(symbol: str, value: float) -> Named:
    """`value` under the name `symbol`."""
    found = Named(value)
    found.symbol = symbol
    return found


def named(op: O) -> O:
    """`op` with fields that know their names: by its `symbols`, or as the spec calls them."""
    values = {field.name: getattr(op, field.name) for field in fields(op)}
    # 1 and 0 are not some numbers among others: they leave a term out.
    told = {name: x for name, x in values.items() if type(x) is float and x not in (0.0, 1.0)}
    return replace(op, **{name: called(op.symbols.get(name, name), x) for name, x in told.items()})


def spelled(program: Program) -> Program:
    """The same program, with ops whose fields know their names."""
    steps = tuple(replace(step, op=named(step.op)) for step in program.steps)
    updates = tuple(update if update.op is None else replace(update, op=named(update.op)) for update in program.updates)
    return replace(program, steps=steps, updates=updates)
