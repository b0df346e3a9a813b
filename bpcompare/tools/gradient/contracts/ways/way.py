"""What every framework's way back can do: arrays that lie in memory as it is asked, and the pullback of one call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from bpcompare.network.parameter import Array


@dataclass(frozen=True)
class Pullback:
    """One call of the forward, and the way back from it.

    `outputs`: the numbers of those outputs that are floats. `pull(dys)`, with an array of the framework's for each of them, is a
    gradient for each input. `held`: arrays that no backward may change, by what they are.
    """

    outputs: tuple[Array, ...]
    pull: Callable[[Sequence[Any]], list[Array | None]]
    held: Mapping[str, Any] = field(default_factory=dict)
    unit: float = 0.0
    """The rounding unit of the coarsest output, where that has no format of NumPy's."""
    pairs: tuple[bool, ...] = ()
    """Which outputs are pairs of real numbers that stand for complex ones, along a last axis of two; none where it is empty."""


class Way(Protocol):
    """The code under test in its own framework. `fixed`: why its arrays cannot be changed and lie only in one way, or ""."""

    framework: str
    fixed: str
    layouts: tuple[str, ...]
    """Ways to lie in memory with the same numbers; "a part of a larger array" and "expanded" are asked for beside them."""
    partial: str
    """Why an input cannot be asked for alone, or ""."""

    def array(self, x: Array, layout: str = "", *, pair: bool = False) -> Any | None:
        """An array of the framework's with these numbers; None where no such layout differs from the plain one.

        Of a `pair` it is the complex numbers that lie so: both parts of each stay side by side.
        """
        ...

    def draws(self, arguments: Sequence[Any], /) -> bool:
        """Whether a call draws from the framework's own generator of random numbers, which fills memory in its order."""
        ...

    def numbers(self, x: Any) -> Array:
        """A copy of the numbers of an array of the framework's."""
        ...

    def pullback(self, arguments: Sequence[Any], needs: Collection[int] | None = None, *, saved: bool = False) -> Pullback:
        """A call with `arguments`, of which those at `needs` want a gradient (None: all that are floats).

        `saved`: what the forward keeps for the backward is among what is held.
        """
        ...


Batched = tuple[list[Array], list[Array | None]]
"""Outputs, and gradients of inputs, of many calls at once."""
PART, EXPANDED = "a part of a larger array", "expanded"


def in_complex(x: Array) -> Array:
    """Complex numbers from pairs along the last axis."""
    found: Array = np.ascontiguousarray(x).view(np.result_type(x.dtype, np.complex64))[..., 0]
    return found


def seed_slice(x: Array) -> tuple[slice, ...]:
    """The part of `x` from which it can be expanded without strides: the first entry along axes that repeat it."""
    found: tuple[slice, ...] = ()
    for axis in range(x.ndim):
        first = x[(slice(None),) * axis + (slice(0, 1),)]
        found += (slice(0, 1) if bool((x == first).all()) else slice(None),)
    return found


def repeated(x: Array) -> Array | None:
    """The first entry along the first axis that is longer than 1, again and again; None where no axis is."""
    axis = next((axis for axis, n in enumerate(x.shape) if n > 1), None)
    return None if axis is None else np.repeat(x.take([0], axis), x.shape[axis], axis)
