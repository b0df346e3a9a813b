"""A program in the making: from what was seen to steps over values, with their numbers."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bpcompare.ops.call import Call, Fixed, Read
from bpcompare.program import Place, Program, Recording, Step, Unexamined, Update, Value
from bpcompare_torch.recorder.memory import Kept
from bpcompare_torch.recorder.pairs import format_of, paired, shape_of
from bpcompare_torch.recorder.tape import Entry, Seen

SIGNED = frozenset({"_linalg_eigh", "_linalg_svd", "linalg_qr"})
"""Functions whose results have signs that the library chooses: which, their laws look up in the results themselves."""


AGAIN = 32 * 2**20
"""Bytes of arrays that are held for who asks again: a claim asks for each of its numbers several times, and so does the next."""


class Numbers(Mapping[str, Any]):
    """Arrays by path, read from kept tensors when they are asked for; those that were asked for last, without reading anew."""

    def __init__(self) -> None:
        self._made: dict[str, Callable[[], Any]] = {}
        self._last: OrderedDict[str, Any] = OrderedDict()
        self._bytes = 0

    def put(self, path: str, make: Callable[[], Any]) -> None:
        """The array of a path."""
        self._made[path] = make
        self._bytes -= getattr(self._last.pop(path, None), "nbytes", 0)

    def __getitem__(self, path: str) -> Any:
        if path in self._last:
            self._last.move_to_end(path)
            return self._last[path]
        found = self._last[path] = self._made[path]()
        self._bytes += getattr(found, "nbytes", 0)
        while self._bytes > AGAIN and len(self._last) > 1:
            self._bytes -= getattr(self._last.popitem(last=False)[1], "nbytes", 0)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


class Draft:
    """A program in the making."""

    def __init__(self, title: str, entries: list[Entry]) -> None:
        self.title = title
        self.entries = entries
        self.given, self.recorded = Numbers(), Numbers()
        self.values: dict[str, Value] = {}
        self.steps: list[Step] = []
        self.places: dict[str, Place] = {}
        self.unexamined: list[Unexamined] = []
        self.paths: dict[Seen, str] = {}
        self.kept: list[Kept] = []
        self._names: Counter[str] = Counter()

    def unique(self, name: str) -> str:
        """The name, with a number from its second use on."""
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name} ({self._names[name]})"

    def numbers(self, kept: Kept) -> Callable[[], Any]:
        """What reads kept numbers."""
        self.kept.append(kept)
        return lambda: paired(kept.array())

    def recording(self, updates: Iterable[Update] = (), end: str = "error", addends: tuple[str, ...] = ()) -> Recording:
        """What was drafted. Where its numbers were written into and nobody saw it, nothing can be judged."""
        if any(kept.torn for kept in self.kept):
            what = "in another thread, or by a function that does not say that it writes"
            torn = Unexamined(self.title, f"its numbers were written into in a way that nobody saw: {what}")
            return Recording(self.title, Program({}, (), (), end, ()), {}, {}, {}, (*self.unexamined, torn))
        program = Program(self.values, tuple(self.steps), tuple(updates), end, addends)
        return Recording(self.title, program, self.given, self.recorded, self.places, tuple(self.unexamined))

    def path(self, seen: Seen, *, reached: bool) -> str:
        """The path of a value that is read; what nothing reaches is given."""
        if seen not in self.paths:
            path = self.unique(seen.name or "constant")
            self.paths[seen] = path
            self.given.put(path, self.numbers(seen.kept))
            self.values[path] = Value(path, path, given=True, dtype=format_of(seen.kept), parameter=reached)
        return self.paths[seen]

    def step(self, entry: Entry, seen: Seen, reached: Callable[[Seen], bool]) -> Step:
        """The step that makes one result of a call."""
        place = entry.place
        name = self.unique(f"{place.module}:{entry.function}" if place.module else entry.function)
        read = Reading(self, name, reached, place if _narrows(entry, seen) else None)
        arguments = {key: read.argument(value) for key, value in entry.arguments.items()}
        for number, result in enumerate(entry.results):
            if result is not None and (not result.floating or entry.function in SIGNED):
                read.constant(self.numbers(result.kept), f"result{number}")
        shapes = tuple(() if result is None else shape_of(result) for result in entry.results)
        function = entry.function
        made = [result.complex for result in entry.results if result is not None and result.floating]
        if read.pairs or any(made):
            function = f"complex.{function}"
            arguments |= {"pairs": tuple(read.pairs), "to_pairs": all(made)}
        op = Call(function, arguments, shapes, seen.output, entry.factors)
        writes = f"{name}.y"
        self.paths[seen] = writes
        state = {called: f"{name}.{called}" for called in entry.states} if seen.output == 0 else {}
        for called, path in state.items():
            self.recorded.put(path, self.numbers(entry.states[called]))
        step = Step(name, op, tuple(read.paths), writes, constants=read.constants, state=state)
        self.steps.append(step)
        self.places[name] = place
        if not seen.between:
            self.recorded.put(writes, self.numbers(seen.kept))
        self.values[writes] = Value(writes, name, open=seen.between, dtype=format_of(seen.kept))
        return step

    def narrowed(self, seen: Seen, place: Place, *, reached: bool) -> str:
        """The path of a number of float64 as a call of float32 takes it: rounded first. That has no numbers of its own."""
        if not (reached or seen in self.paths):
            path, numbers = self.unique(seen.name or "constant"), self.numbers(seen.kept)
            self.given.put(path, lambda: numbers().astype(np.float32))
            self.values[path] = Value(path, path, given=True, dtype="float32")
            return path
        name = self.unique(f"{place.module}:_to_copy" if place.module else "_to_copy")
        path = f"{name}.y"
        self.steps.append(Step(name, Call("_to_copy", {"self": Read(0)}, ((),)), (self.path(seen, reached=reached),), path))
        self.places[name] = place
        self.values[path] = Value(path, name, open=True, dtype="float32")
        return path


class Reading:
    """The arguments of one step: floats by the paths that it reads, integers as its constants."""

    def __init__(self, draft: Draft, name: str, reached: Callable[[Seen], bool], narrows: Place | None) -> None:
        self._draft, self._name, self._reached, self._narrows = draft, name, reached, narrows
        self.paths: list[str] = []
        self.pairs: list[int] = []
        self.constants: dict[str, str] = {}

    def argument(self, value: Any) -> Any:
        """What stands in the call for an argument."""
        if isinstance(value, Seen):
            if not value.floating:
                return self.constant(self._draft.numbers(value.kept))
            if value.complex:
                self.pairs.append(len(self.paths))
            if self._narrows is not None and _number(value):
                self.paths.append(self._draft.narrowed(value, self._narrows, reached=self._reached(value)))
            else:
                self.paths.append(self._draft.path(value, reached=self._reached(value)))
            return Read(len(self.paths) - 1)
        if isinstance(value, np.ndarray):
            return self.constant(lambda: value)
        return tuple(map(self.argument, value)) if isinstance(value, tuple) else value

    def constant(self, make: Callable[[], Any], called: str = "") -> Fixed:
        """An array that is given, under a name."""
        key = called or f"argument{len(self.constants)}"
        path = f"{self._name}.{key}"
        self.constants[key] = path
        self._draft.given.put(path, make)
        return Fixed(key)


def _narrows(entry: Entry, seen: Seen) -> bool:
    """Whether a call rounds numbers of float64 among its arguments to float32: arrays decide, and single numbers follow."""
    read = [one for one in entry.read() if one.floating]
    arrays = any(one.kept.shape and one.kept.dtype == "float32" for one in read)
    return arrays and seen.kept.dtype == "float32" and any(map(_number, read))


def _number(seen: Seen) -> bool:
    return seen.kept.shape == () and seen.kept.dtype == "float64"


def constant(value: Any) -> Callable[[], Any]:
    """What gives the value when it is asked for."""
    return lambda: value


def listed(names: Sequence[str]) -> str:
    """The first three names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
