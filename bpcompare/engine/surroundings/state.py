"""The state of a process that any code in it may change: read, compared and put back."""

from __future__ import annotations

import ctypes
import decimal
import locale
import logging
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

FLOATING = "the processor's rounding of floating-point numbers"
_DECIMAL = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")
_DEFAULT = ctypes.c_void_p(-1)
"""FE_DFL_ENV of Linux's C libraries: the floating-point environment that a process starts with."""


def look() -> dict[str, Any]:
    """The state as it is, by what it is in words."""
    return {name: read() for name, (read, _) in _STATE.items()}


def put_back(before: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Put back what is no longer as it was: what that is, and what resisted."""
    changed, stuck = [], []
    for name, was in before.items():
        read, put = _STATE[name]
        if not _same(was, _tried(read)):
            changed.append(name)
            with suppress(Exception):
                put(was)
            if not _same(was, _tried(read)):
                stuck.append(name)
    return changed, stuck


def _tried(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except Exception:  # noqa: BLE001 — what was made unreadable is to be put back
        return None


def _same(x: Any, y: Any) -> bool:
    if isinstance(x, tuple) and isinstance(y, tuple):
        with suppress(ValueError):  # of an array, which is not one truth
            if x == y:
                return True
        return len(x) == len(y) and all(map(_same, x, y))
    if isinstance(x, dict) and isinstance(y, dict):
        return x.keys() == y.keys() and all(_same(entry, y[key]) for key, entry in x.items())
    return bool(np.array_equal(x, y)) if isinstance(x, np.ndarray) else bool(x == y)


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 — the text that the system gives
    except OSError:  # it was removed
        return ""


def _environ(was: dict[str, str]) -> None:
    for key in os.environ.keys() - was.keys():
        del os.environ[key]
    os.environ.update({key: value for key, value in was.items() if os.environ.get(key) != value})


def _errors(was: tuple[Any, Any]) -> None:
    np.seterr(**was[0])
    np.seterrcall(was[1])


def _streams(was: tuple[Any, ...]) -> None:
    sys.stdin, sys.stdout, sys.stderr, sys.excepthook = was


def _path(was: list[str]) -> None:
    sys.path[:] = was


def _logging(was: tuple[int, int]) -> None:
    logging.disable(was[0])
    logging.getLogger().setLevel(was[1])


def _context(was: tuple[Any, ...]) -> None:
    for name, value in zip(_DECIMAL, was, strict=True):
        setattr(decimal.getcontext(), name, value)


_SIGNALS = tuple(sorted(int(number) for number in signal.valid_signals()))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _handlers() -> dict[int, Any]:
    if threading.current_thread() is not threading.main_thread():  # others may not set them
        return {}
    return {number: signal.getsignal(number) for number in _SIGNALS}


def _handle(was: dict[int, Any]) -> None:
    now = _handlers()
    for number, handler in was.items():
        if handler is not None and now.get(number) != handler:
            signal.signal(number, handler)


def _floating() -> tuple[bool, ...]:
    """Whether denormal operands and results are kept, and sums are rounded to the nearest number."""
    one, small, tiny, least = np.array([1.0, 2.0**-54, np.finfo(np.float64).tiny, 5e-324])
    up, down, apart = one + small, -one - small, one + 3 * small
    return bool(least + least > 0), bool(tiny * 0.5 > 0), bool(up == 1), bool(down == -1), bool(apart > 1)


def _nearest(was: tuple[bool, ...]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL("libm.so.6").fesetenv(_DEFAULT)


_STATE: Mapping[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "the working directory": (_folder, lambda was: os.chdir(was) if was else None),
    "environment variables": (lambda: dict(os.environ), _environ),
    "NumPy's treatment of overflow": (lambda: (np.geterr(), np.geterrcall()), _errors),
    "how NumPy prints": (np.get_printoptions, lambda was: np.set_printoptions(**was)),
    "the recursion limit": (sys.getrecursionlimit, sys.setrecursionlimit),
    "the import path": (lambda: list(sys.path), _path),
    "standard streams": (lambda: (sys.stdin, sys.stdout, sys.stderr, sys.excepthook), _streams),
    "logging": (lambda: (logging.root.manager.disable, logging.getLogger().level), _logging),
    "Python's random numbers": (random.getstate, random.setstate),
    "NumPy's random numbers": (lambda: np.random.get_state(legacy=False), lambda was: np.random.set_state(was)),  # noqa: NPY002, PLW0108
    "the decimal context": (lambda: tuple(getattr(decimal.getcontext(), name) for name in _DECIMAL), _context),
    "the locale": (lambda: locale.setlocale(locale.LC_ALL), lambda was: locale.setlocale(locale.LC_ALL, was)),
    "the umask": (_umask, os.umask),
    "signal handlers": (_handlers, _handle),
    FLOATING: (_floating, _nearest),
}
