"""Where in somebody's code we are: the path of the module whose forward runs, and the line."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from linecache import getline
from pathlib import Path
from typing import Any, Self

import torch
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from bpcompare.program import Place

OURS = (
    str(Path(torch.__file__).parent),
    str(Path(__file__).parents[1]),
    str(Path(sys.modules["bpcompare"].__file__ or "").parent),
)
"""Files that are nobody's own code: torch's, and ours."""

COMMANDS = str(Path(OURS[-1]) / "cli")
"""Files of the command line: what calls these is no code of theirs either."""

OF_COMMANDS = ":"
"""What stands for the name of such a file."""

COMPILED = "Using `torch.compile"
"""How torch's warning begins that our hooks fire once more for a compiled module: nobody but us asked for them."""


class Places:
    """Keeps the stack of modules while it is entered."""

    def __init__(self, names: Mapping[Any, str], called: Callable[[Any], None]) -> None:
        self._names = names
        self.called = called
        self._stack: list[str] = []
        self._known: dict[tuple[str, ...], Place] = {}
        self._handles: list[Any] = []

    def __enter__(self) -> Self:
        warnings.filterwarnings("ignore", COMPILED, UserWarning)
        self._ignored = warnings.filters[0]
        self._handles = [
            register_module_forward_pre_hook(self._entered),
            register_module_forward_hook(self._left, always_call=True),
        ]
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()
        if self._ignored in warnings.filters:
            warnings.filters.remove(self._ignored)  # type: ignore[attr-defined]

    def _entered(self, module: Any, _inputs: Any) -> None:
        if not self._stack:
            self.called(module)
        self._stack.append(self._names.get(module, type(module).__name__))

    def _left(self, _module: Any, _inputs: Any, _outputs: Any) -> None:
        if self._stack:
            self._stack.pop()

    def here(self, function: str, custom: str = "", backward: str = "") -> Place:
        """The place of a call of `function` now, within a custom function whose backward stands at the line `backward`."""
        key = self._stack[-1] if self._stack else "", function, line(), custom, backward
        if key not in self._known:
            self._known[key] = Place(*key)
        return self._known[key]


def line() -> str:
    """FILE:LINE of the innermost frame that is neither torch's nor ours; "" where a command of ours called all of it."""
    frame = sys._getframe(2)
    while frame is not None:
        name = _theirs(frame.f_code.co_filename)
        if name == OF_COMMANDS:
            return ""
        if name:
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def defined(function: Any) -> str:
    """FILE:LINE where a function is defined; "" where that is nobody's file."""
    code = getattr(function, "__code__", None)
    theirs = "" if code is None else _theirs(code.co_filename)
    if code is None or theirs in ("", OF_COMMANDS):
        return ""
    number = code.co_firstlineno
    while getline(code.co_filename, number).lstrip().startswith("@"):  # its decorators
        number += 1
    return f"{theirs}:{number}"


@cache
def _theirs(name: str) -> str:
    """A file by its last two parts, from this folder on if it is below: enough to find it, short enough for a line.

    "" for a file of torch's, or ours.
    """
    if name.startswith(COMMANDS):
        return OF_COMMANDS
    if name.startswith((*OURS, "<")):
        return ""
    path = Path(name)
    parts = path.relative_to(Path.cwd()).parts if path.is_relative_to(Path.cwd()) else path.parts
    return "/".join(parts[-2:])
