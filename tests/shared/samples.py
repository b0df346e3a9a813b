"""Which part of what could be tried the tests try: all of it only where somebody asks for that, with `make whole`."""

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

WHOLE = bool(os.environ.get("BPCOMPARE_WHOLE"))
"""Whether everything is tried."""


def sample(values: Sequence[T], every: int) -> Sequence[T]:
    """Every so-many-th, the first among them; all where the whole is asked for."""
    return values if WHOLE else values[::every]
