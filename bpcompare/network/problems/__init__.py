"""Everything that can be wrong with a network, whether it was parsed or built in Python. One file per kind of problem."""

from __future__ import annotations

from operator import is_

import numpy as np

from bpcompare.network.network import Network, Problem
from bpcompare.network.problems.data import data_problems
from bpcompare.network.problems.graph import graph_problems, unreached
from bpcompare.network.problems.names import name_problems, parameter_name_problems
from bpcompare.network.problems.ops import error_problems, ill_typed, op_problems, shape_problems, sound
from bpcompare.network.problems.parameters import parameter_problems
from bpcompare.network.problems.size import size_problems
from bpcompare.network.problems.training import training_problems

__all__ = ["problems_of", "sound", "structure_problems"]


def problems_of(network: Network) -> tuple[Problem, ...]:
    """All problems of `network`, in the order of its parts; empty when it can be run. Linear in layers, edges and numbers."""
    return ill_typed(network) or (*structure_problems(network), *data_problems(network))


def structure_problems(network: Network) -> tuple[Problem, ...]:
    """All problems but those of the data. No field of `network` may be of a wrong type."""
    parts = _parts(network)
    known: tuple[list[object], tuple[Problem, ...]] | None = vars(network).get(_FOUND)
    if known is not None and len(known[0]) == len(parts) and all(map(is_, known[0], parts)):
        return known[1]
    whole = sound(network)
    found = (
        *name_problems(network),
        *graph_problems(network),
        *op_problems(network),
        *error_problems(network),
        *unreached(network),
        *shape_problems(network, whole),
        *parameter_name_problems(network),
        *parameter_problems(network, whole),
        *training_problems(network),
        *size_problems(network, whole),
    )
    if not any(isinstance(parameter.init, np.ndarray) for parameter in network.parameters.values()):  # which may change
        vars(network)[_FOUND] = parts, found
    return found


_FOUND = "_structure_problems"
"""Where a network keeps what was found, beside its cached properties: whoever reads a spec looks, and then who draws numbers."""


def _parts(network: Network) -> list[object]:
    """The objects that were looked at: with any other one of them the network is looked at again."""
    groups = (network.inputs, network.layers, network.parameters)
    held = [part for group in groups for parts in (group.keys(), group.values()) for part in parts]
    roles = [part for layer in network.layers.values() for pair in layer.parameters.items() for part in pair]
    return [network.name, network.error, network.update, network.training, network.data, *held, *roles]
