"""Numbers of tensors as they were, without copying them: shared until somebody writes into their memory, and copied then."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from weakref import ReferenceType, ref

import torch
from torch import Tensor, nn

from bpcompare_torch.recorder.buffers import Buffers
from bpcompare_torch.recorder.chunks import Chunks

_quietly = torch._C._DisableTorchDispatch
_strided = torch.strided
_pointer = Tensor.data_ptr
"""Torch's own, for others who ask where numbers stand are watched."""


def storage_of(t: Tensor) -> int:
    """What two tensors have in common that share memory."""
    storage: int = (t if type(t) in PLAIN else here(t)).untyped_storage()._cdata
    return storage


PLAIN = (Tensor, nn.Parameter)
PART = "_local_tensor"
"""Where a DTensor keeps what this process holds of it."""


def here(t: Tensor) -> Tensor:
    """t itself; of a DTensor, the part of it that this process holds; of what a collective still brings, what it brought."""
    if type(t) in PLAIN:
        return t
    part: Tensor = getattr(t, PART, t)
    arrives = getattr(part, "trigger_wait", None)
    if arrives is not None:
        with torch._C._DisableTorchDispatch():  # nobody's call
            part = arrives()
    return part


def divided(read: Iterable[Tensor], made: Iterable[Tensor | None]) -> bool:
    """Whether a call on DTensors is no call on the parts that are here: its results are terms of a sum, or cut in another way.

    Torch may then add a bias in one process alone, or hand parts around first.
    """
    cuts = [None if type(t) in PLAIN else getattr(t, "placements", None) for t in read]
    left = [None if t is None or type(t) in PLAIN else getattr(t, "placements", None) for t in made]
    apart = {cut for cut in (*cuts, *left) if cut is not None and not all(place.is_replicate() for place in cut)}
    if not apart:
        return False
    return len(apart) > 1 or any(place.is_partial() for cut in apart for place in cut) or any(cut not in apart for cut in left)


UNKNOWN = frozenset(
    one
    for one in vars(torch).values()
    if isinstance(one, torch.dtype) and one.is_floating_point and (one == torch.bfloat16 or one.itemsize == 1)
)
"""Formats of floats that NumPy does not know."""


class Kept:
    """The numbers of a tensor at the moment when it was kept."""

    __slots__ = ("__weakref__", "_version", "tensor")

    def __init__(self, tensor: Tensor) -> None:
        self.put(tensor)

    def put(self, tensor: Tensor) -> None:
        """The tensor that holds the numbers from now on."""
        self.tensor = tensor
        self._version = -1 if tensor.is_inference() else tensor._version

    @property
    def torn(self) -> bool:
        """Whether somebody wrote into the numbers since: a write that the recorder did not see (another thread's)."""
        return _version(self.tensor) != self._version or _gone(self.tensor)

    @property
    def dtype(self) -> str:
        """The format, as NumPy calls it."""
        return str(self.tensor.dtype).removeprefix("torch.")

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return tuple(self.tensor.shape)

    def same(self, other: Kept) -> bool:
        """Whether all bits are the same; NaN is NaN."""
        a, b = self.tensor, other.tensor.to(self.tensor.device)  # what stands in a file is no longer on its device
        if _pointer(a) == _pointer(b) and a.shape == b.shape and a.stride() == b.stride():
            return True
        return a.shape == b.shape and bool(torch.equal(a, b) or torch.equal(a.nan_to_num(), b.nan_to_num()))

    def array(self) -> Any:
        """The numbers as an array. Formats that NumPy does not know are widened, which changes no number."""
        t = self.tensor
        if t.dtype in UNKNOWN:
            t = t.detach().float()
        return t.numpy(force=True)  # force: also where autograd hands a zero around that has no memory


GROWTH = 1.25
"""By how much more may be kept once there was nothing to spill, until that is tried again."""


_buffers = Buffers()
_watched = [0]
"""How many memories there were in this process."""


