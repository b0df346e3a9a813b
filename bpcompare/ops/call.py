"""A call of a framework's function that was recorded while somebody's own program ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from bpcompare.ops.op import Op, Role, Shape

__all__ = ["Call", "Fixed", "Read"]


@dataclass(frozen=True)
class Read:
    """Stands for a floating-point argument: number `slot` of what the step reads."""

    slot: int


@dataclass(frozen=True)
class Fixed:
    """Stands for an argument of integers or booleans: the step's constant of that name."""

    name: str


@dataclass(frozen=True, eq=False)
class Call(Op):
    """`function` of whole arrays, with its `arguments` by the names that the framework's own signature gives them.

    Arrays among the arguments are `Read` or `Fixed`, also inside tuples; all others are plain values. `results` are the shapes
    of all results. A step is about one of them, `output`; those that are integers, and known, are constants named "result0", … .
    """

    name: ClassVar[str] = "call"
    role: ClassVar[Role] = "layer"
    arity: ClassVar[tuple[int, int | None]] = (0, None)
    function: str
    arguments: Mapping[str, Any]
    results: tuple[Shape, ...]
    output: int = 0
    factors: float = 0.0
    """How far, relatively, a factor of its products may be off before it is multiplied: float32 cut to TF32, for example."""

    @property
    def called(self) -> str:
        """The function."""
        return self.function

    @property
    def passed(self) -> Mapping[str, Any]:
        """Its arguments."""
        return self.arguments

    __eq__ = object.__eq__  # what is inherited would compare no fields at all
    __hash__ = object.__hash__
