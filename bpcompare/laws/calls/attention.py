"""Scaled dot-product attention as one call: softmax(q kᵀ scale + mask) v.

Not granted for rearranged formulas: the scores inside are nobody's numbers, and the grant for them would go through an
exponential. Names of CUDA's kernels stand beside the CPU's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.arithmetic import operand
from bpcompare.laws.calls.called import Arguments, Rows, plainly
from bpcompare.laws.kernel import Node, lifted
from bpcompare.network.parameter import Array

rows = Rows()


def attention(query: Any, key: Any, value: Any, scale: Any, mask: Any = None, *, causal: bool = False, share: Any = None) -> Node:
    """softmax(q kᵀ scale + mask) v over the last axes; what is masked out, and causally what comes later, counts as −∞.

    `mask` is of booleans or is added. `share` is what each share is multiplied by: a dropout's 0 or 1/(1 − p). Keys and values of
    fewer heads are shared by equally many queries' heads each. A row that is masked out whole gives 0.
    """
    query, key, value = lifted(query), *(_shared(lifted(x), lifted(query)) for x in (key, value))
    turned = kernel.permute(key, (*range(key.ndim - 2), key.ndim - 1, key.ndim - 2))
    scores = kernel.multiply(scale, kernel.matmul(query, turned))
    counts = np.ones(scores.shape, bool)
    if causal:
        counts &= np.tril(np.ones(scores.shape[-2:], bool))
    if mask is not None:
        numbers = plainly(mask)
        if numbers.dtype == bool:
            counts &= numbers
        else:
            scores = kernel.add(scores, mask)
            counts &= ~np.isneginf(numbers)
    shares = scored(scores, counts)
    return kernel.matmul(shares if share is None else kernel.multiply(share, shares), value)


def scored(scores: Node, counts: Array) -> Node:
    """softmax along the last axis over what `counts`; 0 throughout where nothing does."""
    if counts.all():
        return kernel.softmax(scores, -1)
    none = ~counts.any(axis=-1, keepdims=True)
    shares = kernel.softmax(kernel.where(counts | none, kernel.where(counts, scores, np.zeros(())), np.full((), -np.inf)), -1)
    return kernel.where(np.broadcast_to(~none, counts.shape), shares, np.zeros(())) if none.any() else shares


def _shared(x: Node, query: Node) -> Node:
    """Each head of keys or values as often as there are heads of queries for it."""
    if x.ndim < 3 or x.shape[-3] == query.shape[-3]:
        return x
    times = query.shape[-3] // x.shape[-3]
    lead, heads, rest = x.shape[:-3], x.shape[-3], x.shape[-2:]
    wide = kernel.expand(kernel.reshape(x, (*lead, heads, 1, *rest)), (*lead, heads, times, *rest))
    return kernel.reshape(wide, (*lead, heads * times, *rest))


def _fused(a: Arguments) -> list[Node | None]:
    p, share = a.get("dropout_p", 0.0), None
    if p:
        kept = a.get("kept")
        if kept is None:
            raise LookupError("attention with a dropout that nobody recorded")
        share = kernel.where(kept, operand(a, 1.0 / (1.0 - p)), np.zeros(()))
    scale = a.get("scale")
    scale = 1.0 / math.sqrt(a.query.shape[-1]) if scale is None else scale
    mask = a.get("attn_mask", a.get("attn_bias"))
    found = attention(a.query, a.key, a.value, operand(a, scale), mask, causal=bool(a.get("is_causal", False)), share=share)
    return [found, *(None for _ in a.shapes[1:])]


rows.law(
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_fused_attention_overrideable",  # not tried
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
)(_fused)
