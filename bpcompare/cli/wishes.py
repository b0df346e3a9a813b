"""What is asked of one backward besides, as `bpcompare check --inputs` has it on its command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from bpcompare.text.duration import seconds_of


@dataclass(frozen=True)
class Wishes:
    """What is asked besides, as it is written on the command line."""

    names: str | None = None
    convention: str | None = None
    contracts: str | None = None
    no_contracts: bool = False
    batch: str | None = None
    shapes: str | None = None
    order: int | None = None
    budget: str | None = None

    def written(self) -> Mapping[str, object]:
        """What was given of it, by its option; None for what was not."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {f"--{name.replace('_', '-')}": None if value is False else value for name, value in given.items()}

    def problem(self) -> str:
        """What cannot be meant, in words."""
        if self.contracts is not None and self.no_contracts:
            return "--contracts and --no-contracts: one of the two"
        if self.shapes is not None and not re.fullmatch(r"usual|\d+(,\d+)*", self.shapes):
            return f"--shapes: numbers of rows, such as 1,33, or usual; it is {self.shapes!r}"
        try:
            seconds_of("1s" if self.budget is None else self.budget)
        except ValueError as error:
            return f"--budget: {error}"
        return ""

    def arguments(self) -> dict[str, Any]:
        """The arguments of `check_gradient`."""
        found: dict[str, Any] = {"convention": self.convention, "budget": self.budget}
        found["names"] = self.names.split(",") if self.names else None
        found["contracts"] = not self.no_contracts if self.contracts is None else self.contracts.split(",")
        if self.batch is not None:
            found["batch"] = int(self.batch) if self.batch.isdecimal() else self.batch.split(",")
        if self.shapes is not None:
            found["shapes"] = True if self.shapes == "usual" else [int(n) for n in self.shapes.split(",")]
        return found | ({} if self.order is None else {"order": self.order})
