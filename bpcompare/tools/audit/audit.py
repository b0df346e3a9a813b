"""The audit: mistakes that would stay unseen and what would show them, dead and saturated units, how sharp each check is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bpcompare.engine.address import locate
from bpcompare.engine.worker import InProcess
from bpcompare.laws import LAWS
from bpcompare.laws.activation import Elementwise
from bpcompare.mistakes import MISTAKES, Mistake
from bpcompare.mistakes.blind import Unseen, unseen
from bpcompare.network import Data, Dtype, Network, SpecError
from bpcompare.network.parameter import Array, Initializer
from bpcompare.numbers.ball.format import format_of
from bpcompare.plan import Plan
from bpcompare.plan.draw import plan as draw
from bpcompare.plan.record import Record
from bpcompare.proof.balls import Balls
from bpcompare.proof.evaluation import evaluate
from bpcompare.proof.finding import Finding
from bpcompare.proof.power import unit_power
from bpcompare.proof.question import question
from bpcompare.proof.values import step_values
from bpcompare.session import judge
from bpcompare.verdict.comparison import Comparison

SECONDS = 60.0
"""So long blind spots are searched for in each run, at most: who asks for an audit waits."""

FLAT = 1e-3
"""A unit whose g' is smaller in every example is saturated."""


@dataclass(frozen=True)
class BlindSpot:
    """A mistake that can be made in this network and would not show, and the smallest change tried that makes it visible."""

    mistake: Mistake
    remedy: str | None


@dataclass(frozen=True)
class Idle:
    """Units of a layer that say little: dead (Δ is 0 in every example) or saturated (g' is nearly 0 in every example)."""

    layer: str
    units: tuple[tuple[int, ...], ...]
    of: int
    dead: bool


@dataclass(frozen=True)
class NodePower:
    """The smallest relative mistake in one node's Δ that would show, in its sharpest example; infinite if in none."""

    layer: str
    unit: tuple[int, ...]
    power: float


@dataclass(frozen=True, eq=False)
class Audit:
    """`comparison` is delta alone; `blind` is None if the net is too large to search; `weakest`, `nodes`: least sharp first.

    `searched` is the number of steps, from the first, that were searched for blind spots, `untried` the codes of mistakes that
    were not tried in all the time there was.
    """

    comparison: Comparison
    blind: tuple[BlindSpot, ...] | None
    idle: tuple[Idle, ...]
    weakest: tuple[Finding, ...]
    nodes: tuple[NodePower, ...] = ()
    searched: int = 0
    untried: tuple[str, ...] = ()


def audit(
    network: Network,
    dtype: Dtype | None = None,
    steps: int | None = None,
    seed: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Audit:
    """Audit a spec and its data, by the delta backend; dtype, steps and seed are the network's own unless given.

    `progress` is told what is being done. Raises SpecError for a network that cannot be run.
    """
    plan = draw(network, dtype, steps, seed)
    record = InProcess().run(locate("delta"), plan)
    comparison = judge(network.name, plan, {"delta": record}, oracle=False, means="balls")
    certificate = comparison.certificates["delta"]
    weakest = tuple(sorted((f for f in certificate.findings if f.size), key=lambda finding: -finding.power))
    idle = tuple(_idle(plan, record)) if record.failure is None else ()
    found = Unseen(None) if record.failure is not None else _hidden(plan, record)
    blind = None if found.mistakes is None else _blind(network, plan, found.mistakes, progress)
    nodes = tuple(sorted(_nodes(plan, record), key=lambda one: -one.power)) if record.failure is None else ()
    return Audit(comparison, blind, idle, weakest, nodes, found.steps, tuple(mistake.code for mistake in found.untried))


def _nodes(plan: Plan, record: Record) -> Iterator[NodePower]:
    """Every node's Δ in the first step."""
    balls = Balls(step_values(plan, record)[0], format_of(plan.dtype, record.provenance.flushes))
    for claim in question(plan).claims:
        if claim.statement in ("base", "inductive"):
            with np.errstate(all="ignore"):
                ball = evaluate(claim, balls, LAWS)
                found = unit_power(np.asarray(ball.final_radius()), ball.mid)
            for unit in np.ndindex(*found.shape):
                yield NodePower(claim.subject, unit, float(found[unit]))


def _idle(plan: Plan, record: Record) -> Iterator[Idle]:
    step = record.steps[0]
    for name in plan.order:
        delta = step.delta[name]
        dead = np.asarray(~delta.any(axis=0))
        if dead.any():
            yield Idle(name, _places(dead), dead.size, dead=True)
        g = plan.network.layers[name].g
        law = LAWS.of(f"{name}.g", g)
        if isinstance(law, Elementwise):
            flat = np.asarray((np.abs(law.g_prime(g, step.net_in[name])) < FLAT).all(axis=0) & ~dead)
            if flat.any():
                yield Idle(name, _places(flat), flat.size, dead=False)


def _places(mask: Array) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(i) for i in at) for at in np.argwhere(mask)) if mask.ndim else ((),)


