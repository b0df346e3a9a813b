"""The Paddle backend: the dynamic graph, asked for the gradient of every `in` as well."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about compilers that it does not find
    import paddle
import numpy as np
from paddle import Tensor

from bpcompare.autodiff import AutodiffBackend, Feed, Walk, Walked
from bpcompare.ops import Op, UpdateOp
from bpcompare.parameter import Array
from bpcompare.plan import Plan
from bpcompare.record import Provenance, Record
from bpcompare_paddle import activations, errors, layers, updates

Tensors = Mapping[str, Tensor]


class Paddle(AutodiffBackend[Tensor]):
    """PaddlePaddle on the CPU, in its dynamic graph."""

    name: ClassVar[str] = "paddle"
    voice: ClassVar[str] = "paddle"
    table: ClassVar[Mapping[type[Op], Callable[..., Any]]] = {
        **layers.TABLE,
        **activations.TABLE,
        **errors.TABLE,
        **updates.TABLE,
    }

    @classmethod
    def version(cls) -> str:
        """Paddle's version."""
        return str(paddle.__version__)

    def run(self, plan: Plan) -> Record:
        """Every step of the plan, on the CPU, whatever device the process has chosen."""
        before = paddle.get_device()
        paddle.set_device("cpu")
        try:
            return super().run(plan)
        finally:
            paddle.set_device(before)

    def provenance(self, plan: Plan) -> Provenance:
        """Paddle's version; whether it flushes subnormal numbers is tried."""
        smallest = paddle.to_tensor(np.full(64, np.finfo(plan.dtype).tiny, plan.dtype))
        return Provenance(
            backend=self.name,
            framework="paddle",
            version=self.version(),
            flushes=bool((smallest * 0.5 == 0).any()),
            updater=f"bpcompare_paddle.updates.{plan.network.update.name}" if plan.network.trainable else "",
        )

    def array(self, x: Array) -> Tensor:
        """A tensor with a copy."""
        return paddle.to_tensor(x.copy())

    def numpy(self, x: Tensor) -> Array:
        """A copy, in row order."""
        return np.array(x.detach().numpy(), order="C")

    def differentiate(
        self, plan: Plan, walk: Walk[Tensor], parameters: Tensors, feed: Feed[Tensor]
    ) -> tuple[Walked[Tensor], Tensors, Tensors]:
        """One call of `paddle.grad` for every trainable parameter and every `in`."""
        trainable = plan.network.trainable
        leaves = _leaves(parameters, trainable)
        watched: dict[str, Tensor] = {}

        def tap(layer: str, y: Tensor) -> Tensor:
            watched[layer] = _node(y)
            return watched[layer]

        walked = walk(leaves, feed, tap)
        asked = [*(leaves[name] for name in trainable), *(watched[layer] for layer in plan.order)]
        answers = _gradients(walked.error, asked)
        gradients = dict(zip(trainable, answers[: len(trainable)], strict=True))
        din = dict(zip(plan.order, answers[len(trainable) :], strict=True))
        return walked, gradients, din

    def plain_gradient(self, plan: Plan, walk: Walk[Tensor], parameters: Tensors, feed: Feed[Tensor]) -> Tensors:
        """`paddle.grad` for the trainable parameters alone; the node at every `in` stays, or forks would add in another order."""
        trainable = plan.network.trainable
        leaves = _leaves(parameters, trainable)
        error = walk(leaves, feed, lambda _, y: _node(y)).error
        return dict(zip(trainable, _gradients(error, [leaves[name] for name in trainable]), strict=True))

    def descend(
        self, update: UpdateOp, t: int, parameters: Tensors, gradients: Tensors, slots: Mapping[str, Tensors]
    ) -> tuple[Tensors, Mapping[str, Tensors]]:
        """One step of the rule in `updates`, parameter by parameter."""
        rule = self.table[type(update)]
        with paddle.no_grad():
            moved = {name: rule(update, t, w.detach(), gradients[name], slots[name]) for name, w in parameters.items()}
        return {name: w for name, (w, _) in moved.items()}, {name: state for name, (_, state) in moved.items()}


def _leaves(parameters: Tensors, trainable: tuple[str, ...]) -> dict[str, Tensor]:
    """Copies that begin a graph; those that are trainable ask for a gradient."""
    found = {name: p.detach().clone() for name, p in parameters.items()}
    for name, p in found.items():
        p.stop_gradient = name not in trainable
    return found


def _node(y: Tensor) -> Tensor:
    """A node of its own; where nothing trainable lies before it, it begins a graph."""
    if not y.stop_gradient:
        return paddle.assign(y)
    y = y.detach().clone()
    y.stop_gradient = False
    return y


def _gradients(error: Tensor, asked: list[Tensor]) -> list[Tensor]:
    """+∂E/∂x for each; zeros where E does not depend on it."""
    if not asked:
        return []
    found = paddle.grad(error, asked, allow_unused=True)
    return [paddle.zeros_like(x) if g is None else g for g, x in zip(found, asked, strict=True)]
