"""Numbers of specs and laws as exact symbols: what a float was meant to be."""

from __future__ import annotations

from fractions import Fraction
from math import pi, sqrt
from typing import Any

import sympy

_MEANT = {
    sqrt(0.5): sympy.sqrt(sympy.Rational(1, 2)),
    sqrt(2.0 / pi): sympy.sqrt(2 / sympy.pi),
    1.0 / sqrt(2.0 * pi): 1 / sympy.sqrt(2 * sympy.pi),
}
"""Irrational constants of the laws, by the float that is nearest to them."""


def exact(x: Any) -> Any:
    """A float as the number that was meant: 0.1 is 1/10, 1/3.0 is 1/3, 0.7071067811865476 is √½. Inside an expression, too."""
    if isinstance(x, sympy.Basic):
        return x.xreplace({number: exact(float(number)) for number in x.atoms(sympy.Float)})
    if isinstance(x, int):
        return sympy.Integer(x)
    number = float(x)
    if number in _MEANT:
        return _MEANT[number]
    near = Fraction(number).limit_denominator(10**6)
    return sympy.Rational(near.numerator, near.denominator) if float(near) == number else sympy.Rational(repr(number))
