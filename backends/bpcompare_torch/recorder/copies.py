"""Copies of parameters that an optimizer moves in their stead: in a wider format, or several of them in one vector.

A parameter q that no backward pass comes to is such a copy of p₁ … pₙ if its numbers, rounded to their formats, are theirs, one
after the other; and if its gradient is made of theirs, and is theirs in the same order, up to one factor and rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from bpcompare.program import Unexamined
from bpcompare_torch.recorder.moved import Moved
from bpcompare_torch.recorder.tape import Seen, behind

ROUNDED = 2.0**-6
"""How far, relative to itself, an entry of a gradient may be off that was rounded on its way (bfloat16), and scaled."""
LOST = 2.0**-20
"""How far relative to the largest: what underflows in float16."""
STALE = "an optimizer moved its copy {}, but at the end it is not that: it was not brought back, not whole, or changed after that"


class Delivered(NamedTuple):
    """What a backward pass delivered to a leaf: its numbers in the forward, and its `.grad` after that."""

    leaf: Seen
    after: Seen


class Part(NamedTuple):
    """A parameter's part of a copy: it begins at an offset."""

    address: int
    name: str
    offset: int


class Copies:
    """Which parameters of optimizers are copies, and of what."""

    def __init__(self) -> None:
        self._delivered: dict[Seen, Delivered] = {}
        self._leaves: set[int | None] = set()
        self.parts: dict[int, list[Part]] = {}
        """By the identity of the copy."""
        self.names: dict[int, str] = {}

    def deliver(self, delta: Seen, leaf: Seen, after: Seen) -> None:
        """A backward pass delivers `delta` to a leaf: `after` is its `.grad` then."""
        self._delivered[delta] = Delivered(leaf, after)
        self._leaves.add(delta.address)

    def find(self, one: Moved) -> None:
        """An optimizer is about to move a parameter: whether it is a copy."""
        if one.gradient is None or id(one.parameter) in self._leaves or one.before.tensor.numel() == 0:
            return
        found: dict[int, Delivered] = {}
        for seen in behind(one.gradient):
            if seen.address is not None and seen in self._delivered:
                found[seen.address] = self._delivered[seen]
        parts = _parts(one, found)
        if parts:
            self.parts[id(one.parameter)], self.names[id(one.parameter)] = parts, one.name
            one.stands_for = frozenset(part.address for part in parts)

    def behind(self, addresses: set[int]) -> set[int]:
        """The parameters of that identity, and those that they stand for."""
        return addresses | {part.address for address in addresses for part in self.parts.get(address, ())}

    def stale(self, moved: Sequence[Moved], parameters: Mapping[int, Tensor]) -> Iterator[Unexamined]:
        """Parameters that are not, at the end, what their copy was moved to. `parameters` by their identity."""
        last = {id(one.parameter): one for one in moved if one.after is not None}
        for address, one in last.items():
            for part in self.parts.get(address, ()):
                p = parameters.get(part.address)
                if p is None or one.after is None:
                    continue
                left = _cut(one.after.tensor, part, p)
                if not torch.equal(left, p.detach().flatten()):
                    yield Unexamined(part.name, STALE.format(one.name))

    def told(self) -> str:
        """For a report: which is a copy of what."""
        return "; ".join(
            f"{self.names[address]} of {', '.join(part.name for part in parts[:3])}{' …' if len(parts) > 3 else ''}"
            for address, parts in self.parts.items()
        )


def _cut(whole: Tensor, part: Part, like: Tensor) -> Tensor:
    return whole.detach().flatten()[part.offset : part.offset + like.numel()].to(like.dtype)


def _parts(one: Moved, found: Mapping[int, Delivered]) -> list[Part]:
    """Where in a copy the parameters stand; none if it is none, or not provably one.

    Others may have a part in its gradient, by a factor that is made from all (clipping): one that is the whole of it goes first.
    """
    size = one.before.tensor.numel()
    alone = [address for address, (leaf, _) in found.items() if leaf.kept.shape == one.before.shape]
    several, offset = [], 0
    for address, (leaf, _) in found.items():
        if offset < size:
            several.append(address)
            offset += leaf.kept.tensor.numel()
    tried = ([[address] for address in alone] + ([several] if len(several) > 1 else [])) if offset <= size or alone else []
    return next((parts for some in tried if (parts := _held(one, {address: found[address] for address in some}))), [])


def _held(one: Moved, found: Mapping[int, Delivered]) -> list[Part]:
    """The parameters' parts, if the copy holds just these, one after the other, and their gradients."""
    q, g = one.before.tensor.detach(), one.gradient.kept.tensor.detach().flatten().double()  # type: ignore[union-attr]
    parts, factors, offset = [], [], 0
    for address, (leaf, after) in found.items():
        p, mine = leaf.kept.tensor.detach(), after.kept.tensor.detach().flatten().double()
        part = Part(address, leaf.name, offset)
        offset += p.numel()
        if offset > q.numel() or not torch.equal(_cut(q, part, p), p.flatten()):
            return []
        theirs = g[part.offset : offset]
        factor = float((mine @ theirs) / (mine @ mine)) if bool(mine.any()) else 0.0
        scaled = factor * mine
        if bool(((theirs - scaled).abs() > ROUNDED * scaled.abs() + LOST * scaled.abs().max()).any()):
            return []
        parts.append(part)
        factors += [factor] if factor else []
    if any(factor < 0 for factor in factors) or any(abs(a / b - 1) > ROUNDED for a, b in pairwise(factors)):
        return []
    return [] if bool(g[offset:].any()) else parts
