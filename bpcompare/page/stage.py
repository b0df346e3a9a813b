"""The steps of the page: which elements are shown, each with its formula, everybody's number, and whether it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from math import prod

import numpy as np
from markupsafe import Markup

from bpcompare.formula import Expression, Quantity, formula
from bpcompare.formula.expression import Kind
from bpcompare.network import Network
from bpcompare.page.mathml import MathMl
from bpcompare.page.shares import Shares
from bpcompare.page.source import SourceLines
from bpcompare.plan.naming import Chosen
from bpcompare.plan.path import Path
from bpcompare.proof.claims import Claim
from bpcompare.proof.values import StepValues
from bpcompare.report.numbers import long, off, share
from bpcompare.report.places import ClaimElement, described
from bpcompare.report.rule import rule
from bpcompare.report.steps import PHASES

ABSURD = 1e100
"""A share of a ball without a radius says nothing more than that the number is outside."""
MOST_STEPS = 240
"""Steps of a small net that are shown unasked; further ones are asked for by name."""
ASKED = 40
"""Elements of one quantity that are added for one name."""
LIMIT = 360
"""Steps on a page."""
_Element = tuple[Claim, tuple[int, ...]]


@dataclass(frozen=True)
class Value:
    """One backend's number: fifteen digits, all of its bits in hexadecimal, its share of the ball, and how it stands."""

    backend: str
    text: str
    number: float
    hex: str
    share: str
    mark: str
    off: str


@dataclass(frozen=True)
class Step:
    """One element of one quantity, with everything that is said of it.

    `result` is what the rule gives; `wrong` is the first backend's value that is wrong, `recorded` that number as it is shown.
    `guilty`: by snippet, the lines that made it.
    """

    id: str
    phase: str
    statement: str
    element: str
    where: str
    rule: str
    symbol: Markup
    symbols: Markup
    numbers: Markup
    positive: tuple[Markup, Markup] | None
    result: str
    recorded: str
    number: float
    signed: bool
    values: tuple[Value, ...]
    key: str
    wrong: Value | None
    code: tuple[int, ...]
    guilty: Mapping[int, tuple[int, ...]]
    from_: str


def steps(
    shares: Shares, mathml: MathMl, sources: SourceLines, *, units: bool, more: Sequence[Chosen], among: Sequence[Claim]
) -> Iterator[Step]:
    """Every step that the page shows of these claims, in the order of the proof; `more` is what was asked for."""
    first = next(iter(shares.values.values()))
    chosen = [(claim, index) for claim in among for index in _chosen(shares, claim, first, units=units, more=more)]
    for at, (claim, index) in enumerate(_kept(shares, chosen, more)):
        yield step_of(shares, mathml, sources, f"s{at + 1}", claim, index)


def _kept(shares: Shares, chosen: list[_Element], more: Sequence[Chosen]) -> list[_Element]:
    """As many as a page holds, in their order: what is wrong, then what was asked for, then the others."""
    if len(chosen) <= LIMIT:
        return chosen

    def rank(one: _Element) -> int:
        claim, index = one
        if any(shares.mark(name, claim, index) == "WRONG" for name in shares.values):
            return 0
        return 1 if any(one.holds(claim.path, index) for one in more) else 2

    first = sorted(range(len(chosen)), key=lambda at: rank(chosen[at]))[:LIMIT]
    return [chosen[at] for at in sorted(first)]


def _chosen(shares: Shares, claim: Claim, first: StepValues, *, units: bool, more: Sequence[Chosen]) -> list[tuple[int, ...]]:
    """The elements of a claim that are shown: all of a small net's examples, else the worst and those asked for."""
    network = shares.comparison.plan.network
    shape = first.recorded[claim.path].shape
    worst = {_worst(shares, name, claim) for name in shares.values}
    if units and claim.subject in network.layers and claim.statement != "state":
        wanted = (
            worst
            if (rows := _examples(shares, network)) is None
            else worst | {index for index in product(*map(range, shape)) if index[0] in rows}
        )
    elif units and prod(shape) <= _room(network):
        wanted = set(product(*map(range, shape)))
    else:
        wanted = worst
    if more:
        asked = (index for index in product(*map(range, shape)) if any(one.holds(claim.path, index) for one in more))
        wanted |= set(islice(asked, ASKED))
    return sorted(wanted)


def _room(network: Network) -> int:
    """Elements of a parameter that are all shown; of a larger one, the worst."""
    return MOST_STEPS // max(2 * len(network.trainable), 1)


