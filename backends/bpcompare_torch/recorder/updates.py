"""What becomes of gradients after `backward`, and what an optimizer makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from bpcompare.ops.rule import Rule
from bpcompare.program import Place
from bpcompare_torch.recorder.continuity import Continuity
from bpcompare_torch.recorder.copies import Copies
from bpcompare_torch.recorder.geometry import key, strided
from bpcompare_torch.recorder.identity import Identity
from bpcompare_torch.recorder.memory import PLAIN, Kept, storage_of
from bpcompare_torch.recorder.mode import Mode
from bpcompare_torch.recorder.moved import Held, Moved, OptimizerStep
from bpcompare_torch.recorder.optimizers import Rules, lawless, rate_format, slots_of, steps_of
from bpcompare_torch.recorder.owners import Owners, covers
from bpcompare_torch.recorder.places import Places
from bpcompare_torch.recorder.tape import Entry, Seen, of_gradients, of_itself
from bpcompare_torch.recorder.ways import Ways

LEFT_OVER = "a step of an optimizer wrote into it, and it was not cleared"
"""What is in a gradient after such a step is nobody's business, unless it is used again."""


class Updates:
    """Follows gradients from the moment when `backward` leaves them in `.grad` to the end of `step`, while it is entered."""

    def __init__(
        self,
        identity: Identity,
        mode: Mode,
        places: Places,
        names: Mapping[int, str],
        optimized: Callable[[Any], None],
        *,
        hooks: bool = True,
    ) -> None:
        self.steps: list[OptimizerStep] = []
        self._identity, self._mode, self._places, self._names = identity, mode, places, names
        self._optimized, self._hooks = optimized, hooks
        self._unnamed: list[tuple[Seen, Seen, str]] = []
        self._handles: list[Any] = []
        self._around: dict[int, tuple[Any, Any]] = {}
        self._open: dict[int, OptimizerStep] = {}
        self._last: dict[int, tuple[Any, OptimizerStep]] = {}
        self.by_hand: list[Held] = []
        self.lazy = False
        self.accumulations: dict[int, Seen] = {}
        """What each leaf's `.grad` was after the last delivery to it, by the identity of its tensor."""
        self.rewritten: dict[str, Place] = {}
        self.continuity = Continuity()
        self._begun = False
        self.copies = Copies()
        self._owners = Owners()
        self._first: dict[int, int] = {}
        self._ways = Ways(identity, mode)
        self._within: Counter[int] = Counter()

    def __enter__(self) -> Self:
        if self._hooks:
            self._handles = [
                register_optimizer_step_pre_hook(self.begins),
                register_optimizer_step_post_hook(lambda optimizer, _args, _kwargs: self.ends(optimizer)),
            ]
        return self

    def __exit__(self, *error: object) -> None:
        for handle in (*self._handles, *(handle for handles in self._around.values() for handle in handles)):
            handle.remove()

    def before_backward(self) -> None:
        """A backward pass begins: no step of an optimizer goes on, or it was broken off."""
        self._mode.stepping = False
        self._ways.stop()
        self._mode.foreseen.clear()
        self._begun = True
        self._mode.moving = self._owners.memory

    def accumulated(self, t: Tensor, leaf: Seen, arrived: Kept, before: Seen | None) -> None:
        """`.grad` is what it was and what has arrived: a step of its own."""
        grad, identity = t.grad, self._identity
        self._by_hand(t)
        self.continuity.read(t, leaf)
        if grad is None or not strided(grad):
            return
        delta = self._delta(t, leaf, arrived)
        if before is not None and before.entry is None and before.address is None:
            self._called(leaf, before, "grad before")
            if bool(before.kept.tensor.any()):
                before.why = "it held numbers before anybody watched, to which this backward added"
        arguments = {"self": delta} if before is None else {"self": before, "other": delta}
        entry = Entry("identity" if before is None else "add", arguments, self._places.here("backward"))
        after = Seen("made", identity.memory.keep(grad), identity.memory.clock, entry=entry, reduced=True)
        self._called(leaf, after, "grad")
        entry.results.append(after)
        self._mode.entries.append(entry)
        identity.made(grad, after, None)
        self.copies.deliver(delta, leaf, after)
        self.accumulations[id(t)] = after

    def _by_hand(self, t: Tensor) -> None:
        """Another memory that was made from gradients (p.data = …) is an update that is told elsewhere."""
        found = self._identity.at(t) if strided(t) else None
        if found is not None and found.reduced:
            self.continuity.left(id(t), found.kept, found.clock)

    def own(self, parameters: Mapping[str, Tensor]) -> None:
        """Whose memory is watched for writes outside of all optimizers."""
        self.lazy = any(is_lazy(p) for p in parameters.values())
        self._owners.own({self._names.get(id(p), name): p for name, p in parameters.items() if p.requires_grad and strided(p)})

    def wrote(self, t: Tensor, written: Seen | None) -> None:
        """Somebody's own code wrote into t: an update by hand, if it is a parameter and there was a gradient."""
        if self._ways.open:
            return
        self.continuity.touched(t)
        owners = self._owners.of(t) if self._begun and strided(t) else ()
        if owners and written is not None and not self._mode.following:
            written.reduced = of_gradients(written)
        for name, p in owners:
            if written is None or not (written.reduced or of_itself(written)):
                now, clock = self._identity.memory.keep(p), self._identity.memory.clock
                if covers(t, p) and self.continuity.returned(id(p), now, clock, name):
                    continue
                self.continuity.wrote(id(p))
                self.rewritten.setdefault(name, self._places.here("write"))
                continue
            written.reduced = True
            self.by_hand.append(Held(name, id(p), written, with_others=len(owners) > 1))
            if covers(t, p):
                now = written.kept if key(t) == key(p) else self._identity.memory.keep(p)
                self.continuity.left(id(p), now, written.clock)
            else:
                self.continuity.wrote(id(p))

    def reads(self, t: Tensor, seen: Seen) -> None:
        """Somebody's own code reads a parameter, to update one by hand."""
        for name, p in () if self._ways.open else self._owners.of(t):
            if key(t) == key(p):
                seen.address = id(p)
                self.continuity.found(id(p), seen.kept, seen.clock, name)
            elif seen.address is None and covers(p, t):
                seen.address = id(p)

    def captured(self, gradient: Tensor, t: Tensor, leaf: Seen) -> None:
        """torch.autograd.grad gives back a gradient."""
        if strided(gradient):
            delta = self._delta(t, leaf, self._identity.memory.keep(gradient))
            self.copies.deliver(delta, leaf, delta)
            self._identity.made(gradient, delta, None)

    def _delta(self, t: Tensor, leaf: Seen, arrived: Kept) -> Seen:
        delta = Seen("given", arrived, self._identity.memory.clock, reduced=True, address=id(t))
        self._called(leaf, delta, "gradient")
        return delta

    def _called(self, leaf: Seen, seen: Seen, what: str) -> None:
        """A name from the parameter's, which may not be known yet: then it is given at the end."""
        seen.name = f"{leaf.name}.{what}"
        self._unnamed.append((leaf, seen, what))

    def settle(self) -> None:
        """Gradients have the names of their parameters, which may be known only now."""
        for leaf, seen, what in self._unnamed:
            seen.name = f"{leaf.name}.{what}"

    def replaced(self, parameters: Mapping[str, Tensor]) -> None:
        """At the end: parameters whose memory is another one, made from gradients (p.data = …)."""
        for name, p in parameters.items():
            found = self._identity.at(p) if strided(p) else None
            if found is not None and found.reduced and all(one.gradient is not found for one in self.by_hand):
                self._by_hand(p)
                self.by_hand.append(Held(self._names.get(id(p), name), id(p), found))

    def over(self, parameters: Mapping[str, Tensor]) -> None:
        """At the end: parameters and states that are no longer what the last that was seen of them left."""
        now = self._identity.memory.now
        with self._mode.unwatched():
            for name, p in parameters.items():
                if strided(p):
                    self.continuity.over(p, self._names.get(id(p), name), now(p))
            for optimizer, step in self._last.values():
                for one in step.moved:
                    slots = {} if one.rule is None else slots_of(optimizer, one.rule, one.parameter)
                    for slot, t in slots.items():
                        left = one.slots_after.get(slot)
                        if left is not None:
                            self.continuity.state_over(f"{slot} of {one.name}", left, None if t is None else now(t))

    def left(self, parameters: Mapping[str, Tensor]) -> list[Held]:
        """What is in `.grad` at the end."""
        with self._mode.unwatched():
            return [
                Held(self._names.get(id(p), name), id(p), found, frozenset(self.copies.behind({id(p)}) - {id(p)}))
                for name, p in parameters.items()
                if (grad := p.grad) is not None and strided(grad) and (found := self._identity.gradient(grad)).why != LEFT_OVER
            ]

    # around step

    def begins(self, optimizer: Any, _args: Any, _kwargs: Any) -> None:
        """An optimizer's step is called. It begins behind its own hooks, and ends before them: what they do is no part of it."""
        if self._goes_on(optimizer):
            self._within[id(optimizer)] += 1
            return
        self._optimized(optimizer)
        self._alone(optimizer)
        after = optimizer.register_step_post_hook(lambda optimizer, _args, _kwargs: self._ends_inside(optimizer))
        optimizer._optimizer_step_post_hooks.move_to_end(after.id, last=False)
        self._around[id(optimizer)] = optimizer.register_step_pre_hook(self._begins_inside), after

    def _begins_inside(self, optimizer: Any, args: Any, kwargs: Any) -> Any:
        """The step itself begins. What it is to be called with instead; None: as it was."""
        if self._goes_on(optimizer):
            return None
        closure = kwargs.get("closure", args[1] if len(args) > 1 else None)
        if lawless(optimizer):
            self._begins_own(optimizer, callable(closure))
            return None
        if not (callable(closure) or self._ways.known(optimizer)):
            self._foresee(optimizer, self._begins(optimizer, self._identity.memory.copy))
            return None
        step = self._begins(optimizer, self._identity.memory.keep)
        self._ways.begin(optimizer)
        if not callable(closure):
            return None

        def watched(*inner: Any, **named: Any) -> Any:
            """The closure, watched like any code; what the step starts from is what it leaves."""
            self._mode.stepping = False
            self._ways.end(optimizer)
            out = closure(*inner, **named)
            with self._mode.unwatched():
                step.moved = self._all_moving(optimizer, self._identity.memory.keep)
                for one in step.moved:
                    self.copies.find(one)
                    self.continuity.begins(optimizer, one, self._identity.memory.clock)
            self._mode.stepping = True
            self._ways.begin(optimizer)
            return out

        if "closure" in kwargs:
            return args, {**kwargs, "closure": watched}
        return (args[0], watched, *args[2:]), kwargs

    def _begins(self, optimizer: Any, keep: Callable[[Tensor], Kept]) -> OptimizerStep:
        """`keep`: how numbers of its state are kept."""
        with self._mode.unwatched():
            step = OptimizerStep(type(optimizer).__name__, self._places.here("step"), self._all_moving(optimizer, keep))
            for one in step.moved:
                self._by_hand(one.parameter)
                self.copies.find(one)
                self.continuity.begins(optimizer, one, self._identity.memory.clock)
        self.steps.append(step)
        self._open[id(optimizer)] = step
        self._mode.stepping = True
        return step

    def _begins_own(self, optimizer: Any, closure: bool) -> None:
        """A step begins for which there is no law: it is recorded function by function, like any code."""
        with self._mode.unwatched():
            moved = self._all_moving(optimizer, self._identity.memory.keep)
            step = OptimizerStep(type(optimizer).__name__, self._places.here("step"), moved, own=True)
            for one in moved:
                self._by_hand(one.parameter)
                self.copies.find(one)
                self.continuity.found(id(one.parameter), one.before, self._identity.memory.clock, one.name)
                if not closure:
                    self.continuity.stale(one)
        self.steps.append(step)
        self._open[id(optimizer)] = step
        self._first[id(optimizer)] = len(self._mode.entries)
        self._mode.following = True

    def _foresee(self, optimizer: Any, step: OptimizerStep) -> None:
        """A step of torch's own begins, of which is known what it writes into: that is told now, and not at each of its writes.

        Whatever else is written into meanwhile is told when it is.
        """
        written = [
            t
            for one in step.moved
            if one.gradient is not None and one.rule is not None
            for t in (one.parameter, *slots_of(optimizer, one.rule, one.parameter).values())
            if t is not None and type(t) in PLAIN and strided(t)
        ]
        with self._mode.safe("step"), torch._C._DisableTorchDispatch():  # copies are nobody's calls
            for t in written:
                self._identity.overwritten(t, None)
                self._mode.foreseen.add(storage_of(t))

    def _all_moving(self, optimizer: Any, keep: Callable[[Tensor], Kept]) -> list[Moved]:
        rules = Rules(optimizer)
        return [
            self._moving(optimizer, rules.of(group, p), group, p, keep)
            for group in optimizer.param_groups
            for p in group["params"]
            if p.is_leaf  # what a differentiable step moves is no parameter, but a value that was made of some
        ]

    def _moving(self, optimizer: Any, rule: Rule | str, group: Any, p: Tensor, keep: Callable[[Tensor], Kept]) -> Moved:
        found, kept = isinstance(rule, Rule), keep if p.grad is not None else self._identity.memory.keep
        slots = slots_of(optimizer, rule, p) if isinstance(rule, Rule) else {}
        self.continuity.states(self._names.get(id(p), "a parameter"), slots)
        return Moved(
            self._names.get(id(p), "a parameter outside of the model"),
            rule if isinstance(rule, Rule) else None,
            "" if found else str(rule),
            self._identity.memory.keep(p),
            None if p.grad is None else self._identity.gradient(p.grad),
            {name: None if t is None else kept(t) for name, t in slots.items()},
            steps_of(optimizer, p) + 1,
            p,
            rate_format(group),
        )

    def _goes_on(self, optimizer: Any) -> bool:
        """Whether a step of somebody's own class has called the step of the class that it is made from."""
        step = self._open.get(id(optimizer))
        return step is not None and step.own

    def _alone(self, optimizer: Any) -> None:
        for handle in self._around.pop(id(optimizer), ()):
            handle.remove()

    def ends(self, optimizer: Any) -> None:
        """An optimizer's step has ended, and its own hooks have run."""
        if self._within[id(optimizer)]:
            self._within[id(optimizer)] -= 1
            return
        self._alone(optimizer)
        self._ends_inside(optimizer)

    def _ends_inside(self, optimizer: Any) -> None:
        """The step itself ends."""
        if self._within[id(optimizer)]:
            return
        step = self._open.pop(id(optimizer), None)
        self._mode.stepping = False
        self._mode.following = any(one.own for one in self._open.values())
        self._mode.foreseen.clear()
        if step is None:
            return
        if step.own:
            self._ends_own(optimizer, step)
            return
        with self._mode.unwatched():
            keep = self._identity.memory.keep
            self._ways.seen(optimizer, step.moved)
            for one in step.moved:
                one.after = keep(one.parameter)
                if one.gradient is not None:
                    self._used(one.gradient, one.parameter.grad)
                if one.rule is not None:
                    after = slots_of(optimizer, one.rule, one.parameter)
                    one.slots_after = {name: None if t is None else keep(t) for name, t in after.items()}
                self.continuity.ends(optimizer, one, self._identity.memory.clock)
                self._left_by(one)
            step.ended = True
            self._last[id(optimizer)] = optimizer, step

    def _ends_own(self, optimizer: Any, step: OptimizerStep) -> None:
        """A step ends that was recorded function by function."""
        step.called = tuple(self._mode.entries[self._first.pop(id(optimizer)) :])
        with self._mode.unwatched():
            step.moved = self._all_moving(optimizer, self._identity.memory.keep)
            for one in step.moved:
                self.continuity.ended(one, one.before, self._identity.memory.clock)
                one.after, one.stands_for = one.before, frozenset(self.copies.behind({id(one.parameter)}) - {id(one.parameter)})
                self._left_by(one)
        step.ended = True

    def _left_by(self, one: Moved) -> None:
        """A step has moved a parameter, and with it those in its memory. Those that it is a copy of may now be written."""
        q, clock = one.parameter, self._identity.memory.clock
        for _, p in self._owners.of(q) if strided(q) else ():
            if p is not q and covers(q, p):
                self.continuity.left(id(p), self._identity.memory.keep(p), clock)
        for part in self.copies.parts.get(id(q), ()):
            self.continuity.unused.pop(part.address, None)
        if one.stands_for and one.after is not None:
            self._identity.stepped(q, Seen("given", one.after, clock, reduced=True, address=id(q), name=f"{one.name}.after"))

    def _used(self, gradient: Seen, grad: Tensor | None) -> None:
        """A step has run: some write into gradients, and some of those leave them as they were."""
        if grad is None or not strided(grad) or self._identity.at(grad) is gradient:
            return
        kept = self._identity.memory.keep(grad)
        if not gradient.kept.same(kept):
            gradient = Seen("given", kept, self._identity.memory.clock, reduced=True, why=LEFT_OVER)
        self._identity.made(grad, gradient, None)
