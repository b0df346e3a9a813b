"""The run of autograd's engine: where `backward` begins, and what arrives at each value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Self
from weakref import ref

import torch
from torch import Tensor

from bpcompare_torch.recorder.absence import Absence, built_in, shared
from bpcompare_torch.recorder.customs import Customs
from bpcompare_torch.recorder.graph import Point, behind, leaf_of
from bpcompare_torch.recorder.hooks import Hooked, behind_ours, hooking, name, nearest, theirs
from bpcompare_torch.recorder.identity import Identity
from bpcompare_torch.recorder.leaf import Leaf
from bpcompare_torch.recorder.memory import PLAIN, Kept
from bpcompare_torch.recorder.mode import GENERATED, Mode
from bpcompare_torch.recorder.places import Places
from bpcompare_torch.recorder.registered import Registered
from bpcompare_torch.recorder.saved import Saved
from bpcompare_torch.recorder.tape import Pass, Seen, silent

ENGINE = "_engine_run_backward"
"""The function of torch.autograd by which `backward` and `grad` reach the engine: an interface of torch's own, not promised."""


ARGUMENTS = ("seeds", "retain_graph", "create_graph", "inputs", "allow_unreachable", "accumulate_grad")
"""What it is called with, after the roots."""


class Engine:
    """Follows every backward pass while it is entered.

    `before` is called when a pass begins, `after` when it has ended, `accumulated` when `.grad` of a leaf has received what
    arrived: with the leaf, its value, what arrived, and the value of `.grad` before. `captured` is called with a gradient that
    stands in no `.grad`.
    """

    def __init__(self, identity: Identity, mode: Mode, places: Places, absence: Absence) -> None:
        self.passes: list[Pass] = []
        self.identity = identity
        self._mode = mode
        self._places = places
        self.absence = absence
        self._now: Pass | None = None
        self._asked = False
        self._graphed = False
        self._strange = True
        """Whether the graph of the pass shows a node or a hook that runs somebody's code, or may."""
        self._followed: dict[tuple[Point, int], list[Seen]] = {}
        self._hooked: set[Seen] = set()
        self._inside: list[Tensor] = []
        self._registered, self._weak = Registered(), ref(self)
        self._handles: list[Any] = []
        self._made: set[int] = set()
        """Nodes that came to be while this is entered, by their identity."""
        self._outer: Any = None
        self._undo = ExitStack()
        self.before: Callable[[], None] = silent
        self.after: Callable[[], None] = silent
        self.accumulated: Callable[[Tensor, Seen, Kept, Seen | None], None] = silent
        self.captured: Callable[[Tensor, Tensor, Seen], None] = silent
        identity.follow = self._follow
        identity.leaving = self.leaving
        mode.shares = self._shares

    def __enter__(self) -> Self:
        original = getattr(torch.autograd, ENGINE)

        def run(roots: Any, *args: Any, **kwargs: Any) -> Any:
            return self._run(original, roots, args, kwargs)

        setattr(torch.autograd, ENGINE, run)
        self._undo.callback(setattr, torch.autograd, ENGINE, original)
        self._undo.enter_context(self._registered)
        self._undo.enter_context(Customs(self._mode, self.identity, self._places))
        self._undo.enter_context(Saved(self._mode, self._bent))
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._undo.close()

    def end(self) -> None:
        """Nobody tells anybody any more: who is told knows the parts that tell, and would keep their numbers alive."""
        self.before = self.after = self.accumulated = self.captured = self._mode.shares = silent

    def _run(self, original: Any, roots: Any, args: Any, kwargs: Any) -> Any:
        if self._now is not None:  # a checkpoint runs the engine again inside of the engine
            return self._again(original, roots, args, kwargs)
        given = dict(zip(ARGUMENTS, args, strict=False)) | kwargs
        inputs = given.get("inputs") or ()
        leaves: list[Leaf] = []
        begun = Pass([], [], self._places.here("backward"), partial=bool(inputs), failed="the recorder failed")
        undo = ExitStack()
        with self._mode.unwatched(), self._mode.safe("backward"), ExitStack() as hooks:
            self.before()
            leaves = self._begin(begun, roots, args[0], hooks)
            undo = hooks.pop_all()
        self._graphed = begun.graphed = bool(given.get("create_graph"))
        alone = not self._graphed and self._alone(begun, roots, leaves)
        self._now, self._mode.passing = begun, True
        self.recording(on=False)
        try:
            with undo, hooking(self._inside), self.absence.backward(alone=alone):
                out = original(roots, *args, **kwargs)
        except BaseException as error:
            begun.failed = begun.failed or f"{type(error).__name__} ended it"
            raise
        finally:
            self._now, self._mode.backward, self._mode.passing = None, False, False
            self.passes.append(begun)
        with self._mode.unwatched(), self._mode.safe("backward"):
            for leaf in leaves:
                leaf.end()
            self.after()
            if not given.get("accumulate_grad"):
                self._captured(begun, inputs, out)
        return out

    def _begin(self, begun: Pass, roots: Any, seeds: Any, hooks: ExitStack) -> list[Leaf]:
        """Hook whatever the pass comes to, until `hooks` is closed; the leaves among it."""
        if any(isinstance(root, Tensor) and torch._C._functorch.is_functorch_wrapped_tensor(root) for root in roots):
            begun.failed = "a transform of torch.func (grad, vjp, jacrev) ran it, and nobody can look inside of one"
            return []
        failed = ""
        for root, seed in zip(roots, seeds, strict=True):
            if isinstance(root, Tensor):
                begun.roots.append(self.identity.of(root))
                begun.seeds.append(self.identity.memory.keep(torch.ones_like(root) if seed is None else seed))
            else:
                failed = "backward was called on an edge of the graph, not on a tensor"
        self._hook_inner(begun, roots, hooks)
        leaves = [Leaf(self, begun, seen, self.identity.tensor(address)) for address, seen in self.identity.leaves.items()]
        for leaf in leaves:
            leaf.hook(hooks)
        begun.failed = failed
        return leaves

    def _alone(self, begun: Pass, roots: Any, leaves: list[Leaf]) -> bool:
        """Whether a pass runs nobody's code: no function, hook or process of theirs, as far as autograd's graph shows it."""
        if begun.failed or self._strange or self._mode.packed or self._registered.theirs or shared():
            return False
        return all(type(root) in PLAIN for root in roots) and all(leaf.alone for leaf in leaves)

    def _again(self, original: Any, roots: Any, args: Any, kwargs: Any) -> Any:
        """The engine inside of the engine. What torch.autograd.grad asks for there is delivered to nobody but to who asks."""
        node, now, given = torch._C._current_autograd_node(), self._now, dict(zip(ARGUMENTS, args, strict=False)) | kwargs
        if now is None or node is None:
            if now is not None:
                now.failed = now.failed or "another thread ran backward at the same time"
            return original(roots, *args, **kwargs)
        if given.get("accumulate_grad"):
            now.again.add(self.identity.number(node))
            outer, self._outer = self._outer, node
            try:
                with ExitStack() as hooks:
                    with self._mode.unwatched(), self._mode.safe("backward"):
                        self._hook_inner(now, roots, hooks)
                    return original(roots, *args, **kwargs)
            finally:
                self._outer = outer
        now.asked.add(self.identity.number(node))
        before, self._asked = self._asked, True
        try:
            return original(roots, *args, **kwargs)
        finally:
            self._asked = before

    def _hook_inner(self, begun: Pass, roots: Any, undo: ExitStack) -> None:
        """Values inside, and nodes, that somebody has hooked: what arrives there before their hooks, and what goes on."""
        nodes = behind(root.grad_fn for root in roots if isinstance(root, Tensor))
        reached = set(map(self.identity.point, nodes))
        begun.reached |= reached
        self._strange = bool(self._inside or self._hooked)  # of a value that was written into since, no tensor tells
        for t, seen in self.identity.hooked(reached):
            self._strange = True
            self._around(seen, t, undo)
        for node in nodes:
            leaf = leaf_of(node)
            known = id(node) in self._made if leaf is None else id(leaf) in self.identity.leaves
            if not (known and built_in(node)):
                self._strange = True
            if id(node) in self._made and not self._registered.theirs:
                continue
            Hooked(node, self.identity.memory, self._arrives, self._bent).hook(undo)
        for t in self._inside:
            if t.grad_fn is not None and self.identity.point_of(t) in reached:
                Hooked(t.grad_fn, self.identity.memory, self._arrives, self._bent).hook_tensor(t, undo)

    def _around(self, seen: Seen, t: Tensor, undo: ExitStack) -> None:
        """What arrives at t, which is `seen`, before anybody's hook on the tensor."""
        others = theirs(t._backward_hooks or {})
        if not others or seen in self._hooked:
            return
        self._hooked.add(seen)

        def arrived(g: Tensor) -> None:
            if self._now is not None:
                self._now.hooks[seen] = tuple(map(name, others.values()))
                self.note(self._now.before_hooks, seen, g)

        undo.callback(self._hooked.discard, seen)
        undo.callback(t.register_hook(arrived).remove)  # type: ignore[no-untyped-call]
        behind_ours(t._backward_hooks, others)

    def leaving(self, seen: Seen, t: Tensor) -> None:
        """t is about to be written into: its hooks stay with the value that it was, and no tensor leads there any more."""
        self._around(seen, t, self._undo)

    def _arrives(self, node: Any, gradients: Any) -> None:
        """What arrives at a node before its own hooks. Where the tensor has some too, it was noted before those."""
        for number, g in enumerate(gradients):
            for seen in self._followed.get((self.identity.point(node), number), ()):
                if g is not None and seen not in self._hooked and self._now is not None:
                    self.note(self._now.before_hooks, seen, g)

    def _bent(self, node: Any, number: int, hooks: tuple[str, ...]) -> None:
        """Hooks changed what arrives there: so Δ is not the law's, of the values that are nearest."""
        now = self._now
        for seen in () if now is None else self._nearest(node, number):
            now.bent[seen] = tuple(dict.fromkeys((*now.bent.get(seen, ()), *hooks)))  # type: ignore[union-attr]

    def _shares(self, function: str) -> None:
        """The backward that runs hands tensors to other processes: what it gives back is not this process's alone.

        Of torch's own functions, and of registered ones, that is known: they stand in the program, without a law.
        """
        now, node = self._now, torch._C._current_autograd_node()
        if now is None or not isinstance(node, torch.autograd.function.BackwardCFunction) or node.name().startswith(GENERATED):
            return
        for start, number in node.next_functions:
            for seen in () if start is None else self._nearest(start, number):
                now.shared.setdefault(seen, (node.name().removesuffix("Backward"), function))

    def _nearest(self, node: Any, number: int) -> Iterator[Seen]:
        """The values that are nearest to a place on the way back, and followed."""

        def known(node: Any, number: int) -> bool:
            return leaf_of(node) is not None or (self.identity.point(node), number) in self._followed

        edges = nearest(node, number, known)
        if self._outer is not None:  # what runs inside of the engine again is all that this node gives back
            edges += [edge for start, of in self._outer.next_functions if start is not None for edge in nearest(start, of, known)]
        for found, of in edges:
            leaf = leaf_of(found)
            yield from self._followed.get((self.identity.point(found), of), ()) if leaf is None else [self.identity.of(leaf)]

    def _captured(self, done: Pass, inputs: Any, out: Any) -> None:
        """What torch.autograd.grad gives back, of leaves: gradients that stand in no `.grad`."""
        with self._mode.unwatched():
            for t, g in zip(inputs, out or (), strict=False):
                seen = self.identity.leaves.get(id(t)) if isinstance(t, Tensor) else None
                if seen is not None and isinstance(g, Tensor):
                    done.note_hooked(seen, self.identity.memory.keep(g), t)
                    self.captured(g, t, seen)

    def _follow(self, seen: Seen, t: Tensor) -> None:
        """What arrives at `seen`, which is no leaf, whichever pass it is."""
        number, node, weak = t.output_nr, t.grad_fn, self._weak

        def passed(gradients: Any) -> None:
            engine = weak()
            if engine is not None and engine._now is not None and gradients[number] is not None:
                engine.note(engine._now.deltas, seen, gradients[number])

        if node is not None:
            self._followed.setdefault((seen.point or self.identity.point(node), number), []).append(seen)
            if seen.kind == "made":
                self._made.add(id(node))
            self._handles.append(node.register_prehook(passed))

    def note(self, where: dict[Seen, Kept], seen: Seen, g: Tensor) -> Kept:
        """g arrives at `seen`."""
        with self._mode.unwatched():
            kept, before = self.identity.memory.keep(g), where.get(seen)
            if self._asked:
                return kept
            # Several deliveries in one pass: each was rounded on its own, and their sum is exact enough in float64.
            where[seen] = (
                kept
                if before is None
                else self.identity.memory.keep(before.tensor.to(kept.tensor.device).double() + kept.tensor.double())
            )
            return kept

    def recording(self, *, on: bool) -> None:
        """Whether calls inside of the engine are recorded: those of hooks are, which run on a gradient that was accumulated.

        Where the graph of the pass itself is made (create_graph=True), all are: what they make is differentiated once more.
        """
        self._mode.backward = not (on or self._graphed)
