"""The Paddle backend: the dynamic graph, asked for the gradient of every `in` as well."""

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about compilers that it does not find
    import paddle
import numpy as np
from paddle import Tensor

from bpcompare.backend.autodiff import AutodiffBackend, Feed, Walk, Walked, answered, asked, one_by_one
from bpcompare.network.parameter import Array
from bpcompare.ops import OPS, Op, UpdateOp
from bpcompare.plan import Plan
from bpcompare.plan.record import Provenance, Record
from bpcompare_paddle import activations, errors, layers, updates

Tensors = Mapping[str, Tensor]

ROWS: Mapping[type[Op], Callable[..., Any]] = {**layers.TABLE, **activations.TABLE, **errors.TABLE, **updates.TABLE}


class Paddle(AutodiffBackend[Tensor]):
    """PaddlePaddle on the CPU, in its dynamic graph."""

    name: ClassVar[str] = "paddle"
    voice: ClassVar[str] = "paddle"
    table: ClassVar[Mapping[type[Op], Callable[..., Any]]] = ROWS
    gaps: ClassVar[Mapping[type[Op], str]] = {op: "not written yet" for op in OPS.values() if op not in ROWS} | updates.GAPS
    limits: ClassVar[Mapping[type[Op], tuple[Callable[[Any], bool], str]]] = layers.LIMITS

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
        leaves = _leaves(parameters, plan.network.trainable)
        watched: dict[str, Tensor] = {}

        def tap(layer: str, y: Tensor) -> Tensor:
            watched[layer] = _node(y)
            return watched[layer]

        walked = walk(leaves, feed, tap)
        gradients, din = answered(plan, _gradients(walked.error, asked(plan, leaves, watched)))
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
        own = {name: w.detach() for name, w in parameters.items()}
        with paddle.no_grad():
            return one_by_one(partial(self.table[type(update)], update, t), own, gradients, slots)


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


def _gradients(error: Tensor, xs: list[Tensor]) -> list[Tensor]:
    """+∂E/∂x for each; zeros where E does not depend on it."""
    if not xs:
        return []
    found = paddle.grad(error, xs, allow_unused=True)
    return [paddle.zeros_like(x) if g is None else g for g, x in zip(found, xs, strict=True)]
