"""Arguments of public functions: taken in every form that can be meant, and otherwise refused in a sentence that names them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

SHOWN = 60
"""Characters of a wrong value that a message shows."""
LEAST_MEMORY = 64 * 2**20
"""Bytes: Python and NumPy do not start with less."""


def told(x: object) -> str:
    """A wrong value in words: short ones as they are, others by their type."""
    if isinstance(x, type):
        return f"the class {x.__qualname__}"
    if isinstance(x, np.ndarray):
        return f"an array of shape {list(x.shape)}"
    if x is None or isinstance(x, str | bytes | bool | int | float | np.generic):
        text = repr(x)
        return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return f"a value of type {type(x).__name__}"


def path(name: str, x: Any, also: str = "") -> str:
    """A path as text, whether or not a file can have it. Raises TypeError for what is none."""
    text = os.fspath(x) if isinstance(x, str | os.PathLike) else x
    if not isinstance(text, str):
        raise TypeError(f"{name}: a path{also} is wanted, not {told(text)}")
    return text


def choice(name: str, x: Any, options: Sequence[str]) -> str:
    """One of a few words. Raises TypeError or ValueError."""
    listed = " or ".join(f'"{option}"' for option in options)
    if not isinstance(x, str):
        raise TypeError(f"{name}: {listed} is wanted, not {told(x)}")
    if x not in options:
        raise ValueError(f"{name}: {listed} is wanted, not {told(x)}")
    return x


def dtype(name: str, x: Any, options: Sequence[str]) -> Any:
    """The name of a NumPy type, as text, type or dtype; None stays. Raises TypeError or ValueError."""
    if isinstance(x, np.dtype):
        x = x.name
    elif isinstance(x, type) and issubclass(x, np.generic):
        x = np.dtype(x).name
    return None if x is None else choice(name, x, options)


def switch(name: str, x: Any) -> bool:
    """True or False; None is False. Raises TypeError."""
    if x is None or isinstance(x, bool | np.bool_) or (isinstance(x, int | np.integer) and x in (0, 1)):
        return bool(x)
    raise TypeError(f"{name}: True or False is wanted, not {told(x)}")


def seconds(name: str, x: Any) -> float | None:
    """A positive number; None stays. Raises TypeError or ValueError."""
    if x is None:
        return None
    if isinstance(x, bool) or not isinstance(x, int | float | np.integer | np.floating):
        raise TypeError(f"{name}: a number of seconds is wanted, not {told(x)}")
    if not float(x) > 0:
        raise ValueError(f"{name}: a positive number of seconds is wanted, not {told(x)}")
    return float(x)


def memory(name: str, x: Any) -> int | None:
    """A number of bytes that a process can start with; None stays. Raises TypeError or ValueError."""
    if x is None:
        return None
    if isinstance(x, bool) or not isinstance(x, int | np.integer):
        raise TypeError(f"{name}: a whole number of bytes is wanted, not {told(x)}")
    if x < LEAST_MEMORY:
        raise ValueError(f"{name}: {LEAST_MEMORY:,} bytes at least are wanted, not {x:,}")
    return min(int(x), 2**62)


def function(name: str, x: Any) -> Callable[..., Any]:
    """Something that can be called. Raises TypeError."""
    if isinstance(x, type) or not callable(x):
        raise TypeError(f"{name}: a function is wanted, not {told(x)}")
    found: Callable[..., Any] = x
    return found
