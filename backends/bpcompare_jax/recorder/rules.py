"""Which rules of an update are somebody's own: no library says what they ought to compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bpcompare.program import Unexamined

WHY = (
    "it is no rule of optax: its functions were judged one by one, and not what they ought to be; "
    "bpcompare.compare holds the step against one of another rule"
)


def unruled(update: Any) -> tuple[Unexamined, ...]:
    """Names the rules in an optax transformation, or in (transformation, its state), that are not optax's own."""
    transformation = update[0] if type(update) is tuple else update
    return tuple(
        Unexamined(f"whether {name} is the rule that is meant", WHY) for name in dict.fromkeys(_own(transformation.update))
    )


def _own(update: Any) -> Iterator[str]:
    if not (getattr(update, "__module__", "") or "").startswith("optax"):
        yield str(getattr(update, "__qualname__", type(update).__name__))
        return
    function = getattr(update, "__func__", update)
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None) or ()
    for name, cell in zip(code.co_freevars if code is not None else (), cells, strict=False):
        try:
            held = cell.cell_contents
        except ValueError:  # nothing was put there yet
            continue
        if name == "update_fns":
            for one in held:
                yield from _own(one)
        for one in held.values() if isinstance(held, Mapping) else (held,):
            if hasattr(one, "init") and hasattr(one, "update") and one is not update:
                yield from _own(one.update)
