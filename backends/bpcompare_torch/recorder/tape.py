"""What was seen: values, and the calls that made them, in the order of time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from torch import Tensor

from bpcompare.program import Place
from bpcompare_torch.recorder.geometry import Geometry
from bpcompare_torch.recorder.graph import Point
from bpcompare_torch.recorder.hooks import name, ours
from bpcompare_torch.recorder.memory import Kept

Kind = Literal["leaf", "given", "made", "unknown"]

ANEW = ("zero", "fill", "copy")
"""Functions that write without reading what stood there."""


DRAWN = frozenset(("normal", "uniform", "bernoulli", "exponential", "geometric", "cauchy", "log_normal", "random"))
"""Functions that fill memory with numbers that they draw."""


def silent(*_args: Any) -> None:
    """In the place of somebody who is told: nobody is."""


@dataclass(eq=False, slots=True)
class Seen:
    """A value at one time. `leaf`: it asks for a gradient itself; `made`: by a recorded call; `given`: nothing reaches it.

    `unknown`: autograd goes through it, but the recorder does not know where it came from. `depends`: a leaf reaches it.
    `clock` is the time at which it was seen; `origin` the custom function inside of which it was made. `between`: its numbers
    are nobody's, they stand between two writes. `followed`: detached inside of a custom function, but to be a leaf of its own or
    to be given back. `reduced`: it is made from gradients after `backward`. `address`: of a leaf, and of a gradient that
    `backward`
    delivered to one, the identity of the leaf's tensor. `why`: why nobody knows what a gradient held before. `point`: where
    autograd delivers its Δ. `node`: the number of autograd's node that was the newest when a call made it, and the identity of
    its tensor.
    """

    kind: Kind
    kept: Kept
    clock: int
    depends: bool = False
    name: str = ""
    entry: Entry | None = None
    output: int = 0
    origin: Custom | None = None
    hooked: bool = False
    between: bool = False
    followed: bool = False
    reduced: bool = False
    node: tuple[int, int] | None = None
    address: int | None = None
    why: str = ""
    point: Point | None = None

    @property
    def floating(self) -> bool:
        """Whether it has numbers that gradients may be of."""
        return self.kept.tensor.is_floating_point() or self.complex

    @property
    def complex(self) -> bool:
        """Whether its numbers are complex: they stand in programs as pairs."""
        return self.kept.tensor.is_complex()


@dataclass(eq=False, slots=True)
class Entry:
    """One call: its function's name, its arguments by name with what was seen in place of tensors, and its results.

    `states` are what it left in arguments that it moves on from call to call, by their names. `factors`: how far factors of its
    products may be off before they are multiplied (`bpcompare_torch.recorder.precision`).
    """

    function: str
    arguments: dict[str, Any]
    place: Place
    results: list[Seen | None] = field(default_factory=list)
    custom: Custom | None = None
    states: dict[str, Kept] = field(default_factory=dict)
    factors: float = 0.0

    def read(self) -> list[Seen]:
        """What it reads, each time that it does."""
        return _seen_in(self.arguments.values())


def of_itself(written: Seen) -> bool:
    """Whether a write into memory reads what stood there (p.mul_(…), p.clamp_(…))."""
    entry = written.entry
    return entry is not None and entry.function not in (*ANEW, *DRAWN) and "out" not in entry.arguments


def of_gradients(written: Seen) -> bool:
    """Whether what is written into memory was made from gradients: not what stood there, where that is not read."""
    entry = written.entry
    if entry is None or entry.function not in ANEW:
        return written.reduced
    return any(one.reduced for one in entry.read() if one is not entry.arguments.get("self"))


def behind(seen: Seen) -> list[Seen]:
    """A value that was made from gradients, and all those that it was made from, in the order in which they are read."""
    found: dict[Seen, None] = {}
    waiting = [seen]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found[one] = None
            before = one.entry.arguments.get("self") if one.entry is not None and one.entry.function in ANEW else None
            read = [] if one.entry is None else [other for other in one.entry.read() if other is not before]
            waiting += [other for other in reversed(read) if other.reduced or other.why]
    return list(found)


def _seen_in(values: Iterable[Any]) -> list[Seen]:
    found: list[Seen] = []
    for value in values:
        if isinstance(value, Seen):
            found.append(value)
        elif isinstance(value, tuple):
            found += _seen_in(value)
    return found


SPARSE = "it is sparse, of which no law speaks: sparse=False in its embedding has it judged"


class Write(NamedTuple):
    """A write at a time, where in memory, and what was written; None: nobody saw what. An entry has `size` bytes."""

    clock: int
    where: Geometry
    written: Seen | None
    size: int


@dataclass(eq=False, slots=True)
class Custom:
    """One application of a custom autograd.Function. `nodes`: autograd's numbers for it; `arguments`: what it was given."""

    name: str
    place: Place
    nodes: set[int] = field(default_factory=set)
    arguments: list[Seen] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Pass:
    """One run of the engine: from `roots` with the gradients `seeds`. `deltas` are what arrived, +∂E, by value.

    `partial`: only some leaves were asked for, so that what did not arrive may have been left out. `followed` are the leaves
    whose gradient would have been seen. `hooked` is what goes on from a leaf when everybody's hooks have run; `changed`: the
    leaves whose gradient they change, with the names of the hooks. `reached` is what a gradient can come to from the roots, as
    autograd's graph says; `before_hooks` what arrived at values inside before anybody's hook. `again`: the nodes whose backward
    ran the engine once more, on a forward that they ran again (reentrant checkpoints, reversible layers); `asked`: those that ran
    torch.autograd.grad. `written`: leaves into whose `.grad` somebody's own code wrote inside of backward. `shared` is what
    arrived from a backward in which other processes have a part, with that function's name and what it called. `graphed`: the
    pass was asked for its own graph, so that a later one may go through it.
    """

    roots: list[Seen]
    seeds: list[Kept]
    place: Place
    deltas: dict[Seen, Kept] = field(default_factory=dict)
    hooked: dict[Seen, Kept] = field(default_factory=dict)
    changed: dict[Seen, tuple[str, ...]] = field(default_factory=dict)
    followed: set[Seen] = field(default_factory=set)
    reached: set[Point] = field(default_factory=set)
    before_hooks: dict[Seen, Kept] = field(default_factory=dict)
    hooks: dict[Seen, tuple[str, ...]] = field(default_factory=dict)
    bent: dict[Seen, tuple[str, ...]] = field(default_factory=dict)
    again: set[int] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)
    written: set[Seen] = field(default_factory=set)
    shared: dict[Seen, tuple[str, str]] = field(default_factory=dict)
    partial: bool = False
    graphed: bool = False
    failed: str = ""

    def note_hooked(self, leaf: Seen, arrived: Kept, t: Tensor, delivered: Kept | None = None) -> None:
        """What goes on from a leaf when all hooks have run, and whether it is what was delivered, bit by bit."""
        delivered = delivered or self.deltas.get(leaf)
        self.hooked[leaf] = arrived
        if delivered is not None and not arrived.same(delivered):
            self.changed[leaf] = tuple(name(hook) for hook in (t._backward_hooks or {}).values() if not ours(hook))
