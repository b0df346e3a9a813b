"""Functions of NumPy that make arrays: while code is traced, what they make can be written into with numbers that are traced."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import RLock
from types import CodeType
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


def _within_a_library(name: str) -> bool:
    """Whether NumPy itself calls, or scipy, or we, or compiled code: what they make for themselves is theirs."""
    caller = sys._getframe(2)  # noqa: SLF001 — as in `tape`
    library = caller.f_globals.get("__name__", "").partition(".")[0] in ("numpy", "scipy", "bpcompare")
    return library or not _called_by_name(caller.f_code, caller.f_lasti, name)


@lru_cache(maxsize=512)
def _called_by_name(code: CodeType, at: int, name: str) -> bool:
    """Whether the call that `code` is in, at this instruction, names the function.

    Compiled code has no frame: `rng.random(3)` looks up `np.empty` itself, and writes into its memory, which a traced array has
    not where it believes it.
    """
    if name not in code.co_names:
        return False
    instructions = list(dis.get_instructions(code))
    call = next((one.positions for one in instructions if one.offset == at), None)
    if call is None or None in (call.lineno, call.col_offset, call.end_lineno, call.end_col_offset):
        return True  # Python was told not to keep positions
    begin, end = (call.lineno, call.col_offset), (call.end_lineno, call.end_col_offset)
    return any(
        one.argval == name
        and one.positions is not None
        and begin <= (one.positions.lineno, one.positions.col_offset)
        and (one.positions.end_lineno, one.positions.end_col_offset) <= end
        for one in instructions
    )


def _new(tape: Tape, function: Any) -> Any:
    def made(*args: Any, **kwargs: Any) -> Any:
        if _within_a_library(function.__name__):
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
        if _within_a_library(function.__name__):
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
