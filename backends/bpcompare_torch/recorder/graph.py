"""Autograd's own graph, as far as its nodes show it: what a gradient can come to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from bpcompare_torch.recorder.tape import Seen

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


def before(node: Any, of: Callable[[Tensor], Seen], known: Callable[[Any, int], Seen | None]) -> dict[Seen, None]:
    """The values nearest to a node, on every way back from it: of leaves, and those that are `known` at an edge."""
    found: dict[Seen, None] = {}
    waiting, met = [node], {node}
    while waiting:
        for source, number in waiting.pop().next_functions:
            if source is None:
                continue
            leaf = leaf_of(source)
            if leaf is not None:
                found[of(leaf)] = None
                continue
            seen = known(source, number)
            if seen is not None:
                found[seen] = None
            if (seen is None or not seen.hooked) and source not in met:  # another thread's, perhaps: nobody read it here
                met.add(source)
                waiting.append(source)
    return found
