"""torch.compile while somebody watches: nothing of the recorder is to be compiled."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from typing import Any, Self

import torch


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
