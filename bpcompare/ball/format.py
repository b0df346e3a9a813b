"""The number format that a ball is a promise about, and what library functions are allowed.

Measured on torch 2.13.0, jax 0.10.2 and NumPy 2.4.6 (CPU, AVX-512), largest error over 1e5 points, in ulps (1 ulp ≤ 2u):
exp 2.3 (NumPy float32), log 3.0 (NumPy float32), tanh 6.5 (JAX float64), sigmoid 3.0 (NumPy float32), erf 5.0 (JAX
float32), softplus 2.7 (JAX float32), rsqrt 1.5. Random nets with half of the allowance (8u) were left by torch's gelu.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bpcompare.arithmetic import Side

FUNCTIONS: Mapping[str, float] = {
    "exp": 16.0,
    "expm1": 16.0,
    "log": 16.0,
    "log1p": 16.0,
    "tanh": 16.0,
    "erf": 16.0,
    "sqrt": 2.0,
    "power": 16.0,
}
"""Allowed relative error of a library function, in units of u."""

REARRANGED = 8.0
"""Extra radius, in units of u times the law evaluated with absolute values, for laws that frameworks evaluate by another formula.

Without it honest tanh' and softplus' (JAX), gelu' (torch), batch norm and AdamW leave the ball of one formula by 1.1–5.6 times.
"""


@dataclass(frozen=True)
class Format:
    """A floating-point format and how a backend uses it.

    `u`: unit roundoff of the backend's dtype. `tiny`: its smallest normal number, the error of any operation that underflows.
    `largest`: its largest finite number; what passes it may be infinite in the backend. `flushes`: values below `tiny` may have
    become 0. `rearranged`: whether the law at hand is granted `REARRANGED`. `side`: how to decide at a kink: None is the law's
    convention; "low" and "high" are the two extremes of what is valid. `ties`: the same where entries of a maximum tie.
    """

    u: float
    tiny: float
    largest: float
    flushes: bool = False
    rearranged: bool = False
    side: Side = None
    ties: Side = None

    @cached_property
    def unit(self) -> float:
        """u of the backend plus that of the float64 midpoint."""
        return self.u + 2.0**-53

    def gamma(self, n: int) -> float:
        """γ_n = n u/(1 − n u): Higham, *Accuracy and Stability of Numerical Algorithms*, lemma 3.1. Infinite where vacuous."""
        nu = n * self.unit
        return nu / (1 - nu) if nu < 0.5 else float("inf")

    def __call__(self, *, rearranged: bool = False, side: Side = None, ties: Side = None) -> Format:
        """The same format for another law, or for one side of a kink."""
        return replace(self, rearranged=rearranged, side=side, ties=ties)


def format_of(dtype: str, flushes: bool = False) -> Format:
    """The format of "float32" or "float64"."""
    u = 2.0**-24 if dtype == "float32" else 2.0**-53
    kind = np.finfo(dtype)
    return Format(u, float(kind.smallest_normal), float(kind.max), flushes)
