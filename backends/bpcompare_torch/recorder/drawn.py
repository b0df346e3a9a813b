"""Masks that a kernel draws inside, drawn again from what it gives back of the generator's state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

ATTENTION = "_scaled_dot_product_efficient_attention"


def masks(function: str, given: Mapping[str, Any], results: Sequence[Tensor | None]) -> dict[str, Any]:
    """Of an attention with a dropout, as "kept", which shares were kept: (examples, heads, queries, keys); else nothing."""
    p = given.get("dropout_p") or 0.0
    if function != ATTENTION or not p:
        return {}
    seed, offset = results[2:4]
    if seed is None or offset is None:
        return {}
    query, key = given["query"], given["key"]
    return {"kept": _uniform(query, key, p, int(seed), int(offset)) > p}


def _uniform(query: Tensor, key: Tensor, p: float, seed: int, offset: int) -> Any:
    """The very numbers that the kernel drew, as torch's own tests ask for them."""
    drawn = torch.empty(*query.shape[:-1], key.shape[-2], device=query.device)
    return torch._fill_mem_eff_dropout_mask_(drawn, p, seed, offset).numpy(force=True)
