"""A value of a jaxpr as a program has it."""

from __future__ import annotations

from typing import Any

import numpy as np


class Seen:
    """A value of the jaxpr: its path in the program, its number and its shape; whether a parameter reaches it."""

    __slots__ = ("depends", "number", "path", "shape")

    def __init__(self, path: str, number: Any, *, depends: bool) -> None:
        self.path, self.number, self.depends = path, number, depends
        self.shape = tuple(np.shape(number)) if not hasattr(number, "shape") else tuple(number.shape)
