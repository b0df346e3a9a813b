"""What was compiled in this process, by the structure of the plans it was compiled for."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from bpcompare.plan import Plan

Compiled = dict[Hashable, Callable[..., Any]]
"""Functions under jit; JAX itself keeps what they were compiled to, for each shape and dtype."""

MOST = 16
"""Structures that are kept; the one that was used longest ago goes first."""
_KEPT: OrderedDict[Hashable, tuple[Any, Compiled]] = OrderedDict()


def compilations(walk: Callable[[Plan], Any], table: Mapping[Any, Any], plan: Plan) -> tuple[Any, Compiled]:
    """A walk through plans like this one by the functions of `table`, and what was compiled of it.

    `walk` makes the walk of a plan, where there is none yet. Like means: the same graph, the same ops with the same fields, the
    same names. Numbers are arguments of what is compiled.
    """
    key = structure(plan), *table.items()
    if key not in _KEPT:
        _KEPT[key] = walk(plan), {}
    _KEPT.move_to_end(key)
    while len(_KEPT) > MOST:
        _KEPT.popitem(last=False)
    return _KEPT[key]


def structure(plan: Plan) -> str:
    """All that a walk through the plan rests on, but its numbers. As text: 0.0 and −0.0 are equal, and are not the same."""
    network = plan.network
    layers = [(name, network.layers[name]) for name in plan.order]
    return repr((layers, network.error, network.penalties, plan.draw_paths, plan.state_paths))
