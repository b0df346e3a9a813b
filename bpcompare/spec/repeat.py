"""Layers that are written once and stand in a network several times: what their copies are called, and what they read.

Here are names only, so that they can be judged in a spec that is wrong otherwise. A copy is called REPEAT_STEP_LAYER: a dot would
separate the parts of a path, and a name of letters, digits and _ is one word for shells, files and formulas.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from bpcompare.network import Problem
from bpcompare.network.problems.names import LONGEST_NAME, RESERVED, unusable
from bpcompare.spec.index import Indexed, depends, index_problem, indexed
from bpcompare.text.words import Suggestions, quote

Where = tuple[str | int, ...]

PREVIOUS = "previous"
"""In a repeat, `previous.h` is the h of the step before."""
MOST = 50_000
"""Layers and sources that all repeats of a spec may make: so many take some ten seconds."""
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Repeat:
    """`times` steps of `layers`, which are given by their sources as written. `start`: what `previous.h` is in step 0."""

    times: int
    index: str
    start: Mapping[str, str]
    layers: Mapping[str, tuple[str, ...]]


@dataclass
class Graph:
    """Who reads whom when all repeats are written out.

    `slots` says for every source of a layer where it is written, `copies` which repeat, step and layer a copy is of. `of` is the
    layer of the error. With `whole` false the graph was not written out, for reasons that stand in `problems`.
    """

    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    slots: dict[str, tuple[int, ...]] = field(default_factory=dict)
    copies: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    of: str | None = None
    problems: list[Problem] = field(default_factory=list)
    whole: bool = False

    def place(self, where: Where) -> Where:
        """Where a spec has what stands at `where` when its repeats are written out."""
        if where[:1] != ("layers",) or len(where) < 2:
            return where
        name, *rest = where[1:]
        slots = self.slots.get(str(name), ())
        if len(rest) == 2 and rest[0] == "from" and isinstance(rest[1], int) and rest[1] < len(slots):
            rest[1] = slots[rest[1]]
        if str(name) not in self.copies:
            return ("layers", name, *rest)
        repeat, _, layer = self.copies[str(name)]
        return ("repeat", repeat, "layers", layer, *rest)

    def written(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        """`problems` where they are written. What is wrong with several copies of a layer is told of the first of them."""
        seen: set[tuple[Where, str]] = set()
        for problem in problems:
            where = self.place(problem.where)
            if where[:1] == ("repeat",):
                key = (where, _DIGITS.sub("0", problem.message))
                if key in seen:
                    continue
                seen.add(key)
            yield replace(problem, where=where)


def name_of(repeat: str, step: int, layer: str) -> str:
    """What the copy of a layer in one step is called."""
    return f"{repeat}_{step}_{layer}"


def written_out(
    inputs: Collection[str], layers: Mapping[str, tuple[str, ...]], repeats: Mapping[str, Repeat], of: str | None
) -> Graph:
    """The graph of `layers`, written by hand, and all copies that `repeats` make."""
    graph = Graph()
    graph.problems += _names(inputs, layers, repeats)
    graph.problems += _sizes(repeats)
    if not graph.problems:
        graph.problems += _copies(inputs, layers, repeats, graph.copies)
    if not graph.problems:
        _Reader(inputs, layers, repeats, graph).read(of)
    return graph


def _names(inputs: Collection[str], layers: Collection[str], repeats: Mapping[str, Repeat]) -> Iterator[Problem]:
    """Names of repeats, of their layers and indices that cannot be."""
    for name, repeat in repeats.items():
        where = ("repeat", name)
        if reason := _bad(name):
            yield Problem(where, f"repeat name {quote(name)} {reason}")
        elif name in RESERVED or name == PREVIOUS:
            yield Problem(where, f"{quote(name)} is reserved", "choose another name")
        elif name in inputs or name in layers:
            kind = "an input" if name in inputs else "a layer"
            yield Problem(where, f"{quote(name)} is the name of {kind} as well", "choose another name")
        if reason := index_problem(repeat.index):
            yield Problem((*where, "index"), reason)
        if not repeat.layers:
            yield Problem((*where, "layers"), "there are no layers in this repeat")
        yield from _names_inside(inputs, layers, name, repeat)


def _names_inside(inputs: Collection[str], layers: Collection[str], name: str, repeat: Repeat) -> Iterator[Problem]:
    for layer in repeat.layers:
        where = ("repeat", name, "layers", layer)
        if reason := _bad(layer):
            yield Problem(where, f"layer name {quote(layer)} {reason}")
        elif layer in inputs or layer in layers:
            kind = "an input" if layer in inputs else "a layer"
            message = f"{quote(layer)} is the name of {kind} outside of the repeat as well, and from could mean either"
            yield Problem(where, message, "choose another name")
        elif len(name_of(name, max(0, repeat.times - 1), layer)) > LONGEST_NAME:
            message = f"layer name {quote(layer)} is too long together with that of its repeat; the limit is {LONGEST_NAME}"
            yield Problem(where, message)


def _bad(name: str) -> str:
    return "has a brace, which is for the index" if depends(name) else unusable(name, dots=False)


def _sizes(repeats: Mapping[str, Repeat]) -> Iterator[Problem]:
    """Repeats of less than one step, and of more than can be read in some seconds."""
    total = 0
    for name, repeat in repeats.items():
        where = ("repeat", name, "times")
        if repeat.times < 1:
            yield Problem(where, f"must be at least 1, is {quote(repeat.times)}")
            continue
        each = sum(1 + len(sources) for sources in repeat.layers.values())
        total += repeat.times * each
        if total > MOST:
            others = "" if total == repeat.times * each else ", with the repeats before it,"
            message = f"{quote(repeat.times)} steps of this repeat{others} make {quote(total)} layers and sources"
            yield Problem(where, f"{message}, the limit is {MOST:,}")
            return


def _copies(
    inputs: Collection[str], layers: Collection[str], repeats: Mapping[str, Repeat], copies: dict[str, tuple[str, int, str]]
) -> Iterator[Problem]:
    """Fills `copies`; yields, once a layer, that the name of a copy is taken."""
    for name, repeat in repeats.items():
        taken: dict[str, Problem] = {}
        for step in range(repeat.times):
            for layer in repeat.layers:
                copy = name_of(name, step, layer)
                if layer not in taken and (copy in inputs or copy in layers or copy in copies):
                    other = "an input" if copy in inputs else "a layer" if copy in layers else "a copy in another repeat"
                    message = f"its copy in step {step} is called {quote(copy)}, and so is {other}"
                    taken[layer] = Problem(("repeat", name, "layers", layer), message, "choose another name")
                copies[copy] = (name, step, layer)
        yield from taken.values()


class _UnknownError(ValueError):
    """A source that means nothing, and what was perhaps meant."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class _FullError(Exception):
    """More sources than a spec may have."""


