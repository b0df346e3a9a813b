"""What leaves of pytrees, equations and lines are called."""

from __future__ import annotations

import sys
from pathlib import Path
from traceback import walk_tb
from typing import Any

import jax

from bpcompare.program import Place

OURS = (
    str(Path(jax.__file__).parent),
    str(Path(__file__).parents[1]),
    str(Path(sys.modules["bpcompare"].__file__ or "").parent),
)
"""Files that are nobody's own code: JAX's, and ours."""


def leaf_name(path: tuple[Any, ...]) -> str:
    """A leaf by the keys that lead to it: layers.0.w."""
    return ".".join(str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in path)


def place(equation: Any, function: str, scope: str, custom: str, line: str) -> Place:
    """Where an equation stands: scopes of Flax and `jax.named_scope`, and the line of the caller.

    Functions that JAX itself has compiled (`jnp.where`) know neither: their `scope` and `line` are those of the call.
    """
    return Place(within(scope, equation), function, line_in(equation) or line, custom)


def within(scope: str, equation: Any) -> str:
    """The scope of an equation, by the one that it is in."""
    return "/".join(part for part in (scope, str(equation.source_info.name_stack)) if part)


def line_in(equation: Any) -> str:
    """The line of somebody's own code that an equation comes of; "" where that is not known."""
    traceback = equation.source_info.traceback
    frames = () if traceback is None else traceback.frames
    return next((_short(frame.file_name, frame.line_num) for frame in frames if _theirs(frame.file_name)), "")


def line_of(error: BaseException) -> str:
    """The last line of somebody's own code on the way to an error; "" without one."""
    lines = [
        _short(frame.f_code.co_filename, line)
        for frame, line in walk_tb(error.__traceback__)
        if _theirs(frame.f_code.co_filename)
    ]
    return lines[-1] if lines else ""


def _theirs(file: str) -> bool:
    """Whether a file is somebody's own code, and no package's."""
    return not file.startswith((*OURS, "<")) and "site-packages" not in file


def _short(file: str, line: int) -> str:
    return f"{'/'.join(Path(file).parts[-2:])}:{line}"
