"""Slips at a convolution: its stride, its border or its dilation forgotten, its kernel not turned round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.number import closed
from bpcompare.own.causes.trial import Edit, arguments, exactly, function, only, right, seen
from bpcompare.program import Step

CONVOLUTIONS = frozenset({
    "convolution", "_convolution", "convolution_overrideable", "mkldnn_convolution", "cudnn_convolution", "miopen_convolution",
})  # fmt: skip
USUAL = {"stride": 1, "padding": 0, "dilation": 1}
"""What a window has where nothing is said."""


def windows(step: Step) -> Iterator[tuple[str, Edit]]:
    """Slips at such a step; {} stands for it."""
    if function(step) not in CONVOLUTIONS:
        return
    for name, usual in USUAL.items():
        value = arguments(step).get(name, usual)
        several = tuple(value) if isinstance(value, (list, tuple)) else (value,)
        if any(one != usual for one in several):
            changed = exactly(step, **{name: (usual,) * len(several) if isinstance(value, (list, tuple)) else usual})
            yield f"as if {{}} had no {name}: it is {', '.join(map(str, several))}", partial(_with, changed.op)
    yield "as if the kernel of {} were to be read the other way round", only(0, _unturned)
    yield "as if the gradient by the kernel of {} were to be read the other way round", only(1, _turned)


def _with(op: Any, law: Any, at: Any) -> Array:
    """Δ by a convolution with other arguments, whose output may be larger or smaller: dy lies in its first corner."""
    dy, xs = seen(at), [np.asarray(x) for x in at.xs]
    size = xs[0].shape
    if op.arguments.get("padding") != at.op.arguments.get("padding"):
        # What reaches beyond the far end is left out, as an index that is clipped leaves it out.
        xs[0] = np.pad(xs[0], [(0, 0), (0, 0), *((0, more) for more in dy.shape[2:])])
        at = at.but(xs=xs)
    empty: Array = np.zeros(np.shape(closed(law.forward(at.but(op=op)))))
    corner = tuple(map(slice, np.minimum(empty.shape, dy.shape)))
    empty[corner] = dy[corner]
    found = right(law, at.but(kept=None, op=replace(op, results=(empty.shape,)), dy=empty))
    return found[tuple(map(slice, size))] if at.slot == 0 else found


def _unturned(law: Any, at: Any) -> Array:
    x, w, *more = (np.asarray(one) for one in at.xs)
    return right(law, at.but(kept=None, xs=[x, np.flip(w, tuple(range(2, w.ndim))), *more]))


def _turned(law: Any, at: Any) -> Array:
    found = right(law, at)
    return np.flip(found, tuple(range(2, found.ndim)))
