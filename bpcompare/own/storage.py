"""A watched step as a file: its programs as JSON, its numbers as safetensors. Loading executes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from bpcompare.files.writing import write
from bpcompare.network.parameter import Array
from bpcompare.own.step import WatchedStep
from bpcompare.own.written import PROGRAM, fields_of, program_of, program_tree, unexamined_of
from bpcompare.plan import trees
from bpcompare.plan.storage import StorageError, pack, read, unpack
from bpcompare.plan.trees import Tree
from bpcompare.program import Place, Recording, Watched

KIND = "step"
Numbers = Mapping[str, Array]


def save(step: WatchedStep, path: str | os.PathLike[str]) -> None:
    """Write `step` to `path`, whole or not at all. Raises StorageError for what has no place in a file, OSError from the disk."""
    kept = _Kept()
    content = {
        "title": step.title,
        "again": step.again,
        "intended": list(step.intended),
        "also": [fields_of(one) for one in step.also],
        "parameters": dict(step.watched.parameters),
        "facts": dict(step.watched.facts),
        "unexamined": [fields_of(one) for one in step.watched.unexamined],
        "recordings": [_recording(one, kept) for one in step.watched.recordings],
    }
    write(path, pack(KIND, content, kept.arrays))


def load(path: str | os.PathLike[str]) -> WatchedStep:
    """The step that was saved in `path`: the same verdict, in the same words.

    Raises StorageError for a file that is damaged or something else, or OSError when it cannot be read at all.
    """
    return read(path, _step_from)


def _step_from(data: bytes) -> WatchedStep:
    content, arrays = unpack(data, KIND)
    try:
        return _step(content, arrays)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        why = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        raise StorageError(f"does not make sense: {why}") from error


class _Kept:
    """Arrays by number. Numbers that stand in the memory of others are stored once."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}
        self._known: dict[tuple[Any, ...], str] = {}
        self._held: list[Array] = []  # what is gone could lend its address to another

    def one(self, x: Array) -> str:
        """The key of an array."""
        place = (x.__array_interface__["data"][0], x.shape, x.strides, x.dtype.str)
        if place not in self._known:
            key = str(len(self.arrays))
            self._known[place] = key
            self._held.append(x)
            self.arrays[key] = x.astype(x.dtype.newbyteorder("="), order="C", copy=False)
        return self._known[place]

    def numbers(self, found: Mapping[str, Any]) -> Tree:
        """What an entry of a recording's numbers is: the key of an array, of a complex one its parts, or a whole number."""
        content: Tree = {}
        for path in found:
            x = found[path]
            if isinstance(x, int):
                content[path] = x
            elif np.iscomplexobj(x):
                content[path] = [self.one(np.array(x.real)), self.one(np.array(x.imag))]
            else:
                content[path] = self.one(np.asarray(x))
        return content


def _numbers(content: Any, arrays: Numbers) -> dict[str, Any]:
    def one(entry: Any, place: str) -> Any:
        if type(entry) is int:
            return entry
        if isinstance(entry, list):
            real, imaginary = trees.items(entry, place, lambda part, _: arrays[part])
            return real + 1j * imaginary
        return arrays[trees.value(str, entry, place)]

    return trees.each(content, "numbers", one)


def _recording(one: Recording, kept: _Kept) -> Tree:
    return {
        "title": one.title,
        **program_tree(one.program),
        "places": {name: fields_of(place) for name, place in one.places.items()},
        "unexamined": [fields_of(one) for one in one.unexamined],
        "given": kept.numbers(one.given),
        "recorded": kept.numbers(one.recorded),
        "kept": dict(one.kept),
    }


def _step(content: Any, arrays: Numbers) -> WatchedStep:
    names = ("title", "again", "intended", "also", "parameters", "facts", "unexamined", "recordings")
    top = trees.entries(content, "step", *names)
    texts = trees.value(Mapping[str, str], top["parameters"], "parameters"), trees.value(Mapping[str, str], top["facts"], "facts")
    recordings = trees.items(top["recordings"], "recordings", lambda entry, place: _recorded(entry, place, arrays))
    watched = Watched(recordings, *texts, trees.items(top["unexamined"], "unexamined", unexamined_of))
    step = WatchedStep(
        watched,
        intended=trees.value(tuple[str, ...], top["intended"], "intended"),
        title=trees.value(str, top["title"], "title"),
        also=trees.items(top["also"], "also", unexamined_of),
    )
    step.again = trees.value(str, top["again"], "again")
    return step


def _recorded(content: Any, place: str, arrays: Numbers) -> Recording:
    top = trees.entries(content, place, "title", *PROGRAM, "places", "unexamined", "given", "recorded", optional=("kept",))
    program = program_of({name: top[name] for name in PROGRAM}, place)
    found = Recording(
        trees.value(str, top["title"], "title"),
        program,
        _numbers(top["given"], arrays),
        _numbers(top["recorded"], arrays),
        trees.each(top["places"], f"{place}.places", lambda entry, where: trees.load(Place, entry, where)),
        trees.items(top["unexamined"], f"{place}.unexamined", unexamined_of),
        trees.value(Mapping[str, str], top.get("kept", {}), f"{place}.kept"),
    )
    _check(found)
    return found


def _check(found: Recording) -> None:
    """Raises ValueError for a program whose numbers are not there."""
    program = found.program
    for value in program.values.values():
        if value.given and value.path not in found.given:
            raise ValueError(f"{value.path} is given, and has no number")
        if value.delta is not None and value.delta not in found.recorded:
            raise ValueError(f"{value.path} has no Δ")
    for step in program.steps:
        unknown = [path for path in (*step.reads, step.writes) if path not in program.values]
        unknown += [path for path in step.constants.values() if path not in found.given]
        if unknown:
            raise ValueError(f"{step.name} reads {unknown[0]}, which is nowhere")
    if missing := [path for path in found.kept.values() if path not in found.recorded]:
        raise ValueError(f"{missing[0]} is kept, and has no number")
    for update in program.updates:
        for path in update.claimed:
            if path not in found.recorded:
                raise ValueError(f"{path} has no number")