def _examples(shares: Shares, network: Network) -> set[int] | None:
    """Examples whose nodes are all shown: the first ones, as many as there is room for. None: not even one."""
    size = sum(prod(network.shape(name)) for name in network.layers) * 3
    many = min(MOST_STEPS // max(size, 1), len(shares.comparison.plan.batches[shares.step - 1]))
    return set(range(many)) if many else None


def _worst(shares: Shares, backend: str, claim: Claim) -> tuple[int, ...]:
    finding = shares.finding(backend, claim.path)
    if finding is not None and finding.worst:
        return finding.worst
    share_of = shares.of(backend, claim)
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(share_of)), share_of.shape)) if share_of.ndim else ()


def step_of(shares: Shares, mathml: MathMl, sources: SourceLines, id: str, claim: Claim, index: tuple[int, ...]) -> Step:  # noqa: A002
    """What the page says of one element of one claim: its formula, its numbers, and every backend's value and source lines.

    `id` is the step's id in the page, `index` the element's index in the array of the claim, `sources` collects the snippets.
    """
    comparison = shares.comparison
    plan, network = comparison.plan, comparison.plan.network
    base = _speaker(shares, claim, index)
    values = shares.values[base]
    it = formula(network, claim, index, values)
    result = it.value if it is not None else float(values.recorded[claim.path][index])
    signed = claim.statement in ("base", "inductive")
    opposite = None
    if signed or claim.statement == "gradient":
        other = formula(network, claim, index, values, positive=True)
        opposite = None if other is None else (_shown(mathml, other, numbers=False), _shown(mathml, other, numbers=True))
    own = Quantity(_kind(claim), claim.path, index, result)
    cells = tuple(_value(shares, name, claim, index, result) for name in shares.values)
    wrong = next((cell for cell in cells if cell.mark == "WRONG"), None)
    digits = _digits(result, wrong)
    return Step(
        id=id,
        phase=PHASES[claim.statement],
        statement=claim.statement,
        element=mathml.names.element(claim.path, index),
        where=described(plan, ClaimElement(shares.step, claim, index)),
        rule=rule(network, claim),
        symbol=mathml.math(mathml.quantity(own)),
        symbols=_shown(mathml, it, numbers=False),
        numbers=_shown(mathml, it, numbers=True),
        positive=opposite,
        result=f"{result + 0.0:.{digits}g}",
        recorded=f"{wrong.number + 0.0:.{digits}g}" if wrong else "",
        number=result,
        signed=signed,
        values=cells,
        key=mathml.key(own),
        wrong=wrong,
        code=tuple(at for name in shares.values for at in sources.of(name, claim)),
        guilty={at: lines for one in cells if one.mark == "WRONG" for at, lines in sources.guilty(one.backend, claim).items()},
        from_=base,
    )


def _digits(result: float, wrong: Value | None) -> int:
    """Seven, or as many as it takes to tell the right number from the wrong one."""
    alike = (n for n in (7, 10, 13) if wrong is None or f"{wrong.number:.{n}g}" != f"{result:.{n}g}")
    return next(alike, 17)


def _speaker(shares: Shares, claim: Claim, index: tuple[int, ...]) -> str:
    """Whose numbers are put into the formula: those of the backend that leaves it here, else the first one's."""
    wrong = [name for name in shares.values if shares.mark(name, claim, index) == "WRONG"]
    return wrong[0] if wrong else next(iter(shares.values))


def _kind(claim: Claim) -> Kind:
    kinds: dict[str, Kind] = {"base": "delta", "inductive": "delta", "gradient": "gradient", "update": "w", "state": "state"}
    if claim.statement != "forward":
        return kinds[claim.statement]
    if claim.path == "error":
        return "error"
    return "in" if Path(claim.path).kind == "in" else "a"


def _shown(mathml: MathMl, it: Expression | None, *, numbers: bool) -> Markup:
    if it is None:
        return Markup("")
    return mathml.math(mathml.numbers(it) if numbers else mathml.symbols(it))


def _value(shares: Shares, backend: str, claim: Claim, index: tuple[int, ...], result: float) -> Value:
    recorded = float(shares.values[backend].recorded[claim.path][index])
    mark = shares.mark(backend, claim, index)
    taken = shares.share(backend, claim, index)
    return Value(
        backend=backend,
        text=long(recorded).strip(),
        number=recorded,
        hex=recorded.hex(),
        share=share(taken) if taken < ABSURD else "outside",
        mark=mark,
        off=off(recorded, result) if mark == "WRONG" else "",
    )
