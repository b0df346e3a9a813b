"""What an op is: its fields, its shapes, its conventions. Data only; how it is computed stands in `laws` and in the backends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from math import frexp
from typing import Any, ClassVar, Literal, Self

__all__ = ["Activation", "ErrorOp", "LayerOp", "Op", "ParameterShape", "PenaltyOp", "Shape", "Shapes", "UpdateOp"]

Role = Literal["layer", "activation", "error", "penalty", "update"]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class ParameterShape:
    """The shape of one parameter an op needs, and the fans (in, out) that Glorot, He and LeCun initializers scale with."""

    shape: Shape
    fan: tuple[int, int]


@dataclass(frozen=True)
class Shapes:
    """What an op makes of its sources' shapes. All shapes are per example, without the batch axis.

    `state` is what the op carries from step to step besides parameters (running statistics); `draws` are random arrays,
    one per step, with a batch axis added when drawn. `problems` is non-empty when the sources do not fit.
    """

    out: Shape
    parameters: Mapping[str, ParameterShape] = field(default_factory=dict)
    state: Mapping[str, Shape] = field(default_factory=dict)
    draws: Mapping[str, Shape] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Op(ABC):
    """One operation of a network: a layer's map, an activation, an error, a penalty or an update rule.

    Subclasses are frozen dataclasses whose fields are what a spec may say, so that one declaration is the class, the file
    format and the JSON Schema. `equations` states the law in the textbook's notation, for documentation only.
    """

    name: ClassVar[str]
    role: ClassVar[Role]
    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    integer: ClassVar[frozenset[int]] = frozenset()
    """Source slots that hold integers: they carry no Δ."""
    couples_examples: ClassVar[bool] = False
    """Whether one example's output depends on the other examples of its batch."""
    kinks: ClassVar[tuple[str, ...]] = ()
    """Points where the derivative is a convention, and the convention that is the law here."""
    pieces: ClassVar[bool] = False
    """Whether it is another formula beyond some point, though its derivative does not jump there."""
    may_tie: ClassVar[bool] = False
    """Whether several of its numbers may share a maximum, and one of them is taken."""
    equations: ClassVar[tuple[str, ...]] = ()
    rounding: ClassVar[str] = "it is not made of sums and products of short numbers"
    """Why it rounds whatever its fields are; "" for what is made of sums and products."""
    symbols: ClassVar[Mapping[str, str]] = {}
    """How formulas call its fields, where not by their names."""

    connects: ClassVar[Literal["units", "channels"] | None] = None
    """What the weight of a layer connects, where it is multiplied and summed up: units of its sources (rows) with its own
    (columns), or channels of its source with its own (which come first)."""

    @property
    def called(self) -> str:
        """What it is called by: its name; for what own code calls, that of the function."""
        return self.name

    @property
    def passed(self) -> Mapping[str, Any]:
        """What own code passes to the function that it calls, by the names of the function's parameters; nothing otherwise."""
        return {}

    @property
    def in_short(self) -> str:
        """The equations of this form of it in a line."""
        return ";  ".join(self.equations)

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the op's own fields, each as `field: sentence`; empty when they make sense."""
        return ()

    def rounds(self, xs: Sequence[Shape]) -> str:
        """Why it rounds whatever the numbers are, of sources with shapes `xs`; "" where short numbers go through exactly."""
        return self.rounding

    @classmethod
    def forms(cls) -> tuple[Self, ...]:
        """Forms of the op that differ: what conformance cases and random networks try. One, where it needs no fields."""
        return (cls(),)


@dataclass(frozen=True)
class LayerOp(Op):
    """An op with shapes: what a layer computes before its activation."""

    role: ClassVar[Role] = "layer"

    below: ClassVar[int | None] = None
    """What integers that it reads must be smaller than, where it reads integers."""
    in_order: ClassVar[bool] = False
    """Whether number i of an example, in row order, is made from number i of each source alone, where all have as many."""
    by_channel: ClassVar[bool] = False
    """Whether each channel is made from the same channel of the source, and all are made alike."""
    normalizes: ClassVar[bool] = False
    """Whether it divides by a statistic: each number of the source reaches others also through it, and Δ is no plain sum."""

    def batch_problem(self, values: int) -> str:
        """What is wrong with a batch of so many values a channel, and what would help; "" if nothing is."""
        return ""

    @property
    def domain(self) -> Mapping[int, Literal["positive", "not zero"]]:
        """What the numbers of a source must be, by its slot, where they may not be any: of a logarithm, of a divisor."""
        return {}

    @property
    def dropped(self) -> float:
        """The share of zeros in what is drawn for it; the rest is ones."""
        return 0.0

    @property
    def joins(self) -> int | None:
        """The axis of an example along which its sources stand side by side, where they do."""
        return None

    @abstractmethod
    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """Output, parameter, state and draw shapes for source shapes `xs`; mismatches come back as `problems`."""


@dataclass(frozen=True)
class Activation(Op):
    """g in a = g(in). Keeps its source's shape. `elementwise`: every a_j depends on its own in_j alone."""

    role: ClassVar[Role] = "activation"
    elementwise: ClassVar[bool] = True
    unchanged: ClassVar[bool] = False
    """Whether a is in itself: nobody names it."""
    straight: ClassVar[bool] = False
    """Whether g' is constant between its kinks."""
    off_below_zero: ClassVar[bool] = False
    """Whether a and g' are 0 wherever in is negative."""

    @property
    def bends(self) -> tuple[float, ...]:
        """Where its kinks are: values of in."""
        return (0.0,) if self.kinks else ()

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """The source's own shape."""
        return Shapes(out=xs[0])


