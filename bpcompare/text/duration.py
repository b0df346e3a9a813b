"""How long something may take, as people write it: 30s, 2min, 1h."""

from __future__ import annotations

import re
from math import isfinite

UNITS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_WRITTEN = re.compile(rf"\s*(\d+\.?\d*|\.\d+)\s*({'|'.join(UNITS)})?\s*")


def seconds_of(written: str | float) -> float:
    """Seconds; a number without a unit is one of seconds. Raises ValueError for what is no time, or none that ends."""
    if isinstance(written, str):
        found = _WRITTEN.fullmatch(written.lower())
        seconds = float(found[1]) * UNITS[found[2] or "s"] if found else float("nan")
    else:
        seconds = float("nan") if isinstance(written, bool) else float(written)
    if not (isfinite(seconds) and seconds > 0):
        raise ValueError(f"a time is a positive number with a unit, as in 30s, 2min or 1h; it is {written!r}")
    return seconds


def duration(seconds: float) -> str:
    """30 s, 2 min, 1.5 h."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
