"""Whether an expression is zero, on the sides of the kinks that it was met on."""

import pytest

sympy = pytest.importorskip("sympy")

from bpcompare.teach.symbolic.zero import is_zero  # noqa: E402

X, Y = sympy.symbols("x y", real=True)


@pytest.mark.parametrize(
    ("conditions", "outcome"),
    [
        ([], "false"),
        ([(X - 1, True)], "false"),
        ([(X - 1, True), (-X - 1, False)], "false"),
        ([(X - 1, True), (Y + 1, False)], "false"),
        ([(X - 6, True)], "false"),
        ([(X - 1000, True)], "open"),
        ([(X * Y - 1, True), (X * Y, False)], "shown"),
        ([(X - 1, True), (-X - 1, True)], "shown"),
        ([(Y, True), (X - 1, True), (X, False)], "shown"),
    ],
)
def test_a_number_that_is_not_zero(conditions, outcome):
    """A right law is called wrong where two sides exclude each other, or a wrong one is proved where they do not."""
    assert is_zero(sympy.Integer(2), conditions).outcome == outcome


def test_a_side_that_no_numbers_were_found_on_is_not_proved():
    """What is wrong far out alone (hard_swish' above 3) was "shown": every number that was drawn lay below."""
    assert is_zero(X * Y - Y, [(X - 3, True)]).outcome == "false"
    assert is_zero(X * Y - Y, [(X - 3000, True)]).outcome == "open"
    assert is_zero(X - X, [(X - 3000, True)]).outcome == "shown"