class _Reader:
    """Reads all sources of a spec with repeats into `graph`."""

    def __init__(
        self, inputs: Collection[str], layers: Mapping[str, tuple[str, ...]], repeats: Mapping[str, Repeat], graph: Graph
    ) -> None:
        self.inputs, self.layers, self.repeats, self.graph = inputs, layers, repeats, graph
        self._suggest = Suggestions()
        self._homes: dict[str, str] = {}
        """A repeat that has a layer of this name."""
        for name, repeat in repeats.items():
            for layer in repeat.layers:
                self._homes.setdefault(layer, name)
        self._more = 0

    def read(self, of: str | None) -> None:
        """Every layer, and the error's."""
        try:
            for name, sources in self.layers.items():
                self._layer(name, sources)
            for name in self.repeats:
                self._repeat(name)
        except _FullError:
            self.graph.sources.clear()
            return
        self.graph.whole = True
        if of is not None:
            try:
                self.graph.of = self._one(of, "the error is taken of one layer")
            except _UnknownError as error:
                self._report(("error", "of"), error)

    def _report(self, where: Where, error: _UnknownError) -> None:
        self.graph.problems.append(Problem(where, str(error), error.hint))

    def _layer(self, name: str, sources: Sequence[str]) -> None:
        found: list[tuple[str, ...]] = []
        for slot, source in enumerate(sources):
            try:
                found.append(self._outside(source))
            except _UnknownError as error:
                self._report(("layers", name, "from", slot), error)
                found.append((source,))
            self._counted(found[-1], ("layers", name, "from", slot))
        self._keep(name, found)

    def _repeat(self, name: str) -> None:
        repeat = self.repeats[name]
        starts = dict(self._starts(name, repeat))
        for layer, sources in repeat.layers.items():
            where = ("repeat", name, "layers", layer, "from")
            texts = list(self._texts(sources, repeat.index, where))
            # What is wrong in all steps is said once.
            wrong = {slot for slot, text in enumerate(texts) if text is None}
            for step in range(repeat.times):
                found: list[tuple[str, ...]] = []
                for slot, text in enumerate(texts):
                    try:
                        if text is None:
                            found.append((sources[slot],))
                            continue
                        found.append(self._inside(text.at(step) if text.numbers else sources[slot], name, step, starts))
                        self._counted(found[-1], (*where, slot))
                    except _UnknownError as error:
                        found.append((sources[slot],))
                        if slot not in wrong:
                            self._report((*where, slot), error)
                        wrong.add(slot)
                self._keep(name_of(name, step, layer), found)

    def _texts(self, sources: Sequence[str], index: str, where: Where) -> Iterator[Indexed | None]:
        for slot, source in enumerate(sources):
            try:
                yield indexed(source, index)
            except ValueError as error:
                self.graph.problems.append(Problem((*where, slot), str(error)))
                yield None

    def _starts(self, name: str, repeat: Repeat) -> Iterator[tuple[str, str]]:
        """What `previous.LAYER` is in the first step, by layer."""
        read = {source for sources in repeat.layers.values() for source in sources}
        for layer, source in repeat.start.items():
            where = ("repeat", name, "start", layer)
            if layer not in repeat.layers:
                message = f"repeat {quote(name)} has no layer {quote(layer)}"
                self.graph.problems.append(Problem(where, message, self._suggest(layer, repeat.layers)))
            elif f"{PREVIOUS}.{layer}" not in read:
                message = f'no layer of the repeat reads "{PREVIOUS}.{layer}", which this is the start of'
                self.graph.problems.append(Problem(where, message))
            yield layer, source
            try:
                yield layer, self._one(source, "a start is one input or layer")
            except _UnknownError as error:
                self._report(where, error)

    def _counted(self, found: Collection[str], where: Where) -> None:
        """Counts what one written source has made beyond one."""
        self._more += len(found) - 1
        if self._more > MOST:
            message = f"repeats written out, this and sources like it make more than {MOST:,} sources"
            self.graph.problems.append(Problem(where, message, "read the layers of fewer steps"))
            raise _FullError

    def _keep(self, layer: str, found: Sequence[tuple[str, ...]]) -> None:
        self.graph.sources[layer] = tuple(chain.from_iterable(found))
        self.graph.slots[layer] = tuple(slot for slot, names in enumerate(found) for _ in names)

    def _one(self, text: str, why: str) -> str:
        found = self._outside(text)
        if len(found) != 1:
            raise _UnknownError(f"{why}; {quote(text)} means {len(found)}")
        return found[0]

    def _inside(self, text: str, name: str, step: int, starts: Mapping[str, str]) -> tuple[str, ...]:
        """What a layer of repeat `name` reads in one step."""
        repeat = self.repeats[name]
        if text in repeat.layers:
            return (name_of(name, step, text),)
        head, dot, layer = text.partition(".")
        if not dot or head != PREVIOUS:
            return self._outside(text, name)
        if layer not in repeat.layers:
            hint = self._suggest(layer, repeat.layers)
            raise _UnknownError(f"repeat {quote(name)} has no layer {quote(layer)}", hint)
        if layer not in starts:
            example = f'such as start = {{ {layer} = "{layer}0" }} in the repeat'
            raise _UnknownError(f"{quote(text)} has no start: say what it is in the first step", example)
        return (name_of(name, step - 1, layer) if step else starts[layer],)

    def _outside(self, text: str, home: str = "") -> tuple[str, ...]:
        """What a source means outside of repeats, or in the repeat `home` if it is none of its own."""
        if "." not in text:
            if text in self.inputs or text in self.layers or text in self.graph.copies:
                return (text,)
            raise self._unknown(text, home)
        name, *step, layer = text.split(".")
        if len(step) > 1:
            raise _UnknownError(f"{quote(text)} is no layer of a repeat; write REPEAT.LAYER, REPEAT.STEP.LAYER or REPEAT.*.LAYER")
        if name == PREVIOUS:
            raise _UnknownError(f"{quote(text)} has a meaning only in from of a repeat's own layers")
        if name not in self.repeats:
            raise _UnknownError(f"no repeat is called {quote(name)}", self._suggest(name, self.repeats))
        repeat = self.repeats[name]
        if layer not in repeat.layers:
            raise _UnknownError(f"repeat {quote(name)} has no layer {quote(layer)}", self._suggest(layer, repeat.layers))
        if not step:
            return (name_of(name, repeat.times - 1, layer),)
        if step == ["*"]:
            return tuple(name_of(name, number, layer) for number in range(repeat.times))
        return (name_of(name, self._step(name, step[0], home), layer),)

    def _step(self, name: str, text: str, home: str) -> int:
        times = self.repeats[name].times
        if len(text) <= len(str(times)) and text.isdecimal() and text.isascii() and int(text) < times:
            return int(text)
        hint = f"the step before is {PREVIOUS}.LAYER, which has a start" if text == "-1" and name == home else ""
        raise _UnknownError(f"repeat {quote(name)} has the steps 0 to {times - 1}, not {quote(text)}", hint)

    def _unknown(self, text: str, home: str) -> _UnknownError:
        other = self._homes.get(text)
        own = self.repeats[home].layers if home else ()
        hint = f"did you mean {quote(f'{other}.{text}')}?" if other else self._suggest(text, chain(own, self.inputs, self.layers))
        return _UnknownError(f"no input or layer is called {quote(text)}", hint)
