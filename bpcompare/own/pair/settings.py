"""Settings of functions and of rules, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isclose
from typing import Any

from bpcompare.ops.rule import Rule

EQUAL = 1e-6
"""Relative difference up to which two settings are one: frameworks keep them in float32 or float64."""
ARITHMETIC = frozenset({"narrow", "narrow_powers"})
"""Settings that say in which format a framework works its constants out: no part of what the rule is."""
WORDS = {"eta": "learning rate", "later_dampening": "dampening after the first step"}
"""Settings of rules, as people call them."""
NAMES: Mapping[tuple[str, Any], str] = {("reduction", 0): "none", ("reduction", 1): "mean", ("reduction", 2): "sum"}
"""Settings that are numbers, in words."""


def said(value: Any, name: str = "") -> str:
    """A setting's value."""
    if not isinstance(value, bool) and (name, value) in NAMES:
        return NAMES[name, value]
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def unlike(one: Rule, other: Rule) -> Iterator[str]:
    """The names of settings that are others in two rules of the same function."""
    for name in dict.fromkeys((*one.settings, *other.settings)):
        if name not in ARITHMETIC and not equal(one.settings.get(name), other.settings.get(name)):
            yield name


def equal(x: Any, y: Any) -> bool:
    """Whether two settings are one."""
    if isinstance(x, (int, float)) and isinstance(y, (int, float)):
        return x == y or isclose(x, y, rel_tol=EQUAL)
    return (not x and not y) or bool(x == y)  # what one of them does not have is off
