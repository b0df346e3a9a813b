"""The first numbers of an exact run: with few significant bits, and equal for twin nodes (`twins`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, log2, prod

import numpy as np

from bpcompare.network import Data, Dtype, Network
from bpcompare.network.parameter import Array
from bpcompare.plan import Batch, Plan
from bpcompare.plan.draw import plan as drawn_plan
from bpcompare.plan.seeds import generator
from bpcompare.proof.exact.reference import reference
from bpcompare.proof.exact.twins import channels, joined, twins

EXAMPLES = 4, 16
"""At least and at most so many examples: few, for sums over them must fit, but enough that each can show something else."""


WIDE = 4
"""Inputs of more features may have zeros."""


@dataclass(frozen=True)
class Numbers:
    """Every number that is free, as float64: `offset` is how far the target lies from the output."""

    parameters: Mapping[str, Array]
    inputs: Mapping[str, Array]
    offset: Array
    slots: Mapping[str, Array]


def short(network: Network, dtype: Dtype, seed: int, attempt: int) -> tuple[Plan, Numbers]:
    """A plan without its target, and small whole numbers for it.

    From attempt to attempt a unit has 2, 1 or 3 nonzero weights in turn, and every 12 attempts halve the number of examples.
    """
    random = generator(seed + attempt, "exact")
    most = max(int(log2(min(network.training.batch or len(network.data), EXAMPLES[1]))), int(log2(EXAMPLES[0])))
    examples = 2 ** max(most - attempt // 12, 1)
    own = _dressed(network, dtype, examples)
    start = drawn_plan(own, dtype, 1, seed)
    same = twins(own)
    # Windows of a max-pool must not tie: there, inputs are longer.
    pools = any(layer.op.may_tie for layer in own.layers.values())
    reach = 2 ** (3 + attempt % 5) if pools else 1
    inputs = {
        name: network.data.inputs[name][np.arange(examples) % len(network.data)]
        if name in network.integer_inputs
        else _mirrored(
            _nonzero(random, reach, (examples, *group.shape))
            * (1.0 if pools and attempt % 2 == 0 else _shown(random, examples, group.shape)),
            same[name],
        )
        for name, group in network.inputs.items()
    }
    fan = (2, 1, 3)[attempt % 3]
    parameters = {name: _parameter(own, name, value.shape, fan, same, random) for name, value in start.parameters.items()}
    output = own.error.of
    offset = random.choice([-1.0, 1.0], (examples, *own.shape(output)))
    # Nearly all targets differ so little from the output that the squares of the few larger differences dominate E.
    offset *= 2.0 ** -(ceil(log2(offset.size) / 2) + 1)
    slots = {path: random.choice([-1.0, 1.0], x.shape) for path, x in start.slots.items()}
    return start, Numbers(parameters, inputs, _mirrored(offset, same[output]), slots)


def plan_of(start: Plan, numbers: Numbers) -> Plan:
    """The plan with these numbers. Raises InexactError where its forward pass rounds."""
    own, dtype = start.network, start.dtype
    inputs = {name: x.astype(np.int64 if name in own.integer_inputs else dtype) for name, x in numbers.inputs.items()}
    parameters = {name: x.astype(dtype) for name, x in numbers.parameters.items()}
    slots = {path: x.astype(dtype) for path, x in numbers.slots.items()}
    untargeted = replace(start, parameters=parameters, slots=slots, batches=(Batch(inputs, numbers.offset.astype(dtype), {}),))
    output = f"{own.error.of}.a"
    target = reference(untargeted, until=output)[output] + numbers.offset
    held = {name: replace(own.parameters[name], init=numbers.parameters[name]) for name in parameters}
    own = replace(own, data=Data(numbers.inputs, target), parameters=held)
    return replace(untargeted, network=own, batches=(Batch(inputs, target.astype(dtype), {}),))


def _dressed(network: Network, dtype: Dtype, examples: int) -> Network:
    """The network with an update rule of short numbers and room for so many examples."""
    inputs = {
        name: network.data.inputs[name][np.arange(examples) % len(network.data)]
        if name in network.integer_inputs
        else np.zeros((examples, *group.shape))
        for name, group in network.inputs.items()
    }
    data = Data(inputs, np.zeros((examples, *network.shape(network.error.of))))
    training = replace(network.training, dtype=dtype, steps=1, batch=None, first=0, slots="zero")
    return replace(network, update=network.update.short(), data=data, training=training)


def _nonzero(random: np.random.Generator, reach: int, shape: tuple[int, ...]) -> Array:
    return random.choice([-1.0, 1.0], shape) * random.integers(1, reach + 1, shape)


def _shown(random: np.random.Generator, examples: int, shape: tuple[int, ...]) -> Array:
    """Where every other example is not zero: a part only, so that a weight which is long need not be felt in it.

    Of an image the last row and column, which the first weight of a kernel never meets unless it is padded by more.
    """
    mask = np.ones((examples, *shape))
    if len(shape) == 3 and min(shape[1:]) > 1:
        mask[1::2, :, :-1, :-1] = 0.0
    elif shape and shape[0] > WIDE:
        mask[1::2] = random.random((len(mask[1::2]), *shape)) < 0.5
    return mask


def _mirrored(x: Array, twin: Array) -> Array:
    """x (examples, …) with every feature's number that of the first of its twins."""
    flat = x.reshape(len(x), -1)
    return flat[:, np.minimum(np.arange(len(twin)), twin)].reshape(x.shape)


