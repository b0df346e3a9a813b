"""A formula as a line of text: in symbols, or with numbers so that a calculator (or Python) can work it out."""

from __future__ import annotations

from collections.abc import Callable
from math import copysign

from bpcompare.formula.expression import (
    Apply,
    Constant,
    Difference,
    Expression,
    Negative,
    Power,
    Product,
    Quantity,
    Quotient,
    Rest,
    Square,
    Sum,
)
from bpcompare.plan.path import Path

_KINDS = {"in": "in", "a": "a", "delta": "Δ", "w": "w", "gradient": "∂E/∂w", "t": "t", "error": "E"}


def in_numbers(x: Expression) -> str:
    """With numbers, six digits each. `{61 more}` behind a number says that it stands for so many terms of a sum."""
    return _written(x, lead=True)


def in_symbols(x: Expression, name: Callable[[Quantity], str] | None = None) -> str:
    """With names: `g'(h.in[0,1]) * [o.weight[1,0]*o.delta[0,0] + …]`, or as `name` calls its quantities."""
    return _written(x, lead=True, names=name or _path)


def _path(x: Quantity) -> str:
    return Path(x.path).after.element(x.index)


def number(x: float, *, lead: bool = True) -> str:
    """Six digits; in brackets where it is negative and something stands before it."""
    text = f"{x + 0.0:.6g}"  # −0 is 0
    return text if lead or copysign(1.0, x + 0.0) > 0 else f"({text})"


def _written(x: Expression, *, lead: bool, names: Callable[[Quantity], str] | None = None) -> str:  # noqa: C901 — one line a kind of node
    numbers = names is None

    def inner(part: Expression, *, first: bool = True) -> str:
        return _written(part, lead=first, names=names)

    def factor(part: Expression, *, first: bool) -> str:
        # What has a + or − of its own goes into brackets.
        loose = isinstance(part, Sum | Difference) or (isinstance(part, Negative | Quotient) and not first)
        return f"[{inner(part)}]" if loose else inner(part, first=first)

    match x:
        case Quantity():
            return number(x.value, lead=lead) if names is None else names(x)
        case Constant():
            return x.symbol if x.symbol and not numbers else number(x.value, lead=lead)
        case Rest():
            return f"{number(x.value, lead=lead)} {{{x.count:,} more}}" if numbers else f"… ({x.count:,} more)"
        case Apply():
            return number(x.value, lead=lead) if x.opaque and numbers else f"{x.function}({inner(x.argument)})"
        case Sum():
            return " + ".join(_summand(term, inner(term, first=not at), first=not at) for at, term in enumerate(x.terms))
        case Product():
            parts = [factor(part, first=lead and not at) for at, part in enumerate(x.factors)]
            return (" * " if any(part.startswith("[") or part.endswith("]") for part in parts) else "*").join(parts)
        case Difference():
            return f"{inner(x.left)} - {factor(x.right, first=False)}"
        case Quotient():
            return f"{factor(x.top, first=lead)} / {factor(x.bottom, first=False)}"
        case Negative():
            return f"-{factor(x.of, first=False)}"
        case Power():
            return f"[{inner(x.of)}]**{factor(x.exponent, first=False)}"
        case Square():
            return f"[{inner(x.of)}]**2" if not isinstance(x.of, Quantity) else f"{inner(x.of, first=False)}**2"
    raise TypeError(type(x).__name__)


def _summand(term: Expression, text: str, *, first: bool) -> str:
    return f"[{text}]" if not first and isinstance(term, Difference | Negative | Sum) else text
