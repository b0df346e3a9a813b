"""What the author wishes to have tried beyond what is cheap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from bpcompare.text.words import did_you_mean
from bpcompare.tools.gradient.budget import Budget
from bpcompare.tools.gradient.contracts.outcome import CONTRACTS

if TYPE_CHECKING:
    from bpcompare.own.step import WatchedStep
    from bpcompare.tools.gradient.finding import GradientCheck

ROWS = (1, 31, 32, 33, 127, 128, 129)
"""Numbers of rows around the usual sizes of blocks."""

Shapes = bool | Sequence[int] | Callable[[int], Sequence[Any]] | None
Batch = int | str | Sequence[str] | None


class Again(Protocol):
    """Checks the same code on other inputs: its `leaves`, one array each, or inputs such as its author gives."""

    def __call__(self, others: Sequence[Any], *, leaves: bool) -> GradientCheck:
        """Raises ValueError for inputs that cannot be tried."""
        ...


@dataclass(frozen=True)
class Options:
    """Which contracts are `wanted`, and of these, which were asked for by name (`named`).

    `batch`: the axis that examples lie along, or the names of the inputs whose first axis that is. `shapes`: numbers of rows, or
    what gives inputs for one. `order`: 2 for derivatives of the gradient. `again` checks the same code on other inputs. `step` is
    the forward as a program, where all of it could be followed, on a way back that begins with dys of this `seed`.
    """

    wanted: frozenset[str]
    named: frozenset[str] = frozenset()
    batch: Batch = None
    shapes: Shapes = None
    order: int = 1
    again: Again | None = None
    step: WatchedStep | None = None
    seed: int = 0
    budget: Budget = field(default_factory=Budget)

    @classmethod
    def of(cls, contracts: bool | Sequence[str], batch: Batch, shapes: Shapes, order: int) -> Options:
        """What an author says. Raises ValueError for names that no contract has, and for what is no wish."""
        if order not in (1, 2):
            raise ValueError(f"order: 1 or 2, not {order!r}")
        if not (shapes is None or isinstance(shapes, bool) or callable(shapes)):
            shapes = tuple(shapes)
            if not shapes or min(shapes) < 1:
                raise ValueError(f"shapes: numbers of rows, such as (1, 33), not {shapes!r}")
        if isinstance(contracts, bool):
            return cls(frozenset(CONTRACTS) if contracts else frozenset(), frozenset(), batch, shapes, order)
        names = (contracts,) if isinstance(contracts, str) else tuple(contracts)
        for name in names:
            if name not in CONTRACTS:
                hint = did_you_mean(name, CONTRACTS) or f"there are {', '.join(CONTRACTS)}"
                raise ValueError(f"contracts: there is none that is called {name!r}; {hint}")
        also = {"batch": batch is not None, "shapes": shapes not in (None, False), "second": order > 1}
        return cls(frozenset(names) | {name for name in also if also[name]}, frozenset(names), batch, shapes, order)
