"""Whether an expression is zero for all values of its symbols: shown, refuted by numbers, or neither."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import sympy
from scipy.optimize import linprog

DIGITS = 40
SMALL = sympy.Float(10) ** -25
TRIES = 4
NOTHING = 1e-9
"""How far apart, in the largest distance that one condition leaves another, sides are that exclude each other."""
INFEASIBLE = 2
"""scipy's status for a programme that has no solution."""


@dataclass(frozen=True)
class Answer:
    """`shown`, `false` (with numbers at which it is not zero) or `open`."""

    outcome: Literal["shown", "false", "open"]
    numbers: tuple[tuple[str, str], ...] = ()


def is_zero(x: Any, conditions: list[tuple[Any, bool]]) -> Answer:
    """Decide `x` = 0 wherever `conditions` (expression, whether positive) hold.

    Numbers are tried first, for a wrong law is wrong nearly everywhere; then the identity is shown by algebra alone.
    """
    x = sympy.sympify(x)
    if x == 0:
        return Answer("shown")
    symbols = sorted(x.free_symbols | {s for one, _ in conditions for s in one.free_symbols}, key=str)
    if exclude_each_other(conditions):
        return Answer("shown")  # there is no such side: nothing has to hold there
    tried = _refuted(x, symbols, conditions)
    if tried is not None:
        return tried
    for attempt in (_expanded, _rational, _simplified):
        if attempt(x) == 0:
            return Answer("shown")
    return Answer("open")


def exclude_each_other(conditions: list[tuple[Any, bool]]) -> bool | None:
    """Whether no numbers meet all conditions, or None where that is not known.

    By a linear programme that takes every product of symbols for a number of its own. Where it has a solution with such products,
    numbers have to be found, or the identity to be shown without the conditions.
    """
    expanded = [(sympy.expand(one), positive) for one, positive in conditions]
    rows = [one.as_coefficients_dict() for one, _ in expanded]
    products = list(dict.fromkeys(product for row in rows for product in row if product != 1))
    if not products:
        return False
    # Maximize ε ≤ 1 with c ≥ ε where c must be positive, and c ≤ 0 elsewhere.
    above, limits = [], []
    for row, (_, positive) in zip(rows, expanded, strict=True):
        sign = -1.0 if positive else 1.0
        above.append([*(sign * float(row.get(product, 0)) for product in products), float(positive)])
        limits.append(-sign * float(row.get(sympy.Integer(1), 0)))
    goal = [0.0] * len(products) + [-1.0]
    bounds = [(0.0 if product.is_nonnegative else None, None) for product in products]
    found = linprog(goal, above, limits, bounds=[*bounds, (None, 1.0)], method="highs")
    if found.status == INFEASIBLE or (found.status == 0 and -found.fun <= NOTHING):
        return True
    return False if all(product.is_Symbol for product in products) else None


def _meet(at: dict[Any, Any], conditions: list[tuple[Any, bool]]) -> bool:
    return all(bool(one.subs(at).evalf() > 0) is positive for one, positive in conditions)


def _refuted(x: Any, symbols: list[Any], conditions: list[tuple[Any, bool]]) -> Answer | None:
    random = Random(7)  # noqa: S311 — places to look at, not secrets
    found = 0
    for number in range(400):
        scale = 1 if number < 200 else 8  # a kink may lie farther out than most numbers: that of relu6 at 6
        at = {symbol: scale * _drawn(symbol, random) for symbol in symbols}
        if _meet(at, conditions):
            found += 1
            value = x.subs(at).evalf(DIGITS)
            if value.is_number and abs(value) > SMALL:
                used = sorted(x.free_symbols, key=str)[:8]
                return Answer("false", tuple((str(symbol), str(sympy.Float(at[symbol], 4))) for symbol in used))
            if found == TRIES:
                return None
    return None  # numbers that were not found prove nothing


def _drawn(symbol: Any, random: Random) -> Any:
    low = 1 if symbol.is_positive else -200
    return sympy.Rational(random.randint(low, 200), 97)


def _expanded(x: Any) -> Any:
    return sympy.expand(x)


def _rational(x: Any) -> Any:
    """As a quotient of polynomials in the symbols and in powers of e; those of one exponent are powers of one another."""
    x = sympy.expand(x.rewrite(sympy.exp), power_exp=True)
    powers: dict[Any, list[Any]] = {}
    for one in x.atoms(sympy.exp):
        coefficient, rest = one.args[0].as_coeff_Mul()
        powers.setdefault(rest, []).append((one, coefficient))
    swapped: dict[Any, Any] = {}
    for rest, found in powers.items():
        unit = sympy.ilcm(1, *(coefficient.q for _, coefficient in found))
        symbol = sympy.Dummy(f"e^{rest}", positive=True)
        swapped |= {one: symbol ** (coefficient * unit) for one, coefficient in found}
    return sympy.cancel(sympy.together(x.xreplace(swapped)))


def _simplified(x: Any) -> Any:
    return sympy.simplify(x)
