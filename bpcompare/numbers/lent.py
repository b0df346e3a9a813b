"""What the numbers of frameworks that lend their arithmetic have in common: NumPy's names, led to their own functions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Axes, Num, Number, excluded, first_max, order

__all__ = ["Axes", "LentNumber", "Num"]


class LentNumber(Number):
    """A framework's float64 array `x` under NumPy's names. Carries numbers to the framework's functions; computes none itself.

    `framework` is its name for people; `ufuncs` and `functions` are its own functions by NumPy's names. What stands in no table
    is refused, never turned into an array in silence: its derivative would be lost.
    """

    __slots__ = ("x",)
    framework: ClassVar[str]
    ufuncs: ClassVar[Mapping[str, Callable[..., Any]]]
    functions: ClassVar[Mapping[str, Callable[..., Any]]]

    def __init__(self, x: Any) -> None:
        self.x = x

    @classmethod
    @abstractmethod
    def taken(cls, x: Any) -> Any:
        """A number, an array or one of Python's own as a float64 array of the framework."""

    @abstractmethod
    def plain(self) -> Array:
        """The numbers alone, for branches."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return tuple(self.x.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(np.prod(self.shape))

    @property
    def T(self) -> Self:  # noqa: N802 — NumPy's name for it
        """Transposed."""
        return type(self)(self.functions["transpose"](self))

    def __len__(self) -> int:
        return len(self.x)

    def __array__(self, *args: Any, **kwargs: Any) -> Array:
        raise TypeError("an array that is differentiated is none of NumPy's: a silent conversion would drop its derivative")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        rule = self.ufuncs.get(ufunc.__name__)
        if rule is None or method != "__call__" or kwargs:
            raise TypeError(f"numpy.{ufunc.__name__} is not lent by {self.framework}")
        return type(self)(rule(*map(self.taken, inputs)))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        rule = self.functions.get(func.__name__)
        if rule is None:
            raise TypeError(f"numpy.{func.__name__} is not lent by {self.framework}")
        return type(self)(rule(*args, **kwargs))

    # the primitives

    @classmethod
    def dot(cls, x: Num, w: Num, plus: Num | None) -> Self:
        """The framework's matrix product, and the term added."""
        y = cls.ufuncs["matmul"](cls.taken(x), cls.taken(w))
        return cls(y if plus is None else y + cls.taken(plus))

    @classmethod
    def total(cls, terms: Sequence[Num]) -> Self:
        """The terms added up, one after the other."""
        y = cls.taken(terms[0])
        for term in terms[1:]:
            y = y + cls.taken(term)
        return cls(y)

    def positive(self) -> Array:
        """Where the numbers are above 0."""
        return np.asarray(self.plain() > 0)

    def first_max(self, among: Array | None) -> Array:
        """Where the first maxima are."""
        return first_max(self.plain(), among)

    def order(self) -> Array:
        """By the plain numbers."""
        return order(self.plain())

    def excluded(self) -> Array:
        """Scores that a mask has excluded."""
        return excluded(self.plain())

    def hyperparameter(self, value: Num) -> Num:
        """A number of the spec, as it is."""
        return value
