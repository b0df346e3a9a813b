"""What became of one contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["kept", "broken", "refused", "undecided", "not tried"]
RANKS: dict[Kind, int] = {"broken": 0, "undecided": 1, "refused": 2, "kept": 3, "not tried": 4}
"""The worse, the smaller."""

CONTRACTS = {
    "dy": "dy unchanged",
    "inputs": "inputs unchanged",
    "runs": "run to run",
    "twice": "called twice",
    "accumulate": "added up in .grad",
    "alone": "one input alone",
    "linear": "linear in dy",
    "layouts": "strides",
    "views": "parts of larger arrays",
    "forward_mode": "forward mode",
    "vmap": "vmap",
    "batch": "halves of a batch",
    "shapes": "numbers of rows",
    "second": "second order",
}
"""What a backward owes besides the right numbers: the names, and what is said when it is kept."""


@dataclass(frozen=True)
class Outcome:
    """What became of one contract, by its name in `CONTRACTS`.

    `said`: what was done and what happened, where it was not kept; `advice`: what to do. `input` and `index` are the place of the
    worst number, `got` and `expected` what stands there and what the contract has there, where there are such numbers.
    """

    name: str
    outcome: Kind
    said: str = ""
    advice: str = ""
    input: str = ""
    index: tuple[int, ...] = ()
    got: float = 0.0
    expected: float = 0.0

    @property
    def title(self) -> str:
        """What is owed."""
        return CONTRACTS[self.name]
