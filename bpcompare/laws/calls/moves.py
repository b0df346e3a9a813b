"""What only moves entries: exact, and its transpose adds up what was repeated."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows, floats
from bpcompare.laws.kernel import Node, lifted
from bpcompare.network.parameter import Array
from bpcompare.ops.op import Shape

rows = Rows()


def moved(x: Any, where: Callable[[Array], Array]) -> Node:
    """Entries moved as `where` moves their numbers; −1 stands for a 0."""
    x = lifted(x)
    return taken(x, where(numbered(x.shape)))


def taken(x: Any, index: Array) -> Node:
    """Entry i of the result is entry index[i] of x in row order, 0 where the index is −1."""
    x = lifted(x)
    return kernel.take(kernel.reshape(x, (-1,)) if x.ndim != 1 else x, index)


def numbered(shape: Shape) -> Array:
    """The numbers of entries in row order."""
    return np.arange(prod(shape)).reshape(shape)


def put(x: Any, index: Array, shape: Shape) -> Node:
    """Entries of x added up at index[i] of a result in row order; −1 nowhere."""
    return kernel.reshape(kernel.put(lifted(x), index, prod(shape)), shape)


def _shaped(a: Arguments) -> Node:
    return kernel.reshape(a.self, a.shape)


for _name in (
    "view", "_unsafe_view", "reshape", "_reshape_alias", "unsqueeze", "squeeze", "clone", "alias", "contiguous", "lift_fresh",
    "flatten", "unflatten", "detach", "identity", "view_copy", "squeeze_copy", "unsqueeze_copy",
):  # fmt: skip
    rows.law(_name, moves_back=True)(_shaped)


# what was brought by a collective that may still be under way
rows.law("_c10d_functional::wait_tensor", "_c10d_functional::_wrap_tensor_autograd", moves_back=True)(lambda a: a.read(0))


@rows.law("_to_copy", "to", once=True)
def _to(a: Arguments) -> Node:
    """In another format: rounded once, to the narrower one; by the product with 1, which rounds and changes nothing."""
    return kernel.multiply(1.0, a.self)


@rows.law("t", "numpy_T", "mT", moves_back=True)
def _t(a: Arguments) -> Node:
    return kernel.permute(a.self, tuple(reversed(range(a.self.ndim))))


@rows.law("transpose", "transpose_copy", "swapaxes", moves_back=True)
def _transpose(a: Arguments) -> Node:
    axes = list(range(a.self.ndim))
    axes[a.dim0], axes[a.dim1] = axes[a.dim1], axes[a.dim0]
    return kernel.permute(a.self, axes)


@rows.law("permute", "permute_copy", moves_back=True)
def _permute(a: Arguments) -> Node:
    return kernel.permute(a.self, a.dims)


@rows.law("expand", "expand_copy", moves=True)
def _expand(a: Arguments) -> Node:
    return kernel.expand(a.self, a.shape)


@rows.law("slice", "slice_copy", moves_back=True)
def _slice(a: Arguments) -> Node:
    axis = a.get("dim", 0) % a.self.ndim
    positions = range(*slice(a.get("start"), a.get("end"), a.get("step", 1)).indices(a.self.shape[axis]))
    return kernel.cut(a.self, axis, positions)


@rows.law("select", "select_copy", moves_back=True)
def _select(a: Arguments) -> Node:
    at = a.index % a.self.shape[a.dim]
    return kernel.reshape(kernel.cut(a.self, a.dim, range(at, at + 1)), a.shape)


def _parts(a: Arguments) -> list[Node]:
    axis, start, found = a.get("dim", 0) % a.self.ndim, 0, []
    for shape in a.shapes:
        size = shape[axis] if len(shape) == a.self.ndim else 1
        found.append(kernel.reshape(kernel.cut(a.self, axis, range(start, start + size)), shape))
        start += size
    return found


rows.law(
    "split", "split_with_sizes", "unsafe_split", "unsafe_split_with_sizes", "chunk", "unbind", "split_copy",
    "split_with_sizes_copy", "unbind_copy", moves_back=True,
)(_parts)  # fmt: skip


@rows.law("cat", moves_back=True)
def _cat(a: Arguments) -> Node:
    # torch lets an empty vector stand among arrays of any shape.
    parts = [part for part in map(lifted, map(floats, a.tensors)) if part.shape != (0,)]
    return kernel.concat(parts, a.get("dim", 0))


@rows.law("stack", moves_back=True)
def _stack(a: Arguments) -> Node:
    axis = a.get("dim", 0) % len(a.shape)
    parts = [kernel.reshape(part, (*part.shape[:axis], 1, *part.shape[axis:])) for part in map(lifted, map(floats, a.tensors))]
    return kernel.concat(parts, axis)


@rows.law("reread", moves=True)
def _reread(a: Arguments) -> Node:
    """A view of memory that was written into: read anew, entry by entry."""
    return taken(a.self, a.index)


@rows.law("overlay", moves=True)
def _overlay(a: Arguments) -> Node:
    """Memory after a write into a part of it: entry i is the written entry index[i], and the old one where that is −1."""
    old, index = lifted(floats(a.self)), a.index
    return kernel.where(index < 0, old, taken(floats(a.written), index))