def _blind(network: Network, plan: Plan, unshown: Sequence[Mistake], progress: Callable[[str], None]) -> tuple[BlindSpot, ...]:
    """The blind spots, each with the smallest change that would show it."""
    # With one example, a mistake in adding over examples is no mistake yet: it is one as soon as there are two.
    latent = [
        m for m in MISTAKES.values() if not m.applies(network) and m.applies(replace(network, data=_one_more(network.data)))
    ]
    hidden = sorted((*unshown, *latent), key=lambda mistake: mistake.code)
    remedies: dict[str, str] = {}
    for words, changed in _changes(network, len(plan.batches)):
        waiting = {mistake.code for mistake in hidden} - remedies.keys()
        if not waiting:
            break
        progress(f"trying {words}")
        try:
            other = draw(changed, plan.dtype, None, None)
        except SpecError:  # this network cannot be changed so
            continue
        answer = InProcess().run(locate("delta"), other)
        still = _hidden(other, answer) if answer.failure is None else Unseen(None)
        if still.mistakes is not None:
            shown = {code for code in waiting if MISTAKES[code].applies(changed)}
            remedies |= dict.fromkeys(shown - {mistake.code for mistake in (*still.mistakes, *still.untried)}, words)
    return tuple(BlindSpot(mistake, remedies.get(mistake.code)) for mistake in hidden)


def _hidden(plan: Plan, record: Record) -> Unseen:
    """Mistakes that no step of this run shows."""
    fmt = format_of(plan.dtype, record.provenance.flushes)
    return unseen(
        question(plan).claims, [Balls(values, fmt) for values in step_values(plan, record)], plan.network, seconds=SECONDS
    )


def _changes(network: Network, steps: int) -> Iterator[tuple[str, Network]]:
    """Small changes of data and start, the smallest first, each in words that follow “visible with”."""
    training = replace(network.training, steps=steps)
    started = replace(training, updates_done=3, slots="drawn")
    more = replace(network, data=_one_more(network.data), training=replace(training, batch=None))
    drawn = {name: replace(parameter, init=Initializer("normal", 0.5)) for name, parameter in network.parameters.items()}
    yield "one more example", more
    yield "one more step", replace(network, training=replace(training, steps=steps + 1))
    yield "an optimizer that has been running (updates_done = 3, slots = “drawn”)", replace(network, training=started)
    yield "weights drawn at random", replace(network, parameters=drawn, training=training)
    yield "one more example and a running optimizer", replace(more, training=replace(started, batch=None))
    yield (
        "random weights, one more example and a running optimizer",
        replace(more, parameters=drawn, training=replace(started, batch=None)),
    )


def _one_more(data: Data) -> Data:
    """Another example, unlike the first: mixed from it for numbers, the next one for classes."""
    return Data({name: _longer(x) for name, x in data.inputs.items()}, _longer(data.target))


def _longer(x: Array) -> Array:
    first = x[:1]
    if x.dtype.kind != "f":
        return np.concatenate([x, np.roll(first, 1, axis=-1) if first.ndim > 1 else x[-1:]])
    rolled = np.roll(first, 1, axis=-1) if first.ndim > 1 else first
    # Shares of a distribution stay shares: rolled, not scaled.
    same = bool(np.isclose(x.sum(axis=-1), 1).all()) if x.ndim > 1 else False
    return np.concatenate([x, rolled if same else 0.7 * rolled + 0.1])
