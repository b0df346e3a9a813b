"""A number with a memory, and the way back along it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bpcompare.numbers.number import Num, Number, Product, total

Transpose = Callable[[Num], Num | Product]
"""Δ of a source's own part from Δ of the result: the transposed Jacobian, applied."""

Shape = tuple[int, ...]


class Node:
    """The result of a primitive: its shape, its value once that is asked for, and how Δ goes back to each of its sources.

    A node without sources is an argument of the program or a constant.
    """

    __slots__ = ("_evaluate", "_value", "shape", "sources")
    # NumPy's operators leave an array with a Node to the Node.
    __array_ufunc__ = None

    def __init__(self, shape: Shape, evaluate: Callable[[], Num], sources: Sequence[tuple[Node, Transpose]] = ()) -> None:
        self.shape = shape
        self.sources = tuple(sources)
        self._evaluate: Callable[[], Num] | None = evaluate
        self._value: Num = None

    @property
    def value(self) -> Num:
        """The number itself, evaluated when it is first asked for."""
        if self._evaluate is not None:
            self._value, self._evaluate = self._evaluate(), None
        return self._value

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __add__(self, other: Any) -> Node:
        from bpcompare.laws.kernel.arithmetic import add

        return add(self, other)

    def __radd__(self, other: Any) -> Node:
        from bpcompare.laws.kernel.arithmetic import add

        return add(other, self)

    def __sub__(self, other: Any) -> Node:
        from bpcompare.laws.kernel.arithmetic import subtract

        return subtract(self, other)

    def __rsub__(self, other: Any) -> Node:
        from bpcompare.laws.kernel.arithmetic import subtract

        return subtract(other, self)

    def __mul__(self, other: Any) -> Node:
        from bpcompare.laws.kernel.arithmetic import multiply

        return multiply(self, other)

    def __rmul__(self, other: Any) -> Node:
        from bpcompare.laws.kernel.arithmetic import multiply

        return multiply(other, self)

    def __truediv__(self, other: Any) -> Node:
        from bpcompare.laws.kernel.arithmetic import divide

        return divide(self, other)

    def __rtruediv__(self, other: Any) -> Node:
        from bpcompare.laws.kernel.arithmetic import divide

        return divide(other, self)

    def __matmul__(self, other: Any) -> Node:
        from bpcompare.laws.kernel.sums import matmul

        return matmul(self, other)

    def __rmatmul__(self, other: Any) -> Node:
        from bpcompare.laws.kernel.sums import matmul

        return matmul(other, self)

    def __neg__(self) -> Node:
        from bpcompare.laws.kernel.arithmetic import negative

        return negative(self)


def lifted(x: Any) -> Node:
    """`x` as a node: itself, or a number that remembers nothing."""
    return x if isinstance(x, Node) else Node(shape_of(x), lambda: x)


def shape_of(x: Num) -> Shape:
    """The shape of a number of any kind; Python's own have none."""
    shape: Shape = x.shape if isinstance(x, Number | Product) else np.shape(x)
    return shape


class UnreachedError(LookupError):
    """No way leads from a result to a source: its Δ is 0, and no formula has to say so."""


def pulled_back(result: Node, dy: Num, source: Node, known: dict[Node, Num] | None = None) -> Num | Product:
    """−∂E/∂source, when dy is −∂E/∂result: the inductive step over the nodes between them, and over no others.

    What arrives at a node along several ways enters one sum. `known` has Δ of nodes for this very dy, and gets those that are
    worked out: whichever source is asked for, Δ of a node comes from all that read it on the way to the result, and these are the
    same for every source behind it. Raises UnreachedError where no way leads to `source`.
    """
    order = _between(result, source)
    readers: dict[Node, list[tuple[Node, Transpose]]] = {node: [] for node in order}
    if result not in readers:
        raise UnreachedError("the result does not depend on this source")
    for node in reversed(order[1:]):
        for toward, transpose in node.sources:
            if toward in readers:
                readers[toward].append((node, transpose))
    delta: dict[Node, Num] = {} if known is None else known
    needed = {source}
    for node in order:  # each after its sources
        if node in needed and (node is source or node not in delta):
            needed.update(reader for reader, _ in readers[node])

    def parts(node: Node) -> list[Num | Product]:
        own: list[Num | Product] = [dy] if node is result else []
        return own + [transpose(delta[reader]) for reader, transpose in readers[node]]

    for node in reversed(order[1:]):
        if node in needed and node not in delta:
            delta[node] = total(parts(node))
    arrived = parts(source)
    return arrived[0] if len(arrived) == 1 else total(arrived)


def _between(result: Node, source: Node) -> list[Node]:
    """The nodes on some way from `source` to `result`, each after its sources."""
    order: list[Node] = []
    leads: dict[Node, bool] = {source: True}

    def visit(node: Node) -> bool:
        if node not in leads:
            leads[node] = False
            leads[node] = sum(visit(one) for one, _ in node.sources) > 0  # every one is visited
            if leads[node]:
                order.append(node)
        return leads[node]

    visit(result)
    return [source, *order]
