"""Paths: how quantities of a run are called. This is the one place where they are taken apart."""

from __future__ import annotations

import re

_STEP = re.compile(r"step(\d+)/")


class Path(str):
    """`[stepN/]OWNER.KIND`: the quantity KIND ("in", "delta", "gradient", "update" …) of a layer, input or parameter.

    Of an OWNER alone it is a parameter's number before the step; "error", "target" and "t" have no owner. `….before` is what
    state and slots were. Names hold no "/", so what stands before one is the step.
    """

    __slots__ = ()

    @property
    def step(self) -> int:
        """The step that it is of, from 1: the first where none is named."""
        found = _STEP.match(self)
        return int(found[1]) if found else 1

    @property
    def bare(self) -> Path:
        """Without the step."""
        return Path(_STEP.sub("", self, count=1)) if _STEP.match(self) else self

    @property
    def earlier(self) -> bool:
        """Whether it is what state or a slot was before the step."""
        return self.endswith(".before")

    @property
    def after(self) -> Path:
        """The same quantity after the step."""
        return Path(self.removesuffix(".before"))

    @property
    def owner(self) -> str:
        """Whose quantity it is: what stands before the last point."""
        return self.bare.after.rpartition(".")[0]

    @property
    def kind(self) -> str:
        """Which of the owner's quantities: what stands behind the last point."""
        return self.after.rpartition(".")[2]

    @property
    def parameter(self) -> str:
        """The parameter that it is of: its number before or after the step, or its gradient."""
        return self.owner if self.kind in ("gradient", "update") else self.bare.after

    def element(self, index: tuple[int, ...]) -> str:
        """One element of it: `h.delta[0,1]`."""
        return f"{self}[{','.join(map(str, index))}]" if index else str(self)


def step_prefix(number: int) -> str:
    """What stands before the paths of step `number` (from 1): nothing for the first, "step2/" for the second."""
    return "" if number == 1 else f"step{number}/"
