"""Many inputs at once: what vmap gives is what each of them gives by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.contracts.asked import Asked, Dys
from bpcompare.tools.gradient.contracts.comparison import compared, of_outputs, raised, settled
from bpcompare.tools.gradient.contracts.expected import Expected
from bpcompare.tools.gradient.contracts.offered import offered
from bpcompare.tools.gradient.contracts.options import Options
from bpcompare.tools.gradient.contracts.outcome import Outcome
from bpcompare.tools.gradient.contracts.ways.modes import Modes

NEARBY = (0.0, 2.0**-6, -(2.0**-5))
"""How far the inputs of a batch are from those that were given, relative to their size."""
SCALES = (1.0, -2.0, 0.5)
ADVICE = "look at in_dims: an input may be stacked along another axis, or be the same for all (None)"


def vmap(asked: Asked, options: Options) -> Outcome:
    """All inputs stacked along their first axis, along their last one, and only one of them stacked."""
    modes = offered(asked, options, "vmap", "NumPy has no vmap")
    if isinstance(modes, Outcome):
        return modes
    inputs = asked.code.inputs
    arrays = [i for i, x in enumerate(inputs) if isinstance(x, np.ndarray)]
    tries: list[tuple[str, list[int | None]]] = [
        ("all inputs were stacked along axis 0", [0 if i in arrays else None for i in range(len(inputs))]),
        (
            "all inputs were stacked along their last axis",
            [inputs[i].ndim if i in arrays else None for i in range(len(inputs))],
        ),
    ]
    if len(arrays) > 1:
        for i in asked.code.carrying[:3]:
            done = f"only {asked.names[i]} was stacked, and the rest the same for all"
            tries.append((done, [0 if k == i else None for k in range(len(inputs))]))
    found: list[Outcome] = []
    for done, axes in tries:
        one = _tried(asked, modes, done, axes)
        found += [] if one is None else [one]
    return settled("vmap", found)


def _tried(asked: Asked, modes: Modes, done: str, axes: Sequence[int | None]) -> Outcome | None:
    sets = [[_near(x, axis, by) for x, axis in zip(asked.code.inputs, axes, strict=True)] for by in NEARBY]
    dys: list[Dys] = [tuple((scale * dy).astype(dy.dtype) for dy in asked.dys) for scale in SCALES]
    stacked = [
        x if axis is None else np.stack([one[k] for one in sets], axis)
        for k, (x, axis) in enumerate(zip(asked.code.inputs, axes, strict=True))
    ]
    seeds = [np.stack(parts) for parts in zip(*dys, strict=True)]
    try:
        ys, gs = modes.batched(asked.arguments(stacked), asked.raw(seeds), axes)
    except Exception as error:  # noqa: BLE001 — the author's code
        return Outcome("vmap", "refused", f"vmap, {done}: it raises {raised(error)}")
    for place, (inputs, dy) in enumerate(zip(sets, dys, strict=True)):
        said = f"vmap, {done}; number {place} of {len(sets)}"
        pullback = asked.open(asked.arguments(inputs))
        one = of_outputs("vmap", said, [y[place] for y in ys], pullback.outputs, ADVICE)
        got, want = asked.named([None if g is None else g[place] for g in gs]), asked.named(pullback.pull(asked.raw(dy)))
        one = one or compared(asked, "vmap", said, lambda got=got: got, Expected(want, dy, inputs), ADVICE)  # type: ignore[misc]
        if one is not None:
            return one
    return None


def _near(x: Any, axis: int | None, by: float) -> Any:
    """Numbers close to those of an input, where it is stacked."""
    if axis is None or not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        return x
    moved: Array = (x * (1 + by)).astype(x.dtype)
    return moved
