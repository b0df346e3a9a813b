"""Functions of one number, as mathematics has them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from scipy import special

from bpcompare.laws import kernel
from bpcompare.laws.calls.arithmetic import operand
from bpcompare.laws.calls.called import Arguments, Rows, floats, plainly, recorded, rounded
from bpcompare.laws.elementary import sigmoid
from bpcompare.laws.kernel import Node, lifted
from bpcompare.numbers.number import Num, either, masked, positive, side_of

rows = Rows()
Function = Callable[[Num], Num]


def _row(function: str, g: Function, g_prime: Function, *, rearranged: bool = False) -> None:
    """`function` is g, with the derivative g'. Not rearranged: every library has this one formula for both."""
    rows.law(function, rearranged=rearranged, entrywise=True)(lambda a: kernel.elementwise(a.self, g, g_prime))


for _name, _function in {"exp": kernel.exp, "log": kernel.log, "sqrt": kernel.sqrt, "tanh": kernel.tanh}.items():
    rows.law(_name, rearranged=True, entrywise=True)(lambda a, f=_function: f(a.self))  # type: ignore[misc]

_row("rsqrt", lambda x: 1.0 / np.sqrt(x), lambda x: -0.5 / (np.sqrt(x) * x), rearranged=True)
rows.law("reciprocal", rearranged=True, entrywise=True)(lambda a: kernel.divide(1.0, a.self))
_row("square", lambda x: x * x, lambda x: 2.0 * x)

_row("sin", np.sin, np.cos)
_row("cos", np.cos, lambda x: -np.sin(x))
_row("tan", np.tan, lambda x: 1.0 + np.tan(x) * np.tan(x))
_row("asin", np.arcsin, lambda x: 1.0 / np.sqrt(1.0 - x * x))
_row("acos", np.arccos, lambda x: -1.0 / np.sqrt(1.0 - x * x))
_row("atan", np.arctan, lambda x: 1.0 / (1.0 + x * x))
_row("sinh", np.sinh, np.cosh)
_row("cosh", np.cosh, np.sinh)
_row("asinh", np.arcsinh, lambda x: 1.0 / np.sqrt(x * x + 1.0))
_row("acosh", np.arccosh, lambda x: 1.0 / np.sqrt(x * x - 1.0))
_row("atanh", np.arctanh, lambda x: 1.0 / (1.0 - x * x))
for _name, _factor in {"deg2rad": math.pi / 180.0, "rad2deg": 180.0 / math.pi}.items():
    rows.law(_name)(lambda a, by=_factor: kernel.multiply(operand(a, by), a.self))  # type: ignore[misc]

LN_2, LN_10 = math.log(2.0), math.log(10.0)
_row("expm1", np.expm1, lambda x: either(np.exp(x), lambda: np.expm1(x) + 1.0))
_row("log1p", np.log1p, lambda x: 1.0 / (1.0 + x))
_row("exp2", np.exp2, lambda x: LN_2 * np.exp2(x))
_row("log2", np.log2, lambda x: 1.0 / (x * LN_2))
_row("log10", np.log10, lambda x: 1.0 / (x * LN_10))

_row("erf", special.erf, lambda x: (2.0 / math.sqrt(math.pi)) * np.exp(-(x * x)))
_row("erfc", special.erfc, lambda x: (-2.0 / math.sqrt(math.pi)) * np.exp(-(x * x)))
_row("lgamma", special.gammaln, special.digamma)


def polygamma(n: int, x: Num) -> Num:
    """ψ⁽ⁿ⁾(x), the n-th derivative of digamma for n ≥ 0: (−1)ⁿ⁺¹ n! ζ(n + 1, x) for n > 0. DLMF 5.15 and 25.11.12."""
    return special.digamma(x) if n == 0 else (-1.0) ** (n + 1) * math.factorial(n) * special.zeta(n + 1.0, x)


_row("digamma", special.digamma, partial(polygamma, 1), rearranged=True)


@rows.law("polygamma", rearranged=True, entrywise=True)
def _polygamma(a: Arguments) -> Node:
    return kernel.elementwise(a.self, partial(polygamma, int(a.n)), partial(polygamma, int(a.n) + 1))


@rows.law("lax.polygamma", rearranged=True)
def _polygamma_of_jax(a: Arguments) -> Node:
    """Of one order, which is an array of floats in JAX."""
    orders = np.unique(plainly(floats(a.x0)))
    if orders.size != 1 or not float(orders[0]).is_integer() or orders[0] < 0:
        raise LookupError("orders that are several, or no whole numbers")
    n = int(orders[0])
    return kernel.elementwise(a.x1, partial(polygamma, n), partial(polygamma, n + 1))


@rows.law("mvlgamma", rearranged=True)
def _mvlgamma(a: Arguments) -> Node:
    """¼ p (p − 1) ln π + Σ ln Γ(x − j/2) over j < p;  Σ ψ(x − j/2) Δ."""
    terms = [kernel.elementwise(kernel.add(a.self, -0.5 * j), special.gammaln, special.digamma) for j in range(int(a.p))]
    return kernel.add(*terms, a.number_of(0.25 * a.p * (a.p - 1) * math.log(math.pi)))


