"""What a text is laid out for: how wide it may be, and whether it has to do with ASCII."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

WIDTH = 118
"""Columns of a report where nobody says how many there are: in files, pipes, assertions and pages."""
NARROWEST = 24
"""Columns below which nothing is laid out any narrower."""


@dataclass(frozen=True)
class Medium:
    """`width` columns, of which a line may take more only where it does not have to `fit`; `ascii`: no other characters."""

    width: int = WIDTH
    fit: bool = False
    ascii: bool = False


_MEDIUM: ContextVar[Medium] = ContextVar("medium", default=Medium())  # noqa: B039 — frozen


def medium() -> Medium:
    """What is being written for."""
    return _MEDIUM.get()


@contextmanager
def laid_out_for(it: Medium) -> Iterator[None]:
    """Lay out everything inside for `it`."""
    token = _MEDIUM.set(it)
    try:
        yield
    finally:
        _MEDIUM.reset(token)
