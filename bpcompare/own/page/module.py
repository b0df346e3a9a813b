"""The tree of modules as it is shown: layers that are alike behind one line, each with what it calls, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from bpcompare.own.page.call import Shown
from bpcompare.own.tree import Branch, folded, measured

OPEN = 8
"""Modules with something wrong in them that stand open."""


@dataclass(frozen=True)
class Timed:
    """A call, when it was made, and the title of its recording."""

    call: Shown
    at: int
    title: str


@dataclass(frozen=True)
class Module:
    """A module, or layers that are alike (`alike`: how many; what they call stands with each of them).

    `power`, `claims` and `parameters` are those of the tree in the terminal. `holds` are its modules and its own calls in the
    order of time, beginning `at`.
    """

    name: str
    state: str
    power: str
    claims: str
    parameters: str
    alike: int
    open: bool
    at: float
    holds: tuple[Module | Timed, ...]


def modules(root: Branch, calls: Mapping[str, Sequence[Timed]]) -> Module:
    """The whole tree. `calls` are those of each module, by its path."""
    return _Tree(calls).module(root, "", top=True)


class _Tree:
    def __init__(self, calls: Mapping[str, Sequence[Timed]]) -> None:
        self._calls = calls
        self._room = OPEN

    def module(self, branch: Branch, path: str, *, top: bool = False) -> Module:
        own = self._calls.get(path, ())
        wrong = any(one.call.state == "wrong" for one in own)
        self._room -= wrong
        below = tuple(self._below(branch, path))
        shown = top or (wrong and self._room >= 0) or any(one.open for one in below)
        return _made(branch, 0, shown, (*below, *own))

    def _below(self, branch: Branch, path: str) -> Iterator[Module]:
        for one, alike in folded(branch):
            inner = [self.module(member, f"{path}.{member.name}" if path else member.name) for member in alike]
            if len(alike) > 1 and alike[0].name.isdigit():
                yield _made(one, len(alike), any(member.open for member in inner), inner)
            else:
                yield from inner


def _made(branch: Branch, alike: int, shown: bool, holds: Sequence[Module | Timed]) -> Module:
    ordered = tuple(sorted(holds, key=lambda one: one.at))
    return Module(
        branch.name, branch.state, *measured(branch), alike, shown, min((one.at for one in holds), default=inf), ordered
    )