@dataclass(frozen=True)
class ErrorOp(Op):
    """E: the last consumer. Every error says how it adds over the batch, for frameworks disagree about that.

    `reduce` acts over examples: their "sum" or their "mean". `scale` multiplies E (loss scaling). `elementwise`: every output is
    judged by itself.
    """

    role: ClassVar[Role] = "error"
    elementwise: ClassVar[bool] = True
    residual: ClassVar[bool] = False
    """Whether Δ_a is t − a, as in the textbook."""
    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    reduce: Literal["sum", "mean"]
    scale: float = 1.0

    def problems(self) -> tuple[str, ...]:
        """A zero, negative or non-finite scale is refused: E must be an error to make small."""
        return positive(self, "scale")

    def target_shape(self, out: Shape) -> Shape:
        """The shape of one example's target when the layer judged has shape `out`."""
        return out

    @property
    def target_kind(self) -> Literal["numbers", "zeros and ones", "classes", "probabilities"]:
        """What targets are."""
        return "numbers"

    @property
    def integer_target(self) -> bool:
        """Whether targets are class numbers rather than real values."""
        return self.target_kind == "classes"

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """A scalar from (a, t); a problem when t does not have `target_shape`."""
        wanted = self.target_shape(xs[0])
        problems = () if xs[1] == wanted else (f"target has shape {list(xs[1])} per example, expected {list(wanted)}",)
        return Shapes(out=(), problems=problems)


@dataclass(frozen=True)
class PenaltyOp(Op):
    """What E gains for one parameter, once, however many layers use it; neither the error's `reduce` nor its `scale` reaches it.

    Its parameter has the role "w". The first of the `equations` is about E, the second about the gradient; "…" is all else.
    """

    role: ClassVar[Role] = "penalty"
    arity: ClassVar[tuple[int, int | None]] = (0, 0)


@dataclass(frozen=True)
class UpdateOp(Op):
    """w ← w + η aΔ and its relatives. `slots` names the optimizer state kept per parameter element.

    The last of the `equations` gives the parameter, those before it the slots. Each rule has `forms`: conformance cases and
    random networks are made of them.
    """

    role: ClassVar[Role] = "update"
    decoupled: ClassVar[bool] = False
    """Whether `weight_decay`, where there is one, stands beside the step; else λ w is added to the gradient before all else."""

    @property
    def coupled(self) -> float:
        """The λ of the λ w that is added to the gradient; 0 where nothing is."""
        return 0.0 if self.decoupled else getattr(self, "weight_decay", 0.0)

    @property
    def textbook(self) -> bool:
        """Whether it is w ← w + η aΔ and nothing else."""
        return False

    def short(self) -> Self:
        """The rule with the shortest numbers that no wrong formula mistakes for one another; itself where it rounds anyway."""
        return self

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the per-parameter state, in the order the law computes it."""
        return ()

    @property
    def squares(self) -> Mapping[str, str]:
        """Slots that hold a mean or a sum of squares, never negative; all others have a sign.

        Each with the slot that holds the mean of the same numbers, whose square it is never below; "" where there is none.
        """
        return {}

    @property
    def rests(self) -> bool:
        """Whether a parameter whose gradient is 0 stays where it is, and its slots what they are."""
        return False

    def initial(self, slot: str) -> float:
        """What a slot holds before the first step."""
        return 0.0


def broadcast(name: str, xs: Sequence[Shape]) -> tuple[Shape, tuple[str, ...]]:
    """The shape that `xs` broadcast to, aligned at their ends, as in NumPy; and the problem if they do not."""
    out: list[int] = []
    for sizes in zip_longest(*(reversed(x) for x in xs), fillvalue=1):
        wide = {size for size in sizes if size != 1}
        if len(wide) > 1:
            shapes = " and ".join(str(list(x)) for x in xs)
            return (), (f"{name} needs sources whose shapes broadcast, has {shapes}",)
        out.append(max(wide, default=1))
    return tuple(reversed(out)), ()


def axes_problems(name: str, axes: Sequence[int], x: Shape) -> tuple[str, ...]:
    """A problem unless `axes` are some of `x`, each once; negative ones count from the end."""
    if not axes:
        return (f"{name} needs at least one axis",)
    if any(not -len(x) <= axis < len(x) for axis in axes):
        return (f"{name}: axes {list(axes)} are not all there, the source has shape {list(x)}",)
    return () if len({axis % len(x) for axis in axes}) == len(axes) else (f"{name}: axes {list(axes)} name one twice",)


def power_of_two(x: float) -> bool:
    """Whether x divides and multiplies exactly."""
    return x > 0 and frexp(x)[0] == 0.5


def positive(op: Op, *names: str) -> tuple[str, ...]:
    """Problems for those of `names` whose value is not a finite positive number."""
    return tuple(
        f"{name}: must be a positive finite number, is {value!r}"
        for name in names
        if not 0 < (value := getattr(op, name)) < float("inf")
    )


def fraction(op: Op, *names: str) -> tuple[str, ...]:
    """Problems for those of `names` whose value is not in [0, 1)."""
    return tuple(
        f"{name}: must be at least 0 and below 1, is {value!r}" for name in names if not 0 <= (value := getattr(op, name)) < 1
    )


def at_least(op: Op, low: int, *names: str) -> tuple[str, ...]:
    """Problems for those of `names` whose value (or any entry of it) is below `low`."""
    problems = []
    for name in names:
        value = getattr(op, name)
        entries = value if isinstance(value, tuple) else (value,)
        if any(entry < low for entry in entries):
            problems.append(f"{name}: must be at least {low}, is {value!r}")
    return tuple(problems)
