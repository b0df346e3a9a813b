"""The code under test, as functions from NumPy arrays to NumPy arrays, whatever framework it is written in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.trees import Given


class RefusedError(ValueError):
    """The forward takes these inputs, but not as ones that ask for a gradient."""


Forward = Callable[[Sequence[Any]], Array]
Backward = Callable[[Sequence[Any], Array], Any]


@dataclass(frozen=True)
class CodeUnderTest:
    """The code under test, as functions of NumPy arrays.

    `given`: as it was given, but for trees of arrays. `inputs`: arrays, and what is no array (a flag, an ε, None) as it was
    given. `forward` computes in the dtype that it is given,
    which may be wider than that of the `inputs`; if `analytic`, also in complex numbers. Several outputs are one array: their
    numbers behind each other. `backward` computes in the dtype of the inputs.
    """

    framework: str
    given: Given
    inputs: tuple[Any, ...]
    forward: Forward
    backward: Backward
    analytic: bool
    complexes: frozenset[str] = frozenset()
    """The inputs that are complex, by name: each number is a pair, along a last axis of two."""
    parameters: frozenset[int] = frozenset()
    """The inputs that are parameters of a module, by number: see `with_parameters`."""
    convention: str = ""
    """Whose gradient of complex numbers the backward is held against, "torch" or "jax"; "" where there are none."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the inputs are called."""
        return tuple(self.given.inputs)

    @property
    def carrying(self) -> list[int]:
        """The inputs that carry a gradient: arrays of floats."""
        return [i for i, x in enumerate(self.inputs) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]


def per_input(found: Any, inputs: Sequence[Any]) -> list[Array | None]:
    """What a backward gave, as a gradient for each input. Those that are no arrays may be left out of it, or all but floats.

    Raises ValueError where there are too many or too few.
    """
    parts = list(found) if isinstance(found, tuple | list) else [found]
    arrays = [i for i, x in enumerate(inputs) if isinstance(x, np.ndarray)]
    floats = [i for i in arrays if inputs[i].dtype.kind == "f"]
    for some in (arrays, floats):  # labels are an array, and have no gradient
        if len(parts) == len(some) < len(inputs):
            given = dict(zip(some, parts, strict=True))
            parts = [given.get(i) for i in range(len(inputs))]
    if len(parts) != len(inputs):
        raise ValueError(f"backward gave {len(parts)} gradients for {len(inputs)} inputs")
    return [None if part is None else np.asarray(part) for part in parts]
