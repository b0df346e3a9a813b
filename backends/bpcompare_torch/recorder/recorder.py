"""The recorder: enters its parts in their order, and puts together what they saw."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Self
from weakref import finalize

import torch
from torch import nn

from bpcompare.program import Recording, Unexamined, Watched
from bpcompare_torch.recorder.absence import Absence
from bpcompare_torch.recorder.between import between, of_own_step, of_ranks, updated_by_hand
from bpcompare_torch.recorder.chunks import room
from bpcompare_torch.recorder.compiling import Compiling, call_by_call
from bpcompare_torch.recorder.forgetting import Forgetting
from bpcompare_torch.recorder.fused import apart
from bpcompare_torch.recorder.garbage import Spared
from bpcompare_torch.recorder.identity import Identity
from bpcompare_torch.recorder.interfaces import ensure
from bpcompare_torch.recorder.lending import Lending
from bpcompare_torch.recorder.memory import Memory, here
from bpcompare_torch.recorder.mode import Mode
from bpcompare_torch.recorder.models import Models
from bpcompare_torch.recorder.moved import Held
from bpcompare_torch.recorder.pass_program import of_pass, undifferentiated
from bpcompare_torch.recorder.passes import Engine
from bpcompare_torch.recorder.places import Places
from bpcompare_torch.recorder.reduction import Reductions, in_parts, ranks
from bpcompare_torch.recorder.references import Reference, references
from bpcompare_torch.recorder.resizing import Resizing
from bpcompare_torch.recorder.step_program import of_step
from bpcompare_torch.recorder.tape import Entry, Seen, silent
from bpcompare_torch.recorder.updates import Updates


class TorchRecorder:
    """Records while it is entered.

    `models` by a prefix for their names, "" for the only one; None: they are found when they are called. `hooks`: without them,
    somebody else says where optimizers' steps begin and end. `memory`: bytes that numbers may take before they go into a file;
    None: half of what is free.
    """

    def __init__(
        self,
        models: Mapping[str, nn.Module] | None,
        reference: Mapping[Any, Reference] | None = None,
        *,
        hooks: bool = True,
        memory: int | None = None,
    ) -> None:
        ensure()
        numbers = Memory()
        self.models = Models(models, numbers)
        names = self.models.names
        self._places = Places(self.models.modules, self._called)
        entries: list[Entry] = []
        self._identity = Identity(names, entries.append, numbers)
        numbers.limit = room() if memory is None else memory
        numbers.full = Forgetting(self._identity)
        self._mode = Mode(self._identity, self._places)
        self._mode.entries = entries
        self._mode.references = references(reference or {})
        self._absence = Absence(self._mode)
        self._engine = Engine(self._identity, self._mode, self._places, self._absence)
        optimized = self.models.optimized
        self.updates = Updates(self._identity, self._mode, self._places, names, optimized, hooks=hooks)
        self._engine.before, self._engine.captured = self._begins, self.updates.captured
        self._engine.accumulated = self.updates.accumulated
        self._reductions = Reductions(self._identity, self.updates, self.models.parameters)
        self._engine.after = self._reductions.ends
        self.updates.own(self.models.parameters())
        self._mode.wrote, self._mode.reads = self.updates.wrote, self.updates.reads
        self._seed = torch.initial_seed()
        self._undo = ExitStack()
        self._reached: dict[str, str] = {}
        self._named: dict[str, str] = {}
        self._left: list[Held] = []
        self._stale: list[Unexamined] = []
        self._copies = ""
        self._parts: list[str] = []
        self._distributed: dict[str, str] = {}
        finalize(self, _let_go, entries).atexit = False

    def __enter__(self) -> Self:
        with self._mode.safe("gradients from before"):
            self.models.note()
        with ExitStack() as stack:
            memory = Lending(self._identity, self._mode), Resizing(self._identity, self._mode)
            around = Compiling(), call_by_call(), Spared(), self._places, self._engine, self.updates, *memory
            for part in (*around, self._mode):
                stack.enter_context(part)
            self._undo = stack.pop_all()
        return self

    def _called(self, module: nn.Module) -> None:
        """A module is called outside of all others."""
        with self._mode.unwatched(), self._mode.safe("gradients from before"):
            self.models.called(module)

    def _begins(self) -> None:
        """A backward pass begins: whatever is called has been called, so that models found on the way are known."""
        if self.models.open or self.updates.lazy:
            self.updates.own(self.models.parameters())
        self.updates.before_backward()
        self._reductions.begins()

    def __exit__(self, *error: object) -> None:
        self._undo.close()
        moved = [one for step in self.updates.steps for one in step.moved]
        self.models.settle(self._mode.entries, moved, self._identity.leaves)
        self.updates.settle()
        parameters, self._reached = self.models.parameters(), self.models.reached()
        self._named = {name: self.models.names[id(p)] for name, p in parameters.items()}
        self._reductions.settle(self.models.names)
        self._parts = [name for name, p in parameters.items() if here(p) is not p]
        self._distributed = ranks()
        self.updates.replaced(parameters)
        self.updates.over(parameters)
        self.updates.continuity.by_hand([one.address for one in self.updates.by_hand])
        self._copies = self.updates.copies.told()
        last = [one for step in self.updates.steps for one in step.moved]
        mine = {id(p): p for p in parameters.values()}
        self._stale = list(self.updates.copies.stale(last, mine))
        for address in self.updates.copies.parts:
            self._reached |= {name: "a copy" for name, p in parameters.items() if id(p) == address}
        self._left = self.updates.left({name: p for name, p in parameters.items() if not self._reached[name]})
        self._identity.end()
        self._engine.end()
        self._mode.wrote = self._mode.reads = self._places.called = silent

    def watched(self) -> Watched:
        """Everything that was seen."""
        recordings: list[Recording] = []
        passes, steps, entries = self._engine.passes, self.updates.steps, apart(self._mode.entries)
        for number, done in enumerate(passes, 1):
            recordings.append(of_pass(number, done, entries, len(passes) > 1))
        judged: set[Seen] = set()
        if passes and self._reductions.found:
            recordings += between("gradients of this rank", self._reductions.held(), passes[-1].place, entries, judged)
            recordings.append(of_ranks(self._reductions.found, passes[-1].place))
        for number, step in enumerate(steps, 1):
            title = f"gradients before step {number}" if len(steps) > 1 else "gradients after backward"
            recordings += between(title, step.held, step.place, entries, judged)
            several = len(steps) > 1
            recordings.append(of_own_step(number, step, several, judged) if step.own else of_step(number, step, several))
        if passes:
            title = "gradients that are left" if steps else "gradients after backward"
            recordings += between(title, self._left, passes[-1].place, entries, judged)
            recordings += updated_by_hand(self.updates.by_hand, passes[-1].place, entries, judged, self.updates.copies.behind)
        facts = {"framework": "torch", "version": torch.__version__, "device": self.models.device, "seed": str(self._seed)}
        facts |= self._distributed
        own = dict.fromkeys(f"{step.optimizer}.step" for step in steps if step.own)
        if own or self.updates.by_hand:
            facts["by hand"] = "; ".join(own) or "updates outside of all optimizers"
        if steps and self.updates.continuity.unused:
            facts["unused"] = "; ".join(sorted({leaf.name for leaf in self.updates.continuity.unused.values()}))
        if self.updates.continuity.put_back:
            facts["put back"] = "; ".join(self.updates.continuity.put_back)
        if self._copies:
            facts["copies"] = self._copies
        if self._mode.failures:
            facts["failed"] = "; ".join(self._mode.failures)
        return Watched(tuple(recordings), self._parameters_of(recordings), facts, tuple(self._unseen(recordings)))

    def _parameters_of(self, recordings: list[Recording]) -> dict[str, str]:
        """Every parameter of the models: "" if a recording speaks of its gradient, or why none does."""
        spoken = {
            value.path
            for one in recordings
            for value in one.program.values.values()
            if value.parameter and value.delta and not value.trusted
        }
        left = {value.path for one in recordings for value in one.program.values.values() if value.parameter and value.trusted}
        unused = {one.name for one in self._reductions.found if one.local is None}
        names = self._named
        reached = {name: "not used on this rank" if names[name] in unused else why for name, why in self._reached.items()}
        return {
            names[name]: "" if names[name] in spoken else why or ("changed by a hook" if names[name] in left else "unseen")
            for name, why in reached.items()
        }

    def _unseen(self, recordings: list[Recording]) -> list[Unexamined]:
        failures = [
            Unexamined(f"what {where} made", f"the recorder could not follow it: {why}")
            for where, why in self._mode.failures.items()
        ]
        seconds = undifferentiated(self._engine.passes, self._mode.entries)
        return [*failures, *self._mode.unexamined.values(), *seconds, *self._lacking(recordings)]

    def _strangers(self, recordings: list[Recording]) -> bool:
        """Whether no recording speaks of any parameter of the models, though there are some that ask for a gradient."""
        mine = {self._named[name] for name, why in self._reached.items() if why != "frozen"}
        return bool(mine) and not any(mine & one.program.values.keys() for one in recordings)

    def _lacking(self, recordings: list[Recording]) -> list[Unexamined]:
        if not self._engine.passes:
            return [Unexamined("everything", "there was no backward() in what was watched")]
        if self._strangers(recordings) and not any(done.failed for done in self._engine.passes):
            return [Unexamined("every parameter of the model", "what was watched reads none of them: is it another model?")]
        why = "code outside of all optimizers wrote into it, without reading a gradient"
        rewritten = [Unexamined(name, why, place.line) for name, place in self.updates.rewritten.items()]
        return [*in_parts(self._parts), *rewritten, *self._stale, *self.updates.continuity.unexamined.values()]


def _let_go(entries: list[Entry]) -> None:
    """Calls and their results know each other. They are taken apart, so that the numbers are free now, not some time later."""
    for entry in entries:
        for result in entry.results:
            if result is not None:
                result.entry = None
