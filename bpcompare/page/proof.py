"""The proof panel: the induction row by row, each row naming the rows it rests on and what is left of its ball."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from bpcompare.network import Network
from bpcompare.page.selected import Rest, Selected
from bpcompare.page.shares import Shares
from bpcompare.page.stage import ABSURD
from bpcompare.plan.path import Path
from bpcompare.proof.claims import Claim
from bpcompare.report.labels import Names
from bpcompare.report.lines import clipped, named
from bpcompare.report.numbers import share, short

TITLES = {
    "forward": "Forward pass: every in, a and E from the numbers before it",
    "base": "Base case: Δ at the output, from E",
    "inductive": "Inductive step: Δ from the Δ of the nodes it feeds",
    "gradient": "Gradient: from a and Δ",
    "update": "Update: from the gradient",
    "state": "State: running statistics and optimizer slots",
}


@dataclass(frozen=True)
class Cell:
    """One backend in one row."""

    backend: str
    mark: str
    share: str
    note: str


@dataclass(frozen=True)
class Row:
    """One claim, or one node of it: what it is about, the rows it rests on, each backend's residual as a share of its ball.

    `symbol`: of a row about a node, the quantity, in the article's notation.
    """

    symbol: str
    name: str
    rests: str
    key: str
    power: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Part:
    """One statement of the proof."""

    statement: str
    title: str
    rows: tuple[Row, ...]
    wrong: bool
    rest: Rest | None = None


def proof(shares: Shares, names: Names, chosen: Selected) -> Iterator[Part]:
    """All statements; Δ node by node where units are drawn, everything else quantity by quantity."""
    for statement, title in TITLES.items():
        rows: list[Row] = []
        for claim in (claim for claim in chosen.claims if claim.statement == statement):
            rows += (
                _node_rows(shares, names, claim)
                if names.units and statement in ("base", "inductive")
                else [_row(shares, names, claim)]
            )
        rest = chosen.rest.get(statement)
        if rows:
            yield Part(statement, title, tuple(rows), any(cell.mark == "WRONG" for row in rows for cell in row.cells), rest)


def _row(shares: Shares, names: Names, claim: Claim) -> Row:
    cells = []
    power = ""
    for name in shares.values:
        finding = shares.finding(name, claim.path)
        if finding is None:
            continue
        mark = {"holds": "ok", "refuted": "WRONG"}.get(finding.outcome, finding.outcome)
        cells.append(Cell(name, mark, _taken(finding.share), finding.note))
        power = _smallest(finding.power)
    return Row("", names.element(claim.path, ()), _rests(claim), _key(names, claim), power, tuple(cells))


def _taken(taken: float) -> str:
    return share(taken) if taken < ABSURD else "outside"


def _smallest(power: float) -> str:
    return short(power) if power < float("inf") else "none"


def _rests(claim: Claim) -> str:
    premises = [Path(path).after for path in claim.premises if path != "t"]
    return named([clipped(path, 40) for path in premises], 6)


def _key(names: Names, claim: Claim) -> str:
    return names.node(claim.subject, ()) if claim.subject in names.network.layers and not names.units else ""


def _node_rows(shares: Shares, names: Names, claim: Claim) -> list[Row]:
    """A row for each node, over all examples: the row a student would write."""
    network, name = names.network, claim.subject
    rows = []
    sharp = shares.unit_power(next(iter(shares.values)), claim)
    for unit in product(*map(range, network.shape(name))):
        cells = []
        for backend in shares.values:
            every = shares.of(backend, claim)[(slice(None), *unit)]
            worst = int(every.argmax())
            mark = "ok"
            for row in (worst, *range(len(every))):
                mark = shares.mark(backend, claim, (row, *unit))
                if mark != "ok":
                    break
            cells.append(Cell(backend, mark, _taken(float(every.max())), ""))
        power = _smallest(float(sharp[unit]))
        rows.append(Row("Δ", names.label(name, unit), _fed(names, network, claim), names.node(name, unit), power, tuple(cells)))
    return rows


def _fed(names: Names, network: Network, claim: Claim) -> str:
    """The rows of Δ that this one rests on."""
    if claim.statement == "base":
        own = "the error alone"
        return own if len(claim.owners) <= 2 else f"{own}, and {_nodes(names, network, claim)}"
    return f"the rows of {_nodes(names, network, claim)}"


def _nodes(names: Names, network: Network, claim: Claim) -> str:
    found = []
    for consumer, _ in network.consumers[claim.subject]:
        found += [names.label(consumer, unit) for unit in product(*map(range, network.shape(consumer)))]
    return named(list(dict.fromkeys(found)), 6)
