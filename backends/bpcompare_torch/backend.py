"""The torch backend: eager autograd; Δ by hooks that look on while `E.backward()` goes through every `in`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from bpcompare.backend import rows
from bpcompare.backend.autodiff import AutodiffBackend, Feed, Walk, Walked
from bpcompare.network.parameter import Array
from bpcompare.ops import Op, UpdateOp
from bpcompare.plan import Plan
from bpcompare.plan.back import returned
from bpcompare.plan.record import Provenance, Record
from bpcompare_torch import update
from bpcompare_torch.switches import flushes, pinned, switches
from bpcompare_torch.update import RULES, one_step

Tensors = Mapping[str, Tensor]


class Torch(AutodiffBackend[Tensor]):
    """PyTorch on the CPU in eager mode, with torch.optim for the updates."""

    name: ClassVar[str] = "torch"
    voice: ClassVar[str] = "torch"
    table: ClassVar[Mapping[type[Op], Callable[..., Any]]] = rows("bpcompare_torch")
    passive: ClassVar[bool] = True
    limits: ClassVar[Mapping[type[Op], tuple[Callable[[Any], bool], str]]] = update.LIMITS

    @classmethod
    def version(cls) -> str:
        """torch's version."""
        return str(torch.__version__)

    def run(self, plan: Plan) -> Record:
        """Every step of the plan, whatever the process has set torch's switches to."""
        with pinned():
            return super().run(plan)

    def provenance(self, plan: Plan) -> Provenance:
        """torch's version and the switches that can change a number."""
        return Provenance(
            backend=self.name,
            framework="torch",
            version=self.version(),
            device="cpu",
            mode="eager",
            flushes=flushes(getattr(torch, plan.dtype)),
            switches=switches(),
            updater=RULES[type(plan.network.update)].name if plan.network.trainable else "",
        )

    def array(self, x: Array) -> Tensor:
        """A tensor of equal dtype and values with memory of its own, whatever the default device."""
        return torch.tensor(x, device="cpu")

    def numpy(self, x: Tensor) -> Array:
        """A NumPy copy in row order."""
        array: Array = x.detach().numpy().copy()
        return array

    def differentiate(
        self, plan: Plan, walk: Walk[Tensor], parameters: Tensors, feed: Feed[Tensor]
    ) -> tuple[Walked[Tensor], Tensors, Tensors]:
        """`E.backward()` and `.grad`, with a hook at every `in` that keeps its gradient: see `AutodiffBackend.differentiate`.

        Where E does not depend on one of them, its derivative is an array of zeros.
        """
        leaves = _leaves(parameters, plan.network.trainable)
        din: dict[str, Tensor] = {}

        def tap(layer: str, y: Tensor) -> Tensor:
            # What no trainable parameter reaches has a Δ as well.
            watched = y if y.requires_grad else y.detach().requires_grad_()
            watched.register_hook(partial(din.__setitem__, layer))  # type: ignore[no-untyped-call]
            return watched

        wanted, back = frozenset(returned(plan)), dict[str, Tensor]()

        def after(layer: str, a: Tensor) -> Tensor:
            if layer in wanted:
                a.register_hook(partial(back.__setitem__, layer))  # type: ignore[no-untyped-call]
            return a

        walked = walk(leaves, feed, tap, after)
        torch.autograd.backward(walked.error)
        gradients = {name: _or_zero(leaves[name].grad, leaves[name]) for name in plan.network.trainable}
        found = {layer: _or_zero(din.get(layer), walked.net_in[layer]) for layer in plan.order}
        return _detached(walked, back), gradients, found

    def plain_gradient(self, plan: Plan, walk: Walk[Tensor], parameters: Tensors, feed: Feed[Tensor]) -> Tensors:
        """`E.backward()` and `.grad` on the same walk, with no hook anywhere: see `AutodiffBackend`."""
        trainable = plan.network.trainable
        leaves = _leaves(parameters, trainable)
        error = walk(leaves, feed, lambda _, y: y).error
        if error.requires_grad:  # else no trainable parameter reaches E, and torch refuses
            torch.autograd.backward(error)
        return {name: _or_zero(leaves[name].grad, leaves[name]) for name in trainable}

    def apart(self, y: Tensor) -> Tensor:
        """A view: the gradient of the very tensor would be that of all who read it."""
        return y.view_as(y)

    def descend(
        self, update: UpdateOp, t: int, parameters: Tensors, gradients: Tensors, slots: Mapping[str, Tensors]
    ) -> tuple[Tensors, Mapping[str, Tensors]]:
        """One step of torch.optim, its state built from `slots` and read back."""
        return one_step(self.table[type(update)], update, t - 1, parameters, gradients, slots)


def _leaves(parameters: Tensors, trainable: tuple[str, ...]) -> dict[str, Tensor]:
    """Fresh leaves of a graph; those that are trainable ask for a gradient."""
    free = set(trainable)
    return {name: p.detach().requires_grad_(name in free) for name, p in parameters.items()}


def _or_zero(gradient: Tensor | None, x: Tensor) -> Tensor:
    """What autograd says of a tensor that E does not depend on is None."""
    return torch.zeros_like(x) if gradient is None else gradient


def _detached(walked: Walked[Tensor], back: Tensors) -> Walked[Tensor]:
    """The same numbers without the graph, which would stay in memory with them."""
    net_in, a, state = ({name: x.detach() for name, x in xs.items()} for xs in (walked.net_in, walked.a, walked.state))
    return Walked(walked.error.detach(), net_in, a, state, back)
