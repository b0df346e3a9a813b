"""One step of a script's training: optimizers' steps are counted, and the one that is asked for is recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from bpcompare.program import Watched
from bpcompare_torch.recorder.recorder import TorchRecorder


class Counting:
    """Counts while it is entered, and records `steps` of them: from the end of step `at` − 1, or from the start.

    Until then nothing is recorded, and the script runs as fast as ever. `seen` is given what was recorded, within the last step.
    """

    def __init__(self, at: int, steps: int, seen: Callable[[Watched], None]) -> None:
        self.at, self.last = at, at + steps - 1
        self.count = 0
        self._seen = seen
        self._recorder: TorchRecorder | None = None
        self._handles: list[Any] = []

    def __enter__(self) -> Self:
        # torch goes through its hooks while it calls them: none may be added then, so these two speak for the recorder's.
        self._handles = [
            register_optimizer_step_pre_hook(self._begins),
            register_optimizer_step_post_hook(lambda optimizer, _args, _kwargs: self._ends(optimizer)),
        ]
        if self.at == 1:
            self._record(None)
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._left()

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
        return None if self._recorder is None else self._recorder.updates.begins(optimizer, args, kwargs)

    def _ends(self, optimizer: Any) -> None:
        self.count += 1
        if self._recorder is not None:
            self._recorder.updates.ends(optimizer)
        if self.count == self.last:
            recorder = self._left()
            if recorder is not None:
                self._seen(recorder.watched())
        elif self.count == self.at - 1:
            self._record(optimizer)
