"""What the rules of an update ask for, and which are somebody's own: no library says what they ought to compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import Parameter, signature
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


USUAL = frozenset({"value", "grad", "value_fn"})
"""What is given to a function that takes whatever it is given."""


def asked(update: Any) -> frozenset[str]:
    """The names of what a function of optax, or one that it holds, asks for besides gradients, state and parameters."""
    takes = list(signature(update).parameters.values())[3:]
    named = frozenset(one.name for one in takes if one.kind is not Parameter.VAR_KEYWORD)
    if len(named) == len(takes):
        return named
    owner = getattr(update, "__self__", None)
    inside = list(_transformations(held(update) | (vars(owner) if owner is not None else {})))
    read = USUAL & set(_texts(update)) if inside else USUAL  # what it hands on may be asked for by none of those that it holds
    return named.union(read, *map(asked, inside))


def _texts(function: Any) -> Iterator[str]:
    """The texts that stand in the code of a function: names of what it reads from all that it is given are among them."""
    codes = [getattr(getattr(function, "__func__", function), "__code__", None)]
    while codes:
        for one in getattr(codes.pop(), "co_consts", ()):
            if isinstance(one, str):
                yield one
            codes += [one] if hasattr(one, "co_consts") else []


def _own(update: Any) -> Iterator[str]:
    if own := applied(update) if named(update) else own_name(update):
        yield own
    else:
        yield from _within(held(update))


def _within(found: Mapping[str, Any]) -> Iterator[str]:
    for one in _transformations(found):
        yield from _own(one)


def _transformations(found: Mapping[str, Any]) -> Iterator[Any]:
    """Of what a function holds, the functions of transformations; a chain holds these alone."""
    for name, value in found.items():
        if name == "update_fns":
            yield from value
        for one in value.values() if isinstance(value, Mapping) else (value,):
            if hasattr(one, "init") and hasattr(one, "update"):
                yield one.update
