"""A layer that took the place of another one: where two programs part, one reads the parameters of another layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bpcompare.ops.call import Call
from bpcompare.own.pair.parting import Parting
from bpcompare.own.pair.side import Side
from bpcompare.own.pair.trial import SIDES, Trials
from bpcompare.program import Step


def exchanged(trials: Trials, parting: Parting) -> Iterator[str]:
    """A layer's parameters in the place of another layer's: with those, the one program gives what the other holds."""
    for which, step in enumerate(parting.steps):
        if step is None:
            continue
        side = trials.sides[which]
        names = {slot: name for slot, path in enumerate(step.reads) if (name := side.parameter_of(path))}
        for others in _instead(side, step, names):
            reads = {slot: side.number(others[slot]) for slot in others}
            y = trials.value(which, step, reads=reads)
            if all(x is not None for x in reads.values()) and trials.found(1 - which, y, side.slack[step.writes]):
                here = " and ".join(names[slot] for slot in others)
                there = " and ".join(side.parameter_of(path) for path in others.values())
                yield f"{SIDES[which]} reads {here} here, {SIDES[1 - which]} what is {there} in {SIDES[which]}"


def _instead(side: Side, step: Step, names: Mapping[int, str]) -> Iterator[dict[int, str]]:
    """By slot, values made of other parameters as those that are read are made of theirs: of one other layer, or one alone."""
    alike: dict[int, dict[str, str]] = {}
    for slot, name in names.items():
        made = _moved(side, step.reads[slot])
        for path in side.program.values:
            other = side.parameter_of(path)
            if other and other != name and _moved(side, path) == made and _shape(side, path) == _shape(side, step.reads[slot]):
                alike.setdefault(slot, {}).setdefault(other, path)
    layers = {slot: name.rpartition(".")[0] for slot, name in names.items()}
    for layer in dict.fromkeys(other.rpartition(".")[0] for others in alike.values() for other in others):
        whole = {slot: alike.get(slot, {}).get(f"{layer}{name[len(layers[slot]) :]}") for slot, name in names.items()}
        if layer and len(names) > 1 and all(whole.values()):
            yield {slot: path for slot, path in whole.items() if path}
    yield from ({slot: path} for slot, others in alike.items() for path in others.values())


def _shape(side: Side, path: str) -> tuple[int, ...] | None:
    x = side.number(path)
    return None if x is None else x.shape


def _moved(side: Side, path: str) -> tuple[str, str]:
    """How a value is moved from its parameter: the function, and its arguments."""
    writer = side.program.writers.get(path)
    if writer is None or not isinstance(writer.op, Call):
        return "", ""
    return writer.op.function, str(dict(writer.op.arguments))
