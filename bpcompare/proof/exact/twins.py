"""Twins: two nodes of a layer that an exact draw gives the same numbers, so that opposite changes of their weights cancel.

A weight with many significant bits gives many bits to every number computed from it, and the product of two such numbers fits
no format. Between twins this is avoided: where a_i = a_i' and Δ_k = Δ_k', adding ε to w_ik and w_i'k' and subtracting it from
w_ik' and w_i'k changes neither in nor Δ.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from bpcompare.network import Network
from bpcompare.network.parameter import Array


def twins(network: Network) -> Mapping[str, Array]:
    """For every input and layer: the index of each feature's twin, features counted in row order; its own where it has none."""
    found: dict[str, Array] = {name: _along(group.shape, 0) for name, group in network.inputs.items()}
    for name in network.order:
        layer, shape = network.layers[name], network.shape(name)
        sources = [found[source] for source in layer.sources]
        if layer.op.connects or layer.op.integer:
            found[name] = _along(shape, 0 if layer.op.connects == "channels" else -1)
        elif layer.op.joins is not None and layer.op.joins % len(shape) == 0:
            found[name] = joined(sources)
        elif layer.op.by_channel:
            found[name] = _spread(channels(sources[0], network.shape(layer.sources[0])), shape)
        elif layer.op.in_order and {len(source) for source in sources} == {prod(shape)}:
            same = np.all([source == sources[0] for source in sources], axis=0)
            found[name] = np.where(same, sources[0], np.arange(len(same)))
        else:
            found[name] = np.arange(prod(shape))
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
