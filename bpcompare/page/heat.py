"""Layers of a large net: a strip of cells, node by backend, and compact numbers of every unit for drilling down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from bpcompare.formula import formula, in_numbers
from bpcompare.page.shares import Shares
from bpcompare.proof.claims import Claim
from bpcompare.proof.question import question
from bpcompare.report.labels import Names
from bpcompare.report.lines import clipped

CELLS = 48
"""Cells of a strip; in a wider layer a cell stands for several units, and shows the worst of them."""
ALL_CELLS = 6_000
"""Cells of a page: a net of very many layers has shorter strips."""
BUDGET = 700_000
"""Characters of unit data on a page."""
COLOURS = ("#eef3f8", "#c9ddf0", "#8fbbe0", "#4a8fc7", "#1f5f99")
LEVELS = (0.02, 0.1, 0.3, 0.6)
WRONG = "#c2410c"


@dataclass(frozen=True)
class Cell:
    """A rectangle: its column, colour, whether it is wrong (drawn with a cross as well), and its words."""

    at: int
    colour: str
    wrong: bool
    words: str


@dataclass(frozen=True)
class Strip:
    """One backend's row of cells, and what it comes to."""

    backend: str
    cells: tuple[Cell, ...]
    summary: str


@dataclass(frozen=True)
class LayerHeat:
    """A layer's strips."""

    layer: str
    name: str
    key: str
    op: str
    shape: str
    units: int
    strips: tuple[Strip, ...]
    wrong: bool


def heat(shares: Shares, names: Names, layers: Sequence[str]) -> list[LayerHeat]:
    """These layers, in the order of the forward pass."""
    plan = shares.comparison.plan
    by_path = question(plan).by_path
    found = []
    cells = max(1, min(CELLS, ALL_CELLS // (len(layers) * len(shares.values))))
    for name in layers:
        mine = [by_path[f"{name}.{kind}"] for kind in ("in", "a", "delta")]
        strips = tuple(
            _strip(backend, unit_shares(shares, backend, mine), cells, bad=_bad(shares, backend, mine))
            for backend in shares.values
        )
        layer = plan.network.layers[name]
        shape = plan.network.shape(name)
        size = "×".join(map(str, shape)) or "1"
        wrong = any(cell.wrong for strip in strips for cell in strip.cells)
        op = f"{layer.op.name}, {layer.g.name}"
        found.append(LayerHeat(name, clipped(name, 60), names.node(name, ()), op, size, prod(shape), strips, wrong))
    return found


def unit_shares(shares: Shares, backend: str, mine: list[Claim]) -> Any:
    """The largest share of every unit, over in, a, Δ and all examples, as one axis."""
    every = [shares.of(backend, claim) for claim in mine]
    return np.max([one.reshape(len(one), -1).max(axis=0) for one in every], axis=0)


def _bad(shares: Shares, backend: str, mine: list[Claim]) -> bool:
    findings = [shares.finding(backend, claim.path) for claim in mine]
    return any(finding is not None and finding.outcome == "refuted" for finding in findings)


def _strip(backend: str, units: Any, most: int, *, bad: bool) -> Strip:
    cells = []
    for at, bucket in enumerate(np.array_split(np.arange(len(units)), min(most, len(units)))):
        largest = float(units[bucket].max())
        wrong = bad and largest > 1
        which = f"unit {bucket[0]}" if len(bucket) == 1 else f"units {bucket[0]} to {bucket[-1]}"
        cells.append(
            Cell(at, WRONG if wrong else COLOURS[int(np.searchsorted(LEVELS, largest))], wrong, f"{which}: {_percent(largest)}")
        )
    count = int((units > 1).sum()) if bad else 0
    worst = _percent(float(units.max()))
    return Strip(backend, tuple(cells), f"{count:,} of {len(units):,} units wrong" if count else f"largest share {worst}")


def _percent(share: float) -> str:
    if not np.isfinite(share):
        return "outside its ball"
    return f"{100 * share:.0f} % of the ball" if share <= 1 else f"{share:.3g} times its ball"


def unit_data(shares: Shares, names: Names, example: int, layers: Sequence[str]) -> tuple[dict[str, Any], bool]:
    """Compact numbers of every unit of these layers, by the layer's key in the drawing, as long as there is room.

    And whether that is all of the network.
    """
    plan = shares.comparison.plan
    by_path = question(plan).by_path
    first = next(iter(shares.values))
    room, whole = BUDGET, len(layers) == len(plan.order)
    found: dict[str, Any] = {}
    # The layers nearest the error first: that is where reading begins.
    for name in reversed(layers):
        mine = [by_path[f"{name}.{kind}"] for kind in ("in", "a", "delta")]
        size = prod(plan.network.shape(name))
        if size * 60 * (1 + len(shares.values)) > room:
            whole = False
            continue
        entry: dict[str, Any] = {"name": clipped(name, 60), "shape": list(plan.network.shape(name)), "example": example + 1}
        for kind, claim in zip(("in", "a", "delta"), mine, strict=True):
            entry[kind] = {
                backend: [f"{float(x):.6g}" for x in shares.values[backend].recorded[claim.path][example].ravel()]
                for backend in shares.values
            }
        entry["share"] = {backend: [_percent(float(x)) for x in unit_shares(shares, backend, mine)] for backend in shares.values}
        room -= sum(len(text) + 3 for kind in ("in", "a", "delta", "share") for row in entry[kind].values() for text in row)
        if room > size * 260:
            formulas = [
                [_formula(shares, first, claim, (example, *at)) for at in np.ndindex(*plan.network.shape(name))] for claim in mine
            ]
            entry["formula"] = dict(zip(("in", "a", "delta"), formulas, strict=True))
            room -= sum(len(text) + 3 for row in formulas for text in row)
        else:
            whole = False
        found[names.node(name, ())] = entry
    return found, whole


def _formula(shares: Shares, backend: str, claim: Claim, index: tuple[int, ...]) -> str:
    it = formula(shares.comparison.plan.network, claim, index, shares.values[backend])
    return "" if it is None else in_numbers(it)
