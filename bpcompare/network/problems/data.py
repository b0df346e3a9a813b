"""Data: one array for every input and for the target, of the right shape and length, with numbers that make sense."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping
from math import prod
from typing import Any

import numpy as np

from bpcompare.network.network import Network, Problem
from bpcompare.network.parameter import Array
from bpcompare.network.problems.ops import sound
from bpcompare.network.problems.parameters import array_problem
from bpcompare.text.words import Suggestions, quote


def data_problems(network: Network) -> tuple[Problem, ...]:
    """Problems of the data, as far as the shapes it should have are known. No field of `network` may be of a wrong type."""
    return tuple(_problems(sound(network), network.inputs))


def _problems(network: Network, inputs: Collection[str]) -> Iterator[Problem]:
    data, suggest = network.data, Suggestions()
    for name in inputs:
        if name not in data.inputs:
            yield Problem(("data", name), f"there are no numbers for input {quote(name)}", suggest(name, data.inputs))
    lengths: dict[str, int] = {}
    tables = _tables(network)
    for name, array in data.inputs.items():
        if name not in inputs:
            yield Problem(("data", name), f"no input is called {quote(name)}", suggest(name, inputs))
        elif name in network.inputs and (yield from _array(array, name, f"input {quote(name)}", network.inputs[name].shape)):
            lengths[f"input {quote(name)}"] = len(array)
            yield from _indices(network, name, array, tables.get(name, {}))
    if (yield from _target(network)):
        lengths["the target"] = len(data.target)
    if differ := length_problem(lengths):
        yield differ
    elif lengths:
        yield from _batch(network, next(iter(lengths.values())))


def _target(network: Network) -> Generator[Problem, None, bool]:
    op, of = network.error.op, network.shapes.get(network.error.of)
    # A scalar has no axis of classes to drop; that is a problem of the error's, reported there.
    if of is None or of.problems or (op.integer_target and not of.out):
        return False
    target = network.data.target
    if not (yield from _array(target, "target", "the target", op.target_shape(of.out))):
        return False
    if op.integer_target:
        hint = f"{network.error.of} has {of.out[-1]} units; class numbers start at 0"
        yield from _whole(target, of.out[-1], "target", "the target", hint)
    return True


def _array(array: Any, name: str, who: str, shape: tuple[int, ...]) -> Generator[Problem, None, bool]:
    where = ("data", name)
    if problem := array_problem(array):
        yield Problem(where, f"{who}: {problem}")
        return False
    if misfit := example_problem(array.shape, name, who, shape):
        yield misfit
        return False
    return True


def example_problem(found: tuple[int, ...], name: str, who: str, shape: tuple[int, ...]) -> Problem | None:
    """What is wrong with an array of shape `found` as examples of `shape` each, if anything is."""
    if not found or found[1:] != tuple(shape):
        got = f"has shape {quote(found[1:])} per example" if found else "has no axis of examples"
        return Problem(("data", name), f"{who} {got}, expected {list(shape)}")
    return None if found[0] else Problem(("data", name), f"{who} has no examples")


def length_problem(lengths: Mapping[str, int]) -> Problem | None:
    """That inputs and target, by what messages call them, have different numbers of examples."""
    if len(set(lengths.values())) < 2:
        return None
    counts = ", ".join(f"{count} for {who}" for who, count in lengths.items())
    return Problem(("data",), f"the numbers of examples differ: {counts}")


def _tables(network: Network) -> Mapping[str, Mapping[int, str]]:
    """For every source of embeddings: the numbers of rows they have, with a layer that has them."""
    found: dict[str, dict[int, str]] = {}
    for name, layer in network.layers.items():
        if layer.op.below is not None:
            for slot in layer.op.integer:
                found.setdefault(layer.sources[slot], {})[layer.op.below] = name
    return found


def _indices(network: Network, name: str, array: Array, rows: Mapping[int, str]) -> Iterator[Problem]:
    if name not in network.integer_inputs:
        return
    smallest = min(rows, default=None)
    hint = f"embedding {rows[smallest]} has {smallest} rows, numbered from 0" if smallest is not None else ""
    yield from _whole(array, smallest, name, f"input {quote(name)}", hint)


def _whole(array: Array, below: int | None, name: str, who: str, hint: str) -> Iterator[Problem]:
    fractional = array != np.floor(array) if array.dtype.kind == "f" else np.zeros(array.shape, bool)
    outside = (array < 0) | ((array >= below) if below is not None else False)
    for wrong, what in ((fractional, "is not a whole number"), (outside & ~fractional, "is out of range")):
        if wrong.any():
            at = np.argwhere(wrong)
            example, *rest = (int(i) for i in at[0])
            place = f"example {example + 1}" + (f" {rest}" if rest else "")
            more = f" (and {len(at) - 1} more)" if len(at) > 1 else ""
            yield Problem(("data", name), f"{who}: {array[tuple(at[0])]} at {place} {what}{more}", hint)


def _batch(network: Network, examples: int) -> Iterator[Problem]:
    training = network.training
    if training.batch is not None and training.batch > examples:
        yield Problem(("training", "batch"), f"a batch of {training.batch} is larger than the {examples} examples there are")
    if training.first >= examples:
        yield Problem(("training", "first"), f"example {training.first} does not exist: there are {examples}, counted from 0")
    for name, layer in network.layers.items():
        shapes = network.shapes.get(name)
        if shapes and (message := layer.op.batch_problem((training.batch or examples) * prod(shapes.out[1:]))):
            yield Problem(("layers", name), message, "take a larger batch")
