"""Backward passes in which nothing runs but torch's own code, of which is known what it writes: the mode is taken off there.

Telling a mode of a call costs as much as many a call itself. An optimizer's step is told of, call by call: it runs in Python,
where somebody may have put functions, settings and states of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import get_ident
from typing import Any

import torch
from torch import distributed
from torch.utils import _python_dispatch

from bpcompare_torch.recorder.mode import Mode

BUILT_IN = re.compile(r"\w+Backward\d+|CopyBackwards|AccumulateGrad")
"""Nodes of autograd that torch generates. They write into nothing but what they make, and into `.grad`."""

_innermost = getattr(_python_dispatch, "_get_current_dispatch_mode", lambda: None)


class Absence:
    """Takes the mode off, and puts it back."""

    def __init__(self, mode: Mode) -> None:
        self._mode = mode
        self._thread = 0
        self.off = False

    def begin(self) -> None:
        """The mode is off from now on, if it is the innermost of this thread."""
        if not self.off and _innermost() is self._mode:
            self._mode.__exit__(None, None, None)
            self.off, self._thread = True, get_ident()

    def end(self) -> None:
        """The mode is on again. Each thread has modes of its own: what another one ends is none of it."""
        if self.off and self._thread == get_ident():
            self._mode.__enter__()  # type: ignore[no-untyped-call]
            self.off = False

    @contextmanager
    def backward(self, *, alone: bool) -> Iterator[None]:
        """While it is entered, the mode is off if a pass runs `alone`, without anybody's code."""
        if alone:
            self.begin()
        try:
            yield
        finally:
            self.end()


def built_in(node: Any) -> bool:
    """Whether torch generates nodes of this type, so that no code of others runs in it."""
    kind: Any = type(node)
    return _generated(kind)


def shared() -> bool:
    """Whether other processes may have a part in what runs."""
    return distributed.is_available() and distributed.is_initialized()


@cache
def _generated(kind: type) -> bool:
    theirs = issubclass(kind, torch._C._FunctionBase)  # of torch.autograd.Function, whatever they are called
    return not theirs and kind.__module__ == "builtins" and BUILT_IN.fullmatch(kind.__name__) is not None
