"""An error that somebody's own code raised, as a line: what it says, and the last line of their code on the way to it."""

from __future__ import annotations

import os
from pathlib import Path
from traceback import walk_tb
from types import FrameType, TracebackType

from bpcompare.text.words import inert

OURS = ("bpcompare", "bpcompare_torch", "bpcompare_jax")
"""The packages of the product, wherever they are installed."""
DOORS = (
    "bpcompare.own",
    "bpcompare_torch.recorder.stepping",
    "bpcompare_torch.recorder.references",
    "bpcompare_torch.recorder.mode",
    "bpcompare_torch.recorder.interfaces",
    "bpcompare_jax.recorder.stepping",
)
"""Where what was given is looked at."""
LIBRARY = str(Path(os.__file__).parent)
"""Where Python's own library is."""


def failing(error: BaseException) -> str:
    """What was raised, and where: "ValueError: no data, at train.py:12 in main"; or that it was our own fault."""
    where = "" if isinstance(error, SyntaxError) else _last(error.__traceback__)
    frames = list(walk_tb(error.__traceback__))
    ours = ""
    if frames and _within(frames[-1][0], OURS):
        name = "/".join(Path(frames[-1][0].f_code.co_filename).parts[-2:])
        ours = f"; raised in {name}:{frames[-1][1]}, a bug in bpcompare: please report it"
    return f"{in_words(error)}{f', at {where}' if where else ''}{ours}"


def raised_by_us(error: BaseException) -> bool:
    """Whether bpcompare itself raised it, to say what is wrong with what it was given."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    return isinstance(error, (TypeError, ValueError, ImportError)) and bool(frames) and _within(frames[-1], DOORS)


def in_words(error: BaseException) -> str:
    """The kind of an error and the first line of what it says."""
    try:
        message = str(error).strip().partition("\n")[0]
    except Exception:  # noqa: BLE001 — its own __str__ may do anything
        message = ""
    return inert(f"{type(error).__name__}: {message}" if message else type(error).__name__)


def _last(trace: TracebackType | None) -> str:
    """FILE:LINE in FUNCTION of the last frame that is neither a library's nor ours."""
    found = ""
    for frame, line in walk_tb(trace):
        name = frame.f_code.co_filename
        if _within(frame, OURS) or name.startswith("<") or _library(name):
            continue
        function = frame.f_code.co_name
        found = f"{_short(name)}:{line}{'' if function == '<module>' else f' in {function}'}"
    return found


def _within(frame: FrameType, rooms: tuple[str, ...]) -> bool:
    """Whether a frame's module is one of these, or lies in one of these packages."""
    module = str(frame.f_globals.get("__name__", ""))
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def _library(name: str) -> bool:
    return "site-packages" in name or name.startswith(LIBRARY)


def _short(name: str) -> str:
    try:
        return str(Path(name).resolve().relative_to(Path.cwd()))
    except ValueError:
        return name
