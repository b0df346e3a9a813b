"""Counts the calls of a backward and looks at their numbers; or plants a mutant, and sees whether it makes a difference."""

from __future__ import annotations

import sys
from contextlib import suppress
from types import ModuleType
from typing import Any

from bpcompare.tools.doubt import arrays
from bpcompare.tools.doubt.kept import Kept, title
from bpcompare.tools.doubt.leaves import leaves
from bpcompare.tools.doubt.mutants import KINDS, Call, Mutant, placed, planted, repeated
from bpcompare.tools.doubt.seen import Leaf, Seen
from bpcompare.tools.doubt.target import Target, TargetError, replaced, target
from bpcompare.tools.doubt.terms import terms, without

SHAPES = 20
"""So many shapes of one gradient are kept."""


class Observer:
    """What was seen, and the mutant that is planted; None to count only."""

    def __init__(self, mutant: dict[str, Any] | None) -> None:
        self.mutant = Mutant(**mutant) if mutant is not None else None
        self.seen = Seen()
        self.done = False
        self._it: Target | None = None
        self._new: Any = None
        self._lacking: Any = None

    def plant(self, module: ModuleType, path: str, dy: str) -> None:
        """Put ourselves in the place of the backward, the module's `path`; a second time only where it was imported anew.

        `dy`: the argument of a plain one that is dy, "" to guess it.
        """
        if self.done:
            if self._it is not None and self._it.found.kind == "plain":
                self._it.put(self._new)
            return
        try:
            it = target(module, path, dy)
        except TargetError as error:
            self.seen.problem = str(error)
            return
        self._it, self.done, self.seen.found, self.seen.problem = it, True, it.found, ""
        if self.mutant is None:
            self.seen.terms = terms(it.original)
        self._lacking = self._without_term(it)
        self._new = replaced(it.original, lambda *args, **kwargs: self._called(it, args, kwargs))
        it.put(self._new)

    def settled(self) -> int:
        """The number of calls, when those that a compiled program makes are over."""
        if self.seen.traced:
            with suppress(Exception):
                sys.modules["jax"].effects_barrier()
        return self.seen.calls

    def _without_term(self, it: Target) -> Any:
        if self.mutant is None or self.mutant.kind != "term":
            return None
        try:
            return without(it.original, self.mutant.at)
        except (ValueError, IndexError, SyntaxError) as error:
            self.seen.error = str(error)
            return None

    def _called(self, it: Target, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        dys, call = it.split(args, kwargs)
        given = [arrays.copied(dy) if arrays.is_array(dy) else dy for dy in dys] if self._asks_again else dys
        kept = Kept(args[0] if it.owned and args else None)
        result = it.original(*args, **kwargs)
        returned, names, whole_of = leaves(result, it.names)
        places = kept.changed((*args, *kwargs.values(), *returned))
        gradients, names = [*returned, *kept.read(places)], [*names, *map(title, places)]
        if any(map(arrays.is_traced, (*gradients, *dys))):
            self.seen.traced = True
            sys.modules["jax"].debug.callback(self._count)
        else:
            self._count()
        if self.mutant is None:
            self._look(gradients, names, dys)
            self.seen.forward = self.seen.forward or (arrays.differentiable(gradients, dys) if it.found.kind == "plain" else "")
            return result
        if self.mutant.kind == "in-place":
            return self._overwritten(Call(gradients, dys, lambda _: gradients), result)

        def every(result: Any) -> list[Any]:
            return [*leaves(result, it.names)[0], *kept.read(places)]

        def again(change: Any) -> list[Any]:
            kept.restore()
            return every(call([change(at, dy) if arrays.is_array(dy) else dy for at, dy in enumerate(given)]))

        try:
            if self._lacking is not None:
                kept.restore()
                new = every(self._lacking(*args, **kwargs))
            else:
                new = planted(placed(self.mutant, names), Call(gradients, given, again))
            kept.put(places, new[len(returned) :])
            whole = whole_of(new[: len(returned)])
        except Exception as error:  # noqa: BLE001 — a test that fails of this has not noticed a wrong number
            self.seen.error = self.seen.error or f"{type(error).__name__}: {error}"[:200]
            return result
        self._compare(gradients, new)
        return whole

    def _overwritten(self, call: Call, result: Any) -> Any:
        """dy changed in place. Where it may not be written to, their own backward would fail as this does."""
        assert self.mutant is not None  # noqa: S101
        before = [arrays.copied(dy) if arrays.is_array(dy) else dy for dy in call.dys]
        self.seen.unsure += 1
        planted(self.mutant, call)
        self.seen.unsure -= 1
        self._compare(before, call.dys)
        return result

    @property
    def _asks_again(self) -> bool:
        """Whether the mutant calls the original a second time."""
        return self.mutant is not None and (
            KINDS[self.mutant.kind].dy is not None or self.mutant.kind in ("output", "broadcast-first", "broadcast-mean")
        )

    def _count(self) -> None:
        self.seen.calls += 1

    def _compare(self, old: list[Any], new: list[Any]) -> None:
        for a, b in zip(old, new, strict=False):
            if a is b or not arrays.is_array(a):
                continue
            if b is None or arrays.shape(a) != arrays.shape(b):
                self.seen.differed, self.seen.largest = True, max(self.seen.largest, 1.0)
            elif arrays.is_traced(a) or arrays.is_traced(b):
                sys.modules["jax"].debug.callback(self._differ, a, b)
            else:
                self._differ(a, b)

    def _differ(self, a: Any, b: Any) -> None:
        import numpy as np

        try:
            x, y = arrays.numbers(a), arrays.numbers(b)
        except Exception:  # noqa: BLE001 — a tensor of torch.func has no numbers to be looked at
            self.seen.unsure += 1
            return
        off = (x != y) & ~(np.isnan(x) & np.isnan(y))
        if off.any():
            self.seen.differed = True
            with np.errstate(all="ignore"):
                share = float(np.max(np.abs(x - y)[off]) / max(float(np.max(np.abs(x))), 1e-300))
            self.seen.largest = max(self.seen.largest, share if np.isfinite(share) else 1.0)

    def _look(self, gradients: list[Any], names: list[str], dys: list[Any]) -> None:
        seen = self.seen
        floats = [dy for dy in dys if arrays.is_array(dy)]
        seen.outputs = max(seen.outputs, len(floats))
        for at, (g, name) in enumerate(zip(gradients, names, strict=True)):
            if at >= len(seen.leaves):
                seen.leaves.append(Leaf(name))
            if arrays.is_array(g):
                self._note(seen.leaves[at], g, floats)
        for dy in floats:
            self._look_at(dy)

    def _note(self, leaf: Leaf, g: Any, dys: list[Any]) -> None:
        shape, dtype = list(arrays.shape(g)), arrays.dtype(g)
        if shape not in leaf.shapes and len(leaf.shapes) < SHAPES:
            leaf.shapes.append(shape)
        if dtype not in leaf.dtypes:
            leaf.dtypes.append(dtype)
        leaf.square = leaf.square or (len(shape) > 1 and shape[-1] == shape[-2] > 1)
        leaf.smaller = leaf.smaller or any(repeated(tuple(shape), arrays.shape(dy)) for dy in dys[:1])

    def _look_at(self, dy: Any) -> None:
        if arrays.is_traced(dy):
            sys.modules["jax"].debug.callback(self._look_at, dy)
            return
        try:
            x = arrays.numbers(dy)
        except Exception:  # noqa: BLE001
            self.seen.ones = self.seen.flat = False
            return
        self.seen.looked += 1
        self.seen.ones = self.seen.ones and bool((x == 1).all())
        self.seen.flat = self.seen.flat and bool(((x == 0) | (x == 1)).all())
        self.seen.negative = self.seen.negative or bool((x.real < 0).any())
