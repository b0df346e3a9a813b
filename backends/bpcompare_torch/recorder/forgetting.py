"""Values that nobody can name any more: their tensors are let go, so that their memory is free once autograd is done with it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from torch import Tensor

from bpcompare_torch.recorder.geometry import strided
from bpcompare_torch.recorder.identity import Identity
from bpcompare_torch.recorder.memory import storage_of

LOOKING = 3
"""References to a tensor while it is asked how many there are: a list, a variable, and the question itself."""


class Forgetting:
    """Asked by the memory when it is full."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def __call__(self, storages: Iterable[int]) -> Iterator[int]:
        """Those of the memories that only the recorder, or autograd, still looks at; their tensors are let go.

        A value that comes up again is known by its edge, or else anew: as one that nobody saw being made.
        """
        identity = self._identity
        if identity.custom is not None:  # what is inside of a custom function is found by its memory
            return
        tensors: dict[int, list[Tensor]] = {}
        for t in identity._alive.values():
            if strided(t):
                tensors.setdefault(storage_of(t), []).append(t)
        for storage in storages:
            mine = tensors.pop(storage, [])
            if all(self._nameless(mine, number) for number in range(len(mine))):
                for t in mine:
                    identity._alive.pop(id(t), None)
                    identity._last.pop(id(t), None)
                    identity._by_point.get(identity.point_of(t), {}).pop(id(t), None)
                identity._by_place.pop(storage, None)
                yield storage

    def _nameless(self, tensors: list[Tensor], number: int) -> bool:
        """Whether nobody else in Python has the tensor or hooked it, and no gradient, leaf or view stands in it."""
        identity, t = self._identity, tensors[number]
        last = identity._last.get(id(t))
        if last is None or last.kind != "made" or last.reduced or t.is_leaf or t._base is not None or t._backward_hooks:
            return False
        ours = sum(id(t) in found for found in (identity._alive, identity._by_point.get(identity.point_of(t), {})))
        return sys.getrefcount(t) <= ours + LOOKING
