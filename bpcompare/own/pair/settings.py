"""Settings of functions and of rules, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORDS = {"eta": "learning rate", "later_dampening": "dampening after the first step"}
"""Settings of rules, as people call them."""
NAMES: Mapping[tuple[str, Any], str] = {("reduction", 0): "none", ("reduction", 1): "mean", ("reduction", 2): "sum"}
"""Settings that are numbers, in words."""


def said(value: Any, name: str = "") -> str:
    """A setting's value."""
    if not isinstance(value, bool) and (name, value) in NAMES:
        return NAMES[name, value]
    return f"{value:.6g}" if isinstance(value, float) else str(value)
