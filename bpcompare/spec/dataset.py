"""The examples of a spec as arrays: written inline, or taken from a table or an array file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from bpcompare.files.reading import Unreadable
from bpcompare.files.tensors import known, tensor_file
from bpcompare.network import Data, Network, Problem
from bpcompare.network.parameter import Array
from bpcompare.network.problems.data import example_problem, length_problem
from bpcompare.ops.op import Shape
from bpcompare.spec.document import DataEntry
from bpcompare.spec.files import Room
from bpcompare.spec.table import columns
from bpcompare.text.words import Suggestions, listed, quote

WIDEST = 10**6
"""Classes that one_hot may have."""
MOST_CELLS = 2**27
"""Numbers that one_hot may make."""


def dataset(entry: DataEntry, network: Network, target: str, base: Path, room: Room) -> tuple[Data | None, list[Problem]]:
    """The data that `network` needs, each example in the shape of its input where it fits; None where it cannot be read.

    What files may take in memory comes out of `room`. A file whose arrays do not fit the network is not read beyond their shapes.
    """
    problems = _form(entry, [*network.inputs, target])
    if target in network.inputs:
        problems.append(Problem(("error", "target"), f"{quote(target)} is the name of an input; the target needs another"))
    if problems:
        return None, problems
    out = network.shapes.get(network.error.of)
    shapes: dict[str, Shape | None] = {name: group.shape for name, group in network.inputs.items()}
    known = out is not None and not out.problems and (out.out or not network.error.op.integer_target)
    shapes[target] = network.error.op.target_shape(out.out) if out is not None and known else None
    integer = {*network.integer_inputs, *([target] if network.error.op.integer_target else [])}
    arrays: dict[str, Array] | None = None
    try:
        if entry.examples is not None:
            arrays, problems = _inline(entry.examples, [*network.inputs, target])
        elif is_table(entry):
            arrays = columns(base / str(entry.file), {name: entry.columns[name] for name in shapes}, room, header=entry.header)
        else:
            arrays, problems = _tensors(entry, shapes, target, integer, base / str(entry.file), room)
    except Unreadable as error:
        problems = [Problem(("data", "file"), str(error), error.hint)]
    if arrays is None or problems or (problems := _scale(entry, arrays)):
        return None, problems
    arrays = {name: _shaped(array, shapes[name]) for name, array in arrays.items()}
    arrays = {name: _whole(array) if name in integer else np.asarray(array, np.float64) for name, array in arrays.items()}
    return Data({name: arrays[name] for name in network.inputs}, arrays[target]), []


def is_table(entry: DataEntry) -> bool:
    """Whether the data stand in a CSV file."""
    return entry.file is not None and entry.file.lower().endswith((".csv", ".csv.gz"))


def _form(entry: DataEntry, names: list[str]) -> list[Problem]:
    """Keys that do not go together, or name nothing."""
    found, suggest = [], Suggestions()
    if entry.examples is None and entry.file is None:
        found.append(Problem(("data",), "no examples", 'give examples = [{…}], or file = "…"'))
    if entry.examples is not None and entry.file is not None:
        found.append(Problem(("data", "file"), "examples are given as well; only one of the two can be"))
    given: dict[str, Mapping[str, Any]] = {key: getattr(entry, key) for key in ("columns", "keys", "scale", "one_hot")}
    for key, fits in (("columns", is_table(entry)), ("keys", entry.file is not None and not is_table(entry))):
        if given[key] and not fits:
            found.append(Problem(("data", key), f"{key} is for {'CSV' if key == 'columns' else '.npz and .safetensors'} files"))
    if entry.header and not is_table(entry):
        found.append(Problem(("data", "header"), "header is for CSV files"))
    for key, table in given.items():
        for name in table:
            if name not in names:
                hint = suggest(name, names) or f"there are {listed(names)}"
                found.append(Problem(("data", key, name), f"{quote(name)} is neither an input nor the target", hint))
    if is_table(entry) and (missing := [name for name in names if name not in entry.columns]):
        example = f"columns = {{ {missing[0]} = [0, 64] }}"
        found.append(Problem(("data", "columns"), f"no columns are given for {listed(missing)}", f"such as {example}"))
    return found


def _inline(examples: list[dict[str, Array]], names: list[str]) -> tuple[dict[str, Array], list[Problem]]:
    problems, suggest = [], Suggestions()
    if not examples:
        problems.append(Problem(("data", "examples"), "there are no examples"))
    wanted = set(names)
    for index, example in enumerate(examples):
        if example.keys() == wanted:
            continue
        where = ("data", "examples", index)
        for name in [name for name in example if name not in wanted]:
            hint = suggest(name, names) or f"there are {listed(names)}"
            problems.append(Problem((*where, name), f"{quote(name)} is neither an input nor the target", hint))
        if missing := [name for name in names if name not in example]:
            problems.append(Problem(where, f"example {index + 1} has no {listed(missing)}"))
    if problems:
        return {}, problems
    for name in names:
        first = examples[0][name].shape
        for index, example in enumerate(examples):
            if example[name].shape != first:
                message = f"has shape {list(example[name].shape)}, in the first example {quote(name)} has {list(first)}"
                problems.append(Problem(("data", "examples", index, name), message))
    return ({}, problems) if problems else ({name: np.stack([e[name] for e in examples]) for name in names}, [])


def _tensors(
    entry: DataEntry, shapes: Mapping[str, Shape | None], target: str, integer: Collection[str], path: Path, room: Room
) -> tuple[dict[str, Array] | None, list[Problem]]:
    """Arrays of a .npz or .safetensors file. None is read before all have shapes that fit; one under two names is read once."""
    with tensor_file(path) as file:
        keys = {name: known(file, entry.keys.get(name, name), path) for name in shapes}
        headers = {name: file.header(key) for name, key in keys.items()}
        problems, lengths = _classes(entry, {name: prod(header.shape) for name, header in headers.items()}), dict[str, int]()
        for name, header in headers.items():
            who, place = ("the target", "target") if name == target else (f"input {quote(name)}", name)
            if (wanted := shapes[name]) is None:
                continue
            shape = _as_given(header.shape, wanted, entry.one_hot.get(name))
            if problem := example_problem(shape, place, who, wanted):
                problems.append(problem)
            else:
                lengths[who] = shape[0]
        if problem := length_problem(lengths):
            problems.append(problem)
        if problems or None in shapes.values():
            return None, problems
        found: dict[tuple[str, bool], Array] = {}
        for name, key in keys.items():
            real = name not in integer
            if (key, real) not in found:
                room.take(headers[name].taken, headers[name].who)
                found[key, real] = file.array(key, real=real)
        return {name: found[key, name not in integer] for name, key in keys.items()}, []


def _as_given(shape: Shape, wanted: Shape | None, classes: int | None) -> Shape:
    """The shape that an array of `shape` has once it is one-hot and in the shape of its group, where it fits."""
    shape = shape if classes is None else (*shape, classes)
    fits = wanted is not None and 1 <= len(shape) <= 2 and prod(shape[1:]) == prod(wanted)
    return (shape[0], *wanted) if wanted is not None and fits else shape


def _scale(entry: DataEntry, arrays: dict[str, Array]) -> list[Problem]:
    """Applies `scale` and `one_hot` to `arrays` in place."""
    problems = _classes(entry, {name: array.size for name, array in arrays.items()})
    if problems:
        return problems
    for name, factor in entry.scale.items():
        with np.errstate(over="ignore", under="ignore"):  # infinities are reported with the data
            arrays[name] = arrays[name] * factor
    for name, classes in entry.one_hot.items():
        where, array = ("data", "one_hot", name), arrays[name]
        if array.size and not (np.isfinite(array).all() and (array == np.floor(array)).all()):
            problems.append(Problem(where, f"{quote(name)} is not made of class numbers"))
        elif array.size and not (array.min() >= 0 and array.max() < classes):
            found = f"from {array.min():g} to {array.max():g}"
            message = f"{quote(name)} has class numbers {found}, one_hot says {classes} classes, from 0"
            problems.append(Problem(where, message))
        else:
            arrays[name] = _one_hot(array.astype(np.int64), classes)
    return problems


def _classes(entry: DataEntry, sizes: Mapping[str, int]) -> list[Problem]:
    """What `one_hot` would make too many numbers of, given how many there are."""
    problems = []
    for name, classes in entry.one_hot.items():
        where = ("data", "one_hot", name)
        if not 1 <= classes <= WIDEST:
            problems.append(Problem(where, f"must be from 1 to {WIDEST:,}, is {classes}"))
        elif sizes[name] * classes > MOST_CELLS:
            problems.append(Problem(where, f"makes {sizes[name] * classes:,} numbers, the limit is {MOST_CELLS:,}"))
    return problems


def _one_hot(numbers: Array, classes: int) -> Array:
    found = np.zeros((*numbers.shape, classes))
    np.put_along_axis(found, numbers[..., None], 1.0, axis=-1)
    return found


def _shaped(array: Array, shape: Shape | None) -> Array:
    """Flat examples in the shape of their group, in row order; anything else as it is."""
    flat = array.ndim <= 2
    if shape is None or array.shape[1:] == shape or not flat or prod(array.shape[1:]) != prod(shape):
        return array
    return array.reshape((len(array), *shape))


def _whole(array: Array) -> Array:
    """int64 where that changes nothing."""
    if array.dtype.kind != "f" or not np.isfinite(array).all() or (array != np.floor(array)).any() or (abs(array) > 2**53).any():
        return array
    return array.astype(np.int64)
