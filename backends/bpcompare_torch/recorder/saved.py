"""Hooks of theirs on what autograd keeps for backward: whether it is given back as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from bpcompare_torch.recorder.hooks import different, name
from bpcompare_torch.recorder.memory import Kept
from bpcompare_torch.recorder.mode import Mode

CHECKPOINTS = "torch.utils.checkpoint"
"""Where torch keeps nothing but computes again. What comes out as another number there is no hook's intention."""


class Packed(NamedTuple):
    """What their hook made of a tensor, and the numbers that it was given; None where nobody watches any more."""

    packed: Any
    kept: Kept | None


class Saved:
    """Stands around the hooks of `saved_tensors_hooks` while it is entered, also around those that were entered before.

    `changed` is called with the node for which something else was given back, the number of each edge behind it, and the names of
    the hooks.
    """

    def __init__(self, mode: Mode, changed: Callable[[Any, int, tuple[str, ...]], None]) -> None:
        self._mode, self._changed = mode, changed
        self._on = False

    def __enter__(self) -> Self:
        hooks: Any = torch.autograd.graph.saved_tensors_hooks
        self._original, self._on = hooks.__enter__, True

        def enter(theirs: Any) -> Any:
            pack, unpack = theirs.pack_hook, theirs.unpack_hook
            self._mode.packed = True
            if not type(theirs).__module__.startswith(CHECKPOINTS):
                theirs.pack_hook, theirs.unpack_hook = self._around(pack, unpack)
            try:
                return self._original(theirs)
            finally:
                theirs.pack_hook, theirs.unpack_hook = pack, unpack

        hooks.__enter__ = enter
        self._around_the_outer()
        return self

    def _around_the_outer(self) -> None:
        """Hooks that stand when watching begins are those of the whole block, as far as it has none of its own."""
        stack: Any = torch._C._autograd
        self._pushed: tuple[Any, Any] | None = None
        outer = stack._top_saved_tensors_default_hooks(True)
        self._mode.packed = outer is not None
        if outer is not None and not getattr(outer[0], "__module__", "").startswith(CHECKPOINTS):
            self._pushed = self._around(*outer)
            stack._push_saved_tensors_default_hooks(*self._pushed)

    def __exit__(self, *error: object) -> None:
        hooks: Any = torch.autograd.graph.saved_tensors_hooks
        hooks.__enter__, self._on = self._original, False
        stack: Any = torch._C._autograd
        now = stack._top_saved_tensors_default_hooks(True)
        if self._pushed is not None and now is not None and now[0] is self._pushed[0]:
            stack._pop_saved_tensors_default_hooks()

    def _around(self, pack: Any, unpack: Any) -> tuple[Any, Any]:
        names = tuple(dict.fromkeys((name(pack), name(unpack))))

        def packed(t: Tensor) -> Packed:
            kept: Kept | None = None
            if self._on:
                with self._mode.unwatched(), self._mode.safe("saved_tensors_hooks"):
                    kept = self._mode.identity.memory.keep(t)
            return Packed(pack(t), kept)

        def unpacked(one: Packed) -> Any:
            t = unpack(one.packed)
            node: Any = torch._C._current_autograd_node()
            if self._on and one.kept is not None and node is not None and isinstance(t, Tensor):
                with self._mode.unwatched(), self._mode.safe("saved_tensors_hooks"):
                    if different(one.kept, t):
                        for following, number in node.next_functions:
                            if following is not None:
                                self._changed(following, number, names)
            return t

        return packed, unpacked
