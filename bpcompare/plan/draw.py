"""Making the plan: every number of a run is drawn here, once, in NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod, sqrt
from typing import Any, get_args

import numpy as np

from bpcompare.network import Dtype, Network, Problem, SpecError
from bpcompare.network.parameter import Array, Initializer
from bpcompare.ops import LayerOp
from bpcompare.plan.plan import Batch, Plan
from bpcompare.plan.seeds import generator, generators
from bpcompare.plan.written import digest

LIMIT = 8 * 2**30
"""Bytes a plan may take; more is refused before anything is allocated."""


def plan(network: Network, dtype: Dtype | None = None, steps: int | None = None, seed: int | None = None) -> Plan:
    """A plan for `network`; dtype, steps and seed are the network's own unless given.

    Each array has a generator of its own, seeded by (seed, path): adding a layer does not change the others' numbers. Raises
    SpecError with every problem of the network, or of its numbers in `dtype`.
    """
    training = network.training
    _refuse(network.name, (*network.problems(), *asked(dtype, steps, seed)))
    dtype = training.dtype if dtype is None else dtype
    steps = training.steps if steps is None else steps
    seed = training.seed if seed is None else seed
    _refuse(network.name, _size(network, dtype, steps))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        return _drawn(network, dtype, steps, seed)


def _drawn(network: Network, dtype: Dtype, steps: int, seed: int) -> Plan:
    rounding = _Rounding(dtype)
    parameters = {name: rounding(x, "parameters", name) for name, x in _parameters(network, seed)}
    batches = _batches(network, rounding, steps, seed)
    _refuse(network.name, tuple(rounding.problems))
    state = {
        f"{layer}.{key}": np.full(shape, 1.0 if key == "running_var" else 0.0, dtype)
        for layer in network.order
        for key, shape in network.shapes[layer].state.items()
    }
    drawn = Plan(
        network=network,
        dtype=dtype,
        parameters=parameters,
        state=state,
        slots=_slots(network, parameters, rounding, seed),
        batches=batches,
        updates_done=network.training.updates_done,
    )
    _refuse(network.name, tuple(rounding.problems))
    return sealed(drawn)


def sealed(plan: Plan) -> Plan:
    """`plan` with its arrays C-contiguous and read-only, and its digest. Arrays that are not so already are copied."""
    kept: dict[int, Array] = {}

    def seal(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: one(x) for name, x in arrays.items()}

    def one(x: Array) -> Array:
        if id(x) not in kept:
            kept[id(x)] = _read_only(x)
        return kept[id(x)]

    plan = replace(
        plan,
        parameters=seal(plan.parameters),
        state=seal(plan.state),
        slots=seal(plan.slots),
        batches=tuple(Batch(seal(b.inputs), one(b.target), seal(b.draws)) for b in plan.batches),
    )
    return replace(plan, digest=digest(plan))


def _read_only(x: Array) -> Array:
    if x.flags.writeable or not x.flags.c_contiguous or x.base is not None:
        x = np.array(x, order="C", copy=True)
        x.setflags(write=False)
    return x


def initial(how: Initializer, shape: tuple[int, ...], fan: tuple[int, int], random: np.random.Generator) -> Array:
    """float64 values of `shape` from the distribution `how`.

    `fan` is (fan_in, fan_out): how many sources a unit reads, and how many units read one. Variances: Glorot and Bengio (2010)
    2/(fan_in + fan_out), He et al. (2015) 2/fan_in, LeCun et al. (1998) 1/fan_in; a uniform draw from [−c, c] has c²/3.
    """
    if how.kind in CONSTANT:
        return _constant(how, shape)
    family, _, form = how.kind.rpartition("_")
    # Variance of the draw; a uniform distribution over [−c, c] has c²/3.
    variance = {"glorot": 2 / (fan[0] + fan[1]), "he": 2 / fan[0], "lecun": 1 / fan[0]}.get(family)
    if form == "normal":
        return how.scale * sqrt(1.0 if variance is None else variance) * random.standard_normal(shape)
    return how.scale * sqrt(1.0 if variance is None else 3 * variance) * random.uniform(-1.0, 1.0, shape)


CONSTANT = ("zeros", "ones")


def _constant(how: Initializer, shape: tuple[int, ...]) -> Array:
    return np.full(shape, how.scale if how.kind == "ones" else 0.0)


class _Rounding:
    """Rounds float64 to the plan's dtype. A value that is not finite there becomes a problem that says where it is.

    NumPy's own warnings are switched off by whoever calls it, once.
    """

    def __init__(self, dtype: Dtype) -> None:
        self.dtype = np.dtype(dtype)
        self.problems: list[Problem] = []
        self._known: dict[int, tuple[Array, Array]] = {}

    def __call__(self, value: Array, *where: str) -> Array:
        value = np.asarray(value)
        if id(value) in self._known:  # an array under several names; kept here, for its id must not be another's meanwhile
            return self._known[id(value)][1]
        # What nobody can change needs no copy.
        rounded: Array = value.astype(self.dtype, copy=value.flags.writeable)
        if not (sound := np.isfinite(rounded)).all():
            lost = ~sound
            at = tuple(int(i) for i in np.argwhere(lost)[0])
            place = f" at {list(at)}" if at else ""
            problem = f"{float(value[at]):.6g}{place} does not fit into {self.dtype}"
            if problem not in (known.message for known in self.problems if known.where == where):
                self.problems.append(Problem(where, problem, "run in float64, or scale the values down"))
        if not value.flags.writeable:
            self._known[id(value)] = value, rounded
        rounded.setflags(write=False)  # so that sealing copies nothing
        return rounded


def _refuse(name: str, problems: tuple[Problem, ...]) -> None:
    if problems:
        raise SpecError("\n".join([f"{name} cannot be run:", *(f"  {problem}" for problem in problems)]), problems)


def asked(dtype: Any, steps: Any, seed: Any) -> tuple[Problem, ...]:
    """What is wrong with a dtype, steps or a seed that somebody asked for; None is nothing asked."""
    found = []
    if dtype is not None and (not isinstance(dtype, str) or dtype not in get_args(Dtype)):
        found.append(Problem(("training", "dtype"), f"must be float32 or float64, is {dtype!r}"))
    if steps is not None and (not _whole(steps) or steps < 1):
        found.append(Problem(("training", "steps"), f"must be a whole number, at least 1, is {steps!r}"))
    if seed is not None and (not _whole(seed) or seed < 0):
        found.append(Problem(("training", "seed"), f"must be a whole number, at least 0, is {seed!r}"))
    return tuple(found)


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _size(network: Network, dtype: Dtype, steps: int) -> tuple[Problem, ...]:
    examples = network.training.batch or len(network.data)
    copies = 1 if examples % len(network.data) == 0 else steps
    weights = sum(prod(network.parameter_shape(name)) for name in network.parameters) * (1 + len(network.update.slots))
    features = sum(prod(group.shape) for group in network.inputs.values()) + prod(network.data.target.shape[1:])
    masks = sum(prod(shape) for layer in network.order for shape in network.shapes[layer].draws.values())
    # 1 KiB a step for the objects themselves.
    wanted = np.dtype(dtype).itemsize * (weights + examples * (copies * features + steps * masks)) + 1024 * steps
    nodes = sum(prod(network.shapes[layer].out) for layer in network.order)
    # in, a and Δ of every node; gradient, plain gradient, parameters and slots.
    recorded = np.dtype(dtype).itemsize * steps * (3 * examples * nodes + 3 * weights)
    found = []
    for size, what in ((wanted, "need"), (recorded, "leave a record of")):
        if size > LIMIT:
            message = f"{steps} steps of {examples} examples {what} {size / 2**30:.3g} GiB, the limit is {LIMIT / 2**30:.3g} GiB"
            found.append(Problem(("training", "steps"), message, "take fewer steps or a smaller batch"))
    return tuple(found)


def _parameters(network: Network, seed: int) -> Iterator[tuple[str, Array]]:
    inits = {name: parameter.init for name, parameter in network.parameters.items()}
    drawn = [name for name, init in inits.items() if isinstance(init, Initializer) and init.kind not in CONSTANT]
    random = generators(seed, (f"parameters/{name}" for name in drawn))
    for name, init in inits.items():
        if not isinstance(init, Initializer):
            yield name, np.asarray(init, np.float64)
            continue
        layer, role = network.uses[name][0]
        needed = network.shapes[layer].parameters[role]
        if init.kind in CONSTANT:  # of ten thousand nodes these are half of the parameters
            yield name, _constant(init, needed.shape)
        else:
            yield name, initial(init, needed.shape, needed.fan, next(random))


def _size_of(x: Array) -> float:
    """The root mean square; of numbers whose squares overflow, the largest."""
    with np.errstate(over="ignore"):
        size = float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))
    return size if np.isfinite(size) else float(np.abs(x).max())


def _slots(network: Network, parameters: Mapping[str, Array], rounding: _Rounding, seed: int) -> dict[str, Array]:
    """Optimizer state before the first step: the rule's own, or in the size that a tenth of the parameter, scaled like E, has."""
    update = network.update
    slots: dict[str, Array] = {}
    for name in network.trainable:
        p = parameters[name]
        drawn: dict[str, Array] = {}
        # Those with a sign first: a mean of squares is drawn above the square of the mean.
        for slot in sorted(update.slots, key=lambda slot: slot in update.squares):
            path = f"{name}.{update.name}.{slot}"
            if network.training.slots == "zero":
                drawn[slot] = np.full_like(p, update.initial(slot))
                continue
            random = generator(seed, f"slots/{path}")
            size = 0.1 * network.error.op.scale * (_size_of(p) or 1.0)
            if slot in update.squares:
                # It is positive and finite, and must stay so after rounding.
                kind = np.finfo(rounding.dtype)
                mean = drawn.get(update.squares[slot], np.zeros(()))
                with np.errstate(over="ignore"):
                    value = np.maximum(size * size * random.uniform(0.5, 1.5, p.shape), kind.tiny)
                    value = value + np.square(mean, dtype=np.float64) + update.initial(slot)
                value = np.minimum(value, float(kind.max) / 2)
            else:
                value = size * random.standard_normal(p.shape)
            drawn[slot] = rounding(value, "parameters", *path.split("."))
        slots |= {f"{name}.{update.name}.{slot}": drawn[slot] for slot in update.slots}
    return slots


