"""The rule of an optimizer that was watched while somebody's own program ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from bpcompare.ops.op import UpdateOp

__all__ = ["Rule"]


@dataclass(frozen=True, eq=False)
class Rule(UpdateOp):
    """`function` by its name in the field ("adam"), with its `settings` by the names that the ops of specs have for them.

    `kept` are the names of its state; what stands in it before the first step is 0, unless `starts` says otherwise. `counts`
    are those of the state that are single numbers, and that the step itself reads as they are after it.
    `whole`: an entry after the step depends on all entries before it.
    """

    name: ClassVar[str] = "rule"
    function: str
    settings: Mapping[str, Any]
    kept: tuple[str, ...] = ()
    starts: Mapping[str, float] = field(default_factory=dict)
    counts: tuple[str, ...] = ()
    whole: bool = False

    def __eq__(self, other: object) -> bool:
        """Whether it is the same rule, with the same settings: what is inherited would compare no fields at all."""
        return isinstance(other, Rule) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(self.function)

    def __getattr__(self, name: str) -> Any:
        settings = self.__dict__.get("settings", {})
        if name not in settings:
            raise AttributeError(f"{self.__dict__.get('function', 'a rule')} has no setting {name!r}")
        return settings[name]

    @property
    def called(self) -> str:
        """The function."""
        return self.function

    @property
    def decoupled(self) -> bool:  # type: ignore[override]
        """Whether the decay stands beside the step."""
        return bool(self.settings.get("decoupled", False))

    @property
    def slots(self) -> tuple[str, ...]:
        """What it keeps."""
        return self.kept

    def initial(self, slot: str) -> float:
        """What a slot holds before the first step."""
        return self.starts.get(slot, 0.0)
