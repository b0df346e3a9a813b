"""What is kept of an array: whether another one has the same bits, and about how far it is away."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from math import isfinite, sqrt
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array

DIGITS = 20
"""Hexadecimal digits of a digest that are kept: 80 bits."""
PROBES = 4
"""Sums with random signs: their differences have the size of the arrays' distance."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Of an array: the digest of its format, shape and bits, its shape, its Euclidean norm, and sums with random signs.

    `probes`: these sums of all elements; of a single number the number itself. Where something is not finite, there are none.
    """

    digest: str
    shape: tuple[int, ...]
    norm: float | None
    probes: tuple[float, ...]


def mark(x: Any) -> Mark:
    """The mark of an array, or of a whole number."""
    x = np.ascontiguousarray(x).reshape(np.shape(x))
    digest = sha256(f"{x.dtype.name} {x.shape}".encode() + x.tobytes()).hexdigest()[:DIGITS]
    flat = (x.reshape(-1).view(x.real.dtype) if np.iscomplexobj(x) else x.reshape(-1)).astype(np.float64)
    with np.errstate(all="ignore"):
        norm = float(np.sqrt(np.sum(flat * flat)))
        probes = (float(flat[0]),) if flat.size == 1 else tuple(_probed(flat))
    finite = isfinite(norm) and all(map(isfinite, probes))
    return Mark(digest, x.shape, norm if finite else None, probes if finite else ())


def apart(then: Mark, now: Mark) -> float | None:
    """About how far two arrays are from each other, of the norm of the first; None where that cannot be told.

    The mean square of a sum with random signs is the square of the norm.
    """
    if then.shape != now.shape or len(then.probes) != len(now.probes) or not then.probes:
        return None
    distance = sqrt(sum((a - b) ** 2 for a, b in zip(then.probes, now.probes, strict=True)) / len(then.probes))
    return distance / then.norm if then.norm else None


def _probed(flat: Array) -> list[float]:
    signs = _signs(flat.size)
    return [float(np.sum(np.where(signs >> bit & 1, flat, -flat))) for bit in range(PROBES)]


@cache
def _signs(size: int) -> Array:
    """Random bits, the same for ever: the generator's raw words are."""
    return np.random.PCG64(size).random_raw(size).astype(np.uint8)
