"""Where an example's axes stand in an array, whose first axis are the examples."""

from collections.abc import Sequence

import jax


def along(axis: int) -> int:
    """The axis of an array that is `axis` of an example: one later, unless it counts from the end."""
    return axis if axis < 0 else axis + 1


def aligned(xs: Sequence[jax.Array]) -> list[jax.Array]:
    """`xs` with equally many axes. What an example lacks at its front is put in after the examples, which stay in line."""
    most = max(x.ndim for x in xs)
    return [x.reshape(x.shape[0], *(1,) * (most - x.ndim), *x.shape[1:]) for x in xs]
