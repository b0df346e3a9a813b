"""What the law of a recorded call is given: its arguments by name, arrays among them as nodes of the kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.composed import Composed
from bpcompare.laws.kernel import Node, UnreachedError, pulled_back
from bpcompare.laws.law import At
from bpcompare.network.parameter import Array
from bpcompare.numbers import number
from bpcompare.numbers.number import Num, Product, hyperparameter, in_format, is_sharp
from bpcompare.ops.call import Call, Fixed, Read
from bpcompare.ops.op import Shape


class Arguments:
    """The arguments of one call as attributes: a node for an array of floats, an array for integers, all else as it was given.

    An argument whose name is a word of Python, or that the caller left out, is asked for by `get`.
    """

    def __init__(self, at: At[Call]) -> None:
        self._at = at

    def __getattr__(self, name: str) -> Any:
        try:
            return self._resolved(self._at.op.arguments[name])
        except KeyError:
            raise AttributeError(f"{self._at.op.function} was recorded without {name!r}") from None

    def get(self, name: str, otherwise: Any = None) -> Any:
        """The argument, or `otherwise` where the caller left it out or gave None."""
        found = self._at.op.arguments.get(name)
        return otherwise if found is None else self._resolved(found)

    def __contains__(self, name: str) -> bool:
        return name in self._at.op.arguments

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, Read):
            return self._at.xs[value.slot]
        if isinstance(value, Fixed):
            return self._at.c[value.name]
        if isinstance(value, tuple):
            return tuple(self._resolved(one) for one in value)
        return value

    def slot(self, name: str) -> int | None:
        """Which of the arrays that the call reads an argument is; None for another one."""
        found = self._at.op.arguments[name]
        return found.slot if isinstance(found, Read) else None

    @property
    def slots(self) -> range:
        """All arrays that it reads."""
        return range(len(self._at.xs))

    def read(self, slot: int) -> Node:
        """One of the arrays that it reads."""
        return kernel.lifted(self._at.xs[slot])

    def on(self, xs: Sequence[Num], dy: Num) -> Arguments:
        """The same arguments on other numbers, of a function whose first result has the shape of `dy`, which arrives there."""
        op = replace(self._at.op, results=(np.shape(dy) if not isinstance(dy, number.Number) else dy.shape,))
        return Arguments(self._at.but(op=op, xs=[kernel.lifted(x) for x in xs], dy=dy, kept=None))

    def part(self, number: int) -> Part:
        """The same call on one part of its complex arguments."""
        return Part(self._at, number)

    def number(self, name: str) -> Num:
        """A Python number among the arguments, with the rounding that it has in the call's format."""
        return hyperparameter(float(self._at.op.arguments[name]), self.some)

    def number_of(self, value: float) -> Num:
        """A number that the function itself has inside, with its rounding in the call's format."""
        return hyperparameter(value, self.some)

    @property
    def some(self) -> Num:
        """Some number of the call, for the arithmetic that is used."""
        first = self._at.dy if self._at.dy is not None else self._at.xs[0]
        return first.value if isinstance(first, Node) else first

    @property
    def shape(self) -> Shape:
        """The shape of the first result."""
        return self._at.op.results[0]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of all results."""
        return self._at.op.results

    def result(self, number: int) -> Array:
        """A result of integers or booleans, as it was recorded: the places of maxima, a mask that was drawn."""
        found: Array = self._at.c[f"result{number}"]
        return found

    def knows(self, number: int) -> bool:
        """Whether that result was recorded."""
        return f"result{number}" in self._at.c


Formula = Callable[[Arguments], Any]
"""A node, or one for each result in their order; None for a result through which no Δ goes."""


class Part(Arguments):
    """The same call on one part of each complex argument: 0, the real parts, or 1, the imaginary ones.

    Complex numbers are pairs, along a last axis of two; the call's argument `pairs` says which of the arrays that it reads are.
    """

    def __init__(self, at: At[Call], number: int) -> None:
        super().__init__(at)
        self._number = number

    def _resolved(self, value: Any) -> Any:
        found = super()._resolved(value)
        if isinstance(value, Read) and value.slot in self._at.op.arguments["pairs"]:
            x = kernel.lifted(found)
            return kernel.reshape(kernel.cut(x, x.ndim - 1, range(self._number, self._number + 1)), x.shape[:-1])
        return found

    @property
    def shape(self) -> Shape:
        """Without the axis of pairs."""
        return super().shape[:-1]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Without the axis of pairs."""
        return tuple(shape[:-1] for shape in super().shapes)


