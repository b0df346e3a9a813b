"""NumPy: a pair of functions, given their arrays as they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.contracts.ways.way import EXPANDED, PART, Pullback, in_complex, seed_slice
from bpcompare.tools.gradient.door import per_input


class NumpyWay:
    """`forward(*inputs)` and `backward(*inputs, dy)`."""

    framework = "numpy"
    fixed = ""
    layouts: tuple[str, ...] = ("in Fortran order", "with negative strides", "with gaps between its entries")
    partial = "a NumPy backward gives all of its gradients at once"

    def __init__(self, forward: Any, backward: Any, inputs: Sequence[Any]) -> None:
        self._forward, self._backward, self._inputs = forward, backward, inputs

    def array(self, x: Array, layout: str = "", *, pair: bool = False) -> Any | None:
        """A fresh array. Around a part of a larger one stands NaN, so that nobody can read there unseen."""
        if not layout:
            return x.copy()
        if pair:
            laid = self.array(in_complex(x), layout)
            return None if laid is None else laid[..., None].view(x.dtype)
        laid = _laid(x, layout)
        return None if laid is None or (layout != PART and laid.flags.c_contiguous) else laid

    def draws(self, _arguments: Sequence[Any], /) -> bool:
        """No: what is drawn here is drawn entry by entry, whatever the memory."""
        return False

    def numbers(self, x: Any) -> Array:
        """A copy."""
        return np.array(x)

    def pullback(  # all ways are asked alike
        self,
        arguments: Sequence[Any],
        needs: Collection[int] | None = None,  # noqa: ARG002
        *,
        saved: bool = False,  # noqa: ARG002
    ) -> Pullback:
        """The pair at `arguments`, which both functions get as they are. Keeps nothing that could be seen."""
        out = self._forward(*arguments)
        parts = list(out.values()) if isinstance(out, Mapping) else out if isinstance(out, (tuple, list)) else [out]
        arrays = [np.asarray(y) for y in parts if y is not None]

        def pull(dys: Sequence[Any]) -> list[Array | None]:
            given = iter(dys)
            shaped = [next(given) if y.dtype.kind == "f" else np.zeros_like(y) for y in arrays]
            dy: Any = shaped[0] if out is parts[0] else tuple(shaped)
            dy = dict(zip(out, shaped, strict=True)) if isinstance(out, Mapping) else dy
            found = per_input(self._backward(*arguments, dy), self._inputs)
            return [None if g is None else g.copy() for g in found]

        flags = getattr(self._forward, "pairs", [False] * len(arrays))
        pairs = tuple(flag for y, flag in zip(arrays, flags, strict=True) if y.dtype.kind == "f")
        return Pullback(tuple(y.copy() for y in arrays if y.dtype.kind == "f"), pull, pairs=pairs)


def _laid(x: Array, layout: str) -> Array | None:
    if layout == PART and x.ndim:
        around = np.full(tuple(n + 2 for n in x.shape), np.nan if x.dtype.kind in "fc" else 0, x.dtype)
        inside = around[tuple(slice(1, -1) for _ in x.shape)]
        inside[...] = x
        return inside
    if layout == EXPANDED:
        return np.broadcast_to(x[seed_slice(x)], x.shape)
    if layout == "in Fortran order":
        return np.asfortranarray(x)
    if layout == "with negative strides":
        back = tuple(slice(None, None, -1) for _ in x.shape)
        return np.ascontiguousarray(x[back])[back] if x.ndim else None
    if not x.ndim:
        return None
    gaps = np.full((*x.shape[:-1], 2 * x.shape[-1]), np.nan if x.dtype.kind in "fc" else 0, x.dtype)
    gaps[..., ::2] = x
    return gaps[..., ::2]
