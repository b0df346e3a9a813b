"""Which recorded value a tensor is.

A tensor that autograd follows is known by its edge: the sequence number of its node, and its number among the node's outputs.
Others are known by their memory. Where memory was written into, through a view or without autograd, what a tensor holds now is
worked out from the writes since it was last seen: exact moves of entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import torch
from torch import Tensor

from bpcompare.program import CUT_OFF, Place
from bpcompare_torch.recorder.geometry import addresses, geometry, key, places, strided
from bpcompare_torch.recorder.graph import Point, before, leaf_of
from bpcompare_torch.recorder.memory import Kept, Memory, storage_of
from bpcompare_torch.recorder.tape import SPARSE, Custom, Entry, Seen, Write, silent

Edge = tuple[int, int]


class Identity:
    """Finds values by tensors. Keeps every tensor alive that it knows, for a freed one could lend its address to another.

    `now` is autograd's number for the call whose arguments are looked up, None where autograd does not follow it. `settle` names
    what custom functions have given back meanwhile.
    """

    def __init__(self, names: Mapping[int, str], entered: Callable[[Entry], None], memory: Memory) -> None:
        self.memory = memory
        self.leaves: dict[int, Seen] = {}
        self.custom: Custom | None = None
        self.follow: Callable[[Seen, Tensor], None] = silent
        self.leaving: Callable[[Seen, Tensor], None] = silent
        self.settle: Callable[[], None] = silent
        self._names = names
        self._entered = entered
        self.now: int | None = None
        self._by_edge: dict[Edge, Seen] = {}
        self._by_place: dict[int, dict[tuple[Any, ...], Seen]] = {}
        self._last: dict[int, Seen] = {}
        self._cut: dict[Seen, Seen] = {}
        self._writes: dict[int, list[Write]] = {}
        self._alive: dict[int, Tensor] = {}
        self._stepped: set[int] = set()
        self._nodes: dict[int, Any] = {}
        self._strangers: dict[int, Any] = {}
        self._by_point: dict[Point, dict[int, Tensor]] = {}

    def of(self, t: Tensor) -> Seen:
        """The value that t is now."""
        self.settle()
        if not strided(t):
            return Seen("given", self.memory.keep(t), self.memory.clock, why=SPARSE)
        if self.memory.foreign(t):
            self._check(t)
        # A view that a custom function makes of what it is given is a leaf to autograd, which looks away there.
        inside = self.custom is not None and t.requires_grad and t.is_leaf and (t._is_view() or self._detached(t))
        if not t.requires_grad or inside:
            seen = self._given(t)
        elif t.is_leaf:
            seen = (None if torch.is_grad_enabled() else self.after_step(t)) or self._leaf(t)
        else:
            seen = self._inner(t)
        self._alive[id(t)] = t
        self._last[id(t)] = seen
        # What a custom function makes within it has an old name in autograd, or none that gradients come to.
        made_inside = inside or (self.custom is not None and seen.origin is self.custom)
        point = None if t.grad_fn is None else self.point_of(t)
        if seen.depends and t.requires_grad and not seen.hooked and not made_inside:
            seen.hooked, seen.point = True, point or self.point_of(t)
            self.follow(seen, t)
        if point is not None:
            self._known_at(point, t)
        return seen

    def gradient(self, t: Tensor) -> Seen:
        """The value that stands in a `.grad`: what was delivered there, also where autograd follows it (create_graph=True)."""
        found = self.at(t) if t.requires_grad and strided(t) else None
        return found if found is not None and found.reduced else self.of(t)

    def _detached(self, t: Tensor) -> bool:
        """Whether a custom function made a leaf of its own of what reaches it, to differentiate by itself."""
        found = self.at(t)
        anew = found is not None and found.depends and found.origin is self.custom and found.kind == "made"
        if anew and found is not None:
            found.followed = True
        return anew

    def tensor(self, address: int) -> Tensor:
        """The tensor of that identity."""
        return self._alive[address]

    def hooked(self, reached: AbstractSet[Point]) -> Iterator[tuple[Tensor, Seen]]:
        """Values inside that somebody has hooked, with their tensors: those that a gradient can come to."""
        found = [t for point in reached & self._by_point.keys() for t in self._by_point[point].values()]
        for t in found:
            if t.grad_fn is not None and t._backward_hooks and id(t) in self._last:
                yield t, self.of(t)

    def reduced(self, t: Tensor) -> bool:
        """Whether t was made from gradients after `backward`."""
        if not self._by_place or not strided(t):
            return False
        found = self.at(t) if not t.requires_grad else None if torch.is_grad_enabled() else self.after_step(t)
        return found is not None and found.reduced

    def stepped(self, t: Tensor, seen: Seen) -> None:
        """A step of an optimizer has left `seen` in t, which stands for other parameters."""
        self._stepped.add(id(t))
        self.made(t, seen, None)

    def after_step(self, t: Tensor) -> Seen | None:
        """What a step left in t, for somebody who reads it without autograd."""
        found = self.at(t) if self._stepped and id(t if t._base is None else t._base) in self._stepped else None
        return found if found is not None and found.reduced else None

    # what was made, and what was written

    def made(self, t: Tensor, seen: Seen, edge: Edge | None) -> None:
        """A call made t; `edge` is autograd's name for it."""
        if edge is not None:
            first = self._by_edge.get(edge)
            # The first call of a node is the one that autograd follows, unless it only prepared that one, below autograd.
            before = None if first is None or first.node is None else self._alive.get(first.node[1])
            if first is None or (before is not None and not before.requires_grad):
                self._by_edge[edge] = seen
            seen.node = (edge[0], id(t))
            self._known_at(("node", edge[0]), t)
        here, place = self._by_place.setdefault(storage_of(t), {}), key(t)
        if not (seen.reduced and place in here and here[place].reduced):  # the same numbers under another name
            here[place] = seen
        self._alive[id(t)] = t
        self._last[id(t)] = seen

    def end(self) -> None:
        """Nothing is recorded any more: tensors are let go, and numbers that others could change are copied."""
        # Of data that NumPy shares, nobody counts the holders.
        foreign = [seen.kept for seen in self.leaves.values()]
        foreign += [one.kept for at in self._by_place.values() for one in at.values() if one.kind == "given"]
        self._alive.clear()
        self._last.clear()
        self._by_point.clear()
        self._nodes.clear()
        self._strangers.clear()
        self._by_place.clear()
        self.memory.secure(foreign)
        self.follow = self.leaving = self.settle = silent

    def renamed(self, t: Tensor, seen: Seen, edge: Edge) -> None:
        """t, the result of a custom function, has a new name in autograd."""
        self._by_edge[edge] = seen
        self._alive[id(t)] = t
        self._last[id(t)] = seen
        self._known_at(("node", edge[0]), t)

    def _known_at(self, point: Point, t: Tensor) -> None:
        """The gradient of t arrives at a point."""
        self._by_point.setdefault(point, {})[id(t)] = t

    def inside(self, t: Tensor) -> Seen | None:
        """The value of the memory of t, made inside of a custom function or handed in to it."""
        found = self.at(t)
        if found is not None and found.depends:
            return found
        for one in self._alive.values():  # an input that was given back as it is
            if one is not t and one.requires_grad and storage_of(one) == storage_of(t) and key(one) == key(t):
                return self.of(one)
        return None

    def before_write(self, t: Tensor) -> None:
        """t is about to be written into by a recorded call: what its memory holds must be known."""
        base = t._base
        if base is not None and id(base) not in self._last:
            self.of(base)
        for one in (t, base):
            if one is not None and one._backward_hooks and one.grad_fn is not None:
                self.leaving(self.of(one), one)

    def under_write(self, t: Tensor) -> Seen:
        """The value of t as what is about to be written into it reads it.

        Autograd leads Δ of a view that is written into past the view's own node, to its base: the value is read out of that.
        """
        base = t._base
        if base is None or not (t.requires_grad and base.requires_grad):
            return self.of(t)
        whole = self.of(base)
        index = places(addresses(geometry(t)), addresses(geometry(base)))
        seen = self._moved("reread", {"self": whole, "index": index}, self.memory.keep(t))
        seen.between = True  # it may be memory that nobody has written into yet
        return seen

    def overwritten(self, t: Tensor, written: Seen | None, *, noted: bool = False) -> None:
        """t is about to be written into (or was, where the time is noted already): by what is `written`, if that was seen."""
        if not strided(t):
            return
        storage = storage_of(t)
        shared = noted or self.memory.written(t)
        known = self._by_place.pop(storage, None)
        if written is not None:
            self._by_place[storage] = {key(t): written}
        if shared or known or storage in self._writes:
            self._writes.setdefault(storage, []).append(Write(self.memory.clock, geometry(t), written, t.element_size()))

    # the three kinds of tensors

    def _given(self, t: Tensor) -> Seen:
        found = self._own(t) or self.at(t)
        if found is not None:
            below = found.node is not None and found.node[0] == self.now  # made inside of the very call that reads it
            if not found.depends or found.origin is self.custom is not None or below:
                return found
            # detached, or carried out of a custom function: from here on nothing reaches it
            if found not in self._cut:
                self._cut[found] = Seen("given", found.kept, found.clock, name=CUT_OFF)
            return self._cut[found]
        last = self._last.get(id(t))
        # A gradient, or what a custom function made, whose memory was written into through a view, or beside it.
        mine = last is not None and (last.reduced or (last.depends and last.origin is self.custom is not None))
        if mine and (found := self._current(t)) is not None:
            self._by_place.setdefault(storage_of(t), {})[key(t)] = found
            return found
        seen = Seen("given", self.memory.keep(t), self.memory.clock, name=self._names.get(id(t), ""))
        self._by_place.setdefault(storage_of(t), {})[key(t)] = seen
        return seen

    def resolved(self, t: Tensor, node: int) -> bool:
        """Whether t is what torch made, below autograd, of a conjugate or a negative for the very call that reads it."""
        if not strided(t):
            return False
        found = self.at(t)
        entry = None if found is None else found.entry
        below = found is not None and found.depends and found.node is not None and found.node[0] == node
        return below and entry is not None and entry.function == "clone"

    def _own(self, t: Tensor) -> Seen | None:
        """Inside of a custom function: what t itself was made as. Another tensor may hold the same memory, detached from it."""
        seen = self._last.get(id(t)) if self.custom is not None else None
        mine = seen is not None and seen.origin is self.custom and not self._since(t, seen.clock)
        return seen if mine else None

    def at(self, t: Tensor) -> Seen | None:
        """The value that is known to stand in the memory of t."""
        here = self._by_place.get(storage_of(t))
        return None if here is None else here.get(key(t))

    def _leaf(self, t: Tensor) -> Seen:
        seen = self.leaves.get(id(t))
        if seen is not None and not seen.name:  # it was met before its model was called: by what is printed of a step before
            seen.name = self._names.get(id(t), "")
        if seen is None or self._since(t, seen.clock) or not self._still(seen, t):
            seen = Seen("leaf", self.memory.keep(t), self.memory.clock, True, self._names.get(id(t), ""), address=id(t))
            self.leaves[id(t)] = seen
        return seen

    def lend(self, t: Tensor) -> None:
        """From now on somebody outside of torch shares the memory of t, whose writes nobody sees."""
        if strided(t):
            self.memory.lend(t)

    def _still(self, seen: Seen, t: Tensor) -> bool:
        if storage_of(seen.kept.tensor) == storage_of(t):
            return True
        return self.memory.foreign(t) and seen.kept.same(self.memory.keep(t))

    def _check(self, t: Tensor) -> None:
        """Whether memory that others may write into, unseen, still holds what it is known to hold."""
        known = self.at(t) or self._last.get(id(t))
        if known is not None and not self._since(t, known.clock) and not known.kept.same(Kept(t.detach())):
            self.overwritten(t, None)

    def _inner(self, t: Tensor) -> Seen:
        edge = (self.number(t.grad_fn), t.output_nr)
        seen = self._by_edge.get(edge)
        if seen is not None and t.shape == seen.kept.tensor.shape and not self._since(t, seen.clock) and self._holds(t, seen):
            return seen
        found = self._rewritten(t) if storage_of(t) in self._writes else self._same(t)
        if found is None or not found.depends:
            found = self._aliased(t) or self._unknown(t)
        self._by_edge[edge] = found
        return found

    def _holds(self, t: Tensor, seen: Seen) -> bool:
        """Whether t can be that value, by its memory: compiled code and other threads make nodes with the numbers of others."""
        if self._last.get(id(t)) is seen or self.memory.foreign(t):
            return True
        return storage_of(seen.kept.tensor) == storage_of(t)

    def number(self, node: Any) -> int:
        """Autograd's number of a node. Each thread counts for itself: of two nodes with one number, the second gets another."""
        number: int = node._sequence_nr()
        if self._nodes.setdefault(number, node) is node:
            return number
        self._strangers[id(node)] = node
        return -id(node)

    def point(self, node: Any) -> Point:
        """The point of a node: by its number, or by the leaf whose gradient it accumulates."""
        leaf = leaf_of(node)
        return ("node", self.number(node)) if leaf is None else ("leaf", id(leaf))

    def point_of(self, t: Tensor) -> Point:
        """The point at which the gradient of t arrives."""
        return ("leaf", id(t)) if t.grad_fn is None else ("node", self.number(t.grad_fn))

    def _aliased(self, t: Tensor) -> Seen | None:
        """Of a subclass of Tensor: the plain result of a call. torch makes the one of the other where no mode sees it."""
        node: Any = t.grad_fn
        number = t.output_nr
        while node.name() == "AliasBackward0" and (self.number(node), number) not in self._by_edge:
            node, number = node.next_functions[0]
        if node is t.grad_fn:
            return None
        leaf = leaf_of(node)
        plain = self.of(leaf) if leaf is not None else self._by_edge.get((self.number(node), number))
        plain = plain or (None if t._base is None else self._same(t._base))
        if plain is None:
            return None
        kept = plain.kept.tensor  # a copy elsewhere, once its memory was written into
        same = (storage_of(kept), key(kept)) == (storage_of(t), key(t))
        return self._moved("alias", {"self": plain}, self.memory.keep(t)) if same else None

    def _unknown(self, t: Tensor) -> Seen:
        """A value that nobody saw being made. Of what autograd leads back to from it, not all Δ was seen."""
        name: str = t.grad_fn.name()  # type: ignore[union-attr]
        arguments = {f"input{number}": one for number, one in enumerate(self._before(t.grad_fn))}
        entry = Entry(f"{name} of a value that changed unseen", arguments, Place("", name), custom=self.custom)
        found = Seen("unknown", self.memory.keep(t), self.memory.clock, True, name, entry, 0, self.custom)
        entry.results.append(found)
        self._entered(entry)
        return found

    def _before(self, node: Any) -> list[Seen]:
        """The values nearest to a node of autograd, on every way back from it, that are known."""
        return list(before(node, self.of, lambda source, number: self._by_edge.get((self.number(source), number))))

    def _same(self, t: Tensor) -> Seen | None:
        """The very tensor that a call gave back. Its node is not the newest one where autograd made one for a view meanwhile."""
        seen = self._last.get(id(t))
        return seen if seen is not None and seen.kind == "made" and tuple(t.shape) == seen.kept.shape else None

    # memory that was written into

    def _since(self, t: Tensor, clock: int) -> bool:
        """Whether the memory of t was written into after a time."""
        if not self._writes:
            return False
        writes = self._writes.get(storage_of(t))
        return bool(writes) and writes[-1].clock > clock  # type: ignore[index]

    def _rewritten(self, t: Tensor) -> Seen | None:
        """What t is after writes: from what it last was or, of a view, from its base."""
        base = t._base
        if base is None:
            return self._current(t)
        whole = self._current(base)
        if whole is None:
            return None
        if base.requires_grad and not whole.hooked and base.grad_fn is not None:
            whole.hooked, whole.point = True, self.point_of(base)
            self.follow(whole, base)
        index = places(addresses(geometry(t)), addresses(geometry(base)))
        return self._moved("reread", {"self": whole, "index": index}, self.memory.keep(t))

    def _current(self, t: Tensor) -> Seen | None:
        """What t last was, with everything on top that was written since."""
        seen = self._last.get(id(t))
        if seen is None:
            return None
        mine = addresses(geometry(t))
        since = [write for write in self._writes.get(storage_of(t), ()) if write.clock > seen.clock]
        for write in since:
            index = places(mine, addresses(write.where))
            if write.size == t.element_size() and (index < 0).all():
                continue  # it went next to this, into the same memory
            if write.written is None:
                return None
            arguments = {"self": seen, "written": write.written, "index": index}
            seen = self._moved("overlay", arguments, self.memory.keep(t), write.clock)
            seen.between = write is not since[-1]
        self._last[id(t)] = seen
        return seen

    def _moved(self, function: str, arguments: dict[str, Any], kept: Any, clock: int | None = None) -> Seen:
        entry = Entry(function, arguments, Place("", function), custom=self.custom)
        seen = Seen("made", kept, self.memory.clock if clock is None else clock, True, "", entry, 0, self.custom)
        seen.depends = any(one.depends for one in entry.read())
        seen.reduced = not seen.depends and any(one.reduced for one in entry.read())
        entry.results.append(seen)
        self._entered(entry)
        return seen
