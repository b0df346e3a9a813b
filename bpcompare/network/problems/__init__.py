"""Everything that can be wrong with a network, whether it was parsed or built in Python. One file per kind of problem."""

from __future__ import annotations

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
    whole = sound(network)
    return (
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
