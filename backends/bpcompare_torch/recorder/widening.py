"""float64 for code that asks for float32."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_WIDER = {torch.float32: torch.float64, torch.complex64: torch.complex128}
_CALLED: dict[Any, Any] = {Tensor.float: Tensor.double}


class Widened(TorchFunctionMode):
    """While entered, tensors are made in float64 where nothing or float32 is said, and converted to float64 instead of float32.

    Models make masks, positions and constants by themselves, which then meet a float64 copy of their parameters.
    """

    def __enter__(self) -> Self:
        self._before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        torch.set_default_dtype(self._before)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """The same call, in float64."""
        wide = {key: _wider(one) for key, one in (kwargs or {}).items()}
        return _CALLED.get(func, func)(*map(_wider, args), **wide)


def _wider(one: Any) -> Any:
    return _WIDER.get(one, one) if isinstance(one, torch.dtype) else one
