"""Whole arrays in another order: turned, repeated, padded, cut along diagonals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.arithmetic import operand
from bpcompare.laws.calls.called import Arguments, Rows
from bpcompare.laws.calls.moves import moved
from bpcompare.laws.kernel import Node, lifted
from bpcompare.network.parameter import Array

rows = Rows()


def _move(*names: str) -> Callable[[Callable[[Arguments, Array], Array]], None]:
    """The law of a function that moves entries, given by where it moves their numbers; −1 stands for a 0."""

    def enter(where: Callable[[Arguments, Array], Array]) -> None:
        rows.law(*names)(lambda a: moved(a.self, lambda ids: where(a, ids if ids.ndim else ids.reshape(1)).reshape(a.shape)))

    return enter


@_move("roll")
def _roll(a: Arguments, ids: Array) -> Array:
    dims = a.get("dims", ())
    return np.roll(ids, a.shifts, dims) if dims else np.roll(ids, a.shifts)


_move("flip")(lambda a, ids: np.flip(ids, a.dims))
_move("rot90")(lambda a, ids: np.rot90(ids, a.get("k", 1), a.get("dims", (0, 1))))
_move("repeat")(lambda a, ids: np.tile(ids, a.repeats))
_move("diagonal", "diagonal_copy")(lambda a, ids: np.diagonal(ids, *diagonal(a)))
_move("narrow_copy")(lambda a, ids: np.take(ids, range(a.start, a.start + a.length), a.dim))


def diagonal(a: Arguments) -> tuple[int, int, int]:
    """Which diagonal, of which two axes."""
    return a.get("offset", 0), a.get("dim1", 0), a.get("dim2", 1)


@_move("diag_embed")
def _diag_embed(a: Arguments, ids: Array) -> Array:
    whole = np.full(a.shape, -1)
    np.einsum("...ii->...i", _square(a, whole))[...] = ids
    return whole


def _square(a: Arguments, whole: Array) -> Array:
    """The square whose main diagonal is the one that is filled."""
    offset = a.get("offset", 0)
    last = np.moveaxis(whole, (a.get("dim1", -2), a.get("dim2", -1)), (-2, -1))
    size = last.shape[-1] - abs(offset)
    down, right = max(-offset, 0), max(offset, 0)
    return last[..., down : down + size, right : right + size]


def _triangle(name: str, of: Callable[..., Array]) -> None:
    @rows.law(name)
    def _kept(a: Arguments) -> Node:
        return kernel.where(of(np.ones(a.self.shape, bool), a.get("diagonal", 0)), a.self, 0.0)


_triangle("tril", np.tril)
_triangle("triu", np.triu)


@_move("as_strided")
def _as_strided(a: Arguments, ids: Array) -> Array:
    """Memory under another shape. Where in the array an entry stands depends on how that lies in memory: the recorder says it."""
    index: Array | None = a.get("index")
    if index is None or (index < 0).any():
        raise LookupError("entries of memory that are not in the array")
    return np.asarray(ids.ravel()[index])


# borders


def _widths(a: Arguments, ndim: int, name: str = "padding") -> list[tuple[int, int]]:
    """Entries added before and after each axis; torch names them from the last axis on."""
    given: Any = getattr(a, name)
    pairs = list(zip(given[::2], given[1::2], strict=True))
    return [(0, 0)] * (ndim - len(pairs)) + pairs[::-1]


@rows.law("constant_pad_nd")
def _constant_pad_nd(a: Arguments) -> Node:
    def bordered(ids: Array) -> Array:
        widths = _widths(a, ids.ndim, "pad")
        inner = tuple(slice(max(-near, 0), size - max(-far, 0)) for size, (near, far) in zip(ids.shape, widths, strict=True))
        return np.pad(ids[inner], [(max(near, 0), max(far, 0)) for near, far in widths], constant_values=-1)

    x, value = lifted(a.self), a.get("value", 0)
    found = moved(x, bordered)
    return found if value == 0 else kernel.where(bordered(np.zeros(x.shape, int)) == 0, found, operand(a, value))


def _bordered(mode: Any) -> Callable[[Arguments, Array], Array]:
    def where(a: Arguments, ids: Array) -> Array:
        widths = _widths(a, ids.ndim)
        if any(width < 0 for pair in widths for width in pair):
            raise LookupError("a border that takes away")
        return np.pad(ids, widths, mode=mode)

    return where


_move("reflection_pad1d", "reflection_pad2d", "reflection_pad3d")(_bordered("reflect"))
_move("replication_pad1d", "replication_pad2d", "replication_pad3d")(_bordered("edge"))


# channels and pixels


@_move("pixel_shuffle")
def _pixel_shuffle(a: Arguments, ids: Array) -> Array:
    r = a.upscale_factor
    *lead, channels, high, wide = ids.shape
    apart = ids.reshape(*lead, channels // r**2, r, r, high, wide)
    n = len(lead)
    return apart.transpose(*range(n + 1), n + 3, n + 1, n + 4, n + 2).reshape(a.shape)


@_move("pixel_unshuffle")
def _pixel_unshuffle(a: Arguments, ids: Array) -> Array:
    r = a.downscale_factor
    *lead, channels, high, wide = ids.shape
    apart = ids.reshape(*lead, channels, high // r, r, wide // r, r)
    n = len(lead)
    return apart.transpose(*range(n + 1), n + 2, n + 4, n + 1, n + 3).reshape(a.shape)


@_move("channel_shuffle", "native_channel_shuffle")
def _channel_shuffle(a: Arguments, ids: Array) -> Array:
    n, channels, *rest = ids.shape
    return np.swapaxes(ids.reshape(n, a.groups, channels // a.groups, *rest), 1, 2).reshape(ids.shape)


@rows.law("block_diag")
def _block_diag(a: Arguments) -> Node:
    parts = [kernel.reshape(part, (1,) * (2 - part.ndim) + part.shape) for part in map(lifted, a.tensors)]
    found: list[Node] = []
    below = 0
    for part in parts:
        before = sum(one.shape[1] for one in parts[: len(found)])
        found.append(
            kernel.pad(part, ((below, a.shape[0] - below - part.shape[0]), (before, a.shape[1] - before - part.shape[1])))
        )
        below += part.shape[0]
    return kernel.add(*found)
