"""Twins: nodes that an exact draw gives the same numbers, so that what one has more and the other less is not felt behind.

A long weight makes every number behind it long, and two long factors in one product do not fit any format. Between twins it need
not: where a_i = a_i' and Δ_k = Δ_k', adding ε to w_ik and w_i'k' and taking it from w_ik' and w_i'k changes neither in nor Δ.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from bpcompare.network import Network
from bpcompare.ops import Add, AvgPool2d, Concat, Conv2d, Dense, Embedding, MaxPool2d
from bpcompare.parameter import Array


def twins(network: Network) -> Mapping[str, Array]:
    """For every input and layer: the index of each feature's twin, features counted in row order; its own where it has none."""
    found: dict[str, Array] = {name: _along(group.shape, 0) for name, group in network.inputs.items()}
    for name in network.order:
        layer, shape = network.layers[name], network.shape(name)
        sources = [found[source] for source in layer.sources]
        if isinstance(layer.op, Dense | Conv2d):
            found[name] = _along(shape, 0)
        elif isinstance(layer.op, Embedding):
            found[name] = _along(shape, len(shape) - 1)
        elif isinstance(layer.op, Add):
            same = np.all([source == sources[0] for source in sources], axis=0)
            found[name] = np.where(same, sources[0], np.arange(len(same)))
        elif isinstance(layer.op, Concat):
            found[name] = joined(sources)
        elif isinstance(layer.op, AvgPool2d | MaxPool2d):
            found[name] = _spread(channels(sources[0], network.shape(layer.sources[0])), shape)
        else:
            found[name] = sources[0]
    return found


def joined(sources: list[Array]) -> Array:
    """The twins of several groups side by side."""
    starts = np.cumsum([0, *(len(source) for source in sources[:-1])])
    return np.concatenate([source + start for source, start in zip(sources, starts, strict=True)])


def channels(twin: Array, shape: tuple[int, ...]) -> Array:
    """The twins of whole channels, from those of the features of channels × height × width."""
    area = prod(shape[1:])
    return twin.reshape(shape[0], area)[:, 0] // area


def _along(shape: tuple[int, ...], axis: int) -> Array:
    """Neighbours along one axis, two by two; one that is left over is alone."""
    if not shape:
        return np.zeros(1, np.int64)
    n = shape[axis]
    other = np.arange(n) ^ 1
    other[other >= n] = n - 1
    return np.take(np.arange(prod(shape)).reshape(shape), other, axis).ravel()


def _spread(other: Array, shape: tuple[int, ...]) -> Array:
    return np.arange(prod(shape)).reshape(shape)[other].ravel()
