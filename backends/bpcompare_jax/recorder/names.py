"""What leaves of pytrees, equations and lines are called."""

from __future__ import annotations

import sys
from pathlib import Path
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


def place(equation: Any, function: str, scope: str, custom: str) -> Place:
    """Where an equation stands: scopes of Flax and `jax.named_scope`, and the line of the caller."""
    stack = str(equation.source_info.name_stack)
    return Place("/".join(part for part in (scope, stack) if part), function, _line(equation), custom)


def _line(equation: Any) -> str:
    traceback = equation.source_info.traceback
    if traceback is None:
        return ""
    for frame in traceback.frames:
        if (
            not frame.file_name.startswith(OURS)
            and "site-packages" not in frame.file_name
            and not frame.file_name.startswith("<")
        ):
            return f"{'/'.join(Path(frame.file_name).parts[-2:])}:{frame.line_num}"
    return ""
