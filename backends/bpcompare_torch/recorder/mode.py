"""The dispatch mode: every function that torch calls while a step is watched, with its values."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from bpcompare.program import Unexamined
from bpcompare_torch.recorder.drawn import masks
from bpcompare_torch.recorder.geometry import geometry, layout, strided
from bpcompare_torch.recorder.identity import Identity
from bpcompare_torch.recorder.members import apart, results_of
from bpcompare_torch.recorder.memory import PLAIN, divided, storage_of, tensors
from bpcompare_torch.recorder.places import Places
from bpcompare_torch.recorder.precision import factors
from bpcompare_torch.recorder.safety import Safe, Theirs, Unwatched
from bpcompare_torch.recorder.signature import Signature, left, signature, statistics
from bpcompare_torch.recorder.tape import Custom, Entry, Seen, silent
from bpcompare_torch.recorder.together import called


class Mode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes each call that a gradient may come to, and each write into memory that somebody still needs."""

    def __init__(self, identity: Identity, places: Places) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.identity = identity
        self.places = places
        self.entries: list[Entry] = []
        self.custom: Custom | None = None
        self.backward = False
        self.stepping = False
        self.following = False
        self.moving: Collection[int] = ()
        self.reads: Callable[[Tensor, Seen], None] = silent
        self.passing = False
        self.idle = False
        self.packed = False
        """Whether hooks of theirs, or a checkpoint's, hold what autograd saves for backward, and run there."""
        self.foreseen: set[int] = set()
        self.references: dict[str, Callable[..., Any]] = {}
        self.failures: dict[str, str] = {}
        self.unexamined: dict[str, Unexamined] = {}
        self.wrote: Callable[[Tensor, Seen | None], None] = silent
        self.shares: Callable[[str], None] = silent
        """Told of a function by which a backward hands tensors to other processes."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: nothing in here is ever compiled, and what torch wraps around each call to be sure costs more than the call."""
        return False

    def unwatched(self) -> Unwatched:
        """Calls in here are the recorder's own."""
        return Unwatched(self)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.idle:
            return func(*args, **kwargs)
        known = signature(func)
        self._engine_runs(known)
        followed: list[tuple[Tensor, Tensor]] = []
        beside = self.backward or self.stepping
        if beside and not known.has_statistics and (not known.writes or self._foreseen(known, args)):
            return called(func, args, kwargs)
        with self.safe(known.full_name):
            given = known.named(args, kwargs)
            writes = [t for name in known.writes for t in tensors(given.get(name))]
            if known.has_statistics:
                writes += [given[name] for name in statistics(func, given) if not any(given[name] is t for t in writes)]
            if not (beside or known.name in ANEW):
                found = [t for value in given.values() for t in tensors(value)]
                if self._matters(found, writes):
                    return self._recorded(func, args, kwargs, given, writes, found)
            followed = self._unfollowed(writes)
        out = called(func, args, kwargs)
        if followed:
            with self.safe(known.full_name):
                for t, before in followed:
                    if not torch.equal(t, before):
                        self.identity.overwritten(t, None, noted=True)
        return out

    def _engine_runs(self, known: Signature) -> None:
        """Where autograd's engine runs: that nobody saw it begin; that it hands tensors to other processes."""
        if not self.passing and torch._C._current_graph_task_id() != NO_TASK:
            why = "the engine was run in a way that nobody saw: not by backward() or torch.autograd.grad"
            self.unexamined.setdefault("a backward pass", Unexamined("a backward pass", why))
        if known.together and self.passing:
            with self.safe(known.full_name):
                self.shares(known.full_name)

    def safe(self, where: str) -> Safe:
        """What fails in here is the recorder's own failure: it is named, and somebody's step goes on."""
        return Safe(self.failures, where)

    def _unfollowed(self, writes: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Writes of a call that no gradient comes to. A write that changes nothing (a bound that nothing passes) is none.

        Gives the values that gradients come to, with what they are now: whether they change is seen afterwards.
        """
        followed = [(t, t.detach().clone()) for t in writes if not self.stepping and t.requires_grad and not t.is_leaf]
        for t in writes:
            if any(t is one for one, _ in followed):
                self.identity.memory.written(t)
            else:
                self.identity.overwritten(t, None)
            if not (self.backward or self.stepping):
                self.wrote(t, None)
        return followed

    def _foreseen(self, known: Signature, args: Any) -> bool:
        """Whether a step writes into what was told beforehand that it writes into, and into nothing else."""
        if not (self.foreseen and known.alone and args):
            return False
        if type(args[0]) in PLAIN:
            return storage_of(args[0]) in self.foreseen
        return all(type(t) in PLAIN and storage_of(t) in self.foreseen for t in tensors(args[0]))

    def _matters(self, found: list[Tensor], writes: list[Tensor]) -> bool:
        if self.custom is not None:
            return True
        if (self._following() and found) or any(self._moves(t) for t in writes):
            return True
        if torch.is_grad_enabled():
            newest = torch.autograd._get_sequence_nr() - 1  # type: ignore[attr-defined]
            if any(t.requires_grad or self.identity.resolved(t, newest) for t in found):
                return True
        return any(self.identity.reduced(t) for t in found)

    def _following(self) -> bool:
        """Whether a step of an optimizer that has no law goes on: all that it calls is recorded."""
        return self.following and not torch.is_grad_enabled()

    def _moves(self, t: Tensor) -> bool:
        """Whether t is the memory of a parameter that has a gradient by now, and autograd looks away: it is updated by hand."""
        return (
            bool(self.moving)
            and not (torch.is_grad_enabled() and t.requires_grad)
            and strided(t)
            and storage_of(t) in self.moving
        )

    def _recorded(
        self, func: Any, args: Any, kwargs: Any, given: dict[str, Any], writes: list[Tensor], read: list[Tensor]
    ) -> Any:
        # The node that autograd made for this call is the newest one of this thread.
        node = torch.autograd._get_sequence_nr() - 1  # type: ignore[attr-defined]
        known = signature(func)
        left = self.identity.after_step(given["self"]) if known.name == "detach" else None
        tracked = self.custom is None and torch.is_grad_enabled() and left is None
        asked = tracked and any(t.requires_grad or self.identity.resolved(t, node) for t in read)
        self.identity.now = node if asked else None  # where nothing asks for a gradient, the newest node is another call's
        for t in writes:
            self.identity.before_write(t)
        into = known.writes if tracked else ()
        arguments = {
            name: self.identity.under_write(value) if name in into and isinstance(value, Tensor) else self._seen(value)
            for name, value in given.items()
        }
        if left is not None:
            arguments["self"] = left
        for t in read:
            if not asked and self._moves(t):
                self.reads(t, self.identity.of(t))
        self.identity.now = None
        for t in writes:
            self.identity.memory.written(t)
        lay = geometry(given["self"]) if known.full_name in RESTRIDED else None
        try:
            out = called(func, args, kwargs)
        except Exception as error:
            raise Theirs(error) from error
        with self.safe(known.full_name):
            if lay is not None:
                arguments["index"] = layout(geometry(out), lay)
            self._made(func, given, arguments, out, writes, read, node if tracked else None)
        return out

    def _made(
        self,
        func: Any,
        given: dict[str, Any],
        arguments: dict[str, Any],
        out: Any,
        writes: list[Tensor],
        read: list[Tensor],
        node: int | None,
    ) -> None:
        """What a call gave back, and wrote."""
        results, known = results_of(out), signature(func)
        unseen = [t for t in writes if not any(t is one for one in results)]
        if unseen and len(unseen) == len(writes) and not any(t is not None for t in results):  # but what it wrote into, nothing
            results, unseen = list(writes), []
        name = known.name
        if self.custom is not None and self.custom.name.startswith(GENERATED) and "::" in name:
            self.custom.name = name
        if name in self.references and self.custom is not None and not writes:
            with self:
                self.refer(name, tuple(given.values()), results)
            return
        arguments |= masks(name, given, results) | left(given)
        in_parts = divided(read, results)
        for function, one, made in (
            [(f"{DISTRIBUTED}::{name}", arguments, results)] if in_parts else apart(name, arguments, results)
        ):
            self._note(function, one, made, writes, node)
        for t in unseen:
            self.identity.overwritten(t, None, noted=True)
        for name in statistics(func, given) if known.has_statistics else ():
            self.entries[-1].states[name] = self.identity.memory.keep(given[name])

    def refer(self, name: str, arguments: tuple[Any, ...], results: list[Tensor | None]) -> None:
        """The call by its reference: each result is what the reference makes of the arguments, whose own numbers are nobody's.

        Raises ValueError for a reference that gives other results, or is itself made of what nobody can see.
        """
        first = len(self.entries)
        with torch.no_grad():
            made = results_of(self.references[name](*arguments))
        if len(made) != len(results):
            raise ValueError(f"the reference of {name} gives {len(made)} results, it gives {len(results)}")
        for entry in self.entries[first:]:
            for result in entry.results:
                if result is not None:
                    result.between = True
        for one, t in zip(made, results, strict=True):
            if one is not None and t is not None:
                inner = self.identity.inside(one)
                if inner is None:
                    raise ValueError(f"the reference of {name} is itself made of what nobody can see")
                self._note("identity", {"self": inner}, [t], [], None)

    def _note(
        self, function: str, arguments: dict[str, Any], made: list[Tensor | None], writes: list[Tensor], node: int | None
    ) -> None:
        """One call and its results. `node` is autograd's number for it, None where autograd does not follow."""
        custom, identity = self.custom, self.identity
        within = (custom.name, custom.place.backward) if custom else ()
        entry = Entry(function, arguments, self.places.here(function, *within), [], custom)
        entry.factors = factors(function, made[0]) if made else 0.0
        read = entry.read()
        depends = any(one.depends for one in read) and (node is not None or custom is not None)
        reduced = self._following() or any(one.reduced for one in read)
        number = 0
        for output, t in enumerate(made):
            if t is None or not strided(t):  # of sparse ones no law speaks
                entry.results.append(None)
                continue
            floating = t.is_floating_point() or t.is_complex()
            seen = Seen(
                "made",
                identity.memory.keep(t),
                identity.memory.clock,
                depends and floating,
                "",
                entry,
                output,
                custom,
                reduced=reduced,
            )
            entry.results.append(seen)
            identity.made(t, seen, (node, number) if node is not None and depends and floating else None)
            if any(t is one for one in writes):
                identity.overwritten(t, seen, noted=True)
                self.wrote(t, seen)
            number += floating
        self.entries.append(entry)

    def _seen(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self.identity.of(value)
        if isinstance(value, (list, tuple)):
            return tuple(map(self._seen, value))
        return plain(value)


DISTRIBUTED = "distributed"
"""The namespace of calls on what is shared out among processes: what is here says nothing of what they give."""

NO_TASK = -1
"""What torch says where autograd's engine does not run."""


GENERATED = "GeneratedBackwardFor_"
"""How torch names the custom functions that it makes for ops of torch.library."""

ANEW = (
    frozenset(f"{name}_like" for name in ("zeros", "ones", "full", "empty", "rand", "randn", "randint"))
    | {f"new_{name}" for name in ("zeros", "ones", "full", "empty", "empty_strided")}
    | {"lift_fresh"}
)
"""Functions that ask an array for its shape and format alone, or hand on a constant: what they make is given."""


def plain(value: Any) -> Any:
    """An argument that is no tensor, as something that can be kept: numbers, texts, None; names of dtypes and the like."""
    if value is None or isinstance(value, (bool, int, float, str, Seen)):
        return value
    return str(value)


RESTRIDED = ("aten::as_strided", "aten::as_strided_")
"""Functions that lay out memory anew: which entry stands where, only the tensors know."""
