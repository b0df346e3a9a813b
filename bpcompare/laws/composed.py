"""Laws that are given by their forward program alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bpcompare.laws.kernel import Node, lifted, pulled_back
from bpcompare.laws.law import At, PlainLaw
from bpcompare.numbers.number import Num, Product

Formula = Callable[[At[Any]], Node]
"""y from `at`, whose sources and parameters are nodes: `at.xs[i]`, `at.p[role]`. Draws and state, `at.c`, are plain numbers."""


KEPT = 2
"""So many steps at a time are kept as they were evaluated: their numbers are large, and Δ of a fork asks for two.

A dictionary that keeps another number of them says so by its attribute `most`.
"""


class Composed(PlainLaw):
    """y = formula(at), a program over the kernel. Δ and gradient follow from the transposes of its primitives.

    That is the inductive step, applied to the few nodes inside the op: each of them is evaluated only if the question needs it.
    """

    def __init__(self, formula: Formula, *, rearranged: bool = False) -> None:
        self.formula = formula
        self.rearranged = rearranged

    def forward(self, at: At[Any]) -> Num:
        """The program's value."""
        return self.formula(remembering(at)).value

    def delta(self, at: At[Any]) -> Num | Product:
        """Δ pulled back to one source."""
        inside, result = self.program(at)
        return pulled_back(result, at.dy, inside.xs[at.slot])

    def gradient(self, at: At[Any]) -> Num | Product:
        """Δ pulled back to one parameter."""
        inside, result = self.program(at)
        return pulled_back(result, at.dy, inside.p[at.role])

    def program(self, at: At[Any]) -> tuple[At[Any], Node]:
        """The sources as nodes, and the result. Where `at.kept` remembers it, Δ of a second source finds it evaluated."""
        if at.kept is None:
            inside = remembering(at)
            return inside, self.formula(inside)
        key = at.owner
        if key not in at.kept:
            inside = remembering(at)
            if len(at.kept) >= getattr(at.kept, "most", KEPT):
                del at.kept[next(iter(at.kept))]
            at.kept[key] = (inside, self.formula(inside), {})
        inside, result, _ = at.kept[key]
        return inside, result

    def arrived(self, at: At[Any]) -> dict[Node, Num] | None:
        """Δ of nodes inside that the way back to another source went through; None where nothing is kept of this `dy`."""
        if at.kept is None or not at.sent:
            return None
        found: dict[Node, Num] = at.kept[at.owner][2].setdefault(at.sent, {})
        return found


def remembering(at: At[Any]) -> At[Any]:
    """The place with its sources and parameters as nodes."""
    return at.but(xs=_Sources(at.xs), p=_Parameters(at.p))


class _Sources(Sequence[Any]):
    """The sources as nodes, each looked up and made once."""

    def __init__(self, xs: Sequence[Num]) -> None:
        self._xs = xs
        self._nodes: dict[int, Node] = {}

    def __len__(self) -> int:
        return len(self._xs)

    def __getitem__(self, slot: Any) -> Any:
        if isinstance(slot, slice):
            return [self[i] for i in range(*slot.indices(len(self)))]
        if not -len(self) <= slot < len(self):
            raise IndexError(slot)
        slot %= len(self)
        if slot not in self._nodes:
            self._nodes[slot] = lifted(self._xs[slot])
        return self._nodes[slot]


class _Parameters(Mapping[str, Any]):
    """The parameters as nodes, each looked up and made once."""

    def __init__(self, p: Mapping[str, Num]) -> None:
        self._p = p
        self._nodes: dict[str, Node] = {}

    def __len__(self) -> int:
        return len(self._p)

    def __iter__(self) -> Any:
        return iter(self._p)

    def __getitem__(self, role: str) -> Node:
        if role not in self._nodes:
            self._nodes[role] = lifted(self._p[role])
        return self._nodes[role]
