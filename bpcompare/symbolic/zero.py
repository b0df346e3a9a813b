"""Whether an expression is zero for all values of its symbols: shown, refuted by numbers, or neither."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import sympy

DIGITS = 40
SMALL = sympy.Float(10) ** -25
TRIES = 4


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
    if not x.free_symbols and not all(_possible(together) for together in _connected(conditions)):
        return Answer("shown")  # a number other than 0, on sides that exclude each other
    symbols = sorted(x.free_symbols | {s for one, _ in conditions for s in one.free_symbols}, key=str)
    tried = _refuted(x, symbols, conditions)
    if tried is not None:
        return tried
    for attempt in (_expanded, _rational, _simplified):
        if attempt(x) == 0:
            return Answer("shown")
    return Answer("open")


def _connected(conditions: list[tuple[Any, bool]]) -> list[list[tuple[Any, bool]]]:
    """The conditions in groups that have symbols in common: each of an element's own, all elements being alike."""
    groups: list[tuple[set[Any], list[tuple[Any, bool]]]] = []
    for one in conditions:
        mine = [group for group in groups if group[0] & one[0].free_symbols]
        groups = [group for group in groups if group not in mine]
        groups.append((one[0].free_symbols.union(*(g[0] for g in mine)), [*(c for g in mine for c in g[1]), one]))
    return [group for _, group in groups]


def _possible(conditions: list[tuple[Any, bool]]) -> bool:
    """Whether some numbers meet all conditions."""
    symbols = sorted({s for one, _ in conditions for s in one.free_symbols}, key=str)
    random = Random(7)  # noqa: S311 — places to look at, not secrets
    return any(_meet({symbol: _drawn(symbol, random) for symbol in symbols}, conditions) for _ in range(200))


def _meet(at: dict[Any, Any], conditions: list[tuple[Any, bool]]) -> bool:
    return all(bool(one.subs(at).evalf() > 0) is positive for one, positive in conditions)


def _refuted(x: Any, symbols: list[Any], conditions: list[tuple[Any, bool]]) -> Answer | None:
    random = Random(7)  # noqa: S311 — places to look at, not secrets
    found = 0
    for _ in range(200):
        at = {symbol: _drawn(symbol, random) for symbol in symbols}
        if _meet(at, conditions):
            found += 1
            value = x.subs(at).evalf(DIGITS)
            if value.is_number and abs(value) > SMALL:
                used = sorted(x.free_symbols, key=str)[:8]
                return Answer("false", tuple((str(symbol), str(sympy.Float(at[symbol], 4))) for symbol in used))
            if found == TRIES:
                return None
    # No numbers are on this side of all kinks at once: nothing has to hold there.
    return Answer("shown") if not found and conditions else None


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
