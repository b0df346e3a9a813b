"""A run, step by step of the proof: the formula, the formula with numbers, the result, and every backend's value beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from bpcompare.network import Network
from bpcompare.plan.naming import Chosen, Names, UnknownNameError
from bpcompare.proof.claims import Claim
from bpcompare.proof.question import question
from bpcompare.proof.values import StepValues, step_values
from bpcompare.report.lines import clipped, counted, joined, labelled, widest
from bpcompare.report.numbers import long
from bpcompare.report.places import ClaimElement, described
from bpcompare.report.rule import rule
from bpcompare.report.substitution import substitution
from bpcompare.report.table import head
from bpcompare.text.cells import padded
from bpcompare.verdict.comparison import Comparison

PHASES = {
    "forward": "forward",
    "base": "backward",
    "inductive": "backward",
    "gradient": "gradients",
    "update": "update",
    "state": "state",
}
MOST_ELEMENTS = 150
"""Elements that are shown at once; a larger net is shown node by node."""


class NothingToShowError(ValueError):
    """A node, or a step, that the run does not have: what was asked for, and what there is."""


@dataclass(frozen=True)
class Shown:
    """One element of one recorded quantity: where, by which formula, with which numbers, and what each backend has."""

    path: str
    index: tuple[int, ...]
    phase: str
    where: str
    rule: str
    numbers: str
    values: dict[str, float]


def asked_for(network: Network, nodes: Sequence[str], step: int | None) -> tuple[list[Chosen], int | None]:
    """What `nodes` name, and the step: the one asked for, or the one that a name says (`step2/h1.delta`), if any.

    Needs no numbers, so that it can be asked before anything runs. Raises NothingToShowError.
    """
    if step is not None and step < 1:
        raise NothingToShowError(f"there is no step {step}: steps count from 1")
    names, found = Names(network), []
    for node in nodes:
        try:
            found.append(names.chosen(node))
        except UnknownNameError as error:
            raise NothingToShowError(f"{clipped(node, 80)!r} {error}") from None
        said = found[-1].step
        if said is not None and step not in (None, said):
            raise NothingToShowError(f"{node!r} is of step {said}, and step {step} is asked for: one of the two is too many")
        step = said if step is None else step
    return found, step


def shown(comparison: Comparison, node: str | None = None, step: int | None = None) -> Iterator[Shown]:
    """Every element of step number `step`, in the order of the proof; of what `node` names, if it is given.

    Raises NothingToShowError.
    """
    plan, network = comparison.plan, comparison.plan.network
    asked, said = asked_for(network, () if node is None else (node,), step)
    step = said or 1
    if not 1 <= step <= len(plan.batches):
        raise NothingToShowError(f"there is no step {step}: the run has {counted(len(plan.batches), 'step')}")
    values = {name: step_values(plan, comparison.records[name])[step - 1] for name in comparison.ran}
    if not values:
        raise NothingToShowError("no backend answered, so there is nothing to show")
    first = next(iter(values.values()))
    found = [
        (claim, index)
        for claim in question(plan).claims
        for index in _elements(claim, first)
        if all(one.holds(claim.path, index) for one in asked)
    ]
    if len(found) > MOST_ELEMENTS:
        raise NothingToShowError(
            f"{len(found):,} elements are too many to show at once; name a node, such as {network.order[-1]}"
        )
    for claim, index in found:
        yield Shown(
            claim.path,
            index,
            PHASES[claim.statement],
            described(plan, ClaimElement(step, claim, index)),
            rule(network, claim),
            substitution(network, claim, index, first, float(first.recorded[claim.path][index])),
            {name: float(one.recorded[claim.path][index]) for name, one in values.items()},
        )


def _elements(claim: Claim, values: StepValues) -> Iterator[tuple[int, ...]]:
    return product(*map(range, values.recorded[claim.path].shape))


def steps_text(comparison: Comparison, node: str | None = None, step: int | None = None) -> str:
    """All of it, phase by phase. Raises NothingToShowError."""
    lines = [head(comparison)]
    phase = told = ""
    for one in shown(comparison, node, step):
        if one.phase != phase:
            phase, told = one.phase, ""
            lines += ["", phase]
        if one.rule != told:
            told = one.rule
            lines += ["", f"  {clipped(one.rule, widest() - 2)}"]
        lines.append(f"    {clipped(one.where, widest() - 4)}")
        if one.numbers:
            lines.append(f"      {clipped(one.numbers, widest() - 6)}")
        lines.append(f"      {_values(one.values)}")
    return joined([*lines, "", *labelled("sign", "Δ = −∂E/∂in, the textbook's; a gradient is +∂E/∂w, the frameworks'", 1)])


def frames(comparison: Comparison, node: str | None = None, step: int | None = None) -> list[tuple[str, str]]:
    """The same one element at a time: the phase, and its lines. Raises NothingToShowError."""
    top = head(comparison)
    found = []
    for one in shown(comparison, node, step):
        element = f"{one.path}[{','.join(map(str, one.index))}]" if one.index else one.path
        lines = [
            top,
            "",
            one.phase,
            "",
            f"  {clipped(one.where, widest() - 2)}   {clipped(element, 60)}",
            f"  {clipped(one.rule, widest() - 2)}",
        ]
        if one.numbers:
            lines += ["", f"  {clipped(one.numbers, widest() - 2)}"]
        lines += ["", *(f"  {padded(clipped(name, 24), 24)}  {long(value)}" for name, value in one.values.items())]
        found.append((one.phase, joined(lines)))
    return found


def _values(values: dict[str, float]) -> str:
    """Each backend's value, those that are alike together."""
    alike: dict[float, list[str]] = {}
    for name, value in values.items():
        alike.setdefault(value, []).append(clipped(name, 24))
    return "   ".join(f"{', '.join(names)} {long(value).strip()}" for value, names in alike.items())
