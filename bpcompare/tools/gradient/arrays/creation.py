"""Functions of NumPy that make arrays: while code is traced, what they make can be written into with numbers that are traced."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

import numpy as np

from bpcompare.tools.gradient.arrays.array import TracedArray, bare, fresh, reaching
from bpcompare.tools.gradient.arrays.functions import joined
from bpcompare.tools.gradient.arrays.tape import Tape

NEW = ("zeros", "ones", "empty", "full")
TAKEN = ("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "asarray_chkfinite")
_ONE_AT_A_TIME = RLock()


@contextmanager
def watched(tape: Tape) -> Iterator[None]:
    """While it lasts, `np.zeros`, `np.asarray` and the like, called by these names, know of traced arrays."""
    with _ONE_AT_A_TIME:
        before = {name: getattr(np, name) for name in (*NEW, *TAKEN) if hasattr(np, name)}
        try:
            for name, function in before.items():
                setattr(np, name, (_new if name in NEW else _taken)(tape, function))
            yield
        finally:
            for name, function in before.items():
                setattr(np, name, function)


def _within_a_library() -> bool:
    """Whether NumPy itself calls, or scipy, or we: what they make for themselves is theirs."""
    caller = sys._getframe(2)  # noqa: SLF001 — as in `tape`
    return caller.f_globals.get("__name__", "").partition(".")[0] in ("numpy", "scipy", "bpcompare")


def _new(tape: Tape, function: Any) -> Any:
    def made(*args: Any, **kwargs: Any) -> Any:
        if _within_a_library():
            return function(*args, **kwargs)
        if reaching([*args, *kwargs.values()]):
            (shape, value), more = args[:2], kwargs
            x = fresh(tape, function(shape, bare(value), *args[2:], **more))
            x.written(..., value)
            return x
        x = function(*map(bare, args), **{key: bare(value) for key, value in kwargs.items()})
        return fresh(tape, x) if x.dtype.kind in "fc" else x

    return made


def _taken(tape: Tape, function: Any) -> Any:
    def made(value: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        if _within_a_library():
            return function(value, dtype, *args, **kwargs)
        if isinstance(value, TracedArray):
            copied = function.__name__ == "array" and kwargs.get("copy", True)
            if dtype is not None and np.dtype(dtype) != value.dtype:
                return value.astype(dtype)
            return value.copy() if copied else value
        if isinstance(value, (list, tuple)) and _holds(value):
            found = joined(tape, value, lambda parts: function(parts, *args, **kwargs), function.__name__)
            return found if dtype is None else found.astype(dtype)
        if dtype is not None:
            kwargs["dtype"] = dtype
        return function(value, *args, **kwargs)

    return made


def _holds(value: Any) -> bool:
    """Whether a traced array stands in a list."""
    if isinstance(value, TracedArray):
        return True
    return isinstance(value, (list, tuple)) and any(map(_holds, value))
