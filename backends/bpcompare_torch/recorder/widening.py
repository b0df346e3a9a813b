"""float64 for code that asks for float32."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_WIDER = {torch.float32: torch.float64, torch.complex64: torch.complex128}


def _in_groups(a: Tensor, b: Tensor, offs: Tensor | None = None, bias: Tensor | None = None, out_dtype: Any = None) -> Tensor:
    """torch's grouped product, which has no float64, one group at a time; `offs` says where a group ends.

    Groups are rows, (M, K) · (G, K, N), columns, (G, M, K) · (K, N), or places that are summed over, (M, K) · (K, N) → (G, M, N).
    Raises NotImplementedError for a bias, which torch's own does not take either.
    """
    if bias is not None:
        raise NotImplementedError("a grouped product with a bias")
    if offs is None:
        return torch.bmm(a, b)
    sizes = torch.diff(offs, prepend=offs.new_zeros(1)).tolist()
    if a.ndim == 2 and b.ndim == 2:
        sizes.append(a.shape[1] - sum(sizes))  # what is in no group
        pairs = list(zip(torch.split_with_sizes(a, sizes, 1), torch.split_with_sizes(b, sizes), strict=True))
        return torch.stack([left @ right for left, right in pairs[:-1]])
    if a.ndim == 2:
        rest = a.shape[0] - sum(sizes)
        rows = torch.split_with_sizes(a, [*sizes, rest])
        found = [left @ right for left, right in zip(rows[:-1], b, strict=True)]
        return torch.cat([*found, a.new_zeros(rest, b.shape[-1])] if rest else found)
    columns = torch.split_with_sizes(b, [*sizes, b.shape[1] - sum(sizes)], 1)
    return torch.cat([left @ right for left, right in zip(a, columns[:-1], strict=True)], 1)


_CALLED: dict[Any, Any] = {Tensor.float: Tensor.double}
for _grouped in (getattr(torch.nn.functional, "grouped_mm", None), getattr(torch, "_grouped_mm", None)):
    if _grouped is not None:
        _CALLED[_grouped] = _in_groups


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
