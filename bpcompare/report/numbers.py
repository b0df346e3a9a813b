"""Numbers as people read them: three digits in prose, fifteen in tables."""

from __future__ import annotations

from math import inf, isfinite


def short(x: float) -> str:
    """Three significant digits."""
    return f"{x:.3g}"


def long(x: float) -> str:
    """Fifteen significant digits, with room for a sign."""
    return f"{x: .15g}"


def relative(x: float) -> str:
    """A relative size: in percent where that is readable."""
    return f"{short(100 * x)} %" if 1e-4 <= x < 10 else short(x)


def share(x: float) -> str:
    """How much of its ball a deviation takes."""
    if not isfinite(x):
        return ""
    if x >= 10:
        return f"{short(x)} times"
    return "0 %" if x == 0 else "<1 %" if x < 0.01 else f"{100 * x:.0f} %"


def off(recorded: float, expected: float) -> str:
    """How far `recorded` is off, in words."""
    if not isfinite(recorded):
        return "is not a finite number"
    if recorded == expected:
        return "ok"
    if expected == 0:
        return "should be 0"
    if recorded == 0:
        return "should not be 0"
    ratio = recorded / expected
    if ratio < 0 and short(-ratio) == "1":
        return "has the wrong sign"
    if ratio < 0:
        return f"has the wrong sign, and {short(abs(ratio))} times the size"
    if ratio >= 2 or ratio <= 0.5:
        return f"{short(ratio) if ratio > 1 else short(1 / ratio)} times too {'large' if ratio > 1 else 'small'}"
    gap = abs(recorded - expected) / abs(expected)
    # "0.00001 %" is hard to read; a relative size is not.
    size = relative(gap) if gap >= 1e-4 else f"{short(gap)} (relative)"
    return f"{size} too {'large' if abs(recorded) > abs(expected) else 'small'}"


def finite(x: float) -> float:
    """`x`, or infinity for NaN: the largest of some numbers must not depend on their order."""
    return x if x == x else inf  # noqa: PLR0124 — NaN is not equal to itself
