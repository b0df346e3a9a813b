"""torch: a function that autograd follows, or a pair; with tensors of any strides."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from copy import deepcopy
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.contracts.ways.way import EXPANDED, PART, Pullback, in_complex, seed_slice
from bpcompare.tools.gradient.door import followed, numbers, outputs, per_input

UNLIKELY = 0x5EED_0F_DA7A
"""A seed that nobody sets."""
NODES = 200
"""Nodes of the graph that are looked through for what custom functions keep."""


class TorchWay:
    """An `autograd.Function`, a module, a function of tensors, or a pair of functions."""

    framework = "torch"
    fixed = ""
    layouts: tuple[str, ...] = ("transposed", "with gaps between its entries", "channels last")

    def __init__(self, torch: Any, forward: Any, backward: Any, inputs: Sequence[Any], device: Any = None) -> None:
        self.torch, self._backward, self._inputs = torch, backward, inputs
        self.custom: Any = forward if isinstance(forward, type) and issubclass(forward, torch.autograd.Function) else None
        self.function = forward.apply if self.custom is not None else forward
        self._wide: Any = None
        self._device = device
        if isinstance(forward, torch.nn.Module):
            self.function = deepcopy(forward)  # whatever it keeps count of stays as it is
        self.partial = "" if backward is None else "a backward of its own gives all of its gradients at once"

    def array(self, x: Array, layout: str = "", *, pair: bool = False) -> Any | None:
        """A fresh tensor. Around a part of a larger one stands NaN, so that nobody can read there unseen."""
        if layout and pair:
            laid = self.array(in_complex(x), layout)
            return None if laid is None else self.torch.view_as_real(laid)
        plain = self.torch.tensor(x, device=self._device)
        if not layout:
            return plain
        laid = self._laid(x, plain, layout)
        return None if laid is None or (layout != PART and laid.is_contiguous()) else laid

    def _laid(self, x: Array, plain: Any, layout: str) -> Any | None:
        torch, fill = self.torch, np.nan if x.dtype.kind in "fc" else 0
        if layout == EXPANDED:
            return plain[seed_slice(x)].expand(x.shape)
        if layout == "transposed":
            return plain.mT.contiguous().mT if x.ndim > 1 else None
        if layout == "channels last":
            return plain.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else None
        if not x.ndim:
            return None
        if layout == PART:
            around = torch.full(tuple(n + 2 for n in x.shape), fill, dtype=plain.dtype, device=plain.device)
            inside = around[tuple(slice(1, -1) for _ in x.shape)]
        else:
            inside = torch.full((*x.shape[:-1], 2 * x.shape[-1]), fill, dtype=plain.dtype, device=plain.device)[..., ::2]
        return inside.copy_(plain)

    def draws(self, arguments: Sequence[Any], /) -> bool:
        """Whether a call draws from torch's generators, even if it leaves them as they were; here they are left so, too."""
        torch = self.torch

        def states() -> list[Any]:
            return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else ())]

        devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
        with torch.random.fork_rng(devices), torch.no_grad():
            torch.manual_seed(UNLIKELY)  # where the code sets a seed of its own, the state is another one than this, too
            before = states()
            try:
                self.function(*arguments)
            except Exception:  # noqa: BLE001 — the author's code; what it refuses is found out elsewhere
                return False
            if any(not torch.equal(one, other) for one, other in zip(before, states(), strict=True)):
                return True
            return self._drew(arguments)

    def _drew(self, arguments: Sequence[Any]) -> bool:
        """Whether some function of torch's that a call comes to is marked as one that draws."""
        torch, drawn = self.torch, []
        mode = import_module("torch.utils._python_dispatch").TorchDispatchMode

        class Watching(mode):  # type: ignore[misc, valid-type]
            def __torch_dispatch__(self, func: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
                if torch.Tag.nondeterministic_seeded in func.tags:
                    drawn.append(func)
                return func(*args, **(kwargs or {}))

        try:
            with Watching():
                self.function(*arguments)
        except Exception:  # noqa: BLE001 — the author's code, which need not bear to be watched
            return bool(drawn)
        return bool(drawn)

    def numbers(self, x: Any) -> Array:
        """A copy."""
        return numbers(x)

    def leaves(self, arguments: Sequence[Any], needs: Collection[int] | None = None) -> list[Any]:
        """The arguments as tensors of the same memory, which want a gradient where it is needed."""
        found = []
        for i, x in enumerate(arguments):
            wanted = isinstance(x, self.torch.Tensor) and x.is_floating_point() and (needs is None or i in needs)
            found.append(x.detach().requires_grad_(wanted) if isinstance(x, self.torch.Tensor) else x)
        return found

    def floats(self, out: Any) -> list[Any]:
        """Those of its outputs that are tensors of floats; of several that autograd leads to, none that it does not."""
        several = outputs(out)
        return [y for y, kept in zip(several, self._counted(several), strict=True) if kept]

    def _counted(self, several: Sequence[Any]) -> list[bool]:
        counted = self._followed if self._backward is None and len(several) > 1 else [True] * len(several)
        floats = [isinstance(y, self.torch.Tensor) and y.is_floating_point() for y in several]
        return [kept and one for kept, one in zip(counted, floats, strict=True)]

    def _pairs(self, out: Any) -> tuple[bool, ...]:
        """Of these outputs, which are pairs."""
        several = outputs(out)
        flags = getattr(self.function, "pairs", [False] * len(several))
        return tuple(flag for flag, kept in zip(flags, self._counted(several), strict=True) if kept)

    @cached_property
    def _followed(self) -> list[bool]:
        """Of a call with the inputs as they were given: asked for one input alone, more outputs are nobody's."""
        return followed(self.torch, self.function, self._inputs, self._device)

    def pullback(self, arguments: Sequence[Any], needs: Collection[int] | None = None, *, saved: bool = False) -> Pullback:
        """A forward that is recorded by autograd once; its graph is kept for any number of pulls."""
        torch = self.torch
        if self._backward is not None:
            return self._pair(arguments)
        leaves, kept = self.leaves(arguments, needs), []

        def packed(x: Any) -> Any:
            if x.dtype not in (torch.uint8, torch.int8):  # bytes are working memory of a library's own, which it may reuse
                kept.append(x.detach())
            return x.detach()

        function = self._in_format(leaves)
        with torch.enable_grad():
            if saved:
                with torch.autograd.graph.saved_tensors_hooks(packed, lambda x: x):
                    out = function(*leaves)
            else:
                out = function(*leaves)
        ys, pairs = self.floats(out), self._pairs(out)
        wanted = [x for x in leaves if isinstance(x, torch.Tensor) and x.requires_grad]

        def pull(dys: Sequence[Any]) -> list[Array | None]:
            terms = [self._term(y, dy, pair) for y, dy, pair in zip(ys, dys, pairs, strict=True) if y.requires_grad]
            if not terms:
                return [None] * len(leaves)
            roots, seeds = zip(*terms, strict=True)
            found = iter(torch.autograd.grad(roots, wanted, seeds, allow_unused=True, retain_graph=True))
            partial = [next(found) if isinstance(x, torch.Tensor) and x.requires_grad else None for x in leaves]
            return [None if g is None else numbers(g) for g in partial]

        held: dict[str, Any] = {f"what the forward gave (output {k})": y.detach() for k, y in enumerate(ys)} if saved else {}
        if saved:
            held |= {f"a saved tensor (number {k} of {len(kept)})": x for k, x in enumerate(kept, 1)}
            held |= {f"ctx.{name}": x for node in nodes(ys) for name, x in _kept(node) if isinstance(x, torch.Tensor)}
        unit = max((torch.finfo(y.dtype).eps / 2 for y in ys), default=0.0)
        return Pullback(tuple(numbers(y) for y in ys), pull, held, unit, pairs)

    def _term(self, y: Any, dy: Any, pair: bool) -> tuple[Any, Any]:
        """Where autograd begins, and with what: before pairs are made of complex numbers, for there it makes dy contiguous."""
        if not pair or dy.is_contiguous() or y.grad_fn.name() != "ViewAsRealBackward0":
            return y, dy
        torch = self.torch
        return torch.autograd.graph.GradientEdge(*y.grad_fn.next_functions[0]), torch.view_as_complex(dy)

    def accumulated(self, arguments: Sequence[Any], passes: Sequence[Sequence[Sequence[Any]]]) -> list[Array | None]:
        """What stands in `.grad` of each argument after these backward passes, each through a forward for each of its dys."""
        leaves = self.leaves(arguments)
        for forwards in passes:
            terms = []
            for dys in forwards:
                with self.torch.enable_grad():
                    ys = self.floats(self._in_format(leaves)(*leaves))
                terms += [(y, dy) for y, dy in zip(ys, dys, strict=True) if y.requires_grad]
            if terms:
                roots, seeds = zip(*terms, strict=True)
                self.torch.autograd.backward(roots, seeds)
        found = [x.grad if isinstance(x, self.torch.Tensor) else None for x in leaves]
        return [None if g is None else numbers(g) for g in found]

    def _in_format(self, leaves: Sequence[Any]) -> Any:
        """The function; of a module a copy in float64, where it gets wider numbers than its own."""
        wider = [
            x for x, own in zip(leaves, self._inputs, strict=True) if isinstance(own, np.ndarray) and own.dtype == np.float32
        ]
        if not isinstance(self.function, self.torch.nn.Module) or all(x.dtype != self.torch.float64 for x in wider):
            return self.function
        self._wide = self._wide or deepcopy(self.function).double()
        return self._wide

    def _pair(self, arguments: Sequence[Any]) -> Pullback:
        given = [x.detach() if isinstance(x, self.torch.Tensor) else x for x in arguments]
        with self.torch.no_grad():
            out = self.function(*given)
        ys = self.floats(out)

        def pull(dys: Sequence[Any]) -> list[Array | None]:
            found = self._backward(*given, *dys)
            found = found if isinstance(found, tuple | list) else (found,)
            return per_input([None if g is None else numbers(g) for g in found], self._inputs)

        return Pullback(tuple(numbers(y) for y in ys), pull, pairs=self._pairs(out))


def nodes(ys: Sequence[Any]) -> Iterator[Any]:
    """The nodes of the graph behind `ys`, each once."""
    seen: set[int] = set()
    waiting = [y.grad_fn for y in ys]
    while waiting and len(seen) < NODES:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        waiting += [other for other, _ in node.next_functions]


def _kept(node: Any) -> Iterator[tuple[str, Any]]:
    """What a custom function keeps on its ctx besides saved tensors."""
    return iter(getattr(node, "__dict__", {}).items())
