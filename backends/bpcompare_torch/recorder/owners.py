"""Whose memory it is: the parameters that somebody's own code reads and writes, also where several stand in one memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from torch import Tensor

from bpcompare_torch.recorder.memory import storage_of

Owner = tuple[str, Tensor]
"""A parameter with its name."""


class Owners:
    """The parameters by their memory."""

    def __init__(self) -> None:
        self._by_storage: dict[int, list[Owner]] = {}

    def own(self, parameters: Mapping[str, Tensor]) -> None:
        """From now on these."""
        self._by_storage.clear()
        for name, p in parameters.items():
            self._by_storage.setdefault(storage_of(p), []).append((name, p))

    @property
    def memory(self) -> Collection[int]:
        """Where they stand."""
        return self._by_storage.keys()

    def of(self, t: Tensor) -> Sequence[Owner]:
        """The parameters that have entries in the memory of t."""
        found = self._by_storage.get(storage_of(t), ())
        return found if len(found) < 2 else [one for one in found if _first(one[1]) <= _last(t) and _first(t) <= _last(one[1])]


def covers(t: Tensor, p: Tensor) -> bool:
    """Whether all of p stands between the first and the last entry of t, which leaves nothing out."""
    whole = t.numel() == _last(t) - _first(t) + 1
    return whole and storage_of(t) == storage_of(p) and _first(t) <= _first(p) and _last(p) <= _last(t)


def _first(t: Tensor) -> int:
    return int(t.storage_offset())


def _last(t: Tensor) -> int:
    return _first(t) + sum((n - 1) * step for n, step in zip(t.shape, t.stride(), strict=True))
