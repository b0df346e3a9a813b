"""What formulas are made of. Every node knows its value, in float64."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Literal

Kind = Literal["in", "a", "delta", "w", "gradient", "t", "slot", "state", "error"]


class Expression(ABC):
    """A formula, or a part of one."""

    @property
    @abstractmethod
    def value(self) -> float:
        """What it comes to."""


@dataclass(frozen=True)
class Quantity(Expression):
    """One element of a quantity that the plan gives or a backend recorded: its kind, path and index."""

    kind: Kind
    path: str
    index: tuple[int, ...]
    number: float

    @property
    def value(self) -> float:
        """The recorded number."""
        return self.number


@dataclass(frozen=True)
class Constant(Expression):
    """A number of the spec, or one worked out beside the formula. `symbol`: what it is called ("η", "μ"), "" if nothing.

    `within` gives the formula of one that was worked out beside.
    """

    number: float
    symbol: str = ""
    within: Callable[[], Expression] | None = field(default=None, compare=False)

    @property
    def value(self) -> float:
        """The number."""
        return self.number


@dataclass(frozen=True)
class Rest(Expression):
    """The terms of a long sum that are not written out, added up."""

    number: float
    count: int

    @property
    def value(self) -> float:
        """Their sum."""
        return self.number


@dataclass(frozen=True)
class Apply(Expression):
    """function(argument). `opaque`: in numbers its value is written, not the function: g'(in) = 0.25."""

    function: str
    argument: Expression
    rule: Callable[[float], float]
    opaque: bool = False

    @property
    def value(self) -> float:
        """The function's value."""
        return float(self.rule(self.argument.value))


@dataclass(frozen=True)
class Sum(Expression):
    """Terms added up."""

    terms: tuple[Expression, ...]

    @property
    def value(self) -> float:
        """Their sum."""
        return sum(term.value for term in self.terms)


@dataclass(frozen=True)
class Product(Expression):
    """Factors multiplied."""

    factors: tuple[Expression, ...]

    @property
    def value(self) -> float:
        """Their product."""
        return prod(factor.value for factor in self.factors)


@dataclass(frozen=True)
class Difference(Expression):
    """left − right."""

    left: Expression
    right: Expression

    @property
    def value(self) -> float:
        """The difference."""
        return self.left.value - self.right.value


@dataclass(frozen=True)
class Quotient(Expression):
    """top / bottom."""

    top: Expression
    bottom: Expression

    @property
    def value(self) -> float:
        """The quotient."""
        return self.top.value / self.bottom.value


@dataclass(frozen=True)
class Negative(Expression):
    """−of."""

    of: Expression

    @property
    def value(self) -> float:
        """With the other sign."""
        return -self.of.value


@dataclass(frozen=True)
class Square(Expression):
    """of²."""

    of: Expression

    @property
    def value(self) -> float:
        """Its square."""
        return self.of.value**2


@dataclass(frozen=True)
class Power(Expression):
    """of to the power of exponent."""

    of: Expression
    exponent: Expression

    @property
    def value(self) -> float:
        """The power."""
        return float(self.of.value**self.exponent.value)


def summed(terms: Sequence[Expression]) -> Expression:
    """The sum of terms, without those that are a plain 0; a single one is itself, none is 0."""
    flat = [part for term in terms for part in (term.terms if isinstance(term, Sum) else (term,))]
    kept = [term for term in flat if term != Constant(0.0)]
    if len(kept) == 1:
        return kept[0]
    return Sum(tuple(kept)) if kept else Constant(0.0)


_RANKS: Mapping[Kind, int] = {"w": 1, "slot": 1, "state": 1}


def _rank(x: Expression) -> int:
    """Where a factor stands in a product: numbers of the spec, parameters, what they are multiplied by, sums."""
    if isinstance(x, Constant) or (isinstance(x, Sum | Difference) and all(isinstance(part, Constant) for part in parts(x))):
        return 0
    if isinstance(x, Quantity):
        return _RANKS.get(x.kind, 3 if x.kind in ("delta", "gradient") else 2)
    return 4 if isinstance(x, Sum | Difference | Negative) else 2


def times(*factors: Expression) -> Expression:
    """The product, without factors that are a plain 1; 0 where one is a plain 0. One over a number divides by it."""
    flat = [part for factor in factors for part in (factor.factors if isinstance(factor, Product) else (factor,))]
    if Constant(0.0) in flat:
        return Constant(0.0)
    under = [part.bottom for part in flat if isinstance(part, Quotient) and part.top == Constant(1.0)]
    if under:
        over = times(*(part for part in flat if not (isinstance(part, Quotient) and part.top == Constant(1.0))))
        return Quotient(over, times(*under))
    kept = tuple(sorted((part for part in flat if part != Constant(1.0)), key=_rank))
    if len(kept) == 1:
        return kept[0]
    return Product(kept) if kept else Constant(1.0)


def parts(x: Expression) -> tuple[Expression, ...]:
    """What an expression is made of."""
    match x:
        case Sum():
            return x.terms
        case Product():
            return x.factors
        case Difference():
            return (x.left, x.right)
        case Quotient():
            return (x.top, x.bottom)
        case Power():
            return (x.of, x.exponent)
        case Negative() | Square():
            return (x.of,)
        case Apply():
            return (x.argument,)
        case Constant() if x.within is not None:
            return (x.within(),)
    return ()
