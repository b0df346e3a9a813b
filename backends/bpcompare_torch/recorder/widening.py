"""float64 for code that asks for float32."""

from __future__ import annotations

from collections.abc import Iterable
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


def _by_channel(x: Tensor, scale: Tensor, *rest: Any, **named: Any) -> Tensor:
    """Numbers of float64 on a grid for each channel, whose scale torch wants in float32."""
    return torch.fake_quantize_per_channel_affine(x, scale.float(), *rest, **named)


_CALLED[torch.fake_quantize_per_channel_affine] = _by_channel


def _observed(x: Tensor, observes: Tensor, quantizes: Tensor, *rest: Any) -> Tensor:
    """Numbers of float64 on a grid whose range is observed in the same call, which torch does in float32 alone."""
    (*kept, zero), (_, low, high, axis, *switches) = rest[:4], rest[4:]
    small = [t.float() for t in kept]
    arguments: Any = (x.detach().float(), observes, quantizes, *small, zero, *rest[4:])
    torch.fused_moving_avg_obs_fake_quant(*arguments)
    for t, now in zip(kept, small, strict=True):
        t.resize_(now.shape).copy_(now)
    if not bool(quantizes.any()):
        return x
    if switches and switches[0]:
        return torch.fake_quantize_per_channel_affine(x, small[2], zero, axis, low, high)
    return torch.fake_quantize_per_tensor_affine(x, small[2], zero, low, high)


_CALLED[torch.fused_moving_avg_obs_fake_quant] = _observed


def _attended(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, *rest: Any, **named: Any) -> Tensor:
    """Attention with its mask in the format of the rest. torch 2.13 reads one of float32 as if it were float64 (on CPUs)."""
    if attn_mask is not None and attn_mask.is_floating_point():
        attn_mask = attn_mask.to(query.dtype)
    return torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask, *rest, **named)


class MasksWidened(TorchFunctionMode):
    """While entered, masks of attention are in the format of what they mask: models make them in float32 by themselves."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """The same call, with such a mask."""
        called = _attended if func is torch.nn.functional.scaled_dot_product_attention else func
        return called(*args, **(kwargs or {}))


class Widened(TorchFunctionMode):
    """While entered, tensors are made in float64 where nothing or float32 is said, and converted to float64 instead of float32.

    Models make masks, positions and constants by themselves, or close over some, which then meet a float64 copy of their
    parameters: where float32 and float64 meet in a call, all are converted to float64.
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
        given = tuple(map(_wider, args))
        if _mixed([*given, *wide.values()]) and "out" not in wide:
            first = 1 if _writes(func) else 0  # what is written into stays what it is
            given = (*given[:first], *map(_doubled, given[first:]))
            wide = {key: _doubled(one) for key, one in wide.items()}
        return _CALLED.get(func, func)(*given, **wide)


def _mixed(given: Iterable[Any]) -> bool:
    """Whether float64 meets float32: what code closes over, or keeps anywhere but in its modules, is in no copy."""
    found = {t.dtype for one in given for t in (one if isinstance(one, (list, tuple)) else (one,)) if isinstance(t, Tensor)}
    return not found.isdisjoint(_WIDER.keys()) and not found.isdisjoint(_WIDER.values())


def _writes(func: Any) -> bool:
    name = str(getattr(func, "__name__", ""))
    return name in ("__setitem__", "__set__") or (name.endswith("_") and not name.endswith("__")) or name.startswith("__i")


def _doubled(one: Any) -> Any:
    if isinstance(one, (list, tuple)) and any(isinstance(t, Tensor) for t in one):
        return type(one)(map(_doubled, one))
    wider = _WIDER.get(one.dtype) if isinstance(one, Tensor) else None
    return one if wider is None else one.to(wider)


def _wider(one: Any) -> Any:
    return _WIDER.get(one, one) if isinstance(one, torch.dtype) else one
