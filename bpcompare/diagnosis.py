"""Why a claim was left: the catalogue of mistakes, evaluated where the record and the law part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from bpcompare.ball import Ball
from bpcompare.certificate import Balls
from bpcompare.claims import Claim
from bpcompare.exact import Exactly, evaluate
from bpcompare.laws import LAWS, Laws
from bpcompare.mistakes import MISTAKES, Mistake
from bpcompare.network import Network
from bpcompare.values import StepValues


def causes(claim: Claim, balls: Balls, network: Network, laws: Laws = LAWS, related: Sequence[Claim] = ()) -> tuple[Mistake, ...]:
    """The mistakes whose wrong formula reproduces the recorded value, within its own ball; nothing else is offered as a cause.

    Most often none or one. Where several do, those come first that also reproduce most of the `related` claims; several that
    do so alike cannot be told apart by this spec.
    """
    with np.errstate(all="ignore"):
        found = [mistake for mistake in MISTAKES.values() if any(_explains(mistake, claim, balls, network, laws))]
        if len(found) > 1:
            found.sort(key=lambda mistake: -sum(any(_explains(mistake, other, balls, network, laws)) for other in related))
    return tuple(found)


def confined(
    mistake: Mistake, claim: Claim, balls: Balls, network: Network, listed: Sequence[Claim], laws: Laws = LAWS
) -> str | None:
    """The parameter at which alone the mistake was made, where it could be seen at others of the same layers; else None.

    A bias that is divided by the batch twice while its weight is not has a cause of its own: code for the bias alone.
    """
    if claim.subject not in network.parameters:
        return None
    beside = {path for name, _ in network.uses[claim.subject] for path in network.layers[name].parameters.values()}
    others = [one for one in listed if one.statement == claim.statement and one.subject in beside - {claim.subject}]
    with np.errstate(all="ignore"):
        right = [one for one in others if _parts(mistake, one, balls, network, laws)]
        alone = right and not any(any(_explains(mistake, one, balls, network, laws)) for one in right)
    return claim.subject if alone else None


def _parts(mistake: Mistake, claim: Claim, balls: Balls, network: Network, laws: Laws) -> bool:
    """Whether the mistake, made at a claim's owners, gives another value there than the right law, beyond rounding."""
    owners = frozenset(owner for owner, _ in claim.owners)
    try:
        it = evaluate(claim, balls, laws)
        return any(_apart(it, evaluate(claim, balls, wrong)) for wrong in mistake.forms(network, owners, laws))
    except (ArithmeticError, ValueError, TypeError):
        return False


def _apart(it: Ball, other: Ball) -> bool:
    gap = np.abs(other.mid - it.mid)
    return bool((gap > 2 * np.asarray(it.final_radius())).any() or not np.isfinite(other.mid).all())


def _explains(mistake: Mistake, claim: Claim, balls: Balls, network: Network, laws: Laws) -> Iterator[bool]:
    owners = frozenset(owner for owner, _ in claim.owners)
    right = evaluate(claim, balls, laws) if isinstance(balls, Exactly) else None
    for wrong in mistake.forms(network, owners, laws):
        yield _holds(claim, balls, wrong, right)
    if mistake.premise is not None and claim.statement == "inductive":
        moved = {path: mistake.premise(network, path) for path in claim.premises}
        moved = {path: to for path, to in moved.items() if to != path}
        if moved:
            yield _holds(claim, _redirected(balls, moved), laws, right)


def _holds(claim: Claim, balls: Balls, laws: Laws, right: Ball | None) -> bool:
    x = balls.values.recorded[claim.path].astype(np.float64)
    try:
        ball = evaluate(claim, balls, laws)
    except (ArithmeticError, ValueError, TypeError):  # a wrong formula need not make sense everywhere
        return False
    if ball.mid.shape != x.shape:
        return False
    radius = np.broadcast_to(np.asarray(ball.final_radius(), np.float64), ball.mid.shape)
    if not (np.isfinite(ball.mid).all() and np.isfinite(radius).all()):
        return False
    # In an exact run a wrong formula that rounds by more than it is wrong explains nothing.
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
    x = balls.values.recorded[claim.path].astype(np.float64)
    with np.errstate(all="ignore"):
        ball = evaluate(claim, balls, laws)
        before = balls.values.given[claim.subject].astype(np.float64) if claim.statement == "update" else 0.0
        law, x, radius = ball.mid - before, x - before, np.asarray(ball.final_radius(), np.float64)
        if not law.any() or not np.isfinite(x).all():
            return None
        for value, found in _constants(network, len(balls.values.given["target"])):
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


def unseen(claims: tuple[Claim, ...], balls: Balls, network: Network, laws: Laws = LAWS) -> tuple[Mistake, ...]:
    """Mistakes that can be made in this network and would have stayed inside every ball of this step: its blind spots."""
    with np.errstate(all="ignore"):
        right: dict[str, Ball] = {}
        return tuple(m for m in MISTAKES.values() if m.applies(network) and not _shows(m, claims, balls, network, laws, right))


def _shows(
    mistake: Mistake, claims: tuple[Claim, ...], balls: Balls, network: Network, laws: Laws, right: dict[str, Ball]
) -> bool:
    places = mistake.places(network, laws)
    wrong = mistake.laws(network, laws)
    for claim in claims:
        if not any(owner in places for owner, _ in claim.owners):
            continue
        if claim.path not in right:
            right[claim.path] = evaluate(claim, balls, laws)
        if _apart(right[claim.path], evaluate(claim, balls, wrong)):
            return True
    return False
