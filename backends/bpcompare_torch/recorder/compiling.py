"""torch.compile and torch.jit while somebody watches: nothing of the recorder is compiled, and scripts run call by call."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from functools import cache
from importlib import import_module
from typing import Any, Self

import torch


def call_by_call() -> AbstractContextManager[None]:
    """While entered, functions of torch.jit.script that were not optimized before run as they are written.

    Optimized, several of their calls are one node of autograd that nobody can look into. torch keeps both ways of a function
    apart: afterwards it is optimized as ever.
    """
    return torch.jit.optimized_execution(False)  # type: ignore[attr-defined]


class Compiling:
    """Tells torch's compiler to leave the recorder alone: now, or as soon as somebody calls for it. It is not loaded for that."""

    def __enter__(self) -> Self:
        self._original = torch.compile
        if "torch._dynamo" in sys.modules:
            _skipped()
            return self

        def compile(*args: Any, **kwargs: Any) -> Any:  # noqa: A001 — torch's name for it
            _skipped()
            return self._original(*args, **kwargs)

        torch.compile = compile
        return self

    def __exit__(self, *error: object) -> None:
        torch.compile = self._original


@cache
def _skipped() -> None:
    import_module("torch._dynamo.trace_rules").add("bpcompare_torch")
