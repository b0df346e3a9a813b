"""How much memory something may take, as people write it: 500M, 4G."""

from __future__ import annotations

import re

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_WRITTEN = re.compile(r"(\d{1,18}(?:\.\d{1,9})?) ?([kmgt]?)(i?b)?")


def bytes_of(written: str | int) -> int:
    """Bytes; a number without a unit is one of them. Raises ValueError for what is no size."""
    found = None if isinstance(written, bool) else _WRITTEN.fullmatch(str(written).lower())
    if found is None:
        raise ValueError(f"a size is a number with a unit, as in 500M or 4G; it is {written!r}")
    return int(float(found[1]) * _UNITS[found[2]])