def _erfinv_prime(x: Num) -> Num:
    """½√π e^(y²) with y = erf⁻¹(x)."""
    y = special.erfinv(x)
    return (0.5 * math.sqrt(math.pi)) * np.exp(y * y)


_row("erfinv", special.erfinv, _erfinv_prime)


@rows.law("abs", entrywise=True, kinks=("0: the derivative is 0",))
def _abs(a: Arguments) -> Node:
    return absolute(a.self)


def absolute(x: Any) -> Node:
    """|x|;  Δ with the sign of x, 0 at 0."""
    x = lifted(x)

    def back(dy: Num) -> Num:
        up, down = positive(x.value), positive(-x.value)
        if side_of(x.value) is not None:  # −1 on the one side of 0, +1 on the other
            down = ~up
        return masked(up, dy) - masked(down, dy)

    return Node(x.shape, lambda: np.where(positive(x.value), x.value, -x.value), [(x, back)])


@rows.law("special_entr")
def _entr(a: Arguments) -> Node:
    return kernel.elementwise(a.self, lambda x: -(x * np.log(x)), lambda x: -(1.0 + np.log(x)))


@rows.law("sinc")
def _sinc(a: Arguments) -> Node:
    """sin πx/πx, and 1 at 0;  (cos πx − sinc x)/x Δ, and 0 at 0."""
    x = lifted(a.self)
    pi, there = a.number_of(math.pi), plainly(x) != 0

    def somewhere() -> Num:
        return np.where(there, x.value, 1.0)

    def g() -> Num:
        return np.where(there, np.sin(pi * somewhere()) / (pi * somewhere()), 1.0)

    def back(dy: Num) -> Num:
        v = somewhere()
        return masked(there, (pi * v * np.cos(pi * v) - np.sin(pi * v)) / (pi * (v * v)) * dy)

    return Node(x.shape, g, [(x, back)])


@rows.law("logit", rearranged=True)
def _logit(a: Arguments) -> Node:
    """ln(x/(1 − x)) of x limited to [ε, 1 − ε];  Δ/(x (1 − x)), and 0 where it was limited."""
    x, epsilon = lifted(a.self), a.get("eps")
    if epsilon is not None:
        low = rounded(epsilon, a.some)
        high = rounded(1.0 - low, a.some)
        x = kernel.where(positive(x.value - high), np.full((), high), kernel.where(positive(low - x.value), np.full((), low), x))
    return kernel.elementwise(x, lambda v: np.log(v / (1.0 - v)), lambda v: 1.0 / (v * (1.0 - v)))


# functions of two numbers


@rows.law("pow", "float_power", rearranged=True)
def _pow(a: Arguments) -> Node:
    """xᵖ;  p xᵖ⁻¹ Δ, and xᵖ ln x Δ for an exponent that is an array, 0 where x is 0."""
    x, p = a.self, a.exponent
    if isinstance(p, (int, float)):
        if p == 2:
            return kernel.elementwise(x, lambda v: v * v, lambda v: 2.0 * v)
        return kernel.power(x, float(p))
    if (np.asarray(plainly(x)) <= 0).any():
        return _pow_of_any(lifted(operand(a, x)), lifted(operand(a, p)))
    return kernel.exp(kernel.multiply(operand(a, p), kernel.log(operand(a, x))))


def _pow_of_any(x: Node, p: Node) -> Node:
    """±|x|ᵖ, by whether a whole p is odd. Raises LookupError where xᵖ or a slope that is asked for is no finite number."""
    shape = np.broadcast_shapes(x.shape, p.shape)
    x, p = kernel.expand(x, shape), kernel.expand(p, shape)
    base, exponent = np.asarray(plainly(x)), np.asarray(plainly(p))
    zero, negative = base == 0, base < 0
    if (negative & (exponent != np.floor(exponent))).any() or (zero & (exponent < 1) & (exponent != 0)).any():
        raise LookupError("an array as exponent, where there is no finite number")

    def of_exponent(dy: Num) -> Num:
        if negative.any():
            raise LookupError("an exponent that asks for a gradient, over negative numbers")
        return dy

    sign = np.where(negative, -1.0, 1.0)
    size = kernel.where(zero, np.ones(()), kernel.multiply(sign, x))
    power = kernel.exp(kernel.multiply(Node(shape, lambda: p.value, [(p, of_exponent)]), kernel.log(size)))
    found = kernel.multiply(np.where(negative & (exponent % 2 == 1), -1.0, 1.0), power)
    return kernel.where(zero, kernel.where(exponent == 1, x, np.where(exponent == 0, 1.0, 0.0)), found)


