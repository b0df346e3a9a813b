"""The law of an element of a watched step as MathML: quantities by the function that made them."""

from __future__ import annotations

from markupsafe import Markup

from bpcompare.formula import Quantity
from bpcompare.own.formula import Called
from bpcompare.own.judged import Judged
from bpcompare.page.mathml import Writing
from bpcompare.report.labels import safe
from bpcompare.report.lines import clipped

LONGEST = 48
"""Cells of a name within a formula."""


class Formulas(Writing):
    """Writes the formulas of one recording."""

    def __init__(self, one: Judged) -> None:
        self._called = Called(one)

    def quantity(self, x: Quantity) -> Markup:
        """A value with its index; its Δ with Δ in front; of a parameter, the derivative of E."""
        name = clipped(safe(self._called.value(x.path)), LONGEST)
        kind = self._called.kind(x.path)
        of = Markup("<mtext>{}</mtext>").format(name.removesuffix(".gradient") if kind == "gradient" else name)
        if x.index:
            of = Markup("<msub>{}<mn>{}</mn></msub>").format(of, ",".join(map(str, x.index)))
        if kind == "delta":
            return Markup("<mrow><mi>Δ</mi>{}</mrow>").format(of)
        if kind == "gradient":
            return Markup("<mfrac><mrow><mo>∂</mo><mi>E</mi></mrow><mrow><mo>∂</mo>{}</mrow></mfrac>").format(of)
        return of
