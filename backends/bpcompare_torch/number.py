"""torch's arithmetic, lent to the examiner: laws evaluated on float64 tensors, and differentiated by torch.

The backend does not read this module. Who judges asks it for the derivative of a law's forward pass (`bpcompare.proof.oracle`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bpcompare.network.parameter import Array
from bpcompare.numbers.lent import Axes, LentNumber, Num
from bpcompare_torch.switches import pinned


def gradient(f: Callable[[Num], Num], x: Array) -> Array:
    """∂f/∂x of a number f(x), for all of x at once, by `torch.autograd.grad`."""
    with pinned():
        own = TorchNumber(torch.tensor(np.array(x, np.float64), device="cpu", requires_grad=True))
        (found,) = torch.autograd.grad(f(own).x.reshape(()), own.x)
    array: Array = found.numpy().copy()
    return array


class TorchNumber(LentNumber):
    """A float64 tensor under NumPy's names."""

    __slots__ = ()
    framework = "torch"

    @classmethod
    def taken(cls, x: Any) -> Tensor:
        """As a float64 tensor."""
        return _tensor(x)

    def plain(self) -> Array:
        """Without its graph."""
        plain: Array = self.x.detach().numpy()
        return plain

    def __getitem__(self, key: Any) -> TorchNumber:
        return self.gather(key) if isinstance(key, np.ndarray) else TorchNumber(self.x[key])

    def total_along(self, axis: Axes, keepdims: bool) -> TorchNumber:
        """`Tensor.sum`."""
        # Without axes torch sums over all of them, NumPy over none.
        return self if axis == () else TorchNumber(self.x.sum(dim=axis, keepdim=keepdims))

    def gather(self, index: Array) -> TorchNumber:
        """Rows."""
        return TorchNumber(self.x[_index(index)])

    def scatter(self, index: Array, rows: int) -> TorchNumber:
        """Rows added up, by `Tensor.index_put`."""
        y = torch.zeros((rows, *self.shape[index.ndim :]), dtype=torch.float64, device="cpu")
        return TorchNumber(y.index_put((_index(index),), self.x, accumulate=True))


def _tensor(x: Any) -> Tensor:
    if isinstance(x, TorchNumber):
        own: Tensor = x.x
        return own
    return torch.tensor(np.array(x, np.float64), device="cpu")


def _index(x: Any) -> Tensor:
    """Row numbers, or a mask."""
    return torch.tensor(np.array(x), device="cpu")


def _sizes(shape: Any) -> tuple[int, ...]:
    return tuple(map(int, shape)) if isinstance(shape, Sequence) else (int(shape),)


def _padded(x: Any, widths: Any) -> Tensor:
    """Zeros around; torch counts the axes from the last."""
    return torch.nn.functional.pad(_tensor(x), [int(width) for pair in reversed(widths) for width in pair])


def _transposed(x: Any, axes: Any = None) -> Tensor:
    own = _tensor(x)
    return own.permute(*(range(own.ndim - 1, -1, -1) if axes is None else map(int, axes)))


def _windows(x: Any, window_shape: Any, axis: Any) -> Tensor:
    own = _tensor(x)
    for along, size in zip(_sizes(axis), _sizes(window_shape), strict=True):
        own = own.unfold(along, size, 1)
    return own


def _flipped(x: Any, axis: Any = None) -> Tensor:
    own = _tensor(x)
    return own.flip(tuple(range(own.ndim)) if axis is None else _sizes(axis))


def _squeezed(x: Any, axis: Any = None) -> Tensor:
    return _tensor(x).squeeze() if axis is None else _tensor(x).squeeze(_sizes(axis))


_UFUNCS: Mapping[str, Callable[..., Tensor]] = {
    "add": torch.add,
    "subtract": torch.subtract,
    "multiply": torch.multiply,
    "divide": torch.divide,
    "negative": torch.negative,
    "square": torch.square,
    "power": torch.pow,
    "matmul": torch.matmul,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "sqrt": torch.sqrt,
    "tanh": torch.tanh,
    "erf": torch.erf,
}
_FUNCTIONS: Mapping[str, Callable[..., Tensor]] = {
    "broadcast_to": lambda x, shape: torch.broadcast_to(_tensor(x), _sizes(shape)),
    "concatenate": lambda parts, axis=0: torch.cat([_tensor(part) for part in parts], dim=axis),
    "expand_dims": lambda x, axis: _tensor(x).unsqueeze(axis),
    "flip": _flipped,
    "moveaxis": lambda x, source, destination: torch.movedim(_tensor(x), source, destination),
    "pad": _padded,
    "reshape": lambda x, shape: torch.reshape(_tensor(x), _sizes(shape)),
    "sliding_window_view": _windows,
    "squeeze": _squeezed,
    "stack": lambda parts, axis=0: torch.stack([_tensor(part) for part in parts], dim=axis),
    "swapaxes": lambda x, one, other: torch.swapaxes(_tensor(x), one, other),
    "transpose": _transposed,
    "where": lambda mask, x, y: torch.where(_index(mask), _tensor(x), _tensor(y)),
    "zeros_like": lambda x: torch.zeros_like(_tensor(x)),
}

TorchNumber.ufuncs, TorchNumber.functions = _UFUNCS, _FUNCTIONS
