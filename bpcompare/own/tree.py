"""The model as a tree of modules: where all is well, how sharply it was seen, and how much of each module was examined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from math import isfinite

from rich.cells import cell_len

from bpcompare.own.step import WatchedStep, harmless
from bpcompare.own.where import Where
from bpcompare.own.wrong import Wrong
from bpcompare.report.lines import clipped, joined, shown
from bpcompare.report.numbers import finite, short
from bpcompare.text.medium import medium

STATES = ("wrong", "undecided", "in part", "certified", "no claim")
"""What may be said of a module, the worst first."""
HEAD = ("module", "verdict", "power", "claims", "parameters")
"""`claims`: how many of the module's hold; `parameters`: how many of those with a gradient are reached."""
NARROWEST_NAME = 12


@dataclass(eq=False)
class Branch:
    """A module and what is below it."""

    name: str
    branches: dict[str, Branch] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)
    held: int = 0
    claims: int = 0
    power: float = 0.0
    reached: int = 0
    parameters: int = 0

    def at(self, path: str) -> list[Branch]:
        """This and every branch on the way down to a path."""
        found = [self]
        for part in path.split(".") if path else ():
            found.append(found[-1].branches.setdefault(part, Branch(part)))
        return found

    @property
    def state(self) -> str:
        """The worst that is said of it."""
        return min(self.states, key=STATES.index, default="no claim")

    @property
    def alike(self) -> tuple[object, ...]:
        """What two branches have in common that look alike."""
        below = tuple((name, branch.alike) for name, branch in self.branches.items())
        return self.state, self.claims, self.held, self.parameters, self.reached, below


def tree(step: WatchedStep) -> str:
    """Lines, a module each; modules that are alike and follow each other share one."""
    rows = [HEAD, *_rows(grown(step), "")]
    widths = [max(cell_len(row[1 + at]) for row in rows) for at in range(4)]
    room = max(NARROWEST_NAME, medium().width - sum(widths) - 2 * len(widths))
    name = min(room, max(cell_len(row[0]) for row in rows))
    lines = []
    for first, *rest in rows:
        label = clipped(first, name)
        cells = [f"{cell:<{width}}" for cell, width in zip(rest, widths, strict=True)]
        lines.append("  ".join([label + " " * (name - cell_len(label)), *cells]))
    return joined(lines)


def grown(step: WatchedStep) -> Branch:
    """The whole tree."""
    root = Branch("model")
    refuted, undecided = ({id(finding) for _, _, finding in found} for found in (step.refuted, step.undecided))
    where = {id(one): Where(one.recording) for one in step.judged}
    for one, claim, finding in step.findings:
        state = "wrong" if id(finding) in refuted else "undecided" if id(finding) in undecided else "certified"
        module = Wrong(one, claim, finding).module if state == "wrong" else where[id(one)].module(claim)
        power = finding.power if finding.outcome == "holds" and not finding.terms and not harmless(claim, finding) else 0.0
        for branch in root.at(module):
            branch.states.append(state)
            branch.claims += 1
            branch.held += finding.outcome in ("holds", "convention")
            branch.power = max(branch.power, finite(power))
    for one in step.judged:
        for claim in one.left:
            for branch in root.at(where[id(one)].module(claim)):
                branch.states.append("in part")
                branch.claims += 1
    for module in _hidden(step):
        for branch in root.at(module):
            branch.states.append("in part")
    for name, why in step.watched.parameters.items():
        for branch in root.at(name.rpartition(".")[0]) if why in ("", "unseen") else ():
            branch.parameters += 1
            branch.reached += not why
            branch.states += ["in part"] if why else []
    root.states += ["in part"] if step.verdict == "certified in part" else []
    return root


def _hidden(step: WatchedStep) -> Iterator[str]:
    """The modules of steps that have no law."""
    for one in step.judged:
        for steps in one.covered.hidden.values():
            for hidden in steps:
                place = one.recording.places.get(hidden.name)
                yield place.module if place is not None else ""


def _rows(branch: Branch, indent: str) -> list[tuple[str, str, str, str, str]]:
    found = [_row(f"{indent}{branch.name}", branch)]
    for one, _ in folded(branch):
        found += _rows(one, f"{indent}  ")
    return found


def folded(branch: Branch) -> Iterator[tuple[Branch, list[Branch]]]:
    """What is below a branch: each by itself, or those that are alike and follow each other as one, with what it stands for."""
    for _, group in groupby(branch.branches.values(), key=lambda one: (one.alike, one.name.isdigit())):
        alike = list(group)
        first, last = alike[0], alike[-1]
        if len(alike) > 1:
            name = f"{first.name}–{last.name}" if first.name.isdigit() else f"{first.name} … {last.name}"
            yield _together(name, alike), alike
        else:
            yield first, alike


def _together(name: str, alike: list[Branch]) -> Branch:
    """Branches that look alike as one: their counts are those of each, its power that of the least sharp."""
    first = alike[0]
    below = {one: _together(one, [branch.branches[one] for branch in alike]) for one in first.branches}
    power = max(branch.power for branch in alike)
    return Branch(name, below, first.states, first.held, first.claims, power, first.reached, first.parameters)


def _row(name: str, branch: Branch) -> tuple[str, str, str, str, str]:
    return shown(name), branch.state, *measured(branch)


def measured(branch: Branch) -> tuple[str, str, str]:
    """Its power, how many of its claims hold, and how many of its parameters are reached, as they are shown."""
    power = short(branch.power) if branch.power and isfinite(branch.power) else ""
    claims = f"{branch.held:,}/{branch.claims:,}" if branch.claims else ""
    return power, claims, f"{branch.reached:,}/{branch.parameters:,}" if branch.parameters else ""
