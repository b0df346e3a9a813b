"""Autograd's own graph, as far as its nodes show it: what a gradient can come to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor

Point = tuple[str, int]
"""Where gradients arrive: a node by its number, or a leaf by the identity of its tensor."""


def leaf_of(node: Any) -> Tensor | None:
    """The leaf whose gradient a node accumulates; None for other nodes, whatever people keep under that name in theirs."""
    found: Tensor | None = node.variable if type(node).__name__ == "AccumulateGrad" else None
    return found


def behind(nodes: Iterable[Any]) -> list[Any]:
    """The nodes, and every node that a gradient comes to from there."""
    waiting = [node for node in nodes if node is not None]
    seen = set(waiting)
    found = []
    while waiting:
        node = waiting.pop()
        found.append(node)
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                waiting.append(following)
    return found
