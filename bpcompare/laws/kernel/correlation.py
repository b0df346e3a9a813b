"""Windows over any number of axes, and what is summed over them: cross-correlation, and the way back from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bpcompare.laws.kernel.moves import stretched
from bpcompare.laws.kernel.node import Node, Shape, lifted
from bpcompare.numbers.number import Num, dot

Sizes = Sequence[int]


def correlate(x: Any, w: Any, stride: Sizes, dilation: Sizes, groups: int = 1) -> Node:
    """y[n, o, p] = Σ x[n, i, p s + q d] w[o, i, q], one sum an entry; i runs over the channels of o's group.

    Δ_x is the full correlation of Δ with the flipped w, Δ_w the correlation of x with Δ.
    """
    x, w = lifted(x), lifted(w)
    kernel, size = w.shape[2:], x.shape[2:]
    places = zip(size, extents(kernel, dilation), stride, strict=True)
    shape = (x.shape[0], w.shape[0], *((n - extent) // step + 1 for n, extent, step in places))
    return Node(
        shape,
        lambda: correlated(x.value, w.value, stride, dilation, groups),
        [
            (x, lambda dy: returned(dy, w.value, size, stride, dilation, groups)),
            (w, lambda dy: seen(x.value, dy, kernel, stride, dilation, groups)),
        ],
    )


def returned_to(x: Any, w: Any, size: Sizes, stride: Sizes, dilation: Sizes, groups: int = 1) -> Node:
    """The transpose of `correlate` in its x, as a function of its own: a transposed convolution onto axes of `size`."""
    x, w = lifted(x), lifted(w)
    kernel = w.shape[2:]
    shape: Shape = (x.shape[0], w.shape[1] * groups, *size)

    def to_x(dy: Num) -> Num:
        # Windows beyond those that sent something have no partner.
        return correlated(dy, w.value, stride, dilation, groups)[(..., *(slice(0, n) for n in x.shape[2:]))]

    def to_w(dy: Num) -> Num:
        return seen(dy, x.value, kernel, stride, dilation, groups)

    return Node(shape, lambda: returned(x.value, w.value, size, stride, dilation, groups), [(x, to_x), (w, to_w)])


# the same on numbers


def extents(kernel: Sizes, dilation: Sizes) -> tuple[int, ...]:
    """How far a window reaches along each axis."""
    return tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))


def windows(x: Num, kernel: Sizes, stride: Sizes, dilation: Sizes) -> Num:
    """(examples, channels, positions …, kernel …): every window of x, with a stride and a dilation for each of its last axes."""
    view = sliding_window_view(x, extents(kernel, dilation), axis=tuple(range(2, x.ndim)))
    every = tuple(slice(None, None, step) for step in (*stride, *dilation))
    return view[(slice(None), slice(None), *every)]


def correlated(x: Num, w: Num, stride: Sizes, dilation: Sizes, groups: int = 1, plus: Num | None = None, steps: int = 1) -> Num:
    """Σ over a group's channels and window of x · w (out × in/groups × kernel …) plus one of `plus` for each out.

    Of several `steps` the examples stand below one another, and so do their outs in w and `plus`.
    """
    n, out, axes = x.shape[0], w.shape[0] // steps, len(stride)
    rows, places = _rows(windows(x, w.shape[2:], stride, dilation), groups, steps)
    flat = np.swapaxes(rows, 1, 2)
    weight = np.swapaxes(np.reshape(w, (steps * groups, out // groups, -1)), 1, 2)
    y = dot(flat, weight, plus=None if plus is None else np.reshape(plus, (steps * groups, 1, -1)))
    y = np.reshape(y, (steps, groups, n // steps, *places, -1))
    return np.reshape(np.transpose(y, (0, 2, 1, axes + 3, *range(3, axes + 3))), (n, out, *places))


def returned(
    dy: Num,
    w: Num,
    size: Sizes,
    stride: Sizes,
    dilation: Sizes,
    groups: int = 1,
    border: Sequence[tuple[int, int]] | None = None,
    steps: int = 1,
) -> Num:
    """Every entry along axes of `size` collects Δ from each window that saw it, by the weight it was seen with.

    Of a `border`, so many entries on both sides of each axis, nothing is collected, and it is not in what comes back. `steps`: as
    `correlated` has it.
    """
    ones = (1,) * len(stride)
    sent = dilated(dy, extents(w.shape[2:], dilation), stride, size, border or ((0, 0),) * len(stride))
    return correlated(sent, flipped(w, steps * groups), ones, dilation, groups, steps=steps)


def dilated(dy: Num, extent: Sizes, stride: Sizes, size: Sizes, border: Sequence[tuple[int, int]]) -> Num:
    """Δ with stride − 1 zeros between entries, and as many around them as its full correlation with the kernel needs."""
    edges = []
    for axis, (reach, step) in enumerate(zip(extent, stride, strict=True)):
        dy = stretched(dy, axis + 2, step)
        # Rows that no window reached (far edge, stride) receive zeros.
        beyond = size[axis] - (dy.shape[axis + 2] - 1 + reach)
        (near, far), place = border[axis], (slice(None),) * (axis + 2)
        before, behind = reach - 1 - near, reach - 1 + beyond - far
        # A border that is wider than a window reaches has Δ of windows that saw nothing else.
        dy = dy[(*place, slice(max(-before, 0), dy.shape[axis + 2] - max(-behind, 0)))] if min(before, behind) < 0 else dy
        edges.append((max(before, 0), max(behind, 0)))
    return np.pad(dy, ((0, 0), (0, 0), *edges))


def flipped(w: Num, groups: int) -> Num:
    """The kernel of the way back: (in, out/groups, kernel …), turned round along every axis of the kernel."""
    _, into, *kernel = w.shape
    w = np.reshape(w, (groups, w.shape[0] // groups, into, *kernel))
    turned = np.reshape(np.swapaxes(w, 1, 2), (groups * into, -1, *kernel))
    return np.flip(turned, axis=tuple(range(2, turned.ndim)))


def seen(x: Num, dy: Num, kernel: Sizes, stride: Sizes, dilation: Sizes, groups: int = 1, steps: int = 1) -> Num:
    """Σ over examples and positions of what each weight saw times Δ there. `steps`: as `correlated` has it."""
    n, out, *places = dy.shape
    n, axes = n // steps, len(stride)
    view = windows(x, kernel, stride, dilation)
    rows, _ = _rows(view[(slice(None), slice(None), *(slice(0, place) for place in places))], groups, steps)
    deltas = np.reshape(dy, (steps, n, groups, out // groups, *places))
    deltas = np.transpose(deltas, (0, 2, 1, *range(4, 4 + axes), 3))
    deltas = np.reshape(deltas, (steps * groups, n * int(np.prod(places)), -1))
    return np.reshape(np.swapaxes(dot(rows, deltas), 1, 2), (steps * out, -1, *kernel))


def _rows(view: Num, groups: int, steps: int) -> tuple[Num, tuple[int, ...]]:
    """(steps · groups, channels of a group · kernel, examples · positions), and how many positions there are along each axis.

    What lies side by side in memory stays so: that is several times as fast as to copy window after window.
    """
    n, channels, *rest = view.shape
    axes = len(rest) // 2
    view = np.reshape(view, (steps, n // steps, groups, channels // groups, *rest))
    order = (0, 2, 3, *range(4 + axes, 4 + 2 * axes), 1, *range(4, 4 + axes))
    places = tuple(rest[:axes])
    return np.reshape(np.transpose(view, order), (steps * groups, -1, n // steps * int(np.prod(places)))), places
