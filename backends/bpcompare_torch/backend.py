"""The torch backend: eager autograd; Δ from asking autograd for the gradient of every `in`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from bpcompare.autodiff import AutodiffBackend, Feed, Walk, Walked
from bpcompare.ops import Op, UpdateOp
from bpcompare.parameter import Array
from bpcompare.plan import Plan
from bpcompare.record import Provenance, Record
from bpcompare_torch import activation, convolution, dense, embedding, error, normalization, pooling, shape, update
from bpcompare_torch.update import one_step

Tensors = Mapping[str, Tensor]


class Torch(AutodiffBackend[Tensor]):
    """PyTorch on CPU in eager mode, with torch.optim for the updates."""

    name: ClassVar[str] = "torch"
    table: ClassVar[Mapping[type[Op], Callable[..., Any]]] = {
        **dense.TABLE,
        **convolution.TABLE,
        **pooling.TABLE,
        **normalization.TABLE,
        **embedding.TABLE,
        **shape.TABLE,
        **activation.TABLE,
        **error.TABLE,
        **update.TABLE,
    }

    @classmethod
    def version(cls) -> str:
        """torch's version."""
        return str(torch.__version__)

    def run(self, plan: Plan) -> Record:
        """Every step of the plan, with convolutions as direct sums: NNPACK would choose Winograd's algorithm or an FFT."""
        with torch.enable_grad(), torch.backends.nnpack.flags(enabled=False):
            return super().run(plan)

    def provenance(self, plan: Plan) -> Provenance:
        """torch's version and the switches that can change a number. torch keeps denormals unless told to flush them."""
        return Provenance(
            backend=self.name,
            framework="torch",
            version=self.version(),
            mode="eager",
            flushes=self._flushes(),
            switches={
                "threads": str(torch.get_num_threads()),
                "deterministic_algorithms": str(torch.are_deterministic_algorithms_enabled()),
                "float32_matmul_precision": torch.get_float32_matmul_precision(),
                "nnpack": "False",
                "mkldnn": str(torch.backends.mkldnn.is_available()),
            },
            updater=f"torch.optim.{ {'sgd': 'SGD', 'adam': 'Adam', 'adamw': 'AdamW'}[plan.network.update.name] }"
            if plan.network.trainable
            else "",
        )

    @staticmethod
    def _flushes() -> bool:
        """Whether this process flushes denormals: torch.set_flush_denormal has no getter."""
        return bool(torch.tensor(2.0**-126) * 0.5 == 0)

    def array(self, x: Array) -> Tensor:
        """A tensor of equal dtype and values with memory of its own."""
        return torch.tensor(x)

    def numpy(self, x: Tensor) -> Array:
        """A NumPy copy."""
        array: Array = x.detach().numpy().copy()
        return array

    def differentiate(
        self, plan: Plan, walk: Walk[Tensor], parameters: Tensors, feed: Feed[Tensor]
    ) -> tuple[Walked[Tensor], Tensors, Tensors]:
        """One call of `torch.autograd.grad` for every trainable parameter and every `in`."""
        trainable = plan.network.trainable
        leaves = {name: p.detach().requires_grad_(name in trainable) for name, p in parameters.items()}
        watched: dict[str, Tensor] = {}

        def tap(layer: str, y: Tensor) -> Tensor:
            # A node of its own: where the op passes its source on, `in` would be that source.
            watched[layer] = y.view_as(y) if y.requires_grad else y.detach().requires_grad_()
            return watched[layer]

        walked = walk(leaves, feed, tap)
        asked = [*(leaves[name] for name in trainable), *(watched[layer] for layer in plan.order)]
        found = torch.autograd.grad(walked.error, asked, allow_unused=True)
        answers = [torch.zeros_like(x) if g is None else g for x, g in zip(asked, found, strict=True)]
        gradients = dict(zip(trainable, answers, strict=False))
        return walked, gradients, dict(zip(plan.order, answers[len(trainable) :], strict=True))

    def plain_gradient(self, plan: Plan, walk: Walk[Tensor], parameters: Tensors, feed: Feed[Tensor]) -> Tensors:
        """`E.backward()` and `.grad`, nothing watched."""
        trainable = plan.network.trainable
        if not trainable:
            return {}
        leaves = {name: p.detach().clone().requires_grad_(name in trainable) for name, p in parameters.items()}
        walk(leaves, feed, lambda _, y: y).error.backward()  # type: ignore[no-untyped-call]
        return {name: torch.zeros_like(leaves[name]) if leaves[name].grad is None else leaves[name].grad for name in trainable}  # type: ignore[misc]

    def descend(
        self, update: UpdateOp, t: int, parameters: Tensors, gradients: Tensors, slots: Mapping[str, Tensors]
    ) -> tuple[Tensors, Mapping[str, Tensors]]:
        """One step of torch.optim, its state built from `slots` and read back."""
        return one_step(self.table[type(update)], update, t - 1, parameters, gradients, slots)
