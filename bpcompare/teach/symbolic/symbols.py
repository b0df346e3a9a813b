"""Arrays of symbols that the laws run on, and the cases that a law with branches has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import sympy
from scipy import special

from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Axes, Num, Number
from bpcompare.teach.symbolic.exact import exact

_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.exp: sympy.exp,
    np.expm1: lambda x: sympy.exp(x) - 1,
    np.log: sympy.log,
    np.log1p: lambda x: sympy.log(1 + x),
    np.sqrt: sympy.sqrt,
    np.tanh: sympy.tanh,
    special.erf: sympy.erf,
}


class Cases:
    """One way through the branches of the laws: which side of a kink the symbols are on. Questions are answered in order.

    All elements of an array take the same side. That loses nothing: an element of a law with branches rests on its own side only.
    """

    def __init__(self, answers: Sequence[int] = ()) -> None:
        self.answers = list(answers)
        self.sizes: list[int] = []
        self.conditions: list[tuple[Any, bool]] = []
        self._known: dict[tuple[Any, ...], int] = {}

    def ask(self, question: tuple[Any, ...], size: int) -> int:
        """One of `size` answers; the same question has the same answer."""
        if question not in self._known:
            at = len(self.sizes)
            self.sizes.append(size)
            if at == len(self.answers):
                self.answers.append(0)
            self._known[question] = self.answers[at]
        return self._known[question]

    def after(self) -> Cases | None:
        """The next way through, depth first; None after the last."""
        answers = self.answers[: len(self.sizes)]
        while answers and answers[-1] == self.sizes[len(answers) - 1] - 1:
            answers.pop()
        if not answers:
            return None
        answers[-1] += 1
        return Cases(answers)


def every(evaluate: Callable[[Cases], Any]) -> Iterator[tuple[Cases, Any]]:
    """evaluate(cases) for every way through its branches."""
    cases: Cases | None = Cases()
    while cases is not None:
        yield cases, evaluate(cases)
        cases = cases.after()


class Symbols(Number):
    """An array of SymPy expressions."""

    __slots__ = ("cases", "x")

    def __init__(self, x: Any, cases: Cases) -> None:
        self.x = np.asarray(x, dtype=object)
        self.cases = cases

    @property
    def shape(self) -> tuple[int, ...]:
        """As an array's."""
        return self.x.shape

    @property
    def ndim(self) -> int:
        """As an array's."""
        return self.x.ndim

    @property
    def T(self) -> Symbols:  # noqa: N802 — NumPy's name for it
        """Transposed."""
        return Symbols(self.x.T, self.cases)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, key: Any) -> Symbols:
        return Symbols(self.x[key], self.cases)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("symbols are no numbers: a law that turns them into an array would be proved of something else")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Arithmetic, and the functions that laws use."""
        if method != "__call__" or kwargs:
            return NotImplemented
        given = [_counted(_plain(one)) for one in inputs]
        if ufunc in _FUNCTIONS:
            return Symbols(np.frompyfunc(_FUNCTIONS[ufunc], 1, 1)(*given), self.cases)
        if ufunc not in (np.add, np.subtract, np.multiply, np.true_divide, np.negative, np.power, np.matmul, np.square):
            return NotImplemented
        return Symbols(ufunc(*given), self.cases)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Rearrangements, and `where`."""
        found = func(*(_plain(one) for one in args), **{key: _plain(one) for key, one in kwargs.items()})
        return Symbols(found, self.cases) if isinstance(found, np.ndarray) and found.dtype == object else found

    @classmethod
    def dot(cls, x: Num, w: Num, plus: Num | None) -> Num:
        """Σ products, and a term."""
        y = _like(x, w) @ _like(w, x)
        return y if plus is None else y + _like(plus, y)

    @classmethod
    def total(cls, terms: Sequence[Num]) -> Num:
        """The sum of a list."""
        found = terms[0]
        for term in terms[1:]:
            found = found + term
        return found

    def total_along(self, axis: Axes, keepdims: bool) -> Num:
        """The sum along axes."""
        return Symbols(np.sum(self.x, axis=axis, keepdims=keepdims), self.cases)

    def positive(self) -> Array:
        """One side for all symbols; numbers know their own."""
        flat = [sympy.expand(one) for one in self.x.ravel()]
        answer = None
        found = np.zeros(len(flat), bool)
        for at, one in enumerate(flat):
            known = one.is_positive if one.is_nonpositive is not True else False
            if known is None:
                answer = self._side(tuple(flat)) if answer is None else answer
                found[at] = answer
            else:
                found[at] = known
        return found.reshape(self.x.shape)

    def _side(self, flat: tuple[Any, ...]) -> bool:
        """Whether these are positive here; x and −x are asked about once."""
        turned = tuple(sympy.expand(-one) for one in flat)
        straight = str(flat) <= str(turned)
        asked = flat if straight else turned
        new = len(self.cases.sizes)
        positive = self.cases.ask(asked, 2) == 0
        if len(self.cases.sizes) > new:
            self.cases.conditions += [(one, positive) for one in asked if one.free_symbols]
        return positive is straight

    def first_max(self, among: Array | None = None) -> Array:
        """The same place is the largest wherever the same places are candidates; each of these is tried."""
        size = self.x.shape[-1]
        rows = self.x.reshape(-1, size)
        candidates = np.broadcast_to(True if among is None else among, self.x.shape).reshape(-1, size)
        found = np.zeros(rows.shape, bool)
        for pattern in np.unique(candidates, axis=0):
            alike = (candidates == pattern).all(axis=1)
            question = ("first_max", *(sympy.expand(one) for one in rows[alike].ravel()))
            places = np.flatnonzero(pattern)
            found[alike, places[self.cases.ask(question, len(places))]] = True
        return found.reshape(self.x.shape)

    def gather(self, index: Array) -> Num:
        """Rows."""
        return Symbols(self.x[index], self.cases)

    def scatter(self, index: Array, rows: int) -> Num:
        """The transpose of `gather`."""
        y = np.full((rows, *self.x.shape[index.ndim :]), sympy.Integer(0), dtype=object)
        for at in np.ndindex(*index.shape):
            y[index[at]] = y[index[at]] + self.x[at]
        return Symbols(y, self.cases)

    def hyperparameter(self, value: Num) -> Num:
        """The number that the spec's author wrote."""
        return value if isinstance(value, Symbols) else exact(value)


def _plain(one: Any) -> Any:
    """Operands as NumPy takes them: symbols, exact numbers, and everything else as it is."""
    if isinstance(one, Symbols):
        return one.x
    if isinstance(one, float):
        return exact(one)
    if isinstance(one, sympy.Basic):
        return exact(one)
    if isinstance(one, list | tuple) and any(isinstance(part, Symbols) for part in one):
        return type(one)(_plain(part) for part in one)
    if isinstance(one, np.ndarray) and one.dtype.kind == "f":
        return np.frompyfunc(exact, 1, 1)(one)
    return one


def _counted(one: Any) -> Any:
    """Truth values as 0 and 1, for arithmetic."""
    if isinstance(one, np.ndarray) and one.dtype.kind == "b":
        return np.frompyfunc(lambda x: sympy.Integer(int(x)), 1, 1)(one)
    return one


def _like(one: Num, other: Num) -> Symbols:
    if isinstance(one, Symbols):
        return one
    return Symbols(_plain(np.asarray(one)), other.cases)