def _parameter(
    network: Network, name: str, shape: tuple[int, ...], fan: int, same: Mapping[str, Array], random: np.random.Generator
) -> Array:
    layer, role = network.uses[name][0]
    op = network.layers[layer].op
    if role != "weight" or op.connects is None:
        values = random.choice([-1.0, 0.0, 1.0] if role != "weight" else [-1.0, 1.0], shape)
        along = np.arange(shape[-1])
        return values[..., np.minimum(along, np.minimum(along ^ 1, shape[-1] - 1))]
    sources = [same[source] for source in network.layers[layer].sources]
    if op.connects == "units":
        flat = all(len(network.shape(source)) == 1 for source in network.layers[layer].sources)
        rows, twin = shape[0], joined(sources) if flat else np.arange(shape[0])
    else:
        # The rows of a kernel: channels × height × width, as it is flattened.
        area = prod(shape[2:])
        into = channels(sources[0], network.shape(network.layers[layer].sources[0]))
        rows, twin = prod(shape[1:]), (into[:, None] * area + np.arange(area)).ravel()
    columns = shape[-1] if op.connects == "units" else shape[0]
    hidden = any(source in network.layers for source in network.layers[layer].sources)
    # Every node of a wide layer before a narrow one needs a weight, or its Δ is zero.
    first = np.flatnonzero(twin >= np.arange(rows))
    pairs = -(-columns // 2)
    fan = min(max(fan, -(-len(first) // pairs) if hidden else 0), len(first))
    w = np.zeros((rows, columns))
    # Walking through permutations spreads weights over rows too: sums over consumers stay as short as sums over sources.
    order = np.concatenate([random.permutation(first) for _ in range(-(-fan * pairs // len(first)))])[: fan * pairs]
    order = np.where(random.random(len(order)) < 0.5, order, twin[order])
    w[order, 2 * (np.arange(fan * pairs) % pairs)] = random.choice([-1.0, 1.0, 1.0], fan * pairs)
    # The second of two twin columns reads the twins of what the first one reads; a column alone reads both alike.
    for column in range(0, columns, 2):
        if column + 1 < columns:
            w[:, column + 1] = w[twin, column]
        else:
            w[:, column] = np.where(w[:, column] == 0, w[twin, column], w[:, column])
            w[:, column] = w[np.minimum(np.arange(rows), twin), column]
    return w if op.connects == "units" else w.T.reshape(shape)
