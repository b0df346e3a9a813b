"""A leaf in one backward pass: what is delivered to it, what hooks make of that, and what `.grad` becomes."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bpcompare_torch.recorder.hooks import behind_ours, hooks_of, theirs
from bpcompare_torch.recorder.memory import PLAIN, Kept
from bpcompare_torch.recorder.tape import Pass, Seen

if TYPE_CHECKING:
    from bpcompare_torch.recorder.passes import Engine


class Leaf:
    """A leaf in one backward pass, hooked: before anybody's own hook (what is delivered), after them, and around accumulation."""

    def __init__(self, engine: Engine, now: Pass, seen: Seen, t: Tensor) -> None:
        self._engine, self._now, self._seen, self._t = engine, now, seen, t
        self._delivered: Kept | None = None
        self._arrived: Kept | None = None
        self._before: Seen | None = None
        self._followed_by_theirs = False
        self._node: Any = None
        self._start: Seen | None = None
        self.alone = True
        """Whether no hook but the recorder's runs on what arrives there."""

    def hook(self, undo: ExitStack) -> None:
        """Hook it until `undo` is closed."""
        t = self._t
        if not t.requires_grad:
            return
        try:
            # Held, for autograd forgets it where no graph has it, and makes another one (reentrant checkpoints).
            with torch._C._DisableTorchDispatch():  # it makes a view, which is nobody's
                self._node = torch.autograd.graph.get_gradient_edge(t).node
        except (AssertionError, RuntimeError):  # a view of a leaf that was made without autograd has nowhere to receive anything
            return
        self._now.followed.add(self._seen)
        self._start = None if t.grad is None else self._engine.identity.gradient(t.grad)
        others = theirs(t._backward_hooks or {})
        undo.callback(t.register_hook(self._deliver).remove)  # type: ignore[no-untyped-call]
        behind_ours(t._backward_hooks, others)
        before = self._node.register_prehook(self._pass_on)
        undo.callback(before.remove)
        self.alone = type(t) in PLAIN and not others and not theirs(before.hooks_dict_ref() or {})
        others = theirs(t._post_accumulate_grad_hooks or {})
        undo.callback(t.register_post_accumulate_grad_hook(self._accumulated).remove)  # type: ignore[no-untyped-call]
        behind_ours(t._post_accumulate_grad_hooks, others)
        self._followed_by_theirs = bool(others or theirs(hooks_of(self._node.register_hook)))
        if self._followed_by_theirs:
            self.alone = False
            undo.callback(self._node.register_hook(self._left).remove)

    def _deliver(self, g: Tensor | None) -> None:
        if g is None or self._engine._asked:
            return
        self._delivered = self._engine.note(self._now.deltas, self._seen, g)

    def _pass_on(self, gradients: Any) -> None:
        g, engine = gradients[0], self._engine
        if g is None or engine._asked:
            return
        with engine._mode.unwatched():
            first = self._arrived is None
            self._before = None if self._t.grad is None else engine.identity.gradient(self._t.grad)
            if first and self._before is not self._start:
                if self._start is not None and self._before is not None and self._before.kept.same(self._start.kept):
                    self._before = self._start  # others wrote next to it, in the same memory
                else:
                    self._now.written.add(self._seen)
            if engine.absence.off and self._t.grad is not None:  # nobody is told that it is added to
                engine.identity.overwritten(self._t.grad, None)
            self._arrived = engine.identity.memory.keep(g)
            self._now.note_hooked(self._seen, self._arrived, self._t, self._delivered)

    def _accumulated(self, t: Tensor) -> None:
        engine = self._engine
        if self._arrived is not None:
            with engine._mode.unwatched():
                engine.accumulated(t, self._seen, self._arrived, self._before)
        engine.recording(on=self._followed_by_theirs)

    def end(self) -> None:
        """The pass is over: where nothing was accumulated, `.grad` is still what it was, or somebody's own code wrote into it."""
        if self._arrived is None and self._node is not None:
            now = None if self._t.grad is None else self._engine.identity.gradient(self._t.grad)
            if now is not self._start:
                self._now.written.add(self._seen)

    def _left(self, _made: Any, _arrived: Any) -> None:
        self._engine.recording(on=False)
