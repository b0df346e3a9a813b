"""Why a claim was left: the catalogue of mistakes, evaluated where the record and the law part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from bpcompare.laws import LAWS, Laws
from bpcompare.mistakes import MISTAKES, Mistake
from bpcompare.mistakes.mistake import Sabotaged
from bpcompare.mistakes.precision import representable
from bpcompare.network import Network
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.exact import Exactly, evaluate
from bpcompare.proof.values import StepValues


def causes(
    claim: Claim,
    balls: Balls,
    network: Network,
    laws: Laws = LAWS,
    related: Sequence[Claim] = (),
    before: Sequence[Balls] = (),
) -> tuple[Mistake, ...]:
    """The mistakes whose wrong formula reproduces the recorded value, within its own ball; nothing else is offered as a cause.

    Most often none or one. Where several do, those come first that also reproduce most of the `related` claims; several that
    do so alike cannot be told apart by this spec. `before` are the steps before this one, for mistakes that read from there.
    """
    with np.errstate(all="ignore"):
        every = MISTAKES.values()
        found = [mistake for mistake in every if _any(_explains(mistake, claim, balls, network, laws, before))]
        if len(found) > 1:
            found.sort(key=lambda one: -sum(_any(_explains(one, other, balls, network, laws, before)) for other in related))
    return tuple(found)


NAMED = 3
"""Of forms that give the same value, so many are named."""


def form(mistake: Mistake, claim: Claim, balls: Balls, network: Network, laws: Laws = LAWS, before: Sequence[Balls] = ()) -> str:
    """Which form of the mistake gives the recorded value, in words such as "ε = 1e-06"; several where they give the same."""
    with np.errstate(all="ignore"):
        every = _explains(mistake, claim, balls, network, laws, before)
        words = list(dict.fromkeys(words for words, holds in every if holds))
    if "" in words and not mistake.family:
        return ""  # the form that the two formulas of the mistake show
    words = [one for one in words if one]
    return " or ".join([*words[:NAMED], *(["another"] if len(words) > NAMED else [])])


def _any(explanations: Iterator[tuple[str, bool]]) -> bool:
    return any(holds for _, holds in explanations)


def confined(
    mistake: Mistake,
    claim: Claim,
    balls: Balls,
    network: Network,
    listed: Sequence[Claim],
    laws: Laws = LAWS,
    before: Sequence[Balls] = (),
) -> str | None:
    """The parameter at which alone the mistake was made, where it could be seen at others of the same layers; else None.

    A bias that is divided by the batch twice while its weight is not has a cause of its own: code for the bias alone.
    """
    if claim.subject not in network.parameters:
        return None
    beside = {path for name, _ in network.uses[claim.subject] for path in network.layers[name].parameters.values()}
    others = [one for one in listed if one.statement == claim.statement and one.subject in beside - {claim.subject}]
    with np.errstate(all="ignore"):
        right = [one for one in others if _parts(mistake, one, balls, network, laws, before)]
        alone = right and not any(_any(_explains(mistake, one, balls, network, laws, before)) for one in right)
    return claim.subject if alone else None


def _parts(mistake: Mistake, claim: Claim, balls: Balls, network: Network, laws: Laws, before: Sequence[Balls]) -> bool:
    """Whether the mistake, made at a claim's owners, gives another value there than the right law, beyond rounding."""
    owners = frozenset(owner for owner, _ in claim.owners)
    try:
        it = evaluate(claim, balls, laws)
        return any(apart(it, under(claim, balls, wrong, before).mid) for wrong in mistake.forms(network, owners, laws))
    except (ArithmeticError, ValueError, TypeError):
        return False


def apart(it: Ball, other: Array) -> bool:
    """Whether a wrong formula's value could be told from the right one's, whatever an honest backend rounds."""
    gap = np.abs(other - it.mid)
    return bool((gap > 2 * np.asarray(it.final_radius())).any() or not np.isfinite(other).all())


def _explains(
    mistake: Mistake, claim: Claim, balls: Balls, network: Network, laws: Laws, before: Sequence[Balls]
) -> Iterator[tuple[str, bool]]:
    """Every form of the mistake in words, and whether it gives what was recorded."""
    owners = frozenset(owner for owner, _ in claim.owners)
    right = evaluate(claim, balls, laws)
    for wrong in mistake.forms(network, owners, laws):
        yield wrong.words, _holds(claim, balls, wrong, right, before)
    if mistake.premise is not None and claim.statement == "inductive":
        moved = {path: mistake.premise(network, path) for path in claim.premises}
        moved = {path: to for path, to in moved.items() if to != path}
        if moved:
            yield "", _holds(claim, _redirected(balls, moved), laws, right)
    for name, bits in mistake.formats.items():
        if 2.0**-bits > balls.fmt.u and not isinstance(balls, Exactly) and representable(balls.values.recorded[claim.path], bits):
            # Here the wide ball is no weakness: numbers that all fit a narrow format are the evidence.
            narrow = Balls(balls.values, replace(balls.fmt, u=2.0**-bits))
            yield f"results rounded to {name}", _holds(claim, narrow, laws, None)