class CallLaw(Composed):
    """The law of a function: its forward program over the kernel; Δ follows from the transposes of its primitives.

    `kinks` are the points where its derivative is a convention. `moves`: each entry of the result is an entry of one array, to
    the last bit; `moves_back`: and each of these goes to one place at most, so that Δ is moved, too. `once`: each entry is one
    operation of IEEE at most, rounded once: it is infinite where the exact result passes the format's largest number, and
    nowhere else. `entrywise`: where all arrays have one shape, each entry of the result, and of every Δ, is made of the entries
    at its place alone. `widened`: of numbers of 16 bits, all that is inside is worked out in 32 bits, and has their range.
    """

    def __init__(
        self,
        formula: Formula,
        *,
        rearranged: bool = False,
        kinks: tuple[str, ...] = (),
        moves: bool = False,
        moves_back: bool = False,
        once: bool = False,
        entrywise: bool = False,
        widened: bool = False,
    ) -> None:
        super().__init__(lambda at: one_of(formula(Arguments(at)), at.op.output), rearranged=rearranged)
        self.written = formula
        self.kinks = kinks
        self.moves, self.moves_back = moves or moves_back, moves_back
        self.once = once
        self.entrywise = entrywise
        self.widened = widened

    def delta(self, at: At[Any]) -> Num | Product:
        """Δ pulled back to one argument; exactly 0 where the result does not depend on it (what `copy` writes over)."""
        inside, result = self.program(at)
        source = inside.xs[at.slot]
        try:
            return pulled_back(result, at.dy, source, self.arrived(at))
        except UnreachedError:
            return np.zeros(source.shape)


class SeedLaw(CallLaw):
    """E = Σ s y: the value that `backward` was called on, times the gradient that it was called with. Δ_y = −s begins it all."""

    def __init__(self) -> None:
        super().__init__(lambda a: kernel.total(kernel.multiply(a.self, a.seed)))

    def delta(self, at: At[Any]) -> Num:
        """−s."""
        return -at.xs[1]


def one_of(results: Any, output: int) -> Node:
    """One result of a formula. Raises LookupError where it says nothing of that."""
    found = results[output] if isinstance(results, (list, tuple)) else results
    if not isinstance(found, Node):
        raise LookupError(f"no law for result {output}")
    return found


class Rows:
    """A table of laws under construction, a row each: rows["gelu"] is set by `@rows.law("gelu", …)`."""

    def __init__(self) -> None:
        self.table: dict[str, CallLaw] = {}

    def law(self, *functions: str, **traits: Any) -> Callable[[Formula], Formula]:
        """The decorated formula is the law of these functions, with the traits of a `CallLaw`."""

        def enter(formula: Formula) -> Formula:
            for function in functions:
                self.table[function] = CallLaw(formula, **traits)
            return formula

        return enter


def plainly(x: Any) -> Array:
    """The numbers of an argument themselves; see `bpcompare.numbers.number.plainly`."""
    return number.plainly(x.value if isinstance(x, Node) else x)


def recorded(x: Any) -> Array:
    """The numbers themselves where they were recorded; one that is only worked out may stand on the other side of a step.

    Raises LookupError there.
    """
    if not is_sharp(x.value if isinstance(x, Node) else x):
        raise LookupError("steps of a number that nobody recorded")
    return plainly(x)


def rounded(value: Any, like: Num) -> float:
    """A Python number as it is in the format of `like`: a bound that an argument is compared with, to the last bit."""
    return in_format(float(value), like)


def compared(value: Any, like: Num) -> float:
    """The same for kernels that compare numbers of 16 bits as numbers of 32."""
    return in_format(float(value), like, widened=True)


def floats(x: Any) -> Any:
    """An argument of integers or booleans as floats; nodes and Python's numbers as they are."""
    return x.astype(np.float64) if isinstance(x, np.ndarray) and x.dtype.kind != "f" else x


Table = Mapping[str, CallLaw]
