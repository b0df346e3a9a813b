"""What formulas are made of. Every node knows its value, in float64."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod, sqrt
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
    """A number of the spec, or one worked out beside the formula. `symbol`: what it is called ("η", "μ"), "" if nothing."""

    number: float
    symbol: str = ""

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


def summed(terms: Sequence[Expression]) -> Expression:
    """The sum of terms; a single one is itself, none is 0."""
    if len(terms) == 1:
        return terms[0]
    return Sum(tuple(terms)) if terms else Constant(0.0)


def times(*factors: Expression) -> Expression:
    """The product, without factors that are a plain 1."""
    flat = [part for factor in factors for part in (factor.factors if isinstance(factor, Product) else (factor,))]
    kept = tuple(part for part in flat if part != Constant(1.0))
    if len(kept) == 1:
        return kept[0]
    return Product(kept) if kept else Constant(1.0)


def root(of: Expression) -> Expression:
    """√of."""
    return Apply("sqrt", of, sqrt)
