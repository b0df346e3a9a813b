"""Special functions: Bessel functions, the normal distribution's, shares of Γ, ζ."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, Rows, floats, plainly, recorded
from bpcompare.laws.kernel import Node, lifted
from bpcompare.numbers.number import Num

rows = Rows()
ROOT_2, ROOT_PI = math.sqrt(2.0), math.sqrt(math.pi)


def _size(x: Num) -> tuple[Num, Any]:
    """|x|, and the sign of x."""
    sign = np.sign(plainly(x))
    return sign * x, sign


def _over(y: Num, x: Num, at_zero: float) -> Num:
    """y/x, and what it tends to at 0."""
    there = plainly(x) != 0
    return np.where(there, y / np.where(there, x, 1.0), at_zero)


def _grown(g: Callable[[Num], Num]) -> Callable[[Num], Num]:
    """e^|x| times one of the functions that are scaled by its inverse."""
    return lambda x: np.exp(_size(x)[0]) * g(x)


def i1(x: Num) -> Num:
    """I₁(x) = e^|x| (e^−|x| I₁(x))."""
    return _grown(special.i1e)(x)


def i0(x: Num) -> Num:
    """I₀(x) = e^|x| (e^−|x| I₀(x))."""
    return _grown(special.i0e)(x)


def _i0e_prime(x: Num) -> Num:
    """f₁ − sign(x) f₀, with fₙ = e^−|x| Iₙ. DLMF 10.29.3."""
    return special.i1e(x) - np.sign(plainly(x)) * special.i0e(x)


def _i1_prime(x: Num) -> Num:
    """I₀ − I₁/x, ½ at 0. DLMF 10.29.2."""
    return i0(x) - _over(i1(x), x, 0.5)


def _i1e_prime(x: Num) -> Num:
    """f₀ − f₁/x − sign(x) f₁."""
    return special.i0e(x) - (_over(special.i1e(x), x, 0.5) + np.sign(plainly(x)) * special.i1e(x))


def _ndtri_prime(p: Num) -> Num:
    """√2π e^(x²/2) with x = Φ⁻¹(p)."""
    x = special.ndtri(p)
    return (ROOT_2 * ROOT_PI) * np.exp(0.5 * (x * x))


def _log_ndtr_prime(x: Num) -> Num:
    """φ(x)/Φ(x) = √(2/π)/erfcx(−x/√2)."""
    return (ROOT_2 / ROOT_PI) / special.erfcx(-(x / ROOT_2))


for _names, _g, _g_prime in (
    (("i0", "special_i0"), i0, i1),
    (("special_i0e", "lax.bessel_i0e"), special.i0e, _i0e_prime),
    (("special_i1", "lax.bessel_i1"), i1, _i1_prime),
    (("special_i1e", "lax.bessel_i1e"), special.i1e, _i1e_prime),
    (("special_erfcx",), special.erfcx, lambda x: 2.0 * x * special.erfcx(x) - 2.0 / ROOT_PI),
    (("special_ndtri",), special.ndtri, _ndtri_prime),
    (("special_log_ndtr",), special.log_ndtr, _log_ndtr_prime),
):
    rows.law(*_names, rearranged=True, entrywise=True)(
        lambda a, g=_g, g_prime=_g_prime: kernel.elementwise(a.get("self", a.get("x0")), g, g_prime)  # type: ignore[misc]
    )


def _no_derivative(_dy: Num) -> Num:
    raise LookupError("a derivative by the order")


def _share(f: Callable[[Any, Num], Num], sign: float, order: str, of: str) -> Callable[[Arguments], Node]:
    """γ(a, x)/Γ(a), or 1 − that;  ±x^(a − 1) e^−x/Γ(a) Δ for x (DLMF 8.8.13). There is no law of the derivative by a."""

    def law(a: Arguments) -> Node:
        by, x = lifted(floats(getattr(a, order))), lifted(floats(getattr(a, of)))
        shape = np.broadcast_shapes(by.shape, x.shape)
        by, x = kernel.expand(by, shape), kernel.expand(x, shape)

        def back(dy: Num) -> Num:
            k = recorded(by)
            return sign * np.exp((k - 1.0) * np.log(x.value) - x.value - special.gammaln(k)) * dy

        return Node(shape, lambda: f(recorded(by), x.value), [(x, back), (by, _no_derivative)])

    return law


for _f, _sign, _torch, _jax in (
    (special.gammainc, 1.0, "igamma", "lax.igamma"),
    (special.gammaincc, -1.0, "igammac", "lax.igammac"),
):
    rows.law(_torch, rearranged=True)(_share(_f, _sign, "self", "other"))
    rows.law(_jax, rearranged=True)(_share(_f, _sign, "x0", "x1"))


def _zeta(exponent: str, of: str) -> Callable[[Arguments], Node]:
    """ζ(s, q) = Σ (q + k)⁻ˢ;  −s ζ(s + 1, q) Δ for q (DLMF 25.11.17). There is no law of the derivative by s."""

    def law(a: Arguments) -> Node:
        s = lifted(floats(getattr(a, exponent)))
        exponents = np.unique(recorded(s))
        if exponents.size != 1:
            raise LookupError("several exponents")
        n = float(exponents[0])
        q = kernel.expand(lifted(floats(getattr(a, of))), np.broadcast_shapes(s.shape, np.shape(plainly(getattr(a, of)))))

        def back(dy: Num) -> Num:
            return -n * special.zeta(n + 1.0, q.value) * dy

        return Node(q.shape, lambda: special.zeta(n, q.value), [(q, back), (s, _no_derivative)])

    return law


rows.law("special_zeta", rearranged=True)(_zeta("self", "other"))
rows.law("lax.zeta", rearranged=True)(_zeta("x0", "x1"))