class Memory:
    """Which kept numbers share which memory, and when memory was written into.

    Above `limit` bytes, numbers go into a file: `full` is asked which memory only the recorder still looks at.
    """

    def __init__(self) -> None:
        self.clock = 0
        self.limit = float("inf")
        self.full: Callable[[Iterable[int]], Iterable[int]] = tuple
        self._chunks = Chunks()
        self._copied: Callable[[Tensor], Tensor] = _buffers.copied if _watched[0] else _cloned
        _watched[0] += 1
        self._bytes = 0
        self._lent: set[int] = set()
        self._kept: dict[int, list[ReferenceType[Kept]]] = {}

    def keep(self, t: Tensor) -> Kept:
        """The numbers of t as they are now; of a sparse one written out, of a distributed one the part that is here."""
        if type(t) not in PLAIN:
            t = here(t)
        if t.layout != _strided:
            return Kept(t.detach().to_dense())
        memory = t.untyped_storage()
        storage = memory._cdata
        if storage in self._lent or not memory.resizable():
            return Kept(t.detach().clone())
        shared = self._kept.get(storage)
        if shared is None:
            if self._bytes > self.limit:
                self.spill()
            shared = self._kept[storage] = []
            self._bytes += memory.nbytes()
        kept = Kept(_detached(t))
        shared.append(ref(kept))
        return kept

    def now(self, t: Tensor) -> Kept:
        """The numbers of t for who only looks at them at once: nothing is copied when they are written into."""
        return Kept(_detached(t)) if type(t) in PLAIN and t.layout == torch.strided else self.keep(t)

    def copy(self, t: Tensor) -> Kept:
        """The numbers of t as they are now, in memory of their own if there is room: it is about to be written into."""
        if type(t) not in PLAIN or t.layout != torch.strided or self._bytes > self.limit:
            return self.keep(t)
        self._bytes += t.nbytes
        with torch._C._DisableTorchDispatch():
            return Kept(self._copied(t.detach()))

    def spill(self) -> None:
        """Put what is kept into the file, as far as nobody else needs the memory. Raises OSError where the disk is full."""
        most, self.limit = self.limit, float("inf")  # what cannot be written stays, and is not tried again and again
        for storage in list(self.full(tuple(self._kept))):
            alive = _alive(self._kept[storage])
            if alive:
                self._bytes -= alive[0].tensor.untyped_storage().nbytes()
                _copy(alive, self._chunks.put)
            del self._kept[storage]
        self.limit = max(most, GROWTH * self._bytes)

    def foreign(self, t: Tensor) -> bool:
        """Whether others may write into the memory of t, unseen: NumPy's, a file's, another process's, or lent to somebody."""
        storage = (t if type(t) in PLAIN else here(t)).untyped_storage()
        return not storage.resizable() or storage._cdata in self._lent

    def lend(self, t: Tensor) -> None:
        """From now on somebody outside of torch shares the memory of t."""
        self.written(t)
        self._lent.add(storage_of(t))

    def leaving(self, storage: int) -> None:
        """A memory is given up: what is kept of it is copied."""
        shared = self._kept.pop(storage, None)
        if shared is not None:
            _copy(_alive(shared), self._put)

    def _put(self, t: Tensor) -> Tensor:
        """A copy: in memory while there is room."""
        return self._chunks.put(t) if self._bytes > self.limit else self._copied(t)

    def written(self, t: Tensor) -> bool:
        """t is about to be written into: what shares its memory is copied. Whether there was anything."""
        shared = self._kept.pop(storage_of(t), None)
        if shared is not None:
            _copy(_alive(shared), self._put)
        self.clock += 1
        return shared is not None

    def secure(self, foreign: Iterable[Kept] = ()) -> None:
        """Nobody watches writes any more: what others may still write into is copied, and what shares memory with `foreign`."""
        certain = {storage_of(kept.tensor) for kept in foreign}
        count = getattr(torch._C, "_storage_Use_Count", None)
        for storage, shared in self._kept.items():
            alive = _alive(shared)
            if not alive:  # the memory may be gone, and with it what counts
                continue
            # A storage counts the tensors that share it, and once the object that Python sees.
            if count is None or storage in certain or count(storage) > len(alive) + 1:
                _copy(alive, self._put)
            elif self._bytes > self.limit:
                _copy(alive, self._chunks.put)
        self._kept.clear()
        self.full = tuple


def _cloned(t: Tensor) -> Tensor:
    return t.clone()


def _gone(t: Tensor) -> bool:
    """Whether the memory of a tensor is smaller than it is."""
    if t.layout != torch.strided or not t.numel():
        return False
    last = t.numel() - 1 if t.is_contiguous() else sum((n - 1) * step for n, step in zip(t.shape, t.stride(), strict=True))
    return bool(t.untyped_storage().nbytes() < (t.storage_offset() + last + 1) * t.element_size())


def _version(t: Tensor) -> int:
    """How often torch wrote into the memory of a tensor; tensors of inference are not counted."""
    return -1 if t.is_inference() else t._version


def _detached(t: Tensor) -> Tensor:
    """t without its history. A mode that watches calls need not hear of it."""
    if type(t) not in PLAIN:
        return t.detach()
    with _quietly():
        return t.detach()


def _alive(shared: Iterable[ReferenceType[Kept]]) -> list[Kept]:
    return [kept for one in shared if (kept := one()) is not None]


def _copy(shared: list[Kept], copied: Callable[[Tensor], Tensor]) -> None:
    """Numbers in one memory, `copied`: each part once; the whole memory where several parts of it are larger together."""
    if len(shared) == 1:  # most are
        (kept,) = shared
        if not kept.torn:
            kept.put(copied(kept.tensor))
        return
    parts: dict[tuple[Any, ...], list[Kept]] = {}
    for kept in shared:
        if not kept.torn:
            parts.setdefault(_part(kept.tensor), []).append(kept)
    found = {part: several[0].tensor for part, several in parts.items()}
    if len(found) > 1 and sum(t.nbytes for t in found.values()) > (storage := shared[0].tensor.untyped_storage()).nbytes():
        whole = copied(torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage)).untyped_storage()
        copies = {part: _within(whole, t) for part, t in found.items()}
    else:
        copies = {part: copied(t) for part, t in found.items()}
    for part, several in parts.items():
        for kept in several:
            kept.put(copies[part])


def _part(t: Tensor) -> tuple[Any, ...]:
    return t.storage_offset(), t.shape, t.stride(), t.dtype, t.is_conj(), t.is_neg()


def _within(storage: Any, t: Tensor) -> Tensor:
    """What t would be in another memory."""
    if t.is_conj() or t.is_neg():
        return t.clone()
    return torch.empty(0, dtype=t.dtype, device=t.device).set_(storage, t.storage_offset(), t.shape, t.stride())


def tensors(value: Any) -> list[Tensor]:
    """The tensors among arguments, also inside lists."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [t for one in value for t in tensors(one)]
    return []
