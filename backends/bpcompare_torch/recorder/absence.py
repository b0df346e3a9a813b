"""Stretches in which nothing runs but torch's own code, of which is known what it writes: the mode is taken off there.

Telling a mode of a call costs as much as many a call itself, and all that an optimizer's step calls is small.
"""

from __future__ import annotations

import re
import sys
import typing
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from threading import get_ident
from types import CodeType, FunctionType, MethodType, TracebackType
from typing import Any, Self

import torch
from torch import distributed
from torch.autograd import profiler
from torch.utils import _python_dispatch

from bpcompare_torch.recorder.geometry import strided
from bpcompare_torch.recorder.memory import PLAIN
from bpcompare_torch.recorder.mode import Mode
from bpcompare_torch.recorder.moved import Moved

RECORD = "record_function"
ORIGINAL: Any = getattr(profiler, RECORD)
STEP = "Optimizer.step#"
"""What torch's profiler is told of, and how that begins: from before an optimizer's hooks to behind them, however it ends."""

BUILT_IN = re.compile(r"\w+Backward\d+|CopyBackwards|AccumulateGrad")
"""Nodes of autograd that torch generates. They write into nothing but what they make, and into `.grad`."""

TORCH, PYTHON = Path(torch.__file__).parent, Path(typing.__file__).parent
TYPES = ("builtins", "types", "typing", "collections.abc")
"""Where that is defined by which types are named."""

_innermost = getattr(_python_dispatch, "_get_current_dispatch_mode", lambda: None)
_around = getattr(torch.overrides, "_get_current_function_mode", lambda: "one that this torch does not tell")


class Absence:
    """Takes the mode off and puts it back, also where an optimizer's step raises: that it is left is told by torch's profiler."""

    def __init__(self, mode: Mode) -> None:
        self._mode = mode
        self._steps = 0
        self._thread = 0
        self.off = False

    def __enter__(self) -> Self:
        _entered.append(self)
        if getattr(profiler, RECORD) is ORIGINAL:  # else somebody has put another in its place, which tells nothing
            setattr(profiler, RECORD, _Told)
        return self

    def __exit__(self, *error: object) -> None:
        self.end()
        _entered.remove(self)
        if not _entered and getattr(profiler, RECORD) is _Told:
            setattr(profiler, RECORD, ORIGINAL)

    def stepping(self, by: int) -> None:
        """So many more steps of optimizers are gone into; one less: it is left."""
        self._steps = max(self._steps + by, 0)  # watching may begin inside of one
        if by < 0:
            self.end()

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

    def step(self, optimizer: Any, moved: Iterable[Moved]) -> None:
        """A step begins of which was told what it writes into: until it is left the mode is off, if only torch's code runs.

        Over lists, some write into gradients, too, and call little; so this is for those that go parameter by parameter.
        """
        told = all(one.rule is not None and _plain(one.parameter) for one in moved if one.gradient is not None)
        if self._steps and told and all(map(_one_by_one, optimizer.param_groups)) and _around() is None and _as_made(optimizer):
            self.begin()

    def backward(self, *, alone: bool) -> AbstractContextManager[None]:
        """While it is entered, the mode is off if a pass runs `alone`, without anybody's code."""
        return _Away(self) if alone else nullcontext()


_entered: list[Absence] = []


class _Told(ORIGINAL):  # type: ignore[misc]
    """In the place of what torch's profiler is told by."""

    def __enter__(self) -> Any:
        for absence in _entered if self.name.startswith(STEP) else ():
            absence.stepping(1)
        return super().__enter__()

    def __exit__(self, *error: object) -> Any:
        for absence in _entered if self.name.startswith(STEP) else ():
            absence.stepping(-1)
        return super().__exit__(*error)


class _Away:
    def __init__(self, absence: Absence) -> None:
        self._absence = absence

    def __enter__(self) -> None:
        self._absence.begin()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._absence.end()


def built_in(node: Any) -> bool:
    """Whether torch generates nodes of this type, so that no code of others runs in it."""
    kind: Any = type(node)
    return _generated(kind)


def shared() -> bool:
    """Whether other processes may have a part in what runs."""
    return distributed.is_available() and distributed.is_initialized()


@cache
def _generated(kind: type) -> bool:
    return kind.__module__ == "builtins" and BUILT_IN.fullmatch(kind.__name__) is not None


def _plain(p: Any) -> bool:
    return type(p) in PLAIN and type(p.grad) in PLAIN and strided(p) and strided(p.grad)


def _one_by_one(group: Any) -> bool:
    """Whether a step goes through a group parameter by parameter, as torch chooses by itself on the CPU."""
    if group.get("fused") or group.get("foreach"):
        return False
    return group.get("foreach") is False or all(p.device.type == "cpu" for p in group["params"])


def _as_made(optimizer: Any) -> bool:
    """Whether the functions by which it steps are torch's: somebody may have put others in their places."""
    kinds = [kind for kind in type(optimizer).__mro__ if issubclass(kind, torch.optim.Optimizer)][:-1]
    held = (optimizer, *(one for kind in kinds for one in (kind, sys.modules[kind.__module__])))
    return all(_of_torch(one) for where in held for one in vars(where).values() if callable(one))


def _of_torch(one: Any) -> bool:
    """Whether a function, and all that it stands around, is torch's or Python's own; so is what only names types."""
    while isinstance(one, MethodType):
        one = one.__func__
    if isinstance(one, FunctionType):
        return _known(one.__code__) and _of_torch(getattr(one, "__wrapped__", type))
    return isinstance(one, type) or type(one).__module__ in TYPES


@cache
def _known(code: CodeType) -> bool:
    path = Path(code.co_filename)
    return path.is_relative_to(TORCH) or path.parent == PYTHON
