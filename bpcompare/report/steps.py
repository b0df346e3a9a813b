"""A run, step by step of the proof: the formula, the formula with numbers, the result, and every backend's value beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from bpcompare.claims import Claim, claims
from bpcompare.comparison import Comparison
from bpcompare.network import Network
from bpcompare.report.lines import WIDTH, clipped, counted, joined, labelled
from bpcompare.report.numbers import long
from bpcompare.report.places import Place, described
from bpcompare.report.rule import rule
from bpcompare.report.substitution import substitution
from bpcompare.report.table import head
from bpcompare.values import StepValues, step_values

PHASES = {
    "forward": "forward",
    "base": "backward",
    "inductive": "backward",
    "gradient": "gradients",
    "update": "update",
    "state": "state",
}
MOST = 150
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


def shown(comparison: Comparison, node: str | None = None, step: int = 1) -> Iterator[Shown]:
    """Every element of step number `step`, in the order of the proof; of one layer, unit, parameter or path, if `node` names it.

    Raises NothingToShowError.
    """
    plan, network = comparison.plan, comparison.plan.network
    if not 1 <= step <= len(plan.batches):
        raise NothingToShowError(f"there is no step {step}: the run has {counted(len(plan.batches), 'step')}")
    values = {name: step_values(plan, comparison.records[name])[step - 1] for name in comparison.ran}
    if not values:
        raise NothingToShowError("no backend answered, so there is nothing to show")
    first = next(iter(values.values()))
    found = [(claim, index) for claim in claims(plan) for index in _elements(claim, first) if meant(network, claim, index, node)]
    if not found:
        names = ", ".join([*network.layers, *(unit for layer in network.layers.values() for unit in layer.units or ())][:12])
        raise NothingToShowError(f"{node!r} is no layer, unit, parameter or path of {comparison.spec}; there are {names} …")
    if len(found) > MOST:
        raise NothingToShowError(
            f"{len(found):,} elements are too many to show at once; name a node, such as {network.order[-1]}"
        )
    for claim, index in found:
        yield Shown(
            claim.path,
            index,
            PHASES[claim.statement],
            described(plan, Place(step, claim, index)),
            rule(network, claim),
            substitution(network, claim, index, first, float(first.recorded[claim.path][index])),
            {name: float(one.recorded[claim.path][index]) for name, one in values.items()},
        )


def _elements(claim: Claim, values: StepValues) -> Iterator[tuple[int, ...]]:
    return product(*map(range, values.recorded[claim.path].shape))


def meant(network: Network, claim: Claim, index: tuple[int, ...], node: str | None) -> bool:
    """Whether an element belongs to what `node` names: a layer, unit, parameter or path; None is everything."""
    if node is None or node in (claim.subject, claim.path) or claim.path.startswith(f"{node}."):
        return True
    if node.endswith("]"):
        return node.replace(" ", "") == f"{claim.path}[{','.join(map(str, index))}]"
    if claim.subject in network.layers:
        units = network.layers[claim.subject].units or ()
        return node in units and claim.path.rpartition(".")[2] in ("in", "a", "delta") and units.index(node) == index[1]
    if claim.subject not in network.uses:
        return False
    return any(node == layer or _into(network, layer, index, node) for layer, _ in network.uses[claim.subject])


def _into(network: Network, layer: str, index: tuple[int, ...], node: str) -> bool:
    """Whether this element of a dense layer's weight or bias belongs to the unit `node`."""
    units = network.layers[layer].units or ()
    return node in units and bool(index) and units.index(node) == index[-1]


def steps_text(comparison: Comparison, node: str | None = None, step: int = 1) -> str:
    """All of it, phase by phase. Raises NothingToShowError."""
    lines = [head(comparison)]
    phase = told = ""
    for one in shown(comparison, node, step):
        if one.phase != phase:
            phase, told = one.phase, ""
            lines += ["", phase]
        if one.rule != told:
            told = one.rule
            lines += ["", f"  {clipped(one.rule, WIDTH - 2)}"]
        lines.append(f"    {clipped(one.where, WIDTH - 4)}")
        if one.numbers:
            lines.append(f"      {clipped(one.numbers, WIDTH - 6)}")
        lines.append(f"      {_values(one.values)}")
    return joined([*lines, "", *labelled("sign", "Δ = −∂E/∂in, the textbook's; a gradient is +∂E/∂w, the frameworks'", 1)])


def frames(comparison: Comparison, node: str | None = None, step: int = 1) -> list[tuple[str, str]]:
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
            f"  {clipped(one.where, WIDTH - 2)}   {clipped(element, 60)}",
            f"  {clipped(one.rule, WIDTH - 2)}",
        ]
        if one.numbers:
            lines += ["", f"  {clipped(one.numbers, WIDTH - 2)}"]
        lines += ["", *(f"  {clipped(name, 24):<24}  {long(value)}" for name, value in one.values.items())]
        found.append((one.phase, joined(lines)))
    return found


def _values(values: dict[str, float]) -> str:
    """Each backend's value, those that are alike together."""
    alike: dict[float, list[str]] = {}
    for name, value in values.items():
        alike.setdefault(value, []).append(clipped(name, 24))
    return "   ".join(f"{', '.join(names)} {long(value).strip()}" for value, names in alike.items())
