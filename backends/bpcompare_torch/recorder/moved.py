"""What an optimizer's step moves: each parameter with its gradient, its state and its rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from bpcompare.ops.rule import Rule
from bpcompare.program import Place
from bpcompare_torch.recorder.memory import Kept
from bpcompare_torch.recorder.tape import Entry, Seen
from bpcompare_torch.recorder.way import Way


@dataclass(eq=False, slots=True)
class Moved:
    """One parameter in one step of an optimizer: its rule, or why there is none; all numbers before and after.

    `gradient` is None where there was none: then the parameter must stay what it is. `rate` is the format of the learning rate,
    where that is a tensor. `stands_for`: the parameters that it is a copy of, by their identity.
    """

    name: str
    rule: Rule | None
    why: str
    before: Kept
    gradient: Seen | None
    slots: dict[str, Kept | None]
    t: int
    parameter: Tensor
    rate: str = ""
    stands_for: frozenset[int] = frozenset()
    after: Kept | None = None
    slots_after: dict[str, Kept | None] = field(default_factory=dict)
    way: Way | None = None
    """What was seen of the way to the step, where that has a rule of its own."""


@dataclass(eq=False, slots=True)
class Held:
    """What a parameter's `.grad` held when it was used, or at the end; or what was written into it, maybe `with_others`."""

    name: str
    address: int
    gradient: Seen
    stands_for: frozenset[int] = frozenset()
    with_others: bool = False


@dataclass(eq=False, slots=True)
class OptimizerStep:
    """One call of an optimizer's `step`."""

    optimizer: str
    place: Place
    moved: list[Moved]
    ended: bool = False
    own: bool = False
    """Whether its optimizer has no law: then it is judged function by function."""
    called: Sequence[Entry] = ()
    """What such a step called."""

    @property
    def held(self) -> list[Held]:
        """The gradients that it used."""
        return [Held(one.name, id(one.parameter), one.gradient, one.stands_for) for one in self.moved if one.gradient is not None]
