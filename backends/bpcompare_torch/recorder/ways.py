"""Steps of torch's own that are followed inside: their rules speak of the stages of the way to a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bpcompare_torch.recorder.geometry import strided
from bpcompare_torch.recorder.identity import Identity
from bpcompare_torch.recorder.mode import Mode
from bpcompare_torch.recorder.moved import Moved
from bpcompare_torch.recorder.optimizers import OPTIMIZERS, slots_of
from bpcompare_torch.recorder.way import way_to


class Ways:
    """Which steps are followed now, each with the number of calls that were recorded before it."""

    def __init__(self, identity: Identity, mode: Mode) -> None:
        self._identity, self._mode = identity, mode
        self._first: dict[int, int] = {}

    @property
    def open(self) -> bool:
        """Whether one goes on: what it writes is its own."""
        return bool(self._first)

    def known(self, optimizer: Any) -> bool:
        """Whether the steps of an optimizer have stages."""
        return bool(OPTIMIZERS[type(optimizer)].way)

    def begin(self, optimizer: Any) -> None:
        """From here on the functions that a step with stages is made of are recorded."""
        if not self.known(optimizer):
            return
        self._mode.stepping, self._mode.following = False, True
        self._first[id(optimizer)] = len(self._mode.entries)

    def end(self, optimizer: Any) -> None:
        """To here. What was recorded is forgotten: of what else happens, these functions say nothing."""
        self._end(id(optimizer))

    def _end(self, number: int) -> None:
        first = self._first.pop(number, None)
        if first is not None:
            del self._mode.entries[first:]
            self._mode.following = False

    def stop(self) -> None:
        """None goes on: one that did was broken off."""
        for number in list(self._first):
            self._end(number)

    def seen(self, optimizer: Any, moved: Sequence[Moved]) -> None:
        """The step ends: what led to each parameter."""
        if id(optimizer) not in self._first:
            return
        for one in moved:
            if one.rule is None or one.gradient is None:
                continue
            one.way = way_to(self._identity.at(one.parameter), OPTIMIZERS[type(optimizer)].way)
            for t in (one.parameter, *slots_of(optimizer, one.rule, one.parameter).values()):
                if t is not None and strided(t):
                    self._identity.overwritten(t, None)
        self.end(optimizer)
