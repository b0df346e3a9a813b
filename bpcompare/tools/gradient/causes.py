"""Which slip in a backward gives exactly the wrong numbers: each step of the traced forward is taken otherwise, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws import Law, Laws
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import closed
from bpcompare.ops.call import Call
from bpcompare.own.judged import Judged
from bpcompare.program import Step
from bpcompare.proof.claims import Claim
from bpcompare.proof.walk import Walk

MOST_STEPS = 80
MOST_NUMBERS = 2_000_000
"""Steps, and numbers in all of them, up to which every slip is tried."""

Close = Callable[[Array, Array], bool]


def slip(one: Judged, claim: Claim, got: Array, close: Close) -> str:
    """In words, with the line of the step; "" where no single slip that is known gives these numbers.

    `close(a, b)`: whether two arrays are equal up to the rounding of this gradient.
    """
    steps = one.covered.program.steps
    if len(steps) > MOST_STEPS or sum(x.size for x in one.values.recorded.values()) > MOST_NUMBERS:
        return ""
    for words, other in _otherwise(one, claim):
        try:
            with np.errstate(all="ignore"):
                found = np.asarray(other(), np.float64)
        except Exception:  # noqa: BLE001, S112 — a slip that this step cannot have
            continue
        if found.shape == got.shape and np.isfinite(found).all() and close(got, found):
            return words
    return ""


Other = tuple[str, Callable[[], Any]]
"""A slip in words, and the gradient that it gives."""


def _otherwise(one: Judged, claim: Claim) -> Iterator[Other]:
    """Every slip; those that people make most often come first."""
    steps = [step for step in reversed(one.covered.program.steps) if step.name != "backward"]
    places = one.recording.places

    def without(words: str, edit: Callable[[Any, Any], Any], *owners: str) -> Other:
        return words, lambda: claim.value(_plain(one), _At(one.laws, set(owners), edit))

    for words, seed in SEEDS.items():
        laws = _At(one.laws, {"backward"}, partial(_begun, seed))
        yield words, partial(claim.value, _seeded(one, seed), laws)
    statistics = [step for step in steps if isinstance(step.op, Call) and step.op.function in STATISTICS]
    for step in statistics:
        yield without(f"as if {_where(step, places)} were a constant: its term is missing", _nothing, step.name)
    if len(statistics) > 1:
        where = " and ".join(dict.fromkeys(_where(step, places) for step in reversed(statistics)))
        yield without(f"as if {where} were constants: their terms are missing", _nothing, *(step.name for step in statistics))
    for step in steps:
        for words, edit in _edits(step):
            yield without(words.format(_where(step, places)), edit, step.name)
    yield from _nearer(one, claim, steps)
    for step in steps:
        for words, changed in _constants(step, places):
            yield words, partial(claim.value, _again(one, step.name, changed), one.laws)


def _nearer(one: Judged, claim: Claim, steps: Sequence[Step]) -> Iterator[Other]:
    """Gradients of values between, of the same shape: what lies before them was forgotten."""
    program, recorded = one.covered.program, one.values.recorded
    for step in steps:
        if not program.values[step.writes].open and recorded[step.writes].shape == recorded[claim.path].shape:
            where = _where(step, one.recording.places)
            words = f"it is the gradient by the result of {where}: the derivative of what lies before that is missing"
            yield words, partial(_gradient, one, step.writes)


def _where(step: Step, places: Mapping[str, Any]) -> str:
    """A step by the name that the author's framework has for it, with its line."""
    place = places.get(step.name)
    return f"`{place.function if place else step.name}`{f' ({place.line})' if place and place.line else ''}"


STATISTICS = frozenset({"mean", "var", "std", "var_mean", "amax", "amin", "max", "linalg_vector_norm"})
"""What is made of many numbers, and often taken for a constant."""

SEEDS: Mapping[str, Callable[[Array], Array]] = {
    "as if dy were 1 everywhere: it is not multiplied by dy": np.ones_like,
    "as if dy were |dy|": np.abs,
    "as if dy were dy²: it is multiplied by dy twice": np.square,
    "as if dy were the same everywhere, its mean: it is not used element by element": lambda dy: np.full_like(dy, dy.mean()),
}
"""What may stand in the place of dy."""


class _At(Laws):
    """The right laws, but for Δ of some steps."""

    def __init__(self, laws: Laws, owners: set[str], delta: Callable[[Any, Any], Any]) -> None:
        super().__init__(laws.ops, laws.updates, laws.calls, laws.rules)
        self._laws, self._owners, self._delta = laws, owners, delta

    def of(self, owner: str, op: Any) -> Law:
        """The law of `op` at `owner`."""
        law = self._laws.of(owner, op)
        return _Other(law, self._delta) if owner in self._owners else law


class _Other:
    """A law with another Δ."""

    def __init__(self, law: Any, delta: Callable[[Any, Any], Any]) -> None:
        self._law, self._other = law, delta

    def delta(self, at: Any) -> Any:
        """Δ as the slip has it."""
        return self._other(self._law, at)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._law, name)


def _right(law: Any, at: Any) -> Array:
    return np.asarray(closed(law.delta(at)), np.float64)


