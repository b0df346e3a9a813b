"""Stretches in which nothing runs but torch's own code, of which is known what it writes: the mode is taken off there.

Telling a mode of a call costs as much as many a call itself, and all that an optimizer's step calls is small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from threading import get_ident
from types import TracebackType
from typing import Any, Self

import torch
from torch import distributed
from torch.autograd import profiler
from torch.utils import _python_dispatch

from bpcompare_torch.recorder.authorship import as_made, plain, simple
from bpcompare_torch.recorder.mode import Mode
from bpcompare_torch.recorder.moved import Moved

RECORD: Any = profiler.record_function
METHODS = {"__enter__": 1, "__exit__": -1}
STEP = "Optimizer.step#"
"""What torch's profiler is told of, and how that begins: from before an optimizer's hooks to behind them, however it ends."""

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
        for name, by in {} if _entered else METHODS.items():
            inner = vars(RECORD)[name]
            _replaced[name] = inner, _telling(inner, by)
            setattr(RECORD, name, _replaced[name][1])
        _entered.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        self.end()
        _entered.remove(self)
        for name, (inner, told) in {} if _entered else _replaced.items():
            if vars(RECORD)[name] is told:  # else somebody stands around it, and no longer does it tell anybody
                setattr(RECORD, name, inner)

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
        told = all(one.rule is not None and plain(one.parameter) for one in moved if one.gradient is not None)
        alone = self._steps and told and all(map(_one_by_one, optimizer.param_groups)) and _around() is None
        if alone and simple(optimizer) and as_made(optimizer):
            self.begin()

    def backward(self, *, alone: bool) -> AbstractContextManager[None]:
        """While it is entered, the mode is off if a pass runs `alone`, without anybody's code."""
        return _Away(self) if alone else nullcontext()


_entered: list[Absence] = []
_replaced: dict[str, tuple[Any, Any]] = {}
"""Methods by which torch's profiler is told, and what stands in their places while one is entered."""


def _telling(inner: Callable[..., Any], by: int) -> Callable[..., Any]:
    """What torch's profiler is told by, which also tells of the steps of optimizers."""

    @wraps(inner)
    def told(record: Any, *args: Any) -> Any:
        for absence in _entered if str(getattr(record, "name", "")).startswith(STEP) else ():
            absence.stepping(by)
        return inner(record, *args)

    return told


class _Away:
    def __init__(self, absence: Absence) -> None:
        self._absence = absence

    def __enter__(self) -> None:
        self._absence.begin()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._absence.end()


def shared() -> bool:
    """Whether other processes may have a part in what runs."""
    return distributed.is_available() and distributed.is_initialized()


def _one_by_one(group: Any) -> bool:
    """Whether a step goes through a group parameter by parameter, as torch chooses by itself on the CPU."""
    if group.get("fused") or group.get("foreach"):
        return False
    return group.get("foreach") is False or all(p.device.type == "cpu" for p in group["params"])
