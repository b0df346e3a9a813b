"""Exact mode: numbers drawn so that nothing can round, and then bit for bit the same from everyone.

One step, on its own sparse draw of small dyadic numbers. The law is evaluated in arithmetic that proves every partial sum
representable; what a backend records must equal it in every bit (+0 and −0 are equal). No ball, no order, no hardware.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import log2, prod
from typing import Any, Literal

import numpy as np

from bpcompare.ball.format import format_of
from bpcompare.certificate import Balls, evaluate
from bpcompare.claims import Claim, claims
from bpcompare.draw import generator, sealed
from bpcompare.draw import plan as drawn_plan
from bpcompare.dyadic import Dyadic, InexactError, Precision
from bpcompare.finding import Certificate, Finding
from bpcompare.laws import LAWS, Laws
from bpcompare.network import Data, Dtype, Network, Problem, SpecError
from bpcompare.ops import (
    AvgPool2d,
    BatchNorm,
    Dropout,
    HalfSquared,
    Identity,
    LayerNorm,
    LeakyRelu,
    MeanSquared,
    Relu,
    Scale,
    Sgd,
)
from bpcompare.ops.op import Op
from bpcompare.parameter import Array, Parameter
from bpcompare.plan import Batch, Plan
from bpcompare.record import Record
from bpcompare.values import StepValues, given_values, step_values

ATTEMPTS = 60
"""Draws before giving up, each sparser or of fewer examples than the one before, now and then."""

ALIVE = 0.25
"""The share of all Δ that must not be zero: identity of zeros proves nothing."""


def draw(network: Network, dtype: Dtype | None = None, steps: int | None = None, seed: int | None = None) -> Plan:
    """A plan of one step whose every partial sum is proved representable.

    Learning rate and number of examples become powers of two, momentum and decay multiples of 1/8. Raises SpecError where an
    op rounds by nature, or where no draw was found that fits the dtype.
    """
    problems = list(network.problems())
    if steps is not None and steps != 1:
        problems.append(Problem(("training", "steps"), "exact mode takes one step: a second one never fits", "leave --steps out"))
    problems += _inexact(network)
    if problems:
        text = "\n".join([f"{network.name} cannot be run exactly:", *(f"  {problem}" for problem in problems)])
        raise SpecError(text, tuple(problems))
    dtype = network.training.dtype if dtype is None else dtype
    seed = network.training.seed if seed is None else seed
    reason = ""
    for attempt in range(ATTEMPTS):
        plan = _attempt(network, dtype, seed, attempt)
        try:
            plan = _aimed(plan, seed, attempt)
            reference = _proved(plan)
        except InexactError as error:
            reason = str(error)
            continue
        alive = _alive(plan, reference)
        if alive >= ALIVE:
            return replace(sealed(plan), exact=True)
        reason = f"only {alive:.0%} of all Δ were not zero"
    problem = Problem(("layers",), f"no exact draw found in {ATTEMPTS} attempts: {reason}", "run in float64, or a smaller net")
    raise SpecError(f"{network.name} cannot be run exactly:\n  {problem}", (problem,))


def _inexact(network: Network) -> list[Problem]:
    """What rounds by nature, whatever the numbers."""
    found = []
    for name, layer in network.layers.items():
        for key, op in (("op", layer.op), ("g", layer.g)):
            if reason := _rounds(op):
                found.append(Problem(("layers", name, key), f"{op.name} rounds: {reason}"))
    if reason := _rounds(network.error.op):
        found.append(Problem(("error", "op"), f"{network.error.op.name} rounds: {reason}"))
    elif isinstance(network.error.op, MeanSquared) and not _power_of_two(k := prod(network.shape(network.error.of))):
        found.append(Problem(("error", "op"), f"the mean over {k} outputs rounds: only powers of two divide exactly"))
    if reason := _rounds(network.update):
        found.append(Problem(("update", "rule"), f"{network.update.name} rounds: {reason}"))
    return found


def _rounds(op: Op) -> str:
    if isinstance(op, AvgPool2d) and not _power_of_two(prod(op.kernel)):
        return f"the mean over {prod(op.kernel)} values"
    for field, number in (
        ("factor", isinstance(op, Scale)),
        ("slope", isinstance(op, LeakyRelu)),
        ("scale", isinstance(op, HalfSquared | MeanSquared)),
    ):
        if number and not _power_of_two(abs(getattr(op, field))):
            return f"its {field} is not a power of two"
    if isinstance(op, Sgd):
        return ""
    exact = (Relu, LeakyRelu, Identity, HalfSquared, MeanSquared)
    if op.role in ("activation", "error", "update"):
        return "" if isinstance(op, exact) else "it is not made of sums and products of short numbers"
    return (
        "it divides by a root"
        if isinstance(op, BatchNorm | LayerNorm)
        else "it divides by 1 − rate"
        if isinstance(op, Dropout)
        else ""
    )


def _power_of_two(x: float) -> bool:
    return x > 0 and log2(x).is_integer()


def _short(x: float) -> float:
    """The nearest multiple of 1/8 below 1; what is not 0 stays so."""
    return min(max(round(x * 8), 1), 7) / 8 if x else 0.0


def _attempt(network: Network, dtype: Dtype, seed: int, attempt: int) -> Plan:
    """A sparse draw: `fan` weights of ±1 in every column; the number of examples shrinks from try to try."""
    fan = (3, 2, 2)[attempt % 3]
    wanted = network.training.batch or len(network.data)
    examples = 2 ** max(int(log2(min(wanted, 16))) - attempt // 12, 0)
    random = generator(seed + attempt, "exact")
    update = network.update
    if isinstance(update, Sgd):
        short = _short(update.momentum), _short(update.weight_decay)
        update = replace(update, eta=2.0 ** round(log2(update.eta)), momentum=short[0], weight_decay=short[1])
    # Windows of a max-pool must not tie: there, inputs have more bits.
    reach = 100 if any(layer.op.name == "max_pool2d" for layer in network.layers.values()) else 2
    inputs = {
        name: network.data.inputs[name][np.arange(examples) % len(network.data)]
        if name in network.integer_inputs
        else random.integers(-reach, reach, (examples, *group.shape)) + 0.5
        for name, group in network.inputs.items()
    }
    target = np.zeros((examples, *network.shape(network.error.of)))
    training = replace(network.training, dtype=dtype, steps=1, batch=None, first=0, slots="zero")
    own = replace(network, update=update, data=Data(inputs, target), training=training)
    start = drawn_plan(own, dtype, 1, seed)
    parameters = {name: _sparse(own, name, value.shape, fan, random) for name, value in start.parameters.items()}
    batch = Batch(
        {name: x.astype(np.int64 if name in own.integer_inputs else dtype) for name, x in inputs.items()},
        target.astype(dtype),
        {},
    )
    own = replace(own, parameters={name: Parameter(parameters[name], own.parameters[name].trainable) for name in parameters})
    return replace(start, network=own, parameters={k: v.astype(dtype) for k, v in parameters.items()}, batches=(batch,))


def _sparse(network: Network, name: str, shape: tuple[int, ...], fan: int, random: np.random.Generator) -> Array:
    layer, role = network.uses[name][0]
    op = network.layers[layer].op
    if role != "weight" or op.name == "embedding":
        return random.choice([-1.0, 0.0, 1.0], shape) if role != "weight" else random.choice([-2.0, -1.0, 1.0, 2.0], shape)
    rows, columns = (shape[0], shape[1]) if op.name == "dense" else (prod(shape[1:]), shape[0])
    hidden = any(source in network.layers for source in network.layers[layer].sources)
    # Every node of a wide layer before a narrow one needs a weight, or its Δ is zero.
    fan = min(max(fan, -(-rows // columns) if hidden else 0), rows)
    w = np.zeros((rows, columns))
    # Walking through permutations spreads weights over rows too: sums over consumers stay as short as sums over sources.
    order = np.concatenate([random.permutation(rows) for _ in range(-(-fan * columns // rows))])[: fan * columns]
    w[order, np.arange(fan * columns) % columns] = random.choice([-1.0, 1.0, 1.0], fan * columns)
    return w if op.name == "dense" else w.T.reshape(shape)


def _aimed(plan: Plan, seed: int, attempt: int) -> Plan:
    """The plan with a target one or two away from the output, so that every Δ of the output is small and not zero."""
    output = plan.network.error.of
    a = _reference(plan, until=f"{output}.a")[f"{output}.a"]
    target = (a + generator(seed + attempt, "exact/target").choice([-2.0, -1.0, 1.0, 2.0], a.shape)).astype(plan.dtype)
    batch = plan.batches[0]
    data = Data(plan.network.data.inputs, target.astype(np.float64))
    return replace(plan, network=replace(plan.network, data=data), batches=(replace(batch, target=target),))


def _reference(plan: Plan, laws: Laws = LAWS, until: str = "", side: Literal["low", "high"] | None = None) -> dict[str, Array]:
    """Every quantity of the step by the laws, exactly. Raises InexactError where a partial sum would not fit."""
    given = given_values(plan, 1, None)
    precision = Precision(plan.dtype, side)
    found: dict[str, Array] = {}

    def get(path: str) -> Any:
        x = found[path] if path in found else given[path]
        return Dyadic(np.asarray(x, np.float64), precision) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x

    for claim in claims(plan):
        value = claim.value(get, laws)
        found[claim.path] = np.asarray(value.mid if isinstance(value, Dyadic) else value, np.float64)
        if claim.path == until:
            break
    return found


def _proved(plan: Plan) -> Mapping[str, Array]:
    """The reference, if it neither rounds nor depends on how ties of a maximum are broken."""
    reference = _reference(plan)
    if any(layer.op.name == "max_pool2d" for layer in plan.network.layers.values()):
        for side in ("low", "high"):
            other = _reference(plan, side=side)
            if any(path.endswith(".delta") and not np.array_equal(other[path], reference[path]) for path in reference):
                raise InexactError("a max-pool window has a tie that matters")
    return reference


def _alive(plan: Plan, reference: Mapping[str, Array]) -> float:
    deltas = [reference[f"{name}.delta"] for name in plan.order]
    return sum(int(np.count_nonzero(x)) for x in deltas) / max(sum(x.size for x in deltas), 1)


def examine(plan: Plan, record: Record, laws: Laws = LAWS) -> Certificate:
    """Demand bit-identity of every recorded quantity with the law on the same premises."""
    if record.failure is not None:
        return Certificate(record.provenance, (), failure=record.failure)
    reference = _reference(plan, laws)
    (values,) = step_values(plan, record)
    findings = []
    with np.errstate(all="ignore"):
        for claim in claims(plan):
            same_start = all(
                path in values.given or np.array_equal(values.recorded[path], reference[path])
                for path in claim.premises
                if path in reference or path in values.given
            )
            expected = reference[claim.path] if same_start else _at(claim, values, laws)
            findings.append(_compared(claim, values, expected, plan, record, laws))
    plain = []
    (step,) = record.steps
    for name, x in (step.plain or {}).items():
        same = np.array_equal(x, step.gradient[name])
        note = "" if same else "the gradient without instrumentation has other bits: watching changed the answer"
        plain.append(Finding(f"{name}.plain", "gradient", "holds" if same else "undecided", 0.0, 0.0, size=x.size, note=note))
    return Certificate(record.provenance, tuple(findings), tuple(plain))


def _at(claim: Claim, values: StepValues, laws: Laws) -> Array:
    def get(path: str) -> Any:
        x = values.given[path] if path in values.given else values.recorded[path]
        return x.astype(np.float64) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x

    return np.asarray(claim.value(get, laws))


def _compared(claim: Claim, values: StepValues, expected: Array, plan: Plan, record: Record, laws: Laws) -> Finding:
    x = values.recorded[claim.path].astype(np.float64)
    off = ~(x == expected)
    if not off.any():
        return Finding(claim.path, claim.statement, "holds", 0.0, 0.0, size=x.size)
    at = tuple(int(i) for i in np.unravel_index(int(np.argmax(off)), off.shape)) if off.ndim else ()
    moved = float(abs(x[at] - expected[at]) / abs(expected[at])) if expected[at] else float("inf")
    outcome: Literal["refuted", "convention"] = "refuted"
    note = "not the same bits, although no order of summation can round here"
    if np.isfinite(x).all() and claim.statement in ("base", "inductive") and any(op.kinks for _, op in claim.owners):
        balls = Balls(values, format_of(plan.dtype, record.provenance.flushes))
        low, high = (evaluate(claim, balls, laws, side=side).mid for side in ("low", "high"))
        if ((np.minimum(low, high) <= x) & (x <= np.maximum(low, high)))[off].all():
            outcome, note = "convention", "on a kink, where the backend takes another valid derivative than the law's convention"
    return Finding(
        claim.path, claim.statement, outcome, float("inf"), 0.0, at, float(x[at]), float(expected[at]), 0.0, moved,
        off=int(off.sum()), size=x.size, note=note,
    )  # fmt: skip
