"""The way to a step that is made in stages: which recorded value is which of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bpcompare.ops.rule import Rule
from bpcompare_torch.recorder.tape import Seen

TURNS = frozenset(("t", "transpose", "permute", "numpy_T"))
"""Functions that give a matrix with rows for columns."""
SAME = frozenset(("view", "alias", "detach", "reshape", "_unsafe_view", "contiguous", "clone"))
"""Functions that give a matrix as it is."""


@dataclass(frozen=True, eq=False)
class Way:
    """What was seen of it: the stages by the names that their rule `function` has for them, each after those it is made from.

    `turned`: whether they are of the matrix with rows for columns. `whole`: whether none is missing between two of them.
    """

    function: str
    stages: Mapping[str, Seen]
    turned: bool
    whole: bool

    def rule(self, rule: Rule) -> Rule:
        """The rule of the stages, with the settings of the step's own.

        `inner`: torch works each stage out in float32, and rounds it once; on CPUs, for elsewhere sums may be rounded in parts.
        """
        here = all(seen.kept.tensor.device.type == "cpu" for seen in self.stages.values())
        settings = {"turned": self.turned, "inner": "float32" if here and self.whole else ""}
        return replace(rule, function=self.function, settings={**rule.settings, **settings}, starts={})


def way_to(parameter: Seen | None, function: str) -> Way | None:
    """From what a parameter was last written by back to its momentum; None where it was not added to, as far as anybody saw."""
    last = _argument(parameter, "add", "other")
    return None if last is None else WAYS[function](last, function)


def _iterated(last: Seen, function: str) -> Way:
    """Of Newton–Schulz iterations: xₖ = addmm(x, polyₖ, x), polyₖ = addmm(gramₖ, gramₖ, gramₖ), x₀ = narrow/norm, and so on."""
    found: list[tuple[str, Seen]] = [("o", last)]
    x, _ = _as_made(last)
    rounds = []
    while (poly := _argument(x, "addmm", "mat1")) is not None:
        poly, _ = _as_made(poly)
        rounds.append((x, poly, _argument(poly, "addmm", "mat1")))
        x = _argument(x, "addmm", "self") or x
    for number, (made, poly, gram) in zip(range(len(rounds), 0, -1), rounds, strict=True):
        found += [(f"x{number}", made)] if number < len(rounds) else []
        found += [(f"poly{number}", poly), *([] if gram is None else [(f"gram{number}", gram)])]
    found += [("x0", x)] if rounds else []
    narrow, turned = _as_made(_argument(x, "div", "self") or x)
    norm = _argument(x, "div", "other")
    found += [] if norm is None else [("norm", norm)]
    fed = _argument(narrow, "_to_copy", "self")
    found += [("narrow", narrow)] if fed is not None else []
    fed = narrow if fed is None else fed
    found += [("fed", fed)] if fed.entry is not None and fed.entry.function == "lerp" else []
    names = {name for name, _ in found}
    grams = all(gram is not None for _, _, gram in rounds)
    return Way(function, dict(reversed(found)), turned, bool(rounds) and grams and {"norm", "fed"} <= names)


WAYS: Mapping[str, Callable[[Seen, str], Way]] = {"newton_schulz": _iterated}
"""By the rule of the stages."""


def _argument(seen: Seen | None, function: str, name: str) -> Seen | None:
    """An argument of the call that made a value; None where another function did."""
    if seen is None or seen.entry is None or seen.entry.function != function:
        return None
    found: Any = seen.entry.arguments.get(name)
    return found if isinstance(found, Seen) else None


def _as_made(seen: Seen) -> tuple[Seen, bool]:
    """What a value is a view or a copy of, and whether that has its rows for columns."""
    turned = False
    while seen.entry is not None and seen.entry.function in TURNS | SAME:
        found = seen.entry.arguments.get("self")
        if not isinstance(found, Seen):
            break
        turned ^= seen.entry.function in TURNS
        seen = found
    return seen, turned
