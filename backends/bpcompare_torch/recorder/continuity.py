"""Whether each step begins where the one before it ended: parameters, states of optimizers, and gradients that were used once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

from torch import Tensor

from bpcompare.program import Unexamined
from bpcompare_torch.recorder.memory import Kept
from bpcompare_torch.recorder.moved import Moved
from bpcompare_torch.recorder.tape import ANEW, Seen

UNSEEN = "it was changed between forward and step, or between two steps, in a way that nobody saw (NumPy, another process, C++)"
TAMPERED = "code outside of all steps of optimizers changed it: what the next step starts from was taken as it is"
INSIDE = "a step of its optimizer changed it in a way that nobody saw (NumPy, a kernel of its own, C++)"
AFTERWARDS = "it was changed after what read or left it last, in a way that nobody saw (.data, NumPy, another process, C++)"
UNDONE = "code moved it by hand and put it back to where it had been, and no step moved it on from there"
AGAIN = "a step of an optimizer used it already, or a part of it, and it was not cleared before it was used again"


class Continuity:
    """Keeps what each step left, and compares what the next one finds.

    `unexamined`: what is other than it was left, by what it is.
    """

    def __init__(self) -> None:
        self.unexamined: dict[str, Unexamined] = {}
        self.unused: dict[int, Seen] = {}
        """By the identity of its tensor, each leaf that has a gradient which no step of an optimizer has used."""
        self.put_back: dict[str, None] = {}
        """Parameters that code moved by hand, and put back to where they had been: for a look at a place nearby."""
        self._moved_from: dict[int, list[Kept]] = {}
        self._looked: set[int] = set()
        self._waiting: dict[int, str] = {}
        """Parameters that were put back, by name, and that nothing has moved on from there."""
        self._left: dict[int, tuple[Kept, int]] = {}
        self._states: WeakKeyDictionary[Any, dict[tuple[int, str], Kept]] = WeakKeyDictionary()
        self._spent: dict[Seen, None] = {}
        self._known: set[int] = set()
        self._touched: dict[int, ReferenceType[Tensor]] = {}

    def read(self, t: Tensor, leaf: Seen) -> None:
        """A backward pass delivers to a leaf: its forward read the numbers of `leaf`."""
        if not leaf.kept.torn:
            self.found(id(t), leaf.kept, leaf.clock, leaf.name)
        if id(t) in self._waiting:
            self._note(self._waiting.pop(id(t)), UNDONE)
        if id(t) in self._moved_from:
            self._looked.add(id(t))
        self.unused[id(t)] = leaf

    def wrote(self, address: int) -> None:
        """Somebody's code wrote into a parameter by torch's own functions, which is told elsewhere."""
        self._known.add(address)

    def left(self, address: int, now: Kept, clock: int) -> None:
        """Somebody's code, which is told elsewhere, has left these numbers in the whole of a parameter."""
        if self._waiting.pop(address, None):  # moved on by hand: who goes back once more undoes that
            self._moved_from.pop(address, None)
            self._looked.discard(address)
        elif address in self._left:
            self._moved_from.setdefault(address, []).append(self._left[address][0])
        self._left[address] = now, clock
        self._known.discard(address)

    def returned(self, address: int, now: Kept, clock: int, name: str) -> bool:
        """Whether a parameter has the very numbers again that it had before it was moved by hand, for a look from there."""
        if address not in self._looked or not any(before.same(now) for before in self._moved_from.get(address, ())):
            return False
        self.put_back[name] = None
        self._waiting[address] = name
        self._left[address] = now, clock
        self._known.discard(address)
        return True

    def touched(self, t: Tensor) -> None:
        """Somebody's code wrote into a tensor, which may be a state of an optimizer."""
        number, touched = id(t), self._touched  # not self, which would hold all numbers for as long as the tensor is there
        touched[number] = ref(t, lambda _gone: touched.pop(number, None))

    def states(self, name: str, slots: Mapping[str, Tensor | None]) -> None:
        """A step of an optimizer begins with these states: names those that were written into."""
        for slot, t in slots.items():
            found = None if t is None else self._touched.pop(id(t), None)
            if found is not None and found() is t:
                self._note(f"{slot} of {name}", TAMPERED)

    def begins(self, optimizer: Any, one: Moved, clock: int) -> None:
        """A step of an optimizer begins with these numbers of a parameter, its gradient and its state."""
        self.found(id(one.parameter), one.before, clock, one.name)
        if one.gradient is None:
            return
        self.stale(one)
        states = self._states.get(optimizer, {}) if one.slots else {}
        for slot, kept in one.slots.items():
            last = states.get((id(one.parameter), slot))
            if last is not None and (kept is None or not last.same(kept)):
                self._note(f"{slot} of {one.name}", TAMPERED)

    def stale(self, one: Moved) -> None:
        """A step of an optimizer uses a gradient: names one that a step used before."""
        if one.gradient is not None and self._stale(one.gradient):
            self._note(f"the gradient of {one.name}", AGAIN)

    def ended(self, one: Moved, now: Kept, clock: int) -> None:
        """A step that was recorded function by function ends, and a parameter holds these numbers."""
        self.found(id(one.parameter), now, clock, one.name, INSIDE)
        self._moved_on(one)
        if one.gradient is not None:
            self._spent[one.gradient] = None

    def ends(self, optimizer: Any, one: Moved, clock: int) -> None:
        """A step of an optimizer ends with these."""
        if one.after is not None:
            self._left[id(one.parameter)] = one.after, clock
        self._known.discard(id(one.parameter))
        self._moved_on(one)
        if one.gradient is None:
            return
        self._spent[one.gradient] = None
        self.unused.pop(id(one.parameter), None)
        left = {(id(one.parameter), slot): kept for slot, kept in one.slots_after.items() if kept is not None}
        if left:
            self._states.setdefault(optimizer, {}).update(left)

    def _moved_on(self, one: Moved) -> None:
        """A step has moved a parameter, if that has a gradient: one that is undone is no look at a place nearby."""
        self._moved_from.pop(id(one.parameter), None)
        self._looked.discard(id(one.parameter))
        if one.gradient is not None:
            self._waiting.pop(id(one.parameter), None)

    def over(self, t: Tensor, name: str, now: Kept) -> None:
        """Watching ends, and a parameter holds these numbers."""
        left, _ = self._left.get(id(t), (None, 0))
        if left is not None and id(t) not in self._known and left.shape == now.shape and not _alike(left, now):
            self._note(name, AFTERWARDS)
        elif id(t) in self._waiting:
            self._note(name, UNDONE)

    def state_over(self, what: str, left: Kept, now: Kept | None) -> None:
        """Watching ends, and a state of an optimizer, which its last step left so, holds these numbers, or is gone."""
        if now is None or not _alike(left, now):
            self._note(what, AFTERWARDS)

    def by_hand(self, addresses: Collection[int]) -> None:
        """What updates by hand have used."""
        for address in addresses:
            self.unused.pop(address, None)

    def _stale(self, gradient: Seen) -> bool:
        """Whether what a step used already is a part of a gradient."""
        waiting, found = [gradient], {gradient}
        while waiting:
            seen = waiting.pop()
            if seen in self._spent:
                return True
            if seen.entry is not None and seen.entry.function not in ANEW:
                more = [one for one in seen.entry.read() if one.reduced and one not in found]
                found.update(more)
                waiting += more
        return False

    def found(self, address: int, now: Kept, clock: int, name: str, why: str = UNSEEN) -> None:
        """Somebody reads a parameter, and finds these numbers in it. `why`: what is said where others were left there."""
        left, since = self._left.get(address, (None, 0))
        known = address in self._known
        if left is not None and clock >= since and not known and left.shape == now.shape and not left.same(now):
            if self.returned(address, now, clock, name):
                return
            self._note(name, why)
        self._left[address] = now, clock

    def _note(self, what: str, why: str) -> None:
        self.unexamined.setdefault(what, Unexamined(what, why))


def _alike(one: Kept, other: Kept) -> bool:
    return one.tensor.dtype == other.tensor.dtype and one.same(other)
