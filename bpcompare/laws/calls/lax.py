"""Functions that JAX has in a form of its own: general products and windows, paddings, powers. Others have common names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows, floats, plainly
from bpcompare.laws.calls.contractions import cumulated
from bpcompare.laws.calls.extremes import TIES_SHARE, entry, last, shared, windowed
from bpcompare.laws.calls.linear_algebra import cholesky, solved
from bpcompare.laws.calls.moves import moved, put, taken
from bpcompare.laws.calls.windows import plane
from bpcompare.laws.calls.writing import reduced
from bpcompare.laws.kernel import Node, lifted
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num, dot, order, positive

rows = Rows()


@rows.law("lax.broadcast_in_dim")
def _broadcast_in_dim(a: Arguments) -> Node:
    x, dims = lifted(floats(a.x0)), a.broadcast_dimensions
    shape = [1] * len(a.shape)
    for axis, size in zip(dims, x.shape, strict=True):
        shape[axis] = size
    return kernel.expand(kernel.reshape(x, tuple(shape)), a.shape)


@rows.law("lax.slice")
def _slice(a: Arguments) -> Node:
    x = lifted(a.x0)
    steps = a.get("strides") or (1,) * x.ndim
    for axis, part in enumerate(zip(a.start_indices, a.limit_indices, steps, strict=True)):
        if (positions := range(*part)) != range(x.shape[axis]):
            x = kernel.cut(x, axis, positions)
    return x


@rows.law("lax.pad")
def _pad(a: Arguments) -> Node:
    """A value around and between the entries; negative widths cut off."""
    x, value = lifted(floats(a.x0)), lifted(floats(a.x1))
    index: Array = np.arange(prod(x.shape)).reshape(x.shape)
    for axis, (low, high, between) in enumerate(a.padding_config):
        size = index.shape[axis]
        apart = np.full((*index.shape[:axis], max(size + (size - 1) * between, 0), *index.shape[axis + 1 :]), -1)
        apart[(*(slice(None),) * axis, slice(None, None, between + 1))] = index
        widths = [(max(low, 0), max(high, 0)) if axis == other else (0, 0) for other in range(index.ndim)]
        wide = np.pad(apart, widths, constant_values=-1)
        stop = wide.shape[axis] + min(high, 0)
        index = wide[(*(slice(None),) * axis, slice(max(-low, 0), stop))]
    return kernel.where(index >= 0, taken(x, index), kernel.expand(value, index.shape))


@rows.law("lax.dot_general")
def _dot_general(a: Arguments) -> Node:
    return contracted(lifted(floats(a.x0)), lifted(floats(a.x1)), a.dimension_numbers, a.shape)


def contracted(x: Node, y: Node, numbers: Any, shape: tuple[int, ...]) -> Node:
    """Σ over contracted axes, for each place of the batch axes: axes in the order batch, left, right."""
    (cx, cy), (bx, by) = numbers
    fx = [axis for axis in range(x.ndim) if axis not in (*cx, *bx)]
    fy = [axis for axis in range(y.ndim) if axis not in (*cy, *by)]
    batch = [x.shape[axis] for axis in bx]
    inner = prod(x.shape[axis] for axis in cx)
    left = kernel.reshape(kernel.permute(x, (*bx, *fx, *cx)), (*batch, prod(x.shape[axis] for axis in fx), inner))
    right = kernel.reshape(kernel.permute(y, (*by, *cy, *fy)), (*batch, inner, prod(y.shape[axis] for axis in fy)))
    return kernel.reshape(kernel.matmul(left, right), shape)


@rows.law("lax.ragged_dot_general")
def _ragged_dot(a: Arguments) -> Node:
    """Rows of one matrix in groups, by their sizes, each times a matrix of its own; 0 behind the last.

    Raises LookupError for groups along another axis than the first.
    """
    numbers = dict(a.ragged_dot_dimension_numbers)
    if tuple(numbers[name] for name in ("dot_dimension_numbers", "lhs_ragged_dimensions", "rhs_group_dimensions")) != ROWS:
        raise LookupError("groups of something else than rows")
    x, y = lifted(floats(a.x0)), lifted(floats(a.x1))
    parts, start = [], 0
    for group, size in enumerate(np.asarray(a.x2)):
        stop = min(start + int(size), x.shape[0])
        matrix = kernel.reshape(kernel.cut(y, 0, range(group, group + 1)), y.shape[1:])
        if stop > start:
            parts.append(kernel.matmul(kernel.cut(x, 0, range(start, stop)), matrix))
        start = stop
    if start < x.shape[0]:
        parts.append(lifted(np.zeros((x.shape[0] - start, y.shape[2]))))
    return kernel.concat(parts, 0)


ROWS = ((((1,), (1,)), ((), ())), (0,), (0,))
"""The axes of `jax.lax.ragged_dot`: (rows, in) and (groups, in, out)."""


@rows.law("lax.integer_pow", rearranged=True)
def _integer_pow(a: Arguments) -> Node:
    n = int(a.y)

    def raised(v: Num, k: int) -> Num:
        if k < 0:
            return 1.0 / raised(v, -k)
        found: Any = 1.0 + 0.0 * v if k == 0 else v
        for _ in range(k - 1):
            found = found * v
        return found

    return kernel.elementwise(a.x0, lambda v: raised(v, n), lambda v: float(n) * raised(v, n - 1))


@rows.law("lax.conv_general_dilated")
def _convolution(a: Arguments) -> Node:
    """Σ over a group's channels and the window, whatever the order of the axes; both sides may be dilated."""
    if a.get("batch_group_count", 1) != 1:
        raise LookupError("groups of examples")
    numbers: Mapping[str, Any] = dict(a.dimension_numbers)
    x = kernel.permute(lifted(floats(a.x0)), numbers["lhs_spec"])
    w = kernel.permute(lifted(floats(a.x1)), numbers["rhs_spec"])
    out = numbers["out_spec"]
    sizes = [a.shape[axis] for axis in out]
    groups, (n, channels, *size), (outs, into, *window) = a.get("feature_group_count", 1), x.shape, w.shape
    lines = [
        _line(s, p, k, stride, low, inside, apart)
        for s, p, k, stride, (low, _), inside, apart in zip(
            size, sizes[2:], window, a.window_strides, a.padding, a.rhs_dilation, a.lhs_dilation, strict=True
        )
    ]
    seen = kernel.take(kernel.reshape(x, (n, channels, prod(size))), plane(tuple(size), lines).reshape(prod(sizes[2:]), -1))
    members, places = prod(window), prod(sizes[2:])
    seen = kernel.permute(kernel.reshape(seen, (n, groups, into, places, members)), (1, 0, 3, 2, 4))
    left = kernel.reshape(seen, (groups, n * places, into * members))
    right = kernel.permute(kernel.reshape(w, (groups, outs // groups, into * members)), (0, 2, 1))
    y = kernel.reshape(kernel.matmul(left, right), (groups, n, places, outs // groups))
    y = kernel.reshape(kernel.permute(y, (1, 0, 3, 2)), tuple(sizes))
    return kernel.permute(y, [int(axis) for axis in np.argsort(out)])


def _line(size: int, positions: int, width: int, stride: int, low: int, inside: int, apart: int) -> Array:
    """(positions, width): which entry of an axis, whose entries stand `apart`, each place of each window sees; −1 for none."""
    at = np.arange(positions)[:, None] * stride - low + np.arange(width) * inside
    return np.where((at >= 0) & (at % apart == 0) & (at // apart < size), at // apart, -1)


def _windows(a: Arguments, x: Node) -> Array:
    """(positions …, members): the entries of x that each window of a reduction sees, in row order."""
    between = a.get("base_dilation") or (1,) * x.ndim
    inside = a.get("window_dilation") or (1,) * x.ndim
    every = zip(x.shape, a.shape, a.window_dimensions, a.window_strides, a.padding, inside, between, strict=True)
    return plane(x.shape, [_line(s, p, k, stride, low, d, apart) for s, p, k, stride, (low, _), d, apart in every])


@rows.law("lax.reduce_window_sum")
def _window_sums(a: Arguments) -> Node:
    return kernel.total(taken(a.x0, _windows(a, lifted(a.x0))), (-1,))


FIRST = ("where several of a window are equal, the first receives Δ",)


@rows.law("lax.reduce_window_max", kinks=FIRST)
def _window_largest(a: Arguments) -> Node:
    return _largest_of(a, lifted(a.x0))


@rows.law("lax.reduce_window_min", kinks=FIRST)
def _window_least(a: Arguments) -> Node:
    return kernel.negative(_largest_of(a, kernel.negative(lifted(a.x0))))


def _largest_of(a: Arguments, x: Node) -> Node:
    index = _windows(a, x)
    members = taken(x, index)
    return windowed(kernel.largest(members, index >= 0), members, index >= 0, x)


@rows.law("lax.scatter-add")
def _scatter_add(a: Arguments) -> Node:
    """What stood there, and all updates that go there: `index` is the place of each, −1 for none."""
    x = lifted(floats(a.x0))
    return kernel.add(x, put(floats(a.x1), a.index, x.shape))


@rows.law("lax.scatter-sub")
def _scatter_sub(a: Arguments) -> Node:
    x = lifted(floats(a.x0))
    return kernel.subtract(x, put(floats(a.x1), a.index, x.shape))


@rows.law("lax.scatter-mul", rearranged=True)
def _scatter_mul(a: Arguments) -> Node:
    return _scattered(a, "prod")


@rows.law("lax.scatter-max", kinks=TIES_SHARE)
def _scatter_max(a: Arguments) -> Node:
    return _scattered(a, "amax")


@rows.law("lax.scatter-min", kinks=TIES_SHARE)
def _scatter_min(a: Arguments) -> Node:
    return _scattered(a, "amin")


def _scattered(a: Arguments, how: str) -> Node:
    """What stood there and all updates that go there, multiplied, or the largest or least of them."""
    index = a.index.ravel()
    there = np.flatnonzero(index >= 0)
    terms = taken(kernel.reshape(lifted(floats(a.x1)), (-1,)), there)
    return reduced(lifted(floats(a.x0)), how, terms, index[there], together=True)


@rows.law("lax.gather", moves=True)
def _gather(a: Arguments) -> Node:
    """Entries by a table of their places; where there is none, a number that receives no Δ."""
    x, index = lifted(a.x0), a.index
    found = taken(x, index)
    fill = float(a.get("fill", 0.0))
    return found if fill == 0.0 or (index >= 0).all() else kernel.where(index >= 0, found, np.full((), fill))


@rows.law("lax.sort", moves_back=True, kinks=("where several are equal, each keeps the Δ of the place that it was put at",))
def _sort(a: Arguments) -> Node:
    """Entries along an axis in an order: `index` says which entry is put at each place. Where they are the first `key`, an

    order counts only if it is one: otherwise the entries are put in their own.
    """
    x, axis = lifted(a.x0), int(a.axis)
    index = a.index
    if a.key:
        line = last(x, (axis,))
        own, given = order(line.value), np.moveaxis(index, axis, -1)
        lead = list(range(x.ndim - 1))
        lead.insert(axis, x.ndim - 1)
        return kernel.permute(entry(line, own, given), lead)
    return moved(x, lambda ids: np.take_along_axis(ids, index, axis))


@rows.law("lax.cbrt", rearranged=True, entrywise=True)
def _cbrt(a: Arguments) -> Node:
    """The sign, times a power;  Δ y/(3 x)."""
    x = lifted(a.self)

    def size() -> Num:
        return np.where(positive(x.value), x.value, -x.value)

    def g() -> Num:
        y = np.power(size(), a.number_of(1.0 / 3.0))
        return np.where(positive(x.value), y, -y)

    return Node(x.shape, g, [(x, lambda dy: np.power(size(), a.number_of(-2.0 / 3.0)) * dy / 3.0)])


@rows.law("lax.clamp", kinks=("on a bound: the derivative is 0",))
def _clamp(a: Arguments) -> Node:
    """x within bounds, of which each receives Δ where it stands for x."""
    low, x, high = (lifted(floats(one)) for one in (a.x0, a.x1, a.x2))
    low, high = kernel.expand(low, x.shape), kernel.expand(high, x.shape)
    inside = positive(x.value - low.value) & positive(high.value - x.value)
    under = ~positive(x.value - low.value)
    return kernel.where(inside, x, kernel.where(under, low, high))


@rows.law("lax.triangular_solve", rearranged=True)
def _triangular_solve(a: Arguments) -> Node:
    """X with A X = B or X A = B, where A or its transpose is read from one triangle, and its diagonal not where it is 1."""
    x, ones = lifted(floats(a.x0)), bool(a.unit_diagonal)
    read = np.ones(x.shape[-2:], bool)
    read = np.tril(read, -int(ones)) if a.lower else np.triu(read, int(ones))
    whole = kernel.where(np.broadcast_to(read, x.shape), x, np.eye(x.shape[-1]) if ones else np.zeros(()))
    if a.transpose_a:
        whole = kernel.permute(whole, (*range(x.ndim - 2), -1, -2))
    return solved(whole, lifted(floats(a.x1)), left=bool(a.left_side))


@rows.law("lax.cholesky", rearranged=True)
def _cholesky(a: Arguments) -> Node:
    """L with L Lᵀ = A;  L⁻ᵀ φ(Lᵀ Δ) L⁻¹, φ the lower triangle with half of the diagonal.

    JAX's Δ is that of an A whose entries move freely; torch's is its symmetric part. That of the lower `triangle` alone, which
    is what is read, is the sum of both halves there (JAX 0.11).
    """
    x = lifted(a.x0)
    found = cholesky(x)
    n = x.shape[-1]
    half = np.tril(np.ones((n, n)), -1) + 0.5 * np.eye(n)

    def back(dy: Num) -> Num:
        lower = found.value
        turned, inverse = np.swapaxes(lower, -1, -2), np.linalg.inv(lower)
        free = dot(dot(np.swapaxes(inverse, -1, -2), half * dot(turned, dy)), inverse)
        if not a.get("triangle"):
            return free
        return np.tril(np.ones((n, n))) * free + np.tril(np.ones((n, n)), -1) * np.swapaxes(free, -1, -2)

    return Node(x.shape, lambda: found.value, [(x, back)])


@rows.law("lax.select_n", moves_back=True)
def _select_n(a: Arguments) -> Node:
    """Of several arrays the entries of the one that is chosen, everywhere or for each entry."""
    cases = [floats(getattr(a, f"x{i}")) for i in range(1, len(a.slots) + 1)]
    which = np.asarray(a.x0)
    found: Any = cases[-1]
    for number in reversed(range(len(cases) - 1)):
        found = kernel.where(np.broadcast_to(which == number, a.shape), cases[number], found)
    return lifted(found)


@rows.law("lax.stack", moves_back=True)
def _stack(a: Arguments) -> Node:
    axis = int(a.axis) % len(a.shape)
    parts = [lifted(floats(getattr(a, f"x{i}"))) for i in range(a.shape[axis])]
    return kernel.concat([kernel.reshape(x, (*x.shape[:axis], 1, *x.shape[axis:])) for x in parts], axis)


@rows.law("lax.unstack", moves_back=True)
def _unstack(a: Arguments) -> list[Node]:
    x, axis = lifted(a.x0), int(a.axis)
    return [kernel.reshape(kernel.cut(x, axis, range(i, i + 1)), shape) for i, shape in enumerate(a.shapes)]


@rows.law("lax.cumprod", rearranged=True)
def _cumprod(a: Arguments) -> Node:
    return _along(a, lambda x: folded(x, kernel.multiply))


@rows.law("lax.cumlogsumexp", rearranged=True)
def _cumlogsumexp(a: Arguments) -> Node:
    """ln Σ eˣ up to each entry, each with its own largest entry taken out."""

    def ran(x: Node) -> Node:
        n = x.shape[-1]
        among = np.broadcast_to(np.tril(np.ones((n, n), bool)), (*x.shape, n))
        wide = kernel.expand(kernel.reshape(x, (*x.shape[:-1], 1, n)), among.shape)
        top = np.maximum.accumulate(plainly(x), axis=-1)
        parts = kernel.where(among, kernel.exp(kernel.subtract(kernel.where(among, wide, top[..., None]), top[..., None])), 0.0)
        return kernel.add(kernel.log(kernel.total(parts, (-1,))), top)

    return _along(a, ran)


@rows.law("lax.cummax", kinks=TIES_SHARE)
def _cummax(a: Arguments) -> Node:
    return _along(a, running)


@rows.law("lax.cummin", kinks=TIES_SHARE)
def _cummin(a: Arguments) -> Node:
    return _along(a, lambda x: kernel.negative(running(kernel.negative(x))))


def running(x: Node) -> Node:
    """The largest entry so far along the last axis."""
    n = x.shape[-1]
    among = np.broadcast_to(np.tril(np.ones((n, n), bool)), (*x.shape, n))
    wide = kernel.expand(kernel.reshape(x, (*x.shape[:-1], 1, n)), among.shape)
    return shared(wide, among)


def folded(x: Node, by: Callable[[Any, Any], Node]) -> Node:
    """Entry after entry of the last axis, put together with all before it."""
    parts = [kernel.cut(x, -1, range(i, i + 1)) for i in range(x.shape[-1])]
    for i in range(1, len(parts)):
        parts[i] = by(parts[i - 1], parts[i])
    return kernel.concat(parts, -1)


def _along(a: Arguments, of: Callable[[Node], Node]) -> Node:
    """A running function along an axis, from its end where it is reversed."""
    x, axis, back = lifted(a.x0), int(a.axis), bool(a.get("reverse", False))
    x = _reversed(x, axis) if back else x
    lead = list(range(x.ndim - 1))
    lead.insert(axis, x.ndim - 1)
    y = kernel.permute(of(last(x, (axis,))), lead)
    return _reversed(y, axis) if back else y


@rows.law("lax.cumsum")
def _cumsum(a: Arguments) -> Node:
    if not a.get("reverse", False):
        return cumulated(a.x0, a.axis)
    return _reversed(cumulated(_reversed(a.x0, a.axis), a.axis), a.axis)


def _reversed(x: Any, axis: int) -> Node:
    return moved(x, lambda ids: np.flip(ids, axis))
