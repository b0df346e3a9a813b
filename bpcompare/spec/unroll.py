"""A document with repeats as one without: every layer that is written once becomes one layer for every step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.network import Problem
from bpcompare.ops import OPS
from bpcompare.spec.document import Document, RepeatEntry
from bpcompare.spec.entries import ROLES, LayerEntry, counts
from bpcompare.spec.index import Indexed, depends, indexed
from bpcompare.spec.repeat import Graph, Repeat, Where, name_of, written_out

VALUES = 2_000_000
"""First values, and texts with the index in them, that all repeats of a spec may make: as many as a spec in TOML may have."""
_VALUES = {"weights": ("weight", "transpose"), "biases": ("bias",)}
"""By the key that gives first values: the parameter's role, and what else is then said of it."""


@dataclass(frozen=True, eq=False)
class Unrolled:
    """`document` has no repeats, unless there are `problems`. `graph` knows where its layers are written."""

    document: Document
    graph: Graph
    problems: list[Problem]


def unroll(document: Document) -> Unrolled:
    """`document` with its repeats written out; with problems, as it was. One without repeats stays what it is."""
    if not document.repeat:
        return Unrolled(document, Graph(), [])
    by_hand = {name: entry.from_ for name, entry in document.layers.items()}
    repeats = {
        name: Repeat(entry.times, entry.index, entry.start, {layer: one.from_ for layer, one in entry.layers.items()})
        for name, entry in document.repeat.items()
    }
    graph = written_out(document.inputs, by_hand, repeats, document.error.of)
    problems, room = list(graph.problems), _Room()
    layers = {name: entry.model_copy(update={"from_": graph.sources.get(name, ())}) for name, entry in document.layers.items()}
    for name, repeat in document.repeat.items():
        once = {layer: _Once(name, layer, repeat, problems, room) for layer in repeat.layers}
        for step in range(repeat.times) if not problems else ():
            layers |= {name_of(name, step, layer): one.at(step, graph) for layer, one in once.items()}
    if problems:
        return Unrolled(document, graph, problems)
    error = document.error.model_copy(update={"of": graph.of})
    return Unrolled(document.model_copy(update={"layers": layers, "error": error, "repeat": {}}), graph, [])


class _Room:
    """The values that the repeats of a spec may still make."""

    def __init__(self) -> None:
        self._left = VALUES

    def holds(self, count: int) -> bool:
        """Takes `count` values, if there is room for so many."""
        if count > self._left:
            return False
        self._left -= count
        return True


class _Once:
    """A layer as it is written, for all steps; what is wrong with its texts goes to `problems`."""

    def __init__(self, repeat: str, layer: str, entry: RepeatEntry, problems: list[Problem], room: _Room) -> None:
        self.repeat, self.layer, self.entry, self.problems = repeat, layer, entry.layers[layer], problems
        self._index, self._times, self._room = entry.index, entry.times, room
        self._where: Where = ("repeat", repeat, "layers", layer)
        self._counts = counts(OPS[self.entry.op])
        self._texts = dict(self._depending())
        self._parameters = self._shared() if entry.share else {}
        self._first: dict[str, Any] = {}
        """First values, which all steps have alike …"""
        self._later: dict[str, Any] = {}
        """… but those of a parameter that all steps share, which are given in the first step alone."""
        self._first_values(share=entry.share)

    def at(self, step: int, graph: Graph) -> LayerEntry:
        """The layer of one step."""
        name = name_of(self.repeat, step, self.layer)
        more: dict[str, Any] = {**self._parameters, "from_": graph.sources[name]}
        for key, text in self._texts.items():
            shown = tuple(one.at(step) for one in text) if isinstance(text, tuple) else text.at(step)
            more[key] = int(str(shown)) if key in self._counts else shown
        more |= self._later if step else self._first
        return self.entry.model_copy(update=more)

    def _depending(self) -> Iterator[tuple[str, Indexed | tuple[Indexed, ...]]]:
        """Texts in which the index stands, by key."""
        for key, value in self.entry:
            if key == "from_":
                continue
            if isinstance(value, str) and depends(value):
                if (text := self._indexed(value, key)) is not None:
                    yield key, text
            elif isinstance(value, tuple) and any(isinstance(one, str) and depends(one) for one in value):
                texts = [self._indexed(one, key, slot) for slot, one in enumerate(value)]
                self._count(key, len(texts), "texts")
                yield key, tuple(text for text in texts if text is not None)

    def _indexed(self, text: str, *key: str | int) -> Indexed | None:
        try:
            return indexed(text, self._index)
        except ValueError as error:
            self._report(key, str(error))
            return None

    def _shared(self) -> Mapping[str, str]:
        """Names of parameters that have no other: REPEAT.LAYER.ROLE, the same in all steps."""
        roles = ROLES[self.entry.op]
        return {role: f"{self.repeat}.{self.layer}.{role}" for role in roles if getattr(self.entry, role, None) in (None, True)}

    def _first_values(self, *, share: bool) -> None:
        for key, (role, *others) in _VALUES.items():
            value = getattr(self.entry, key, None)
            if isinstance(value, dict):
                message = "weights in a repeat cannot be given by unit names, which differ in the first step"
                self._report((key,), message, "give them as nested lists")
                continue
            if value is not None:
                # As they are used, and in the order in which turning costs nothing: else every step would have a copy.
                turned = getattr(self.entry, "transpose", None) and key == "weights"
                self._first[key] = np.asarray(value, np.float64, order="F" if turned else "C")
                self._first[key].setflags(write=False)  # several parameters may have it
            if (share or isinstance(getattr(self.entry, role, None), str)) and role not in self._texts:
                self._later |= dict.fromkeys({key, *others} & type(self.entry).model_fields.keys())
            elif value is not None:
                self._later[key] = self._first[key]
                self._count(key, value.size, "numbers")

    def _count(self, key: str, each: int, what: str) -> None:
        if not self._room.holds(each * self._times):
            message = f"makes {each * self._times:,} {what} over {self._times:,} steps; the limit for all repeats is {VALUES:,}"
            self._report((key,), message)

    def _report(self, key: tuple[str | int, ...], message: str, hint: str = "") -> None:
        self.problems.append(Problem((*self._where, *key), message, hint))
