"""Runs one function for `check_gradient`: a loss whose parameters are the inputs, and that is Σ dy · y."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bpcompare.program import Unexamined, Watched
from bpcompare_jax.recorder.evaluation import floating
from bpcompare_jax.recorder.stepping import checked, is_array


def asked(
    function: Any,
    backward: Any,
    inputs: Mapping[str, Any],
    weights: Callable[[int, tuple[int, ...]], Any],
    reference: Mapping[Any, Any],
) -> tuple[Watched, tuple[Unexamined, ...]]:
    """What a backward pass through `function` gives, recorded. `backward(*inputs, dy)`, where there is one, is the way back.

    `weights` draws dy for the number of an output and its shape. Runs in 64 bits where an input has them, whatever the
    author's switch says. Raises what the function raises, and ValueError where there is nothing to differentiate.
    """
    if reference:
        raise ValueError("reference: is for torch; a JAX function is seen through to its primitives")
    wide = any(is_array(x) and np.asarray(x).dtype.itemsize == 8 for x in inputs.values())
    rest = {name: x for name, x in inputs.items() if not is_array(x)}

    def applied(*arrays: Any) -> Any:
        given = iter(arrays)
        return function(*(rest[name] if name in rest else next(given) for name in inputs))

    def back(arrays: tuple[Any, ...], dy: Any) -> tuple[Any, ...]:
        given = iter(arrays)
        found = backward(*(rest[name] if name in rest else next(given) for name in inputs), dy)
        found = tuple(found) if isinstance(found, (tuple, list)) else (found,)
        if len(found) == len(inputs):
            found = tuple(g for g, name in zip(found, inputs, strict=True) if name not in rest)
        return tuple(g if floating(x) else None for g, x in zip(found, arrays, strict=True))

    called = applied if backward is None else _paired(applied, back)

    def loss(params: Mapping[str, Any]) -> Any:
        out = called(*params.values())
        found = [y for y in jax.tree_util.tree_leaves(out) if is_array(y) and floating(y)]
        if not found:
            raise ValueError("forward: gives nothing that holds floating-point numbers")
        return sum(jnp.sum(y * jnp.asarray(weights(k, jnp.shape(y)), jnp.result_type(y))) for k, y in enumerate(found))

    with jax.enable_x64(True) if wide else nullcontext():
        arrays = {name: jnp.asarray(x) for name, x in inputs.items() if name not in rest}
        ((_, watched, also),) = checked(loss, arrays, (), None, copy=False)
    return watched, also


def _paired(forward: Any, back: Any) -> Any:
    """A forward and the backward that somebody wrote for it as one function."""
    paired = jax.custom_vjp(forward)
    paired.defvjp(lambda *args: (forward(*args), args), back)
    return paired
