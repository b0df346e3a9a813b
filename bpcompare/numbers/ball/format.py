"""The number format that a ball is a promise about, and what library functions are allowed.

Measured on torch 2.13.0, jax 0.10.2 and NumPy 2.4.6 (CPU, AVX-512), largest error over 1e5 points, in ulps (1 ulp ≤ 2u):
exp 2.3 (NumPy float32), log 3.0 (NumPy float32), tanh 6.5 (JAX float64), sigmoid 3.0 (NumPy float32), erf 5.0 (JAX
float32), softplus 2.7 (JAX float32), rsqrt 1.5. Random nets with half of the allowance (8u) were left by torch's gelu.

Over 8e3 points, on torch and NumPy, in u: sin and cos 1.9, tan 2.7, arcsin 4.4, arccos 2.7, arctan 2.3, sinh 2.0, cosh 2.8,
arcsinh 1.9, arccosh 2.3, arctanh 2.0, exp2 1.7, log2 2.3, log10 3.2, erfinv 3.1 (NumPy float32, most of them); erfc 1.4, and up
to 0.4 x² where x is large (SciPy float64).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import ceil

import numpy as np

from bpcompare.numbers.number import Side

FUNCTIONS: Mapping[str, float] = {
    "exp": 16.0,
    "expm1": 16.0,
    "log": 16.0,
    "log1p": 16.0,
    "tanh": 16.0,
    "erf": 16.0,
    "sqrt": 2.0,
    "power": 16.0,
    "sin": 16.0,
    "cos": 16.0,
    "tan": 16.0,
    "arcsin": 16.0,
    "arccos": 16.0,
    "arctan": 16.0,
    "arctan2": 16.0,
    "sinh": 16.0,
    "cosh": 16.0,
    "arcsinh": 16.0,
    "arccosh": 16.0,
    "arctanh": 16.0,
    "exp2": 16.0,
    "log2": 16.0,
    "log10": 16.0,
    "erfc": 16.0,
    "erfinv": 16.0,
    "gammaln": 48.0,
    "digamma": 16.0,
    "zeta": 32.0,
    "i0e": 16.0,
    "i1e": 32.0,
    "erfcx": 32.0,
    "ndtri": 16.0,
    "log_ndtr": 48.0,
    "gammainc": 64.0,
    "gammaincc": 64.0,
}
"""Allowed relative error of a library function, in units of u. JAX's lgamma is off by up to 33 u (float32, from 0.01 to 60).

Over 1,700 points, on torch and JAX: i0e 5, i1e and I₁ 17 (float32), erfcx 16, ndtri 5, ln Φ 15 to x = 3 and 54 at 5.8, shares of
Γ 64 to a = 7 and 670 at a = 40 (float32).

ζ(s, x), of which polygamma functions are made: up to 20 u in JAX, 7 u in torch and SciPy (whole s to 5, x from 10⁻⁴ to 10⁴).
"""

LOG1P_OF_XLA = 256.0
"""What is allowed of log1p in float64 from −0.5 to −0.29: XLA's on the CPU is off by up to 239 u there, by 3 u elsewhere."""

REARRANGED = 8.0
"""Extra radius, in units of u times the law evaluated with absolute values, for laws that frameworks evaluate by another formula.

Without it honest tanh' and softplus' (JAX), gelu' (torch), batch norm and AdamW leave the ball of one formula by 1.1–5.6 times.
"""

HEADROOM = 2.0**-4
"""How near to the largest number counts as an overflow: torch adds up (t − a)² and halves the sum; the law adds up halves."""


