"""A printed number: it stands for everything that rounds to it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property

LONGEST_NUMBER = 60
SUFFICIENT = 3
"""Significant digits that say by themselves how finely a number was printed."""


class NoNumberError(ValueError):
    """A text that is no printed number, with what to write instead."""


@dataclass(frozen=True)
class Printed:
    """`text` as printed, its value, and half a unit of its last digit."""

    text: str
    value: float
    half: float

    def admits(self, value: float, room: float = 0.0) -> bool:
        """Whether `value` (known up to `room`) could have been printed so. A last digit cut off instead of rounded is not."""
        return abs(self.value - value) <= self.half * (1 + 1e-9) + room

    def stands_for(self, value: float, room: float = 0.0) -> bool:
        """Whether `value` (known up to `room`) is this very number, with nothing rounded away."""
        return abs(self.value - value) <= room + 2.0**-52 * abs(self.value)

    def cut(self, value: float) -> bool:
        """Whether `value`, cut off after the last digit instead of rounded, is this number."""
        return 0 <= (value - self.value) * (-1 if value < 0 else 1) < 2 * self.half

    @cached_property
    def decimal(self) -> Decimal:
        """The number with its digits as they are printed."""
        return Decimal(plain(self.text))

    @property
    def place(self) -> int:
        """The power of ten of its last digit: 0 for "12", −4 for "0.3775"."""
        return int(self.decimal.as_tuple().exponent)

    @property
    def digits(self) -> int:
        """Significant digits, trailing zeros included."""
        return len(self.decimal.as_tuple().digits)

    @cached_property
    def bare(self) -> bool:
        """Whether no digit stands behind the point, but for the one 0 that programs put there: "1", "1.", "0.0", "1e-5".

        Such a text may be the number itself, or what rounding to a whole number has left of it.
        """
        mantissa = plain(self.text).lower().partition("e")[0]
        return mantissa.partition(".")[2] in ("", "0")

    @cached_property
    def sufficient(self) -> bool:
        """Whether the text alone says how finely it was printed: by its many digits, or by a zero that no program adds."""
        digits = "".join(map(str, self.decimal.as_tuple().digits))
        if self.bare:
            return len(digits.strip("0")) >= SUFFICIENT
        return len(digits) >= SUFFICIENT or digits.endswith("0")


def plain(text: str) -> str:
    """A number as Python reads it: typographic minus signs and thin spaces are what books print."""
    return text.strip().replace("−", "-").replace("\u2009", "").replace("_", "")


def printed(value: object) -> Printed:
    """The number that a file gives: a text, or a bare number with as many digits as it takes. Raises NoNumberError."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise NoNumberError(f'is {str(value)[:40]!r}; write the number as it is printed, in quotes: "0.3775"')
    text = value if isinstance(value, str) else repr(value)
    try:
        number = Decimal(plain(text)) if len(text) <= LONGEST_NUMBER else Decimal("nan")
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or not abs(number.adjusted()) < 300:
        raise NoNumberError(f'is {text[:40]!r}, which is no finite decimal number; write it as it is printed: "0.3775"')
    exponent = number.as_tuple().exponent
    return Printed(text.strip(), float(number), 0.5 * 10.0 ** int(exponent))
