"""A formula as MathML. Every quantity carries the key of its node or edge in the drawing, and the path it has in reports."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import copysign
from typing import Any

from markupsafe import Markup, escape

from bpcompare.formula import (
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
from bpcompare.report.labels import Names

_PLUS, _MINUS = Markup("<mo>+</mo>"), Markup("<mo>−</mo>")
_TIMES = Markup("<mo>·</mo>")
_BESIDE = Markup('<mspace width="0.17em"></mspace>')
_FUNCTIONS = ("exp", "sqrt", "abs", "softplus")


class Writing(ABC):
    """Writes formulas. What a quantity, a function is called, is for those who know where it comes from."""

    @abstractmethod
    def quantity(self, x: Quantity) -> Markup:
        """A quantity by name."""

    def key(self, x: Expression) -> str:
        """The node or edge of a drawing that a quantity belongs to; "" where there is none."""
        del x
        return ""

    def called(self, x: Apply, *, numbers: bool) -> Markup:
        """The name of a function, in front of its argument."""
        del numbers
        return Markup("<mi>{}</mi>").format(x.function)

    def math(self, *parts: Markup) -> Markup:
        """A whole formula."""
        return Markup('<math xmlns="http://www.w3.org/1998/Math/MathML"><mrow>{}</mrow></math>').format(Markup("").join(parts))

    def symbols(self, x: Expression) -> Markup:
        """With names."""
        return self._written(x, numbers=False, lead=True)

    def numbers(self, x: Expression) -> Markup:
        """With numbers, six digits each."""
        return self._written(x, numbers=True, lead=True)

    def _written(self, x: Expression, *, numbers: bool, lead: bool) -> Markup:  # noqa: C901 — one case a kind of node
        def inner(part: Expression, *, first: bool = True) -> Markup:
            return self._written(part, numbers=numbers, lead=first)

        def factor(part: Expression, *, first: bool) -> Markup:
            return bracketed(inner(part)) if isinstance(part, Sum | Difference | Negative) else inner(part, first=first)

        match x:
            case Quantity():
                return self._number(x.value, lead=lead, like=x) if numbers else self.quantity(x)
            case Constant():
                return _symbol(x.symbol) if x.symbol and not numbers else self._number(x.value, lead=lead)
            case Rest():
                if not numbers:
                    return Markup("<mtext>… ({:,} more)</mtext>").format(x.count)
                return Markup("{}<mtext>\u00a0({:,} more)</mtext>").format(self._number(x.value, lead=lead), x.count)
            case Apply():
                return self._applied(x, numbers=numbers, lead=lead)
            case Sum():
                return self._summed(x, numbers=numbers)
            case Product():
                parts = [factor(part, first=lead and not at) for at, part in enumerate(x.factors)]
                # Numbers side by side would be read as one.
                plain = sum(isinstance(part, Constant) and not part.symbol for part in x.factors) > 1
                return (_TIMES if numbers or plain else _BESIDE).join(parts)
            case Difference():
                return Markup("{}<mo>−</mo>{}").format(inner(x.left), factor(x.right, first=False))
            case Quotient():
                return Markup("<mfrac><mrow>{}</mrow><mrow>{}</mrow></mfrac>").format(inner(x.top), inner(x.bottom))
            case Negative():
                return Markup("<mo>−</mo>{}").format(factor(x.of, first=False))
            case Power():
                exponent = inner(x.exponent)
                return Markup("<msup><mrow>{}</mrow><mrow>{}</mrow></msup>").format(bracketed(inner(x.of)), exponent)
            case Square():
                loose = not isinstance(x.of, Quantity)
                of = bracketed(inner(x.of)) if loose else inner(x.of, first=False)
                return Markup("<msup><mrow>{}</mrow><mn>2</mn></msup>").format(of)
        raise TypeError(type(x).__name__)

    def _summed(self, x: Sum, *, numbers: bool) -> Markup:
        """Terms; of one that is −y, y is taken away."""
        written = Markup()
        for at, term in enumerate(x.terms):
            taken = term.of if at and isinstance(term, Negative) else None
            if taken is None or isinstance(taken, Sum | Difference | Negative):
                written += (_PLUS if at else Markup()) + self._written(term, numbers=numbers, lead=not at)
            else:
                written += _MINUS + self._written(taken, numbers=numbers, lead=False)
        return written

    def _applied(self, x: Apply, *, numbers: bool, lead: bool) -> Markup:
        if numbers and x.opaque:
            return self._number(x.value, lead=lead, like=x.argument)
        argument = self._written(x.argument, numbers=numbers, lead=True)
        if x.function == "exp":
            return Markup("<msup><mi>e</mi><mrow>{}</mrow></msup>").format(argument)
        if x.function == "sqrt":
            return Markup("<msqrt><mrow>{}</mrow></msqrt>").format(argument)
        if x.function == "abs":
            return Markup("<mo>|</mo>{}<mo>|</mo>").format(argument)
        return Markup("{}{}").format(self.called(x, numbers=numbers), bracketed(argument))

    def _number(self, x: float, *, lead: bool, like: Any = None) -> Markup:
        text = f"{x + 0.0:.6g}".replace("-", "−")
        key = self.key(like) if like is not None else ""
        number = Markup('<mn class="q" data-q="{}">{}</mn>').format(key, text) if key else Markup("<mn>{}</mn>").format(text)
        return number if lead or copysign(1.0, x + 0.0) > 0 else bracketed(number)


class MathMl(Writing):
    """Writes formulas for one run. `examples`: how many there are, for with more than one every quantity says which."""

    def __init__(self, names: Names, examples: int) -> None:
        self.names = names
        self.examples = examples

    def called(self, x: Apply, *, numbers: bool) -> Markup:
        """g, or the name of a function that all textbooks call the same."""
        if numbers or x.function in _FUNCTIONS:
            return super().called(x, numbers=numbers)
        prime = "′" if x.opaque else ""
        return Markup('<mi class="g" data-prime="{}">g{}</mi>').format(prime, prime)

    def quantity(self, x: Quantity) -> Markup:
        """A quantity by name."""
        group = self.names.group(x.path)
        path = self.names.element(x.path, x.index)
        if x.kind == "error":
            return Markup('<mi class="q" data-k="E" data-p="{}" data-q="E">E</mi>').format(path)
        if x.kind == "t":
            of = self.names.network.error.of
            return self._indexed("t", "t", self.names.label(of, x.index[1:]), x.index[0], path, "E")
        if group is not None:
            label, key = self.names.label(group, x.index[1:]), self.names.node(group, x.index[1:])
            symbol = {"in": "in", "a": "a", "delta": "Δ"}[x.kind]
            return self._indexed(x.kind, symbol, label, x.index[0], path, key)
        if x.kind == "gradient":
            of = self.parameter(Path(x.path).parameter, x.index, path)
            return Markup('<mfrac><mrow><mo>∂</mo><mi data-k="E">E</mi></mrow><mrow><mo>∂</mo>{}</mrow></mfrac>').format(of)
        if x.kind == "w":
            return self.parameter(Path(x.path).parameter, x.index, path)
        return Markup('<mtext class="q" data-p="{}">{}</mtext>').format(path, path)

    def _indexed(self, kind: str, symbol: str, label: str, example: int, path: str, key: str) -> Markup:
        top = Markup("<mrow><mo>(</mo><mn>{}</mn><mo>)</mo></mrow>").format(example + 1) if self.examples > 1 else ""
        tag = "msubsup" if self.examples > 1 else "msub"
        opened = Markup('<{} class="q" data-k="{}" data-p="{}" data-q="{}">').format(tag, kind, path, key)
        return Markup("{}<mi>{}</mi><mtext>{}</mtext>{}</{}>").format(opened, symbol, label, top, tag)

    def parameter(self, name: str, index: tuple[int, ...], path: str) -> Markup:
        """A dense weight by the edge it belongs to; any other parameter by its path."""
        edge = self.names.edge(name, index)
        if edge is None:
            return Markup('<mtext class="q" data-p="{}">{}</mtext>').format(path, self.names.element(name, index))
        source, target, key, _ = edge
        if not source:
            opened = Markup('<msub class="q" data-k="b" data-p="{}" data-q="{}">').format(path, key)
            return Markup("{}<mi>b</mi><mtext>{}</mtext></msub>").format(opened, target)
        opened = Markup('<msub class="q" data-k="w" data-p="{}" data-q="{}">').format(path, key)
        return Markup("{}<mi>w</mi><mrow><mtext>{}</mtext><mo>,</mo><mtext>{}</mtext></mrow></msub>").format(
            opened, source, target
        )

    def key(self, x: Expression) -> str:
        """The node or edge of the drawing that a quantity belongs to."""
        if not isinstance(x, Quantity):
            return ""
        if x.kind in ("t", "error"):
            return "E"
        group = self.names.group(x.path)
        if group is not None:
            return self.names.node(group, x.index[1:])
        name = Path(x.path).parameter
        if name not in self.names.network.uses:
            return ""
        edge = self.names.edge(name, x.index)
        return edge[2] if edge else ""


def bracketed(inner: Markup) -> Markup:
    """In parentheses."""
    return Markup("<mrow><mo>(</mo>{}<mo>)</mo></mrow>").format(inner)


def _symbol(symbol: str) -> Markup:
    return Markup("<mi>{}</mi>").format(escape(symbol))
