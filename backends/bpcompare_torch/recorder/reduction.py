"""Gradients in which other processes have a part: what was accumulated here, and what stands in `.grad` as backward ends."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, distributed
from torch.nn.parallel import DistributedDataParallel

from bpcompare.program import Unexamined
from bpcompare_torch.recorder.geometry import strided
from bpcompare_torch.recorder.identity import Identity
from bpcompare_torch.recorder.memory import here
from bpcompare_torch.recorder.moved import Held
from bpcompare_torch.recorder.tape import Seen
from bpcompare_torch.recorder.updates import Updates

MEANS = ("allreduce_hook",)
"""Communication hooks that give the mean as it is."""


@dataclass(eq=False, slots=True)
class Reduction:
    """A parameter's gradient in one backward pass: `local`, what was accumulated here (None: nothing arrived), and `left`.

    `hook`: the communication hook that stands between the two, by its name.
    """

    address: int
    local: Seen | None
    left: Seen
    hook: str = ""
    name: str = ""

    @property
    def shared(self) -> bool:
        """Whether somebody wrote into it between the two."""
        return self.left is not self.local


class Reductions:
    """Follows them where several processes train together."""

    def __init__(self, identity: Identity, updates: Updates, parameters: Callable[[], Mapping[str, Tensor]]) -> None:
        self.found: list[Reduction] = []
        self._identity, self._updates, self._parameters = identity, updates, parameters
        self._start: dict[int, Seen] = {}

    def begins(self) -> None:
        """A backward pass begins."""
        self._updates.accumulations.clear()
        self._start = {id(p): self._identity.gradient(p.grad) for p in self._whole() if p.grad is not None}

    def ends(self) -> None:
        """It is over, and what other processes had to say has arrived."""
        for p in self._whole():
            if p.grad is None:
                continue
            local, left = self._updates.accumulations.get(id(p)), self._identity.gradient(p.grad)
            if local is None and left is self._start.get(id(p)):
                continue
            if left.reduced:  # a hook of theirs made it from what was accumulated, and was watched
                local = left
            else:  # from here on it is what was delivered
                left.reduced, left.address = True, id(p)
            self.found.append(Reduction(id(p), local, left))

    def _whole(self) -> list[Tensor]:
        """The parameters that this process holds whole."""
        if not world():
            return []
        return [p for p in self._parameters().values() if here(p) is p and strided(p) and (p.grad is None or strided(p.grad))]

    def settle(self, names: Mapping[int, str]) -> None:
        """Parameters have the names that are known at the end, and what stands between the ranks is known, too."""
        hook = hook_of(self._parameters()) if any(one.shared for one in self.found) else ""
        for one in self.found:
            one.hook = hook
            one.name = names.get(one.address, "a parameter")
            one.left.name = one.left.name or f"{one.name}.grad"

    def held(self) -> list[Held]:
        """What was accumulated here before anybody else had a part in it."""
        return [Held(one.name, one.address, one.local) for one in self.found if one.local is not None and one.shared]


def world() -> int:
    """How many processes train together; 0 if there is only this one."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return 0
    size = distributed.get_world_size()
    return size if size > 1 else 0


def ranks() -> dict[str, str]:
    """What a report says of it."""
    return {"rank": str(distributed.get_rank()), "ranks": str(world())} if world() else {}


def hook_of(parameters: Mapping[str, Tensor]) -> str:
    """What may change the mean of their gradients on its way, in any DistributedDataParallel that has them; "" for nothing.

    It is looked for among all objects: somebody may watch the model inside of it.
    """
    ours, found = set(map(id, parameters.values())), dict[str, None]()
    for module in gc.get_objects():
        if issubclass(type(module), DistributedDataParallel):
            if ours.isdisjoint(map(id, module.parameters())):
                continue
            found |= {getattr(hook, "__qualname__", type(hook).__name__): None for hook, _ in getattr(module, "_comm_hooks", ())}
            found |= {"mixed_precision": None} if getattr(module, "mixed_precision", None) is not None else {}
    return ", ".join(hook for hook in found if hook not in MEANS)


def in_parts(names: Sequence[str]) -> list[Unexamined]:
    """That of these parameters this process holds a part, so that nobody here sees the whole."""
    if not names:
        return []
    what = f"{len(names):,} parameters, as {names[0]}, of which each rank holds a part"
    why = "the part here is followed from .grad on; how the whole was gathered, and its gradient summed over ranks, is not"
    return [Unexamined(what, why)]
