"""The few things that are done to arrays, whatever framework they are of. Frameworks are found among what is imported already."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

NODES = 1_000
"""So many nodes of autograd's graph are looked at."""


def is_array(x: Any) -> bool:
    """Whether it holds floating-point numbers."""
    if isinstance(x, float):
        return True
    dtype = str(getattr(x, "dtype", ""))
    return hasattr(x, "shape") and ("float" in dtype or "complex" in dtype) and "float0" not in dtype


def shape(x: Any) -> tuple[int, ...]:
    """Its shape; () for a number."""
    return tuple(int(n) for n in getattr(x, "shape", ()))


def dtype(x: Any) -> str:
    """`float32`, of whatever framework."""
    return str(getattr(x, "dtype", "float64")).rpartition(".")[2]


def is_traced(x: Any) -> bool:
    """Whether it stands for numbers that come later, as under `jax.jit`."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(x, jax.core.Tracer)


def numbers(x: Any) -> Any:
    """Its numbers as a NumPy array in float64 or complex128. Raises whatever a framework raises where there are none."""
    import numpy as np

    if _is_torch(x):
        x = x.detach()
        x = x.to_dense() if x.is_sparse else x
        x = x.cpu().resolve_conj().resolve_neg()
        x = (x.float() if x.dtype is sys.modules["torch"].bfloat16 else x).numpy()
    x = np.asarray(x)
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)


def ones(x: Any) -> Any:
    """1 for every element."""
    return x**0


def masked(x: Any, change: Callable[[Any], None]) -> Any:
    """x times an array of ones that `change` has changed."""
    import numpy as np

    mask = np.ones(shape(x))
    change(mask)
    if _is_torch(x):
        return x * sys.modules["torch"].tensor(mask, dtype=x.dtype, device=x.device)
    if _is_jax(x):
        return x * sys.modules["jax"].numpy.asarray(mask, x.dtype)
    return x * mask.astype(getattr(x, "dtype", np.float64))


def rounded(x: Any, to: str) -> Any:
    """x rounded to a narrower format, and back in its own."""
    import numpy as np

    if _is_torch(x):
        return x.to(getattr(sys.modules["torch"], to)).to(x.dtype)
    x = np.float64(x) if isinstance(x, float) and not hasattr(x, "dtype") else x
    return x.astype(to).astype(x.dtype)


def overwrite(x: Any, new: Any) -> None:
    """Write into x itself. Raises what the framework raises where several elements share a place, or nothing may be written."""
    if _is_torch(x):
        x.data.copy_(new)
    else:
        x[...] = new


def copied(x: Any) -> Any:
    """The same numbers in a place of their own."""
    return x.clone() if _is_torch(x) else x.copy() if hasattr(x, "copy") else x


def differentiable(results: list[Any], dys: list[Any]) -> str:
    """By which function torch differentiates what was given for these `dys`; "" where it does not, or differentiates them, too.

    A backward gives nothing that is to be differentiated again, unless its dy is; a forward does.
    """
    if any(getattr(dy, "requires_grad", False) for dy in dys):
        return ""
    nodes = [g.grad_fn for g in results if _is_torch(g) and g.grad_fn is not None]
    for node in _behind(nodes):
        custom = getattr(type(node), "_forward_cls", None)
        if custom is not None:
            return f"{custom.__module__}:{custom.__qualname__}"
    return type(nodes[0]).__name__ if nodes else ""


def _behind(nodes: list[Any]) -> Iterator[Any]:
    left, seen = list(nodes), set[Any]()
    while left and len(seen) < NODES:
        node = left.pop(0)
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            left += [one for one, _ in node.next_functions]


def _is_torch(x: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def _is_jax(x: Any) -> bool:
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(x, jax.Array)
