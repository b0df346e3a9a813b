"""The code under test, as functions from NumPy arrays to NumPy arrays, whatever framework it is written in.

Frameworks are found among the modules that its author has imported; bpcompare imports none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.parameter import Array

Forward = Callable[[Sequence[Array]], Array]
Backward = Callable[[Sequence[Array], Array], Any]


@dataclass(frozen=True)
class Door:
    """`forward` in as wide a dtype as it is given (complex too, where `analytic`), `backward` in the dtype of the inputs."""

    framework: str
    inputs: tuple[Array, ...]
    forward: Forward
    backward: Backward
    analytic: bool


def door(forward: Any, backward: Any, inputs: Sequence[Any]) -> Door:
    """The door for this code. Raises ValueError where there is no backward to be found."""
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    if torch is not None and (any(isinstance(x, torch.Tensor) for x in inputs) or _is_function(torch, forward)):
        return _torch(torch, forward, backward, inputs)
    if jax is not None and (any(isinstance(x, jax.Array) for x in inputs) or isinstance(forward, jax.custom_vjp)):
        return _jax(jax, forward, backward, inputs)
    if backward is None:
        raise ValueError("backward: a NumPy function needs one: backward(*inputs, dy) -> a gradient for each input")
    arrays = tuple(np.array(x) for x in inputs)

    def call(xs: Sequence[Array]) -> Array:
        return np.asarray(forward(*(x.copy() for x in xs)))

    def back(xs: Sequence[Array], dy: Array) -> Any:
        return backward(*(x.copy() for x in xs), dy.copy())

    return Door("numpy", arrays, call, back, analytic=True)


def _is_function(torch: Any, forward: Any) -> bool:
    return isinstance(forward, type) and issubclass(forward, torch.autograd.Function)


def _torch(torch: Any, forward: Any, backward: Any, inputs: Sequence[Any]) -> Door:
    function = forward.apply if _is_function(torch, forward) else forward
    arrays = tuple(x.detach().cpu().numpy().copy() if isinstance(x, torch.Tensor) else np.array(x) for x in inputs)

    def call(xs: Sequence[Array]) -> Array:
        with torch.no_grad():
            y = function(*(torch.tensor(x) for x in xs))
        return np.array(y.detach().cpu().numpy())

    def back(xs: Sequence[Array], dy: Array) -> Any:
        tensors = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in xs]
        if backward is not None:
            found = backward(*(x.detach() for x in tensors), torch.tensor(dy))
            found = found if isinstance(found, tuple | list) else (found,)
            return tuple(None if g is None else np.array(g.detach().cpu().numpy()) for g in found)
        floats = [x for x in tensors if x.requires_grad]
        with torch.enable_grad():
            y = function(*tensors)
            if not y.requires_grad:
                return tuple(None for _ in xs)
            found = iter(torch.autograd.grad(y, floats, torch.tensor(dy), allow_unused=True))
        gradients = [next(found) if x.requires_grad else None for x in tensors]
        return tuple(None if g is None else np.array(g.detach().cpu().numpy()) for g in gradients)

    return Door("torch", arrays, call, back, analytic=False)


def _jax(jax: Any, forward: Any, backward: Any, inputs: Sequence[Any]) -> Door:
    arrays = tuple(np.array(x) for x in inputs)

    def wide() -> AbstractContextManager[Any]:
        # In 64 bits whatever the author's switch says, and as a context, so that it stays as it was.
        if hasattr(jax, "enable_x64"):
            context: AbstractContextManager[Any] = jax.enable_x64(True)
            return context
        found = sys.modules.get("jax.experimental")
        return found.enable_x64() if found is not None and hasattr(found, "enable_x64") else nullcontext()

    def call(xs: Sequence[Array]) -> Array:
        with wide():
            return np.array(forward(*(jax.numpy.array(x.copy()) for x in xs)))

    def back(xs: Sequence[Array], dy: Array) -> Any:
        with wide():
            given = [jax.numpy.array(x.copy()) for x in xs]
            if backward is not None:
                found = backward(*given, jax.numpy.array(dy))
            else:
                _, pull = jax.vjp(forward, *given)
                found = pull(jax.numpy.array(dy))
            found = found if isinstance(found, tuple | list) else (found,)
            floats = [np.array(g) if g is not None and x.dtype.kind == "f" else None for g, x in zip(found, xs, strict=False)]
            return tuple(floats) if len(found) == len(xs) else tuple(found)

    return Door("jax", arrays, call, back, analytic=True)
