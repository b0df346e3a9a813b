"""Which rules of an update are somebody's own: no library says what they ought to compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bpcompare.program import Unexamined
from bpcompare_jax.recorder.chains import UNREADABLE, applied, held, links, named, own_name

WHY = (
    "it is no rule of optax: its functions were judged one by one, and not what they ought to be; "
    "bpcompare.compare holds the step against one of another rule"
)


def unruled(update: Any, state: Any, params: Any) -> tuple[Unexamined, ...]:
    """Names the rules in an optax transformation that are not optax's own, by its function `update` and its state."""
    try:
        found = [name for link in links(update, state, params) for name in ([link.name] if link.own else _within(link.settings))]
    except UNREADABLE:
        found = list(_own(update))
    return tuple(Unexamined(f"whether {name} is the rule that is meant", WHY) for name in dict.fromkeys(found))


def _own(update: Any) -> Iterator[str]:
    if own := applied(update) if named(update) else own_name(update):
        yield own
    else:
        yield from _within(held(update))


def _within(found: Mapping[str, Any]) -> Iterator[str]:
    """Of what a function holds, the transformations; a chain holds their functions alone."""
    for name, value in found.items():
        if name == "update_fns":
            for one in value:
                yield from _own(one)
        for one in value.values() if isinstance(value, Mapping) else (value,):
            if hasattr(one, "init") and hasattr(one, "update"):
                yield from _own(one.update)
