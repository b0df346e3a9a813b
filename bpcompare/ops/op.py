"""What an op is: its fields, its shapes, its conventions. Data only; how it is computed stands in `laws` and in the backends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

__all__ = ["Activation", "ErrorOp", "LayerOp", "Op", "ParameterShape", "Shape", "Shapes", "UpdateOp"]

Role = Literal["layer", "activation", "error", "update"]
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
    """One operation of a network: a layer's map, an activation, an error or an update rule.

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
    equations: ClassVar[tuple[str, ...]] = ()

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the op's own fields, each as `field: sentence`; empty when they make sense."""
        return ()

    @classmethod
    def forms(cls) -> tuple[Self, ...]:
        """Forms of the op that differ: what conformance cases and random networks try. One, where it needs no fields."""
        return (cls(),)


@dataclass(frozen=True)
class LayerOp(Op):
    """An op with shapes: what a layer computes before its activation."""

    role: ClassVar[Role] = "layer"

    @abstractmethod
    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """Output, parameter, state and draw shapes for source shapes `xs`; mismatches come back as `problems`."""


@dataclass(frozen=True)
class Activation(Op):
    """g in a = g(in). Keeps its source's shape. `elementwise`: every a_j depends on its own in_j alone."""

    role: ClassVar[Role] = "activation"
    elementwise: ClassVar[bool] = True

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

    `reduce` acts over examples: their "sum" or their "mean". `scale` multiplies E (loss scaling).
    """

    role: ClassVar[Role] = "error"
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
    def integer_target(self) -> bool:
        """Whether targets are class numbers rather than real values."""
        return False

    def shapes(self, xs: Sequence[Shape]) -> Shapes:
        """A scalar from (a, t); a problem when t does not have `target_shape`."""
        wanted = self.target_shape(xs[0])
        problems = () if xs[1] == wanted else (f"target has shape {list(xs[1])} per example, expected {list(wanted)}",)
        return Shapes(out=(), problems=problems)


@dataclass(frozen=True)
class UpdateOp(Op):
    """w ← w + η aΔ and its relatives. `slots` names the optimizer state kept per parameter element."""

    role: ClassVar[Role] = "update"

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the per-parameter state, in the order the law computes it."""
        return ()


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
