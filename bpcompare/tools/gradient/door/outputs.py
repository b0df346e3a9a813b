"""Inputs and outputs as arrays: several outputs are one array, their numbers behind each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array


def joined(out: Any, array: Callable[[Any], Array]) -> Array:
    """An output as an array; several as one, their numbers behind each other. Those that hold no floats have no part in it."""
    if not isinstance(out, (tuple, list, Mapping)):
        return array(out)
    found = [array(y) for y in outputs(out)]
    floats = [y for y in found if y.dtype.kind in "fc"]
    return floats[0] if len(floats) == 1 and len(found) == 1 else np.concatenate([y.ravel() for y in floats] or [np.zeros(0)])


def outputs(out: Any) -> list[Any]:
    """The outputs one after the other, however they are nested."""
    if isinstance(out, Mapping):
        out = list(out.values())
    if isinstance(out, (tuple, list)):
        return [y for one in out for y in outputs(one)]
    return [] if out is None else [out]


def parted(dy: Array, like: Any) -> Any:
    """dy in the shapes of the outputs, nested as they are."""
    at = 0

    def part(y: Any) -> Any:
        nonlocal at
        if isinstance(y, Mapping):
            return {key: part(one) for key, one in y.items()}
        if isinstance(y, (tuple, list)):
            return tuple(map(part, y))
        if y is None:
            return None
        y = np.asarray(y)
        size = y.size if y.dtype.kind == "f" else 0
        at += size
        return dy.reshape(-1)[at - size : at].reshape(y.shape) if size else np.zeros_like(y)

    return part(like) if isinstance(like, (tuple, list, Mapping)) else dy


def arrays_of(inputs: Sequence[Any], kinds: tuple[type, ...]) -> tuple[Any, ...]:
    """Arrays of them; what is none stays as it is. Where no input is an array of floats, Python's own floats are inputs."""
    known = (np.ndarray, np.generic, *kinds)
    arrays = [np.array(x) if isinstance(x, known) else x for x in inputs]
    if not any(isinstance(x, np.ndarray) and x.dtype.kind == "f" for x in arrays):
        arrays = [np.array(x) if isinstance(x, (float, list)) else x for x in arrays]
    return tuple(arrays)
