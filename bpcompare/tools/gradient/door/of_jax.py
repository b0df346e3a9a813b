"""JAX: a `custom_vjp`, any function of arrays, or a pair of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from traceback import extract_tb
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.door.code import CodeUnderTest, RefusedError
from bpcompare.tools.gradient.door.outputs import arrays_of, joined, parted
from bpcompare.tools.gradient.trees import Given


def in_jax(jax: Any, asked: Given) -> CodeUnderTest:
    """A function that `jax.vjp` takes, or a pair of functions. Both run in 64 bits where their arrays have them."""
    forward, backward = asked.forward, asked.backward
    arrays = tuple(_widened(x) for x in arrays_of(list(asked.inputs.values()), (jax.Array,)))

    def given(xs: Sequence[Any]) -> list[Any]:
        return [jax.numpy.array(x.copy()) if isinstance(x, np.ndarray) else x for x in xs]

    def call(xs: Sequence[Any]) -> Array:
        with wide(jax):
            return joined(forward(*given(xs)), np.array)

    def back(xs: Sequence[Any], dy: Array) -> Any:
        with wide(jax):
            args = given(xs)
            at = [i for i, x in enumerate(xs) if isinstance(x, np.ndarray)]

            def applied(*some: Any) -> Any:
                whole = list(args)
                for i, x in zip(at, some, strict=True):
                    whole[i] = x
                return forward(*whole)

            if backward is not None:
                like = forward(*args)
                dys = parted(dy, like) if isinstance(like, (tuple, list, Mapping)) else dy
                found = backward(*args, jax.tree_util.tree_map(jax.numpy.array, dys))
                found = found if isinstance(found, tuple | list) else (found,)
            else:
                out, pull = _differentiated(jax, applied, [args[i] for i in at])
                dys = parted(dy, out)
                dys = jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(out), jax.tree_util.tree_leaves(dys))
                partial = dict(zip(at, pull(jax.tree_util.tree_map(cotangent(jax), out, dys)), strict=True))
                found = tuple(partial.get(i) for i in range(len(xs)))
            if len(found) != len(xs):
                return tuple(found)
            return tuple(
                np.array(g) if g is not None and isinstance(x, np.ndarray) and x.dtype.kind == "f" else None
                for g, x in zip(found, xs, strict=True)
            )

    return CodeUnderTest("jax", asked, arrays, call, back, analytic=True)


def wide(jax: Any) -> AbstractContextManager[Any]:
    """JAX in 64 bits whatever the author's switch says, and as a context, so that it stays as it was."""
    if hasattr(jax, "enable_x64"):
        context: AbstractContextManager[Any] = jax.enable_x64(True)
        return context
    found = sys.modules.get("jax.experimental")
    return found.enable_x64() if found is not None and hasattr(found, "enable_x64") else nullcontext()


def cotangent(jax: Any) -> Callable[[Any, Any], Any]:
    """What stands for dy of an output: zeros of JAX's own kind, where it holds integers."""

    def made(y: Any, dy: Any) -> Any:
        if jax.numpy.issubdtype(y.dtype, jax.numpy.floating):
            return jax.numpy.asarray(dy, y.dtype)
        return np.zeros(y.shape, jax.dtypes.float0)

    return made


def _widened(x: Any) -> Any:
    """Formats that NumPy lacks, in float32."""
    return x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype.kind == "V" else x


def _differentiated(jax: Any, forward: Any, args: Sequence[Any]) -> Any:
    """What `jax.vjp` gives. Raises RefusedError where JAX has no derivative of a function of its own, and else what it raises."""
    try:
        return jax.vjp(forward, *args)
    except Exception as error:
        within = Path(extract_tb(error.__traceback__)[-1].filename).is_relative_to(Path(jax.__file__).parent)
        if within and "custom_" not in str(error):
            raise RefusedError(f"backward: JAX's own gives no gradient here: {error}") from error
        raise


def pulled_by_jax(jax: Any, forward: Any) -> Any:
    """What JAX, with the rule that `forward` has, makes of dy."""

    def back(*args: Any) -> Any:
        *xs, dy = args
        return jax.vjp(forward, *xs)[1](dy)

    return back