def _batches(network: Network, rounding: _Rounding, steps: int, seed: int) -> tuple[Batch, ...]:
    training, data = network.training, network.data
    total = len(data)
    examples = training.batch or total
    seen: dict[int, tuple[dict[str, Array], Array]] = {}
    batches = []
    for step in range(steps):
        start = (training.first + step * examples) % total
        if start not in seen:
            rows = (start + np.arange(examples)) % total
            inputs = {
                name: _whole_numbers(data.inputs[name][rows])
                if name in network.integer_inputs
                else rounding(data.inputs[name][rows], "data", name)
                for name in network.inputs
            }
            target = data.target[rows]
            integer = network.error.op.integer_target
            seen[start] = inputs, _whole_numbers(target) if integer else rounding(target, "data", "target")
        batches.append(Batch(*seen[start], _draws(network, rounding.dtype, examples, step, seed)))
    return tuple(batches)


def _whole_numbers(x: Array) -> Array:
    return np.asarray(x).astype(np.int64)


def _draws(network: Network, dtype: np.dtype[Any], examples: int, step: int, seed: int) -> dict[str, Array]:
    draws: dict[str, Array] = {}
    for layer in network.order:
        for key, shape in network.shapes[layer].draws.items():
            path = f"{layer}.{key}"
            random = generator(seed, f"draws/{step + 1}/{path}")
            draws[path] = _mask(network.layers[layer].op, (examples, *shape), random).astype(dtype)
    return draws


def _mask(op: LayerOp, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    mask: Array = random.random(shape) >= op.dropped
    if mask.size and not mask.any():
        # A mask of zeros would hide everything behind it.
        mask.flat[random.integers(mask.size)] = True
    return mask