@dataclass(frozen=True)
class Format:
    """A floating-point format and how a backend uses it.

    `u`: unit roundoff of the backend's dtype. `tiny`: its smallest normal number, the error of any operation that underflows.
    `largest`: its largest finite number; what passes it may be infinite in the backend. `flushes`: values below `tiny` may have
    become 0. `rearranged`: whether the law at hand is granted `REARRANGED`. `side`: how to decide at a kink: None is the law's
    convention; "low" and "high" are the two extremes of what is valid. `ties`: the same where entries of a maximum tie. `room`:
    the share of its largest number from which on something may overflow on the way; 1 where there is but one operation.
    `factors`: what each factor of a product of matrices is off, relatively, before it is multiplied; 0 where it is taken whole.
    `dtype` is its name.
    """

    u: float
    tiny: float
    largest: float
    flushes: bool = False
    rearranged: bool = False
    side: Side = None
    ties: Side = None
    dtype: str = "float64"
    room: float = HEADROOM
    factors: float = 0.0

    @cached_property
    def unit(self) -> float:
        """u of the backend plus that of the float64 midpoint."""
        return self.u + 2.0**-53

    @cached_property
    def near(self) -> float:
        """Where numbers come near the largest one, see `room`."""
        return self.room * self.largest

    @cached_property
    def far(self) -> float:
        """Up to this sum of squares, none of some numbers comes `near`, whatever rounding does to the sum."""
        return float(min(self.near, 2.0**500) ** 2 / 4)

    def gamma(self, n: int) -> float:
        """γ_n = n u/(1 − n u): Higham, *Accuracy and Stability of Numerical Algorithms*, lemma 3.1. Infinite where vacuous."""
        nu = n * self.unit
        return nu / (1 - nu) if nu < 0.5 else float("inf")

    def roundings(self, n: int) -> int:
        """How many roundings of this format a sum of n terms may be off by, when it is one call.

        Sums of 16-bit numbers are added up in 32 bits and rounded once: torch's and XLA's matrix products, convolutions,
        reductions and normalizations. n terms are then off by n 2⁻²⁴ and one rounding.
        """
        return n if self.u <= WIDE else ceil(n * WIDE / self.u) + 1

    def library(self, units: float) -> float:
        """The relative error of a library function that may be off by so many units: 16-bit numbers go through it in 32 bits."""
        return units * self.unit if self.u <= WIDE else self.unit + units * WIDE

    def function(self, name: str) -> float:
        """The relative error of the library function of this name."""
        return self.library(FUNCTIONS[name])

    @property
    def product(self) -> float:
        """What a product of two factors is off, relatively, because of what these are off: 2v + v²."""
        return (2.0 + self.factors) * self.factors

    def __call__(
        self, *, rearranged: bool = False, side: Side = None, ties: Side = None, room: float = HEADROOM, factors: float = 0.0
    ) -> Format:
        """The same format for another law, or for one side of a kink."""
        return _format_for(self, rearranged, side, ties, room, factors)


@cache
def _format_for(fmt: Format, rearranged: bool, side: Side, ties: Side, room: float, factors: float) -> Format:
    return replace(fmt, rearranged=rearranged, side=side, ties=ties, room=room, factors=factors)


WIDE = 2.0**-24
"""The unit roundoff in which sums of narrower formats are added up."""

UNITS: Mapping[str, float] = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
"""Unit roundoffs."""

RANGES: Mapping[str, tuple[float, float]] = {"bfloat16": (2.0**-126, (2.0 - 2.0**-7) * 2.0**127)}
"""Smallest normal and largest number of formats that NumPy does not know."""


@cache
def format_of(dtype: str, flushes: bool = False) -> Format:
    """The format of "float32", "float64", "float16" or "bfloat16"."""
    if dtype in RANGES:
        tiny, largest = RANGES[dtype]
    else:
        kind = np.finfo(dtype)
        tiny, largest = float(kind.smallest_normal), float(kind.max)
    return Format(UNITS[dtype], tiny, largest, flushes, dtype=dtype)


def nearest_in(value: float, dtype: str) -> float:
    """The number of a format that is nearest to `value`, of two the even one."""
    if dtype != "bfloat16":
        return float(np.dtype(dtype).type(value))
    bits = int(np.float32(value).view(np.uint32))
    return float(np.uint32((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32))
