"""The numbers of an exact run: drawn, tried, and drawn again until the proof goes through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import log2, prod

import numpy as np

from bpcompare.draw import asked, generator, sealed
from bpcompare.draw import plan as drawn_plan
from bpcompare.dyadic import InexactError
from bpcompare.exact.reference import proved, reference
from bpcompare.exact.rounds import inexact
from bpcompare.network import Data, Dtype, Network, Problem, SpecError
from bpcompare.ops import Sgd
from bpcompare.parameter import Array, Parameter
from bpcompare.plan import Batch, Plan

ATTEMPTS = 60
"""Draws before giving up, each sparser or of fewer examples than the one before, now and then."""

ALIVE = 0.25
"""The share of all Δ that must not be zero: identity of zeros proves nothing."""


def draw(network: Network, dtype: Dtype | None = None, steps: int | None = None, seed: int | None = None) -> Plan:
    """A plan of one step whose every partial sum is proved representable.

    Learning rate and number of examples become powers of two, momentum and decay multiples of 1/8. Raises SpecError where an
    op rounds by nature, or where no draw was found that fits the dtype.
    """
    problems = [*network.problems(), *asked(dtype, steps, seed)]
    if isinstance(steps, int | np.integer) and steps > 1:
        problems.append(Problem(("training", "steps"), "exact mode takes one step: a second one never fits", "leave --steps out"))
    problems += inexact(network)
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
            right = proved(plan)
        except InexactError as error:
            reason = str(error)
            continue
        alive = _alive(plan, right)
        if alive >= ALIVE:
            return replace(sealed(plan), exact=True)
        reason = f"only {alive:.0%} of all Δ were not zero"
    problem = Problem(("layers",), f"no exact draw found in {ATTEMPTS} attempts: {reason}", "run in float64, or a smaller net")
    raise SpecError(f"{network.name} cannot be run exactly:\n  {problem}", (problem,))


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
    a = reference(plan, until=f"{output}.a")[f"{output}.a"]
    target = (a + generator(seed + attempt, "exact/target").choice([-2.0, -1.0, 1.0, 2.0], a.shape)).astype(plan.dtype)
    batch = plan.batches[0]
    data = Data(plan.network.data.inputs, target.astype(np.float64))
    return replace(plan, network=replace(plan.network, data=data), batches=(replace(batch, target=target),))


def _alive(plan: Plan, right: Mapping[str, Array]) -> float:
    deltas = [right[f"{name}.delta"] for name in plan.order]
    return sum(int(np.count_nonzero(x)) for x in deltas) / max(sum(x.size for x in deltas), 1)