def under(claim: Claim, balls: Balls, laws: Laws, before: Sequence[Balls]) -> Ball:
    """The claim's value under laws that may read from the steps before."""
    remember(laws, before, lambda earlier: evaluate(claim, earlier, laws))
    return evaluate(claim, balls, laws)


def remember(laws: Laws, before: Sequence[Balls], see: Callable[[Balls], object]) -> None:
    """Let laws that read from the steps before see those."""
    laws.begin()
    if isinstance(laws, Sabotaged) and laws.remembers:
        for earlier in before:
            see(earlier)
            laws.next_step()


def _holds(claim: Claim, balls: Balls, laws: Laws, right: Ball | None, before: Sequence[Balls] = ()) -> bool:
    x = balls.values.recorded[claim.path].astype(np.float64)
    try:
        ball = under(claim, balls, laws, before)
    except (ArithmeticError, ValueError, TypeError):  # a wrong formula need not make sense everywhere
        return False
    if ball.mid.shape != x.shape:
        return False
    radius = np.broadcast_to(np.asarray(ball.final_radius(), np.float64), ball.mid.shape)
    if not (np.isfinite(ball.mid).all() and np.isfinite(radius).all()):
        return False
    # A wrong formula that rounds by more than it is wrong explains nothing.
    if right is not None and bool((np.abs(right.mid - ball.mid) <= radius).all()):
        return False
    return bool((np.abs(x - ball.mid) <= radius).all())


@dataclass(frozen=True)
class Ratio:
    """A constant by which every element is off: its name, and what usually makes it."""

    name: str
    hint: str


def ratio(claim: Claim, balls: Balls, network: Network, laws: Laws = LAWS) -> Ratio | None:
    """The well-known constant c with recorded = c · law in every element, within the ball; for an update, of the change.

    Asked where no formula of the catalogue gives the recorded value: the constant is most often half of the answer.
    """
    return among(claim, balls, _constants(network, len(balls.values.given["target"])), laws)


def among(claim: Claim, balls: Balls, constants: Iterable[tuple[float, Ratio]], laws: Laws = LAWS) -> Ratio | None:
    """As `ratio`, of these `constants` the first that fits: each a number, and what is said of it."""
    x = balls.values.recorded[claim.path].astype(np.float64)
    with np.errstate(all="ignore"):
        ball = evaluate(claim, balls, laws)
        before = balls.values.given[claim.subject].astype(np.float64) if claim.statement == "update" else 0.0
        law, x, radius = ball.mid - before, x - before, np.asarray(ball.final_radius(), np.float64)
        if not law.any() or not np.isfinite(x).all():
            return None
        for value, found in constants:
            if value != 1 and bool((np.abs(x - value * law) <= max(abs(value), 1.0) * radius).all()):
                return found
    return None


def _constants(network: Network, examples: int) -> Iterator[tuple[float, Ratio]]:
    """Constants that people forget or write twice, in the order in which they are believed."""
    yield -1.0, Ratio("−1", "the sign is turned: uphill for downhill, or a − t for t − a")
    outputs = prod(network.shape(network.error.of))
    for value, name, hint in (
        (float(examples), "the number of examples", "a sum over examples where their mean is meant, or the other way round"),
        (float(outputs), "the number of outputs", "a sum over outputs where their mean is meant, or the other way round"),
        (2.0, "2", "the ½ of E is missing, or one too many"),
    ):
        yield value, Ratio(name, hint)
        yield 1 / value, Ratio("½" if name == "2" else f"1/{name}", hint)
    eta = float(getattr(network.update, "eta", 1.0))
    yield eta, Ratio("η", "the learning rate, applied here already or once more")
    yield 1 / eta, Ratio("1/η", "the learning rate, left out")


def _redirected(balls: Balls, moved: dict[str, str]) -> Balls:
    """The same numbers, with some premises read from elsewhere."""
    values = balls.values
    sources = {path: values.given if to in values.given else values.recorded for path, to in moved.items()}
    given, recorded = ({path: x for path, x in held.items() if path not in moved} for held in (values.given, values.recorded))
    for path, to in moved.items():
        (given if sources[path] is values.given else recorded)[path] = sources[path][to]
    return balls.on(StepValues(given, recorded))
