"""The induction, step by step, on symbols: the derivatives of the forward laws on one side, the Δ laws on the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal

import numpy as np

from bpcompare.laws import LAWS, Laws
from bpcompare.mistakes import MISTAKES
from bpcompare.network import Data, Network
from bpcompare.numbers.dyadic import InexactError
from bpcompare.plan import Plan
from bpcompare.plan.draw import plan as draw
from bpcompare.plan.path import Path
from bpcompare.proof.claims import Claim, Statement
from bpcompare.proof.question import question
from bpcompare.teach.symbolic.budget import Budget

MOST_ELEMENTS = 800
"""Elements that are proved one by one; a larger net has more of the same."""
EXAMPLES = 2
SECONDS = 300.0
"""Time that a proof has unless more is given. What it does not reach is open."""
Outcome = Literal["shown", "false", "open"]


class MissingSympyError(ImportError):
    """SymPy is not installed."""


class TooLargeError(ValueError):
    """A network that this is not for, with the limit, or an op that has no symbolic form."""


@dataclass(frozen=True)
class Line:
    """One element of a claim: how it ended, on how many sides of kinks; where it is false, numbers that show it.

    An open one that was not `reached` is neither shown nor refuted because the time was over.
    """

    path: str
    statement: Statement
    subject: str
    index: tuple[int, ...]
    outcome: Outcome
    sides: int = 1
    kinks: tuple[str, ...] = ()
    numbers: tuple[tuple[str, str], ...] = ()
    reached: bool = True


@dataclass(frozen=True, eq=False)
class Proof:
    """Every line, in the order of the textbook: base case, inductive step, gradient, update.

    `plan` has the examples that stand in the proof, out of `examples` of the spec; `mistake` is the code of one planted,
    `seconds` the time that it had.
    """

    plan: Plan
    lines: tuple[Line, ...]
    examples: int
    mistake: str | None = None
    seconds: float | None = None

    @property
    def outcome(self) -> Outcome:
        """The worst of any line."""
        outcomes = {line.outcome for line in self.lines}
        return "false" if "false" in outcomes else "open" if "open" in outcomes else "shown"

    @property
    def first(self) -> Line | None:
        """The first line that is false, or else open."""
        return next((line for line in self.lines if line.outcome == self.outcome), None) if self.outcome != "shown" else None


def prove(
    network: Network,
    laws: Laws | None = None,
    mistake: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
    seconds: float | None = SECONDS,
) -> Proof:
    """Prove the four statements for `network`, for all weights and data; with a `mistake` planted, find where they break.

    What it does not reach within `seconds` (None: without end) is open. Raises SpecError for a network that cannot be run,
    TooLargeError, and MissingSympyError.
    """
    try:
        import sympy  # noqa: F401 — asked for here, so that the message comes before the work
    except ImportError:
        raise MissingSympyError("prove needs SymPy: pip install sympy") from None
    from bpcompare.teach.symbolic.lookup import generalized

    cut = _cut(network)
    table = _table(cut, laws or LAWS, mistake)
    numeric = draw(cut, "float64", 1)
    plan = generalized(numeric)
    # What the forward pass does is the net's definition: there is nothing to show about it.
    listed = [claim for claim in question(plan).claims if claim.owners and claim.statement != "forward"]
    _fits(plan, listed)
    lines: list[Line] = []
    budget = Budget(seconds)
    for statement in ("base", "inductive", "gradient", "state", "update"):
        for claim in (claim for claim in listed if claim.statement == statement):
            if statement == "state" and claim.subject in cut.layers:
                continue  # running statistics are what the forward law says they are
            progress(f"proving {claim.path}")
            lines += _lines(plan, claim, table, budget)
    proof = Proof(numeric, tuple(lines), len(network.data), mistake, seconds)
    if mistake is not None and proof.outcome == "shown":
        why = "it shows on special numbers only, such as a gradient of 0, or in the forward pass, which is the net's definition"
        raise TooLargeError(f"{mistake} breaks no statement of this net: {why}")
    return proof


def _cut(network: Network) -> Network:
    """The same network on few examples: they are all alike, unless an op looks at the whole batch."""
    couples = any(layer.op.couples_examples for layer in network.layers.values())
    many = EXAMPLES + 1 if couples else EXAMPLES
    data = Data({name: x[:many] for name, x in network.data.inputs.items()}, network.data.target[:many])
    return replace(network, data=data, training=replace(network.training, batch=None, first=0, steps=1))


def _table(network: Network, laws: Laws, mistake: str | None) -> Laws:
    if mistake is None:
        return laws
    found = MISTAKES.get(mistake)
    if found is None:
        raise TooLargeError(f"no mistake has the code {mistake!r}; `bpcompare explain` lists them")
    if not found.applies(network):
        raise TooLargeError(f"{mistake} ({found.title}) cannot be made in {network.name}")
    wrong = found.laws(network, laws)
    if wrong.replaced == {"state"}:
        raise TooLargeError(f"{mistake} ({found.title}) is about running statistics, and they are no part of the proof")
    if wrong.remembers:
        raise TooLargeError(f"{mistake} ({found.title}) reads from the step before, and what is proved is one step")
    return wrong


def _fits(plan: Plan, listed: list[Claim]) -> None:
    size = sum(prod(_shape(plan, claim)) for claim in listed)
    if size > MOST_ELEMENTS:
        raise TooLargeError(
            f"{plan.network.name} has {size:,} numbers in its backward pass, on {len(plan.batches[0])} examples; up to "
            f"{MOST_ELEMENTS} are proved on symbols. A smaller net with the same ops proves the same laws"
        )


def _shape(plan: Plan, claim: Claim) -> tuple[int, ...]:
    if Path(claim.path).kind == "delta" and claim.subject in plan.network.layers:
        return (len(plan.batches[0]), *plan.network.shape(claim.subject))
    return plan.parameters[claim.subject].shape if claim.subject in plan.parameters else ()


def _lines(plan: Plan, claim: Claim, laws: Laws, budget: Budget) -> Iterator[Line]:
    """Every element of a claim, each on every side of the kinks it meets; those that the budget did not reach are open."""
    import sympy

    from bpcompare.teach.symbolic.lookup import Lookup
    from bpcompare.teach.symbolic.symbols import Cases, every
    from bpcompare.teach.symbolic.zero import Answer, exclude_each_other, is_zero

    def difference(cases: Cases) -> Any:
        look = Lookup(plan, cases, laws, claim.subject)
        return (look.law(claim) - look.truth(claim)).x

    answers: dict[tuple[int, ...], list[Answer]] = {}
    kinks: dict[str, None] = {}
    whole = False
    try:
        with budget:
            budget.check()
            for cases, gap in every(difference):
                kinks |= {str(what): None for what, _ in cases.conditions}
                sides = exclude_each_other(cases.conditions)
                # Where the side is known to exist, a gap without the symbols of a condition is there on it.
                others = [] if sides is False else cases.conditions
                for index in np.ndindex(*gap.shape):
                    budget.check()
                    symbols = sympy.sympify(gap[index]).free_symbols
                    mine = [one for one in cases.conditions if one[0].free_symbols & symbols] or others
                    answers.setdefault(index, []).append(Answer("shown") if sides else is_zero(gap[index], mine))
            whole = True
    except (TypeError, NotImplementedError, InexactError) as error:
        raise TooLargeError(f"{claim.path}: no symbolic form: {error}") from None
    if not whole:
        for index in np.ndindex(*_shape(plan, claim)):
            # A counterexample stands however little time was left; shown on one side of a kink is not shown on the others.
            told = [one for one in answers.get(index, ()) if one.outcome == "false" or not kinks]
            one = told[0] if told else Answer("open")
            yield Line(
                claim.path, claim.statement, claim.subject, index, one.outcome, 1, tuple(kinks), one.numbers, reached=bool(told)
            )
        return
    for index, found in answers.items():
        worst = next((one for one in found if one.outcome == "false"), None) or next(
            (one for one in found if one.outcome == "open"), found[0]
        )
        yield Line(claim.path, claim.statement, claim.subject, index, worst.outcome, len(found), tuple(kinks), worst.numbers)
