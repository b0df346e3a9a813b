"""One step of a script's training: optimizers' steps are counted, and the one that is asked for is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from inspect import currentframe
from typing import Any, Self

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from bpcompare.program import Unexamined, Watched
from bpcompare_torch.recorder.passes import ENGINE
from bpcompare_torch.recorder.recorder import TorchRecorder


class Counting:
    """Counts while it is entered, and records `steps` of them: from the end of step `at` − 1, or from the start.

    Until then nothing is recorded, and the script runs as fast as ever. `seen` is given what was recorded, within the last step.
    The step of an optimizer within the step of another one, which is wrapped around it, is part of that.
    """

    def __init__(self, at: int, steps: int, seen: Callable[[Watched], None]) -> None:
        self.at, self.last = at, at + steps - 1
        self.count = 0
        self._seen = seen
        self._recorder: TorchRecorder | None = None
        self._undo: list[Callable[[], None]] = []
        self._open: list[Any] = []
        self._shared = 0
        """How many steps there were since a backward pass began."""

    def __enter__(self) -> Self:
        # torch goes through its hooks while it calls them: none may be added then, so these two speak for the recorder's.
        self._undo = [
            register_optimizer_step_pre_hook(self._begins).remove,
            register_optimizer_step_post_hook(lambda optimizer, _args, _kwargs: self._ends(optimizer)).remove,
        ]
        original = getattr(torch.autograd, ENGINE)

        def run(*args: Any, **kwargs: Any) -> Any:
            self._shared = 0
            return original(*args, **kwargs)

        setattr(torch.autograd, ENGINE, run)
        self._undo.append(partial(setattr, torch.autograd, ENGINE, original))
        if self.at == 1:
            self._record(None)
        return self

    def __exit__(self, *error: object) -> None:
        self._left()
        for undo in self._undo:
            undo()

    def _record(self, optimizer: torch.optim.Optimizer | None) -> None:
        recorder = TorchRecorder(None, hooks=False)
        if optimizer is not None:
            recorder.models.optimized(optimizer, before=True)
        recorder.__enter__()
        self._recorder = recorder

    def _left(self) -> TorchRecorder | None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.__exit__(None, None, None)
        return recorder

    def _begins(self, optimizer: Any, args: Any, kwargs: Any) -> Any:
        self._open = _running() or [optimizer]
        return None if self._recorder is None else self._recorder.updates.begins(optimizer, args, kwargs)

    def _ends(self, optimizer: Any) -> None:
        self._open = self._open[:-1]
        if self._recorder is not None:
            self._recorder.updates.ends(optimizer)
        if self._open:
            return
        self.count += 1
        self._shared += 1
        if self.count == self.last:
            recorder = self._left()
            if recorder is not None:
                self._seen(self._told(recorder.watched()))
        elif self.count == self.at - 1:
            self._record(optimizer)

    def _told(self, watched: Watched) -> Watched:
        """What was recorded; where its backward pass was before the first step of it, how to watch that, too."""
        if self._shared <= self.last - self.at + 1:
            return watched
        first = self.last - self._shared + 1
        why = (
            f"the backward pass of step {self.last} was before step {first}: "
            f"--at-step {first} --steps {self._shared} watches them together"
        )
        return replace(watched, unexamined=(Unexamined("how its gradients were made", why), *watched.unexamined))


def _running() -> list[Any]:
    """The optimizers whose steps are on the stack, the innermost last: of one that an error has ended, torch tells nobody."""
    found, frame = [], currentframe()
    while frame is not None:
        if frame.f_code.co_name == WRAPPER and isinstance(one := frame.f_locals.get("self"), torch.optim.Optimizer):
            found.append(one)
        frame = frame.f_back
    return found[::-1]


WRAPPER = "wrapper"
"""What torch calls the function that runs the hooks around a step."""
