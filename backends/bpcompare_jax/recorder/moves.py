"""Equations that move entries by numbers that are computed: where they move them, asked of JAX by giving it their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bpcompare.ops.call import Read
from bpcompare_jax.recorder.evaluation import bound, floating, is_complex

MOVING = frozenset({"gather", "dynamic_slice"})
"""One array is read; all others are places."""


def moved(equation: Any, numbers: Sequence[Any]) -> tuple[str, dict[str, Any], list[int]] | None:
    """The call that moves the same entries by a table of their places, and which arguments it reads; None for all others.

    Raises LookupError for more places than can be told apart.
    """
    name = equation.primitive.name
    if name in MOVING and (floating(equation.invars[0].aval) or is_complex(equation.invars[0].aval)):
        ids = _numbered(numbers[0].shape)
        (places,) = bound(_filled(equation), [ids, *numbers[1:]])
        return "lax.gather", {"x0": Read(0), "index": np.asarray(places) - 1, "fill": _fill(equation)}, [0]
    if name == "dynamic_update_slice":
        x, update, *starts = numbers
        (places,) = bound(equation, [np.zeros(x.shape, np.int32), _numbered(update.shape), *starts])
        return "overlay", {"self": Read(0), "written": Read(1), "index": np.asarray(places) - 1}, [0, 1]
    if name == "scatter":
        x, indices, updates = numbers
        (places,) = bound(equation, [np.zeros(x.shape, np.int32), indices, _numbered(updates.shape)])
        return "overlay", {"self": Read(0), "written": Read(1), "index": np.asarray(places) - 1}, [0, 2]
    if name in SCATTERS:
        return f"lax.{name}", {"x0": Read(0), "x1": Read(1), "index": scattered(equation, numbers)}, [0, 2]
    return None


SCATTERS = frozenset({"scatter-add", "scatter-sub", "scatter-mul", "scatter-max", "scatter-min"})
"""What goes to places that are computed is added, taken away, multiplied, or compared there."""


def _numbered(shape: tuple[int, ...]) -> Any:
    """The numbers of entries, from 1 on: 0 stands for nothing."""
    return np.arange(1, int(np.prod(shape, dtype=np.int64)) + 1, dtype=np.int32).reshape(shape)  # NumPy's need not be compiled


def _filled(equation: Any) -> Any:
    """The equation with 0 where a place does not exist."""
    if equation.primitive.name != "gather":
        return equation
    params = dict(equation.params) | {"fill_value": 0}
    return equation.replace(params=params)


def _fill(equation: Any) -> float:
    """What stands where a place does not exist: nan, unless the caller says otherwise."""
    found = equation.params.get("fill_value")
    return float("nan") if found is None or isinstance(found, complex) else float(found)


def scattered(equation: Any, numbers: Sequence[Any]) -> Any:
    """Where each update of a scatter goes; −1 nowhere. Raises LookupError for more places than its format can count."""
    x, indices, updates = numbers
    size = int(np.prod(x.shape, dtype=np.int64))
    if size >= 2**24:
        raise LookupError("more places than can be told apart")
    p = equation.params
    mode, numbering = p["mode"], p["dimension_numbers"]

    def put(u: Any) -> Any:
        return jax.lax.scatter_add(jnp.zeros(x.shape, u.dtype), indices, u, numbering, mode=mode)

    # What arrives at an update is what stands where it went: the number of the place. Whole in float32 up to 2²⁴.
    _, back = jax.vjp(put, jnp.zeros(updates.shape, jnp.float32))
    (places,) = back(jnp.arange(1, size + 1, dtype=jnp.float32).reshape(x.shape))
    return np.asarray(places).astype(np.int64) - 1


def permutation(equation: Any, numbers: Sequence[Any]) -> Any:
    """Which entry of its axis a sort puts at each place: asked by sorting the numbers of the entries along."""
    axis, shape = equation.params["dimension"], numbers[0].shape
    ids = jax.lax.broadcasted_iota(jnp.int32, shape, axis)
    found = jax.lax.sort(
        [*numbers, ids], dimension=axis, is_stable=equation.params["is_stable"], num_keys=equation.params["num_keys"]
    )
    return np.asarray(found[-1])
