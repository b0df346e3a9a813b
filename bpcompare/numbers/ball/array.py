"""The ball itself: midpoint, radius and format, and how NumPy's functions find their way to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import frexp
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball.format import REARRANGED, Format, format_of, nearest_in
from bpcompare.numbers.number import LOW, Axes, Num, Number, Side, first_of

UFUNCS: dict[Any, Callable[..., Ball]] = {}
FUNCTIONS: dict[Any, Callable[..., Any]] = {}


class Ball(Number):
    """A float64 midpoint and a radius that covers every evaluation in the format `fmt`.

    radius = rel·|mid| + rad + (γ_n + slack)·bulk, up to terms of second order; γ_n = n·u / (1 − n·u) as in Higham (2002).

    `mid`: the midpoint, an array of float64; all other arrays have its shape.
    `fmt`: the format that the ball covers: its unit roundoff u, its range, and whether it flushes small results to 0.
    `rel`: relative error of the value, for inputs that were rounded once.
    `rad`: absolute error, array or scalar, passed on from the operands.
    `n`: how many roundings one sum has that has not been closed yet; a sum that enters a bigger sum becomes a part of it.
    `bulk`: the sum of the absolute values of the terms of that sum; None if there is no such sum.
    `slack`: relative error of each of these terms.
    `major`: the law evaluated with absolute values, for laws that frameworks evaluate by another formula (`final_radius`).

    The parts are kept apart because a product needs only some of them, and need not compute the others.
    """

    __slots__ = ("bulk", "fmt", "major", "mid", "n", "rad", "rel", "slack")

    def __init__(
        self,
        mid: Array,
        fmt: Format,
        rel: float = 0.0,
        rad: Array | float = 0.0,
        n: int = 0,
        bulk: Array | None = None,
        major: Array | None = None,
        slack: float = 0.0,
    ) -> None:
        self.mid = mid
        self.fmt = fmt
        self.rel = rel
        self.rad = rad
        self.n = n
        self.bulk = bulk
        self.major = major
        self.slack = slack

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the midpoint."""
        shape: tuple[int, ...] = self.mid.shape
        return shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.mid.ndim

    @property
    def T(self) -> Ball:  # noqa: N802 — NumPy's name for it
        """Transposed."""
        return self.map(np.transpose)

    def __len__(self) -> int:
        return len(self.mid)

    def radius(self) -> Array | float:
        """All parts of the radius together, without the grant for rearranged laws (see `final_radius`)."""
        radius: Array | float = self.rad
        if self.rel:
            radius = radius + self.rel * np.abs(self.mid)
        if self.n and self.bulk is not None:
            radius = self.pending() + radius
        return radius

    def pending(self) -> Array:
        """The part of the radius that belongs to the pending sum: what its n roundings, and its terms' own errors, may do."""
        gamma = self.fmt.gamma(self.n)
        return (gamma + self.slack + gamma * self.slack) * self.absolute()

    def final_radius(self) -> Array | float:
        """The radius at the end of a law, where the grant for rearranged laws is added once."""
        radius = self.radius()
        if self.fmt.rearranged:
            radius = radius + REARRANGED * self.fmt.unit * self.magnitude()
        return radius

    def absolute(self) -> Array:
        """Σ|terms| of the pending sum, or |mid| where none is pending."""
        return np.abs(self.mid) if self.bulk is None else self.bulk

    def magnitude(self) -> Array:
        """The law evaluated with absolute values; where none was tracked, Σ|terms| or |mid|."""
        return self.absolute() if self.major is None else self.major

    @property
    def cancels(self) -> bool:
        """Whether the majorant may be larger than |mid|: terms of both signs went in."""
        return self.major is not None or self.bulk is not None

    def map(self, f: Callable[[Array], Array]) -> Ball:
        """The same rearrangement of entries for every part."""
        rad = f(spread(self.rad, self.mid.shape)) if isinstance(self.rad, np.ndarray) and self.rad.ndim else self.rad
        bulk, major = (None if part is None else f(part) for part in (self.bulk, self.major))
        return Ball(f(self.mid), self.fmt, self.rel, rad, self.n, bulk, major, self.slack)

    def reshape(self, *shape: Any) -> Ball:
        """As ndarray.reshape."""
        return self.map(lambda x: x.reshape(*shape))

    def transpose(self, *axes: Any) -> Ball:
        """As ndarray.transpose."""
        return self.map(lambda x: x.transpose(*axes))

    def __getitem__(self, key: Any) -> Ball:
        return self.map(lambda x: x[key])

    def __array__(self, *args: Any, **kwargs: Any) -> Array:
        raise TypeError("a Ball is not an array: a silent conversion would drop its radius")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc not in UFUNCS:
            from bpcompare.numbers.ball import special  # noqa: F401 — it adds those of SciPy, which nobody else is to wait for
        rule = UFUNCS.get(ufunc)
        if rule is None or method != "__call__" or kwargs:
            raise TypeError(f"no ball rule for {ufunc.__name__}.{method}({', '.join(kwargs)})")
        return rule(*inputs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        rule = FUNCTIONS.get(func)
        if rule is None:
            raise TypeError(f"no ball rule for numpy.{func.__name__}")
        return rule(*args, **kwargs)

    def __add__(self, other: Num) -> Ball:
        return UFUNCS[np.add](self, other)

    def __radd__(self, other: Num) -> Ball:
        return UFUNCS[np.add](other, self)

    def __sub__(self, other: Num) -> Ball:
        return UFUNCS[np.subtract](self, other)

    def __rsub__(self, other: Num) -> Ball:
        return UFUNCS[np.subtract](other, self)

    def __mul__(self, other: Num) -> Ball:
        return UFUNCS[np.multiply](self, other)

    def __rmul__(self, other: Num) -> Ball:
        return UFUNCS[np.multiply](other, self)

    def __truediv__(self, other: Num) -> Ball:
        return UFUNCS[np.divide](self, other)

    def __rtruediv__(self, other: Num) -> Ball:
        return UFUNCS[np.divide](other, self)

    def __neg__(self) -> Ball:
        return UFUNCS[np.negative](self)

    def __pow__(self, p: Num) -> Ball:
        return UFUNCS[np.power](self, p)

    def __matmul__(self, other: Num) -> Ball:
        return self.dot(self, other, None)

    def __rmatmul__(self, other: Num) -> Ball:
        return self.dot(other, self, None)

    # the primitives

    @classmethod
    def dot(cls, x: Num, w: Num, plus: Num | None) -> Ball:
        """x @ w + plus as one sum per entry."""
        from bpcompare.numbers.ball import sums

        return sums.dot(x, w, plus)

    @classmethod
    def total(cls, terms: Sequence[Num]) -> Ball:
        """The terms, and the pending sums among them, as one sum."""
        from bpcompare.numbers.ball import sums

        return sums.total(terms)

    def total_along(self, axis: Axes, keepdims: bool) -> Ball:
        """One sum along axes."""
        from bpcompare.numbers.ball import sums

        return sums.total_along(self, axis, keepdims)

    @property
    def side(self) -> Side:
        """The format's."""
        return self.fmt.side

    def kinked(self) -> Array:
        """Where zero lies in the ball: the sign cannot be told."""
        threshold = self.radius()
        return np.asarray(np.abs(self.mid) <= threshold)

    def positive(self) -> Array:
        """mid > 0; where the ball holds zero, as `fmt.side` says."""
        mask = self.mid > 0
        if self.fmt.side is not None:
            above = ~np.signbit(self.mid) if self.fmt.side == "split" else self.fmt.side in ("high", "drawn")
            mask = np.where(self.kinked(), above, mask)
        return np.asarray(mask)

    def first_max(self, among: Array | None = None) -> Array:
        """The first maximum; where others tie with it within their balls, none (ties "low") or all ("high") of them."""
        if self.fmt.ties is None:
            return first_of(self.mid if among is None else np.where(among, self.mid, -np.inf))
        radius = spread(self.radius(), self.mid.shape)
        low, candidates = self.mid - radius, True if among is None else among
        floor = np.max(np.where(candidates, low, -np.inf), axis=-1, keepdims=True)
        tied = (self.mid + radius >= floor) & candidates
        return np.asarray(tied if self.fmt.ties == "high" else tied & (tied.sum(axis=-1, keepdims=True) == 1))

    def order(self) -> Array:
        """That of the midpoints."""
        return np.argsort(self.mid, axis=-1, kind="stable")

    @property
    def unit(self) -> float:
        """That of the format."""
        return self.fmt.unit

    def plain(self) -> Array:
        """The midpoint."""
        return self.mid

    def is_sharp(self) -> bool:
        """Whether no radius is wider than two roundings."""
        return not (np.asarray(self.radius()) > 2.0 * self.fmt.unit * np.abs(self.mid) + self.fmt.tiny).any()

    def in_format(self, value: float, *, widened: bool) -> float:
        """The nearest number of the format."""
        return value if self.fmt.u <= 2.0**-53 else nearest_in(value, "float32" if widened else self.fmt.dtype)

    def excluded(self) -> Array:
        """By the midpoint: nothing else comes so low."""
        return np.asarray(self.mid < -LOW * self.fmt.largest)

    def gather(self, index: Array) -> Ball:
        """Rows."""
        return self[index]

    def scatter(self, index: Array, rows: int) -> Ball:
        """Rows added up: one sum of as many terms as the index met most often."""
        from bpcompare.numbers.ball import sums

        return sums.scatter(self, index, rows)

    def moments(self, axes: tuple[int, ...]) -> tuple[Ball, Ball]:
        """x − μ and its mean square, whose radius knows that the deviations add up to 0."""
        from bpcompare.numbers.ball import sums

        return sums.moments(self, axes)

    def in_one(self, whole: Callable[[Num], Num], parts: Callable[[], Num]) -> Num:
        """By the rule for the whole."""
        del parts
        return whole(self)

    def either(self, other: Ball) -> Ball:
        """This midpoint, with a radius that covers the other ball too."""
        radius = np.maximum(self.radius(), np.abs(other.mid - self.mid) + other.radius())
        return Ball(self.mid, self.fmt, 0.0, radius, major=self.magnitude() if self.fmt.rearranged else None)

    def hyperparameter(self, value: float | Ball) -> Ball:
        """A number of the spec, rounded to the backend's format; one computed from such numbers keeps its radius and no more."""
        if isinstance(value, Ball):
            radius = value.radius()
            if value.ndim:
                # One for each row: a division by it does not know that it is one number, whose reciprocal may be taken (CUDA).
                radius = radius + 2.0 * value.fmt.unit * np.abs(value.mid)
            return Ball(value.mid, value.fmt, 0.0, radius)
        return constant(value, self.fmt)

    def apart(self) -> Ball:
        """The grant for rearranged laws counts nothing of it."""
        return Ball(self.mid, self.fmt, self.rel, self.rad, self.n, self.bulk, np.zeros(self.shape), self.slack)

    def beforehand(self, f: Callable[..., Num], values: Sequence[float]) -> Ball:
        """In float64, and rounded to this format once."""
        wide = format_of("float64")
        found = as_ball(f(*(constant(value, wide) for value in values)), wide)
        return Ball(found.mid, self.fmt, self.fmt.unit, found.radius())


def constant(value: Any, fmt: Format) -> Ball:
    """A Python number (rounded to the format, unless it is short enough for every format) or an array of exact values."""
    if isinstance(value, np.ndarray):
        return Ball(value if value.dtype == np.float64 else value.astype(np.float64), fmt)
    number = float(value)
    exact = float(np.float32(number)) == number and (frexp(number)[0] / fmt.u).is_integer() if abs(number) < 1e38 else False
    return Ball(np.float64(number), fmt, 0.0 if exact else fmt.unit)  # type: ignore[arg-type]


def spread(part: Array | float, shape: tuple[int, ...]) -> Array:
    """`part` in a shape that it broadcasts to. NumPy takes as long for one that has it already."""
    return part if isinstance(part, np.ndarray) and part.shape == shape else np.broadcast_to(part, shape)


SMALL = 2**14
"""Of so many numbers a sum of squares is worked out sooner than their extremes, in whatever order they lie in memory."""


def within(mid: Array, rad: Array | float, fmt: Format, size: Array | None = None, room: float | None = None) -> Array | float:
    """`rad`, and infinite where `size` (|mid| if it is not given) comes near the format's largest number, as near as `room` says.

    There a backend has an infinity, or, where it goes on as m/∞ = 0, a number that no formula of the exact value explains.
    """
    reach = mid if size is None else size
    if reach.size <= SMALL and room in (None, 1.0, fmt.room) and np.vdot(reach, reach) <= fmt.far:  # Σ x² bounds every x²
        return rad
    most = fmt.near if room is None else room * fmt.largest
    low, high = np.minimum.reduce(reach, axis=None, initial=0.0), np.maximum.reduce(reach, axis=None, initial=0.0)
    if high <= most and -low <= most:  # NaN is neither
        return rad
    return np.where(np.abs(reach) <= most, rad, np.inf)


def format_in(operands: Sequence[Any]) -> Format:
    """The format of the balls among `operands`."""
    return next(operand.fmt for operand in operands if isinstance(operand, Ball))


def as_ball(value: Any, fmt: Format) -> Ball:
    """`value` itself if it is a ball, else a constant."""
    return value if isinstance(value, Ball) else constant(value, fmt)


from bpcompare.numbers.ball import elementwise, factors, functions, matrices, structure  # noqa: E402, F401 — they fill the two tables above