def _edits(step: Step) -> Iterator[tuple[str, Callable[[Any, Any], Any]]]:
    """Slips at one step."""
    for slot in range(len(step.reads)):
        which = "" if len(step.reads) == 1 else f"{('first', 'second', 'third')[min(slot, 2)]} operand of "
        cut = (
            f"as if the {which}{{0}} did not depend on the input: its term is missing"
            if which
            else ("as if {0} did not depend on the input: its term is missing")
        )
        yield cut, _one(slot, _nothing)
    if len(step.reads) > 1:
        yield "as if {0} did not depend on the input: its term is missing", _nothing
    yield "as if the derivative of {0} were 1: its factor is missing", _passed
    if isinstance(step.op, Call) and step.op.function == "pow":
        yield "as if the exponent of {0} were 2", _one(0, lambda _, at: 2.0 * np.asarray(at.xs[0]) * np.asarray(closed(at.dy)))
        yield "the exponent of {0} is missing as a factor", _one(0, lambda law, at: _right(law, at) / _exponent(at))
        yield "as if the base of {0} were the variable, not its exponent", _power_rule
    yield "as if the sign at {0} were turned", lambda law, at: -_right(law, at)
    yield "a factor 2 too much at {0}", lambda law, at: 2.0 * _right(law, at)
    yield "a factor ½ too much at {0}", lambda law, at: 0.5 * _right(law, at)
    yield "as if {0} were a sum, not a mean", lambda law, at: _count(at) * _right(law, at)
    yield "as if {0} were a mean, not a sum", lambda law, at: _right(law, at) / _count(at)


def _begun(seed: Callable[[Array], Array], _law: Any, at: Any) -> Array:
    """Δ of the output, with something else in the place of dy."""
    return -seed(np.asarray(at.xs[1]))


def _gradient(one: Judged, path: str) -> Array:
    """+∂E of a value."""
    return -np.asarray(closed(Walk(one.covered.program, _plain(one), one.laws).back(path)), np.float64)


def _nothing(_law: Any, at: Any) -> Array:
    return np.zeros(np.shape(at.xs[at.slot]))


def _one(slot: int, edit: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda law, at: edit(law, at) if at.slot == slot else _right(law, at)


def _passed(_law: Any, at: Any) -> Array:
    dy = np.asarray(closed(at.dy), np.float64)
    if dy.shape != np.shape(at.xs[at.slot]):
        raise ValueError("dy has another shape")
    return dy


def _exponent(at: Any) -> Any:
    value = at.op.arguments["exponent"]
    return float(value) if isinstance(value, (int, float)) else np.asarray(at.xs[-1])


def _power_rule(_law: Any, at: Any) -> Array:
    """p xᵖ⁻¹ dy with x the exponent and p the base: the rule for a power, where that of an exponential is meant."""
    base = at.op.arguments["self"]
    b = float(base) if isinstance(base, (int, float)) else np.asarray(at.xs[0])
    x = np.asarray(at.xs[-1])
    return np.asarray(b * x ** (b - 1.0) * np.asarray(closed(at.dy)), np.float64)


def _count(at: Any) -> float:
    """How many numbers each result is made of."""
    n = float(prod(np.shape(at.xs[at.slot])) / max(prod(np.shape(closed(at.dy))), 1))
    if n <= 1:
        raise ValueError("nothing is summed")
    return n


def _constants(step: Step, places: Mapping[str, Any]) -> Iterator[tuple[str, Step]]:
    """The step without a small number that is added in it: an ε."""
    if not isinstance(step.op, Call) or step.op.function not in ("add", "sub"):
        return
    for name in ("self", "other"):
        value = step.op.arguments.get(name)
        if isinstance(value, float) and 0 < abs(value) < 0.1:  # what people add so as not to divide by 0
            place = places.get(step.name)
            line = f" ({place.line})" if place and place.line else ""
            yield (
                f"as if the {value:g} that is added{line} were not there",
                replace(step, op=replace(step.op, arguments={**step.op.arguments, name: 0.0})),
            )


def _seeded(one: Judged, seed: Callable[[Array], Array]) -> Callable[[str], Any]:
    """The numbers, but for every recorded Δ, which is −dy of what is behind it."""
    plain = _plain(one)
    deltas = {value.delta for value in one.covered.program.values.values() if value.delta is not None and not value.parameter}
    return lambda path: -seed(-plain(path)) if path in deltas else plain(path)


def _plain(one: Judged) -> Callable[[str], Any]:
    values = one.values

    def get(path: str) -> Any:
        x = values.given[path] if path in values.given else values.recorded[path]
        return x if isinstance(x, int) or x.dtype.kind != "f" else np.asarray(x, np.float64)

    return get


def _again(one: Judged, name: str, changed: Step) -> Callable[[str], Any]:
    """The numbers of the forward with one step changed."""
    numbers: dict[str, Any] = {}
    plain = _plain(one)

    def get(path: str) -> Any:
        return numbers[path] if path in numbers else plain(path)

    with np.errstate(all="ignore"):
        for step in one.covered.program.steps:
            if step.name == "backward" or one.covered.program.values[step.writes].open:
                continue
            step = changed if step.name == name else step  # noqa: PLW2901
            numbers[step.writes] = np.asarray(closed(Walk(one.covered.program, get, one.laws).forward(step)), np.float64)
    return get
