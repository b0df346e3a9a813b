"""Runs one function for `check_gradient`: its inputs are the parameters of a model that is nothing but this function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bpcompare.program import Unexamined, Watched
from bpcompare_torch.recorder.references import Reference
from bpcompare_torch.recorder.stepping import checked


class Asked(nn.Module):
    """`function` of `inputs`, as a model whose output is Σ dy · y over all of its outputs that are floats.

    Inputs that are tensors of floats are parameters, by their names; a module's own parameters keep theirs. `dy` is drawn anew,
    from the same seed, whenever it is called.
    """

    def __init__(self, function: Any, inputs: Mapping[str, Any], weights: Callable[[int, tuple[int, ...]], Any]) -> None:
        super().__init__()
        self._inner = [function if isinstance(function, nn.Module) else nn.Module()]  # in a list: it is no submodule of ours
        self._function, self._weights = function, weights
        self._given = {name: _leaf(x) for name, x in inputs.items()}

    def forward(self) -> Tensor:
        """Σ dy · y. Raises ValueError where nothing of what it gives carries a gradient."""
        out = self._function(*self._given.values())
        found = [y for y in _tensors(out) if y.is_floating_point() and y.requires_grad]
        if not found:
            raise ValueError("forward: nothing that it gives depends on an input in a way that autograd follows")
        terms = [(y * torch.as_tensor(self._weights(k, tuple(y.shape))).to(y)).sum() for k, y in enumerate(found)]
        return torch.stack(terms).sum() if len(terms) > 1 else terms[0]

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, nn.Parameter]]:
        """The inputs, and the parameters of the function, if it is a module."""
        for name, x in self._given.items():
            if isinstance(x, nn.Parameter):
                yield name, x
        for name, p in self._inner[0].named_parameters(prefix, recurse, remove_duplicate):
            yield (f"parameter {name}" if name in self._given else name), p

    def named_modules(
        self, memo: set[nn.Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, nn.Module]]:
        """The module that the function is, and those in it."""
        yield prefix, self
        yield from self._inner[0].named_modules(memo, prefix, remove_duplicate)


def asked(
    function: Any,
    backward: Any,
    inputs: Mapping[str, Any],
    weights: Callable[[int, tuple[int, ...]], Any],
    reference: Mapping[Any, Reference],
) -> tuple[Watched, tuple[Unexamined, ...]]:
    """What a backward pass through `function` gives, recorded. `backward(*inputs, dy)`, where there is one, is the way back.

    `weights` draws dy for the number of an output and its shape. Raises what the function raises, and ValueError where there
    is nothing to differentiate.
    """
    if backward is not None:
        function = _paired(function, backward)
    elif isinstance(function, type) and issubclass(function, torch.autograd.Function):
        function = function.apply
    model = Asked(function, inputs, weights)
    ((_, watched, also),) = checked(model, (), None, None, None, reference, copy=False)
    return watched, also


def _leaf(x: Any) -> Any:
    x = torch.tensor(x) if isinstance(x, np.ndarray) else x
    if not isinstance(x, Tensor) or not x.is_floating_point():
        return x
    return nn.Parameter(x.detach().clone(memory_format=torch.preserve_format))


def _tensors(out: Any) -> list[Tensor]:
    if isinstance(out, Tensor):
        return [out]
    if isinstance(out, Mapping):
        out = list(out.values())
    return [y for one in out for y in _tensors(one)] if isinstance(out, Sequence) and not isinstance(out, str) else []


def _paired(forward: Any, backward: Any) -> Any:
    """A forward and the backward that somebody wrote for it as one function."""

    def _forward(ctx: Any, *args: Any) -> Any:
        ctx.given = args
        return forward(*args)

    def _backward(ctx: Any, *dys: Any) -> Any:
        with torch.enable_grad():  # as where it is called by itself: it may run the forward again, and ask autograd
            return backward(*(x.detach() if isinstance(x, Tensor) else x for x in ctx.given), *(dy.detach() for dy in dys))

    _backward.__wrapped__ = backward  # type: ignore[attr-defined]
    name = getattr(forward, "__name__", type(forward).__name__)
    kind = type(name, (torch.autograd.Function,), {"forward": staticmethod(_forward), "backward": staticmethod(_backward)})
    return kind.apply  # type: ignore[attr-defined]
