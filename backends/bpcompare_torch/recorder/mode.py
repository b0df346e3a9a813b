"""The dispatch mode: every function that torch calls while a step is watched, with its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from bpcompare.program import Unexamined
from bpcompare_torch.recorder.geometry import geometry, layout
from bpcompare_torch.recorder.identity import Identity
from bpcompare_torch.recorder.memory import tensors
from bpcompare_torch.recorder.places import Places
from bpcompare_torch.recorder.tape import Custom, Entry, Seen


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
        self.passing = False
        self.idle = False
        self.references: dict[str, Callable[..., Any]] = {}
        self.failures: dict[str, str] = {}
        self.unexamined: dict[str, Unexamined] = {}
        self.wrote: Callable[[Tensor, Seen | None], None] = lambda _tensor, _written: None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: nothing in here is ever compiled, and what torch wraps around each call to be sure costs more than the call."""
        return False

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """Calls in here are the recorder's own."""
        before, self.idle = self.idle, True
        try:
            yield
        finally:
            self.idle = before

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.idle:
            return func(*args, **kwargs)
        if not self.passing and torch._C._current_graph_task_id() != NO_TASK:
            why = "the engine was run in a way that nobody saw: not by backward() or torch.autograd.grad"
            self.unexamined.setdefault("a backward pass", Unexamined("a backward pass", why))
        followed: list[tuple[Tensor, Tensor]] = []
        known = signature(func)
        if (self.backward or self.stepping) and not known.writes and not known.has_statistics:
            return func(*args, **kwargs)
        with self.safe(known.full_name):
            given = known.named(args, kwargs)
            writes = [t for name in known.writes for t in tensors(given.get(name))]
            if known.has_statistics:
                writes += [given[name] for name in statistics(func, given) if not any(given[name] is t for t in writes)]
            if not (self.backward or self.stepping or known.name in ANEW) and self._matters(given):
                return self._recorded(func, args, kwargs, given, writes)
            followed = self._unfollowed(writes)
        out = func(*args, **kwargs)
        if followed:
            with self.safe(known.full_name):
                for t, before in followed:
                    if not torch.equal(t, before):
                        self.identity.overwritten(t, None, noted=True)
        return out

    @contextmanager
    def safe(self, where: str) -> Iterator[None]:
        """What fails in here is the recorder's own failure: it is named, and somebody's step goes on."""
        try:
            yield
        except _Theirs as error:
            raise error.error from None
        except Exception as error:  # noqa: BLE001 — whatever it is, a training must not end by being watched
            self.failures.setdefault(where, f"{type(error).__name__}: {error}".splitlines()[0])

    def _unfollowed(self, writes: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Writes of a call that no gradient comes to. A write that changes nothing (a bound that nothing passes) is none.

        Gives the values that gradients come to, with what they are now: whether they change is seen afterwards.
        """
        followed = [(t, t.detach().clone()) for t in writes if t.requires_grad and not t.is_leaf]
        for t in writes:
            if any(t is one for one, _ in followed):
                self.identity.memory.written(t)
            else:
                self.identity.overwritten(t, None)
            if not (self.backward or self.stepping):
                self.wrote(t, None)
        return followed

    def _matters(self, given: dict[str, Any]) -> bool:
        if self.custom is not None:
            return True
        found = [t for value in given.values() for t in tensors(value)]
        if torch.is_grad_enabled():
            newest = torch.autograd._get_sequence_nr() - 1  # type: ignore[attr-defined]
            if any(t.requires_grad or self.identity.resolved(t, newest) for t in found):
                return True
        return any(self.identity.reduced(t) for t in found)

    def _recorded(self, func: Any, args: Any, kwargs: Any, given: dict[str, Any], writes: list[Tensor]) -> Any:
        # The node that autograd made for this call is the newest one of this thread.
        node = torch.autograd._get_sequence_nr() - 1  # type: ignore[attr-defined]
        tracked = self.custom is None and torch.is_grad_enabled()
        read = [t for value in given.values() for t in tensors(value)]
        asked = tracked and any(t.requires_grad or self.identity.resolved(t, node) for t in read)
        self.identity.now = node if asked else None  # where nothing asks for a gradient, the newest node is another call's
        for t in writes:
            self.identity.before_write(t)
        into = set(signature(func).writes) if tracked else ()
        arguments = {
            name: self.identity.under_write(value) if name in into and isinstance(value, Tensor) else self._seen(value)
            for name, value in given.items()
        }
        self.identity.now = None
        for t in writes:
            self.identity.memory.written(t)
        lay = geometry(given["self"]) if signature(func).full_name in RESTRIDED else None
        try:
            out = func(*args, **kwargs)
        except Exception as error:
            raise _Theirs(error) from error
        with self.safe(signature(func).full_name):
            if lay is not None:
                arguments["index"] = layout(geometry(out), lay)
            self._made(func, given, arguments, out, writes, node if tracked else None)
        return out

    def _made(
        self, func: Any, given: dict[str, Any], arguments: dict[str, Any], out: Any, writes: list[Tensor], node: int | None
    ) -> None:
        """What a call gave back, and wrote."""
        results = _results(out)
        unseen = [t for t in writes if not any(t is one for one in results)]
        if unseen and len(unseen) == len(writes) and not results:  # it gives back nothing but what it wrote into
            results, unseen = list(writes), []
        name = signature(func).name
        if self.custom is not None and self.custom.name.startswith(GENERATED) and "::" in name:
            self.custom.name = name
        if name in self.references and self.custom is not None and not writes:
            with self:
                self.refer(name, tuple(given.values()), results)
            return
        for function, one, made in _apart(name, arguments, results):
            self._note(function, one, made, writes, node)
        for t in unseen:
            self.identity.overwritten(t, None, noted=True)
        for name in statistics(func, given):
            self.entries[-1].states[name] = self.identity.memory.keep(given[name])

    def refer(self, name: str, arguments: tuple[Any, ...], results: list[Tensor | None]) -> None:
        """The call by its reference: each result is what the reference makes of the arguments, whose own numbers are nobody's.

        Raises ValueError for a reference that gives other results, or is itself made of what nobody can see.
        """
        first = len(self.entries)
        with torch.no_grad():
            made = _results(self.references[name](*arguments))
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
        read = entry.read()
        depends = any(one.depends for one in read) and (node is not None or custom is not None)
        reduced = any(one.reduced for one in read)
        number = 0
        for output, t in enumerate(made):
            if t is None:
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
            return tuple(self._seen(one) for one in value)
        return plain(value)


NO_TASK = -1
"""What torch says where autograd's engine does not run."""


class _Theirs(Exception):  # noqa: N818 — it carries another one through
    """An error of the function that was called."""

    def __init__(self, error: Exception) -> None:
        self.error = error


GENERATED = "GeneratedBackwardFor_"
"""How torch names the custom functions that it makes for ops of torch.library."""

ANEW = frozenset(f"{name}_like" for name in ("zeros", "ones", "full", "empty", "rand", "randn", "randint")) | {
    f"new_{name}" for name in ("zeros", "ones", "full", "empty", "empty_strided")
}
"""Functions that ask an array for its shape and format alone: what they make is given."""


def plain(value: Any) -> Any:
    """An argument that is no tensor, as something that can be kept: numbers, texts, None; names of dtypes and the like."""
    if value is None or isinstance(value, (bool, int, float, str, Seen)):
        return value
    return str(value)


RESTRIDED = ("aten::as_strided", "aten::as_strided_")
"""Functions that lay out memory anew: which entry stands where, only the tensors know."""

RUNNING = ("running_mean", "running_var")


def statistics(func: Any, given: dict[str, Any]) -> tuple[str, ...]:
    """The statistics that batch normalization leaves moved, by the names of its arguments; most of its schemas do not say so."""
    training = given.get("training", given.get("train", "_with_update" in func._schema.name))
    return tuple(name for name in RUNNING if isinstance(given.get(name), Tensor)) if training is True else ()


class Signature:
    """What the schema of a function says, read once: its name, its arguments, and which of them it writes into."""

    def __init__(self, schema: Any) -> None:
        self.full_name: str = schema.name
        arguments = [(one.name, one.kwarg_only, one.has_default_value(), one.default_value) for one in schema.arguments]
        self.writes = tuple(one.name for one in schema.arguments if _written(one))
        if not self.writes and _in_place(schema.name):  # those of torch.distributed do not say it
            self.writes = tuple(one.name for one in schema.arguments if "Tensor" in str(one.type))
        self.name = _name(schema.name, in_place=bool(self.writes))
        self.has_statistics = any(one.name in RUNNING for one in schema.arguments)
        self._positional = tuple(name for name, by_name, _, _ in arguments if not by_name)
        self._order = tuple(name for name, *_ in arguments)
        self._defaults = {name: default for name, _, has, default in arguments if has}

    def named(self, args: Any, kwargs: Any) -> dict[str, Any]:
        """The arguments by their names, in the schema's order, with its defaults where the caller left them out."""
        found = self._defaults | dict(zip(self._positional, args, strict=False)) | kwargs
        return {name: found[name] for name in self._order if name in found}


@cache
def signature(func: Any) -> Signature:
    """The signature of a function that torch calls."""
    return Signature(func._schema)


def _name(full: str, *, in_place: bool) -> str:
    """The name: add of aten::add_, without namespace, overload, and the underscore of those that write in place."""
    namespace, name = full.split("::")
    if in_place and _in_place(name):
        name = name[:-1]
    return name if namespace == "aten" else f"{namespace}::{name}"


def _in_place(name: str) -> bool:
    return name.endswith("_") and not name.endswith("__")


def _written(argument: Any) -> bool:
    return argument.alias_info is not None and bool(argument.alias_info.is_write)


EACH = "_foreach_"
SINGULAR = {"scalars": "other", "scalar": "other", "tensors1": "tensor1", "tensors2": "tensor2", "weights": "weight"}
"""What arguments of functions over lists are called in the function over one member."""
OF_EACH = {
    "clamp_min": {"other": "min", "scalar": "min", "scalars": "min"},
    "clamp_max": {"other": "max", "scalar": "max", "scalars": "max"},
    "addcmul": {"scalars": "value"},
    "addcdiv": {"scalars": "value"},
    "lerp": {"tensors1": "end"},
}
"""The same of single functions, where it is another name."""


def _apart(
    function: str, arguments: dict[str, Any], results: list[Tensor | None]
) -> list[tuple[str, dict[str, Any], list[Tensor | None]]]:
    """A call for each member, where a function is applied to every member of lists; else the call itself."""
    if not function.startswith(EACH):
        return [(function, arguments, results)]

    def member(value: Any, number: int) -> Any:
        return value[number] if isinstance(value, tuple) and len(value) == len(results) else value

    name = function.removeprefix(EACH)
    name = {"norm": "linalg_vector_norm"}.get(name, name)
    singular = SINGULAR | OF_EACH.get(name, {})
    return [
        (name, {singular.get(key, key): member(value, number) for key, value in arguments.items()}, [t])
        for number, t in enumerate(results)
    ]


def _results(out: Any) -> list[Tensor | None]:
    """The results in their order, lists among them one after the other; what is no tensor is None."""
    if out is None:
        return []
    if isinstance(out, (list, tuple)):
        return [t for one in out for t in _results(one)]
    return [out if isinstance(out, Tensor) else None]
