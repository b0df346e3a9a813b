"""Any step of the proof as a formula over the numbers of a run: to be shown in symbols, in numbers, and to be worked out."""

from bpcompare.formula.build import arriving, formula, written
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
    times,
)
from bpcompare.formula.text import in_numbers, in_symbols

__all__ = [
    "Apply",
    "Constant",
    "Difference",
    "Expression",
    "Negative",
    "Power",
    "Product",
    "Quantity",
    "Quotient",
    "Rest",
    "Square",
    "Sum",
    "arriving",
    "formula",
    "in_numbers",
    "in_symbols",
    "times",
    "written",
]