def _soft_larger(a: Arguments, unit: float) -> Node:
    """ln(eˣ + eʸ) to another base: the larger, and what the other adds;  Δ σ(x − y) and Δ σ(y − x)."""
    x, y = lifted(a.self), lifted(a.other)

    def apart() -> Num:
        return x.value - y.value if unit == 1.0 else a.number_of(unit) * (x.value - y.value)

    def g() -> Num:
        d = apart()
        size = np.where(positive(d), d, -d)
        more = np.log1p(np.exp(-size))
        return np.where(positive(d), x.value, y.value) + (more if unit == 1.0 else more / a.number_of(unit))

    both = np.broadcast_shapes(x.shape, y.shape)
    x, y = kernel.expand(x, both), kernel.expand(y, both)
    return Node(both, g, [(x, lambda dy: sigmoid(apart()) * dy), (y, lambda dy: sigmoid(-apart()) * dy)])


rows.law("logaddexp", rearranged=True)(lambda a: _soft_larger(a, 1.0))
rows.law("logaddexp2", rearranged=True)(lambda a: _soft_larger(a, LN_2))


def _by_log(a: Arguments, plus: float, log: Callable[[Any], Node]) -> Node:
    """x ln y, and 0 for x = 0 whatever y is;  Δ ln y, 0 where there is none, and x Δ/y."""
    x, y = lifted(operand(a, a.self)), lifted(operand(a, a.other))
    dead = (plainly(x) == 0) & ~np.asarray(plainly(y) > plus)
    return kernel.multiply(x, log(kernel.where(dead, np.full((), plus + 1.0), y) if dead.any() else y))


rows.law("xlogy")(lambda a: _by_log(a, 0.0, kernel.log))
rows.law("special_xlog1py")(lambda a: _by_log(a, -1.0, lambda y: kernel.elementwise(y, np.log1p, lambda v: 1.0 / (1.0 + v))))


def angle(y: Any, x: Any) -> Node:
    """The angle of (x, y);  x Δ/(x² + y²) for y, −y Δ/(x² + y²) for x."""
    y, x = lifted(y), lifted(x)
    both = np.broadcast_shapes(x.shape, y.shape)
    y, x = kernel.expand(y, both), kernel.expand(x, both)

    def square() -> Num:
        return x.value * x.value + y.value * y.value

    to_y, to_x = (lambda dy: x.value / square() * dy), (lambda dy: -(y.value / square()) * dy)
    return Node(both, lambda: np.arctan2(y.value, x.value), [(y, to_y), (x, to_x)])


rows.law("atan2", rearranged=True)(lambda a: angle(a.self, a.other))


@rows.law("hypot", rearranged=True)
def _hypot(a: Arguments) -> Node:
    x, y = lifted(a.self), lifted(a.other)
    return kernel.sqrt(kernel.add(kernel.multiply(x, x), kernel.multiply(y, y)))


def _remaining(whole: Callable[[Any, Any], Any]) -> Callable[[Arguments], Node]:
    """x − q y with the whole part q of x/y, which has no derivative."""

    def law(a: Arguments) -> Node:
        x, y = lifted(operand(a, a.self)), lifted(operand(a, a.other))
        q = whole(recorded(x), recorded(y))
        return kernel.subtract(x, kernel.multiply(q, y))

    return law


rows.law("fmod")(_remaining(lambda x, y: np.rint((x - np.fmod(x, y)) / y)))
rows.law("remainder")(_remaining(lambda x, y: np.rint((x - np.mod(x, y)) / y)))
rows.law("frac")(lambda a: kernel.subtract(a.self, np.trunc(recorded(a.self))))


@rows.law("copysign")
def _copysign(a: Arguments) -> Node:
    """|x| with the sign of y;  Δ for x with the sign that was changed, 0 for y."""
    x, y = lifted(a.self), a.other
    sign = np.copysign(1.0, plainly(y)) * np.sign(plainly(x))
    changed = kernel.multiply(sign, x)
    return kernel.add(changed, unmoved(y, np.zeros(y.shape))) if isinstance(y, Node) else changed


def unmoved(x: Node, value: Any) -> Node:
    """A value that comes of x in steps, or in no continuous way: its Δ is exactly 0."""
    return Node(np.shape(value), lambda: value, [(x, lambda _dy: masked(np.zeros(x.shape, bool), x.value))])


def _steps(whole: Callable[[Any], Any]) -> Callable[[Arguments], Node]:
    """A function of steps: its value is exact, its Δ 0."""

    def law(a: Arguments) -> Node:
        if a.get("decimals"):
            raise LookupError("rounding to decimals")
        return unmoved(a.self, whole(recorded(a.self)))

    return law


STEPS: Mapping[str, Callable[[Any], Any]] = {
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "fix": np.trunc,
    "round": np.round,
    "sign": np.sign,
    "sgn": np.sign,
}
"""Functions of steps."""

for _name, _whole in STEPS.items():
    rows.law(_name)(_steps(_whole))

# what was made of comparisons with all else that is read: Δ of that is 0
rows.law("in_steps", moves=True)(lambda a: lifted(floats(a.self)))


@rows.law("heaviside")
def _heaviside(a: Arguments) -> Node:
    """0 below 0, 1 above, the given value at 0."""
    x = recorded(a.self)
    return kernel.where(np.broadcast_to(x == 0, a.shape), a.get("values"), np.broadcast_to(np.float64(x > 0), a.shape))
