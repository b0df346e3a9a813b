"""Custom autograd functions: what runs inside of one, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps
from typing import Any, Self

import torch
from torch import Tensor

from bpcompare.program import Place, Unexamined
from bpcompare_torch.recorder.identity import Identity
from bpcompare_torch.recorder.mode import Mode
from bpcompare_torch.recorder.places import Places, defined
from bpcompare_torch.recorder.references import FORWARD
from bpcompare_torch.recorder.tape import Custom, Entry, Seen

HOOK = "BackwardHookFunction"
"""The custom function by which torch runs the backward hooks of modules."""
HOOKED = "hook"
"""What it is called here."""


SINGLE: Any = getattr(torch.autograd.function, "_SingleLevelFunction", None)
APPLIED: Any = SINGLE if isinstance(vars(torch.autograd.Function).get("apply"), classmethod) else torch.autograd.Function
"""The class through which every `apply` of a custom function goes that Python looks up.

Up to torch 2.13 it stands behind `Function.apply`, which people keep under names of their own (`swish = Swish.apply`) from before
anybody watched. From 2.14 on `Function.apply` is the engine's own: what was kept of it is seen by its forward.
"""
KEPT = APPLIED is torch.autograd.Function
"""Whether an `apply` that was kept goes past every class."""


def _engines_own(cls: Any, *args: Any, **kwargs: Any) -> Any:
    return super(SINGLE, cls).apply(*args, **kwargs)


class Customs:
    """Marks what runs inside of a custom autograd.Function, and what it gives back."""

    def __init__(self, mode: Mode, identity: Identity, places: Places) -> None:
        self._mode, self._identity, self._places = mode, identity, places
        self._forwards: list[tuple[Any, Any]] = []
        self._late: list[tuple[Custom, list[Seen], Any, Any]] = []

    def __enter__(self) -> Self:
        self._before = before = vars(APPLIED).get("apply")

        def original(cls: Any, *args: Any, **kwargs: Any) -> Any:
            return _engines_own(cls, *args, **kwargs) if before is None else before.__get__(None, cls)(*args, **kwargs)

        def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
            if self._mode.idle or self._mode.backward or self._mode.custom is not None:
                return original(cls, *args, **kwargs)
            return self._applied(original, cls, args, kwargs)

        APPLIED.apply = classmethod(apply)
        for cls in _derived(torch.autograd.Function) if KEPT else ():
            self._behind(cls)
        self._identity.settle = self._settle
        return self

    def __exit__(self, *error: object) -> None:
        self._settle()
        while self._forwards:
            cls, before = self._forwards.pop()
            cls.forward = before
        if self._before is None:
            del APPLIED.apply  # what stands behind it is torch's own
        else:  # another watch is around this one, or it is the engine's
            APPLIED.apply = self._before

    def _behind(self, cls: Any) -> None:
        """See the forward of a custom function whose `apply` was kept. What it gives back gets its name in autograd later."""
        theirs, alone = vars(cls)["forward"], _sets_up(cls)

        @wraps(theirs.__get__(None, cls))
        def forward(*args: Any, **kwargs: Any) -> Any:
            call, mode = theirs.__get__(None, cls), self._mode
            if mode.idle or mode.backward or mode.custom is not None or torch.is_grad_enabled():
                return call(*args, **kwargs)
            given = args if alone else args[1:]
            custom, read = self._begun(cls, given)
            try:
                out = call(*args, **kwargs)
            finally:
                mode.custom = self._identity.custom = None
            self._late.append((custom, read, out, given))
            return out

        self._forwards.append((cls, theirs))
        cls.forward = staticmethod(forward)

    def _settle(self) -> None:
        """What a forward gave back that was seen by itself: autograd has named it by now, unless its `apply` still runs."""
        if not self._late or not (torch.is_grad_enabled() or self._mode.backward):
            return
        late, self._late = self._late, []
        for custom, read, out, args in late:
            self._ended(custom, read, out, args)

    def _applied(self, original: Any, cls: Any, args: Any, kwargs: Any) -> Any:
        mode, identity = self._mode, self._identity
        custom, read = self._begun(cls, args)
        try:
            out = original(cls, *args, **kwargs)
        finally:
            mode.custom = identity.custom = None
        self._ended(custom, read, out, args)
        return out

    def _begun(self, cls: Any, args: Any) -> tuple[Custom, list[Seen]]:
        """A custom function begins; what it is given."""
        mode, identity = self._mode, self._identity
        name = HOOKED if cls.__name__ == HOOK and cls.__module__.startswith("torch.nn.modules") else cls.__name__
        custom, read = Custom(name, self._places.here(name, name, defined(cls.backward))), []
        with mode.unwatched(), mode.safe(f"{name}{FORWARD}"):
            read = custom.arguments = [identity.of(t) for t in args if isinstance(t, Tensor)]
        mode.custom = identity.custom = custom
        return custom, read

    def _ended(self, custom: Custom, read: list[Seen], out: Any, args: Any) -> None:
        """A custom function has ended; what it gave back."""
        mode, identity, name = self._mode, self._identity, custom.name
        if f"{name}{FORWARD}" in mode.references:
            mode.custom = identity.custom = custom
            try:
                with mode.safe(f"{name}{FORWARD}"):
                    mode.refer(f"{name}{FORWARD}", args, list(out) if isinstance(out, tuple) else [out])
            finally:
                mode.custom = identity.custom = None
        with mode.unwatched(), mode.safe(f"{name}{FORWARD}"):
            for t in out if isinstance(out, tuple) else (out,):
                if isinstance(t, Tensor) and t.requires_grad and t.grad_fn is not None:
                    self._given_back(custom, t, read)
                elif isinstance(t, Tensor) and torch.is_grad_enabled():
                    self._cut_off(custom, t, args)

    def _cut_off(self, custom: Custom, t: Tensor, args: Any) -> None:
        """A result without a gradient. Where no argument asks for one, it was hardly meant: tensors in lists are not followed."""
        made = self._identity.at(t)
        if made is not None and made.depends and not any(isinstance(one, Tensor) and one.requires_grad for one in args):
            why = "it reads what asks for a gradient, but in no argument that is a tensor: autograd leads none back"
            self._mode.unexamined.setdefault(custom.name, Unexamined(f"{custom.name}.backward", why, custom.place.line))

    def _given_back(self, custom: Custom, t: Tensor, read: list[Seen]) -> None:
        """A result: the value that was made inside, under autograd's new name for it; or nobody knows what."""
        identity = self._identity
        inner = identity.inside(t)
        if inner is not None:
            inner.followed = True
        arguments: dict[str, Any] = {"self": inner} if inner is not None else {f"input{i}": one for i, one in enumerate(read)}
        function = "identity" if inner is not None else f"{custom.name}{FORWARD}"
        if inner is None and (made := identity.at(t)) is not None and _goes_in_steps(custom, made):
            function, inner, arguments = "in_steps", made, {"self": made, **arguments}
        place = Place(custom.place.module, function if inner is None else custom.name, custom.place.line, custom.name)
        entry = Entry(function, arguments, place, custom=custom)
        kept = identity.memory.keep(t)
        seen = Seen("made", kept, identity.memory.clock, True, "", entry, 0, None)
        entry.results.append(seen)
        self._mode.entries.append(entry)
        node = identity.number(t.grad_fn)
        custom.nodes.add(node)
        identity.renamed(t, seen, (node, t.output_nr))


def _goes_in_steps(custom: Custom, made: Seen) -> bool:
    """Whether a value depends on what the function is given by comparisons alone, as a spike does: Δ through it is 0."""
    known, compared = {made}, False
    for one in (waiting := [made]):
        if one in custom.arguments:
            compared |= one.depends
        elif one.entry is not None and one.origin is custom:
            if not (one.floating or one.kept.dtype == "bool"):
                return False  # integers, of which no law speaks
            waiting += [other for other in one.entry.read() if other not in known]
            known.update(waiting)
    return compared


def _derived(cls: Any) -> Iterator[Any]:
    """Custom functions with a forward of their own."""
    for one in cls.__subclasses__():
        if "forward" in vars(one) and hasattr(vars(one)["forward"], "__get__"):
            yield one
        yield from _derived(one)


def _sets_up(cls: Any) -> bool:
    """Whether its forward is given no context, for `setup_context` is."""
    return bool(cls.setup_context is not SINGLE.setup_context)
