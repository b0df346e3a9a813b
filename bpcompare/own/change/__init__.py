"""Two runs of one code, then and now: the same bits, moved within rounding, or another function; and at which module."""

from bpcompare.own.change.change import Change, Changes, change, changes
from bpcompare.own.change.outline import Outline, Part, outline

__all__ = ["Change", "Changes", "Outline", "Part", "change", "changes", "outline"]
