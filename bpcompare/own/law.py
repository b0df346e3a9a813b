"""`law`: how somebody adds the law of a function of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bpcompare.laws.calls import Formula

OWN: set[str] = set()
"""Functions whose laws somebody added. A verdict names those that it rests on."""


def law(*functions: str, rearranged: bool = False, kinks: tuple[str, ...] = ()) -> Callable[[Formula], Formula]:
    """The decorated formula is from now on the law of `functions`, by the names that reports give them ("mylib::swish"):

        @bpcompare.law("mylib::swish", rearranged=True)
        def swish(a):
            return kernel.multiply(a.x, kernel.divide(1.0, 1.0 + kernel.exp(-a.x)))

    `a` has the arguments of the call as attributes: arrays of floats are nodes of `bpcompare.laws.kernel`, whose primitives
    give Δ by their transposes; arrays of integers are NumPy's. It gives a node for the result, or a list of them for several.
    `rearranged`: the function itself may be computed by another formula than this one, which widens every ball by 8u of the
    formula with absolute values. `kinks`: words for the points where its derivative is a convention.
    Raises ValueError for a function that has a law of bpcompare's.
    """
    from bpcompare.laws.calls import CALLS, CallLaw  # not where steps are only recorded, which needs no SciPy

    taken = [function for function in functions if function in CALLS and function not in OWN]
    if taken:
        raise ValueError(f"{taken[0]} has a law already, and a verdict must mean the same for everybody")

    def enter(formula: Formula) -> Formula:
        for function in functions:
            CALLS[function] = CallLaw(formula, rearranged=rearranged, kinks=kinks)
            OWN.add(function)
        return formula

    return enter
