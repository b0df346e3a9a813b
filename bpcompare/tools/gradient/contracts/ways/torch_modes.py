"""torch's forward mode, `torch.func.vmap`, and double backward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.contracts.ways.of_torch import TorchWay, nodes
from bpcompare.tools.gradient.contracts.ways.way import Batched
from bpcompare.tools.gradient.door import numbers

ONCE = "torch::autograd::Error"
"""The node by which autograd refuses to go on. Where nothing else is asked for, it would not be run, and zeros be given."""


class TorchModes:
    """A custom function offers forward mode if it has a `jvp`, and vmap if it says how; others are asked where it is wished."""

    def __init__(self, way: TorchWay) -> None:
        self._way, self._torch = way, way.torch
        missing: dict[str, str] = {}
        base, custom = self._torch.autograd.Function, way.custom
        pair = way.partial
        if pair or custom is None or custom.jvp is base.jvp:
            missing["forward_mode"] = pair or ("it has no jvp of its own" if custom is not None else "it is no custom function")
        if pair or custom is None or not (custom.generate_vmap_rule or custom.vmap is not base.vmap):
            missing["vmap"] = pair or ("it has no vmap rule" if custom is not None else "it is no custom function")
        if pair:
            missing["second"] = pair
        self.missing: Mapping[str, str] = missing

    def forward(self, arguments: Sequence[Any], i: int, v: Array) -> list[Array]:
        """By dual numbers. Raises RuntimeError where the function has no forward mode."""
        duals = self._torch.autograd.forward_ad
        with duals.dual_level():
            given = [x.detach() if isinstance(x, self._torch.Tensor) else x for x in arguments]
            given[i] = duals.make_dual(given[i], self._torch.tensor(v).to(given[i]))
            ys = [duals.unpack_dual(y) for y in self._way.floats(self._way.function(*given))]
            if self._way.custom is None and all(y.tangent is None for y in ys):
                raise RuntimeError("no tangent comes out of it")
            return [np.zeros(tuple(y.primal.shape)) if y.tangent is None else numbers(y.tangent) for y in ys]

    def batched(self, arguments: Sequence[Any], dys: Sequence[Any], axes: Sequence[int | None]) -> Batched:
        """`vmap` of `vjp`."""
        torch = self._torch
        given = [x.detach() if isinstance(x, torch.Tensor) else x for x in arguments]
        tensors = [k for k, x in enumerate(given) if isinstance(x, torch.Tensor)]
        floats = [k for k in tensors if given[k].is_floating_point()]

        def back(some: Sequence[Any], seeds: Sequence[Any]) -> Any:
            whole = list(given)
            for k, x in zip(tensors, some, strict=True):
                whole[k] = x

            def function(*xs: Any) -> Any:
                for k, x in zip(floats, xs, strict=True):
                    whole[k] = x
                return tuple(self._way.floats(self._way.function(*whole)))

            ys, pull = torch.func.vjp(function, *(whole[k] for k in floats))
            return ys, pull(tuple(seeds))

        dims = ([axes[k] for k in tensors], [0] * len(dys))
        ys, gs = torch.func.vmap(back, in_dims=dims)([given[k] for k in tensors], list(dys))
        found = dict(zip(floats, gs, strict=True))
        return [numbers(y) for y in ys], [numbers(found[k]) if k in found else None for k in range(len(given))]

    def second(
        self, arguments: Sequence[Any], dys: Sequence[Any], weights: Mapping[int, Array]
    ) -> tuple[dict[int, Array], list[Array]]:
        """Double backward; what nothing leads to is 0. Raises RuntimeError where the backward cannot be differentiated."""
        torch = self._torch
        leaves, seeds = self._way.leaves(arguments), [dy.detach().requires_grad_() for dy in dys]
        floats = {k: x for k, x in enumerate(leaves) if isinstance(x, torch.Tensor) and x.requires_grad}
        with torch.enable_grad():
            ys = self._way.floats(self._way.function(*leaves))
            terms = [(y, dy) for y, dy in zip(ys, seeds, strict=True) if y.requires_grad]
            roots, given = zip(*terms, strict=True)
            gs = torch.autograd.grad(roots, list(floats.values()), given, create_graph=True, allow_unused=True)
            parts = [(g * torch.tensor(weights[k]).to(g)).sum() for k, g in zip(floats, gs, strict=True) if g is not None]
            parts = [one for one in parts if one.requires_grad]
            if any(node.name() == ONCE for node in nodes(parts)):
                raise RuntimeError("a function on the way back is marked with @once_differentiable")
            wanted = [*floats.values(), *seeds]
            found = torch.autograd.grad(sum(parts), wanted, allow_unused=True) if parts else [None] * len(wanted)
        filled = [np.zeros(tuple(x.shape)) if g is None else numbers(g) for x, g in zip(wanted, found, strict=True)]
        return dict(zip(floats, filled, strict=False)), filled[len(floats) :]

    twofold = None  # a custom function would need a jvp of its backward
