"""One function on some inputs, with the gradient that its framework gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

LARGEST = 400
"""Numbers in all inputs of a sample; larger ones are not asked."""

Row = tuple[Callable[..., Any], str]
"""A function, and its inputs: a letter each, which says where they are drawn from."""

Change = Callable[[list[Any]], list[Any]]
"""Arrays in, arrays out: of what is sent back, or of the gradients."""


@dataclass(frozen=True, eq=False)
class Sample:
    """`function` of `inputs`; `flat` is the same with its outputs in a tuple, if it gives several.

    `pulled(dys, gradients)` makes a backward: the framework's own, between two changes. `constant` makes an array of the
    framework of one of NumPy's, `like` a sample of another function of the same inputs.
    """

    function: Callable[..., Any]
    flat: Callable[..., Any]
    inputs: tuple[Any, ...]
    pulled: Callable[[Change, Change], Callable[..., Any]]
    constant: Callable[[Any, Any], Any]
    numbers: Callable[[Any], np.ndarray[Any, Any]]
    like: Callable[[Callable[..., Any]], Sample]


@dataclass(frozen=True)
class Function:
    """A function that is asked about: `samples(seed, dtype)` draws what it is asked with, None where it cannot be drawn."""

    library: str
    name: str
    sample: Callable[[int, str], Sample | None]


Library = Callable[[], Iterator[Function]]
