"""Size: networks too large to run are refused by arithmetic on shapes, before anything is allocated."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from bpcompare.network.network import Network, Problem
from bpcompare.text.words import quote

ELEMENTS = 2**31
"""Elements one array may have: BLAS counts in 32 bits."""
BYTES = 4 * 2**30
"""What parameters, optimizer state and the activations of one step may take together, in float64."""


def size_problems(network: Network, whole: Network) -> tuple[Problem, ...]:
    """Parameters and activations beyond the limits, each with its number."""
    return tuple(_problems(network, whole))


def _problems(network: Network, whole: Network) -> Iterator[Problem]:
    examples = _examples(network)
    parameters: dict[str, int] = {}
    activations = 0
    found = False
    for name, group in whole.inputs.items():
        size = prod(map(int, group.shape)) * examples
        activations += size
        if size > ELEMENTS:
            found = True
            message = f"input {quote(name)} has {_count(size)} values over {examples} examples, the limit is {_count(ELEMENTS)}"
            yield Problem(("inputs", name), message)
    for name, shapes in whole.shapes.items():
        for role, need in shapes.parameters.items():
            size = prod(map(int, need.shape))
            parameters[network.layers[name].parameters.get(role, f"{name}.{role}")] = size
            if size > ELEMENTS:
                found = True
                message = f"its {role} has shape {list(need.shape)}, {_count(size)} elements; the limit is {_count(ELEMENTS)}"
                yield Problem(("layers", name), message)
        size = prod(map(int, shapes.out)) * examples
        activations += size
        if size > ELEMENTS:
            found = True
            message = f"it has {_count(size)} activations over {examples} examples, the limit is {_count(ELEMENTS)}"
            yield Problem(("layers", name), message, "take a smaller batch")
    slots = len(network.update.slots)
    wanted = 8 * (sum(parameters.values()) * (1 + slots) + activations)
    if wanted > BYTES and not found:
        message = (
            f"parameters, optimizer state and the activations of {examples} examples need {wanted / 2**30:.3g} GiB in float64, "
            f"the limit is {BYTES / 2**30:.3g} GiB"
        )
        yield Problem(("layers",), message, "make the network or the batch smaller")


def _examples(network: Network) -> int:
    batch = network.training.batch
    if isinstance(batch, int) and batch > 0:
        return batch
    shape = getattr(network.data.target, "shape", ())
    return max(1, int(shape[0])) if shape else 1


def _count(size: int) -> str:
    return f"{size:,}" if size < 10**15 else f"{float(size):.3g}" if size < 10**300 else "more than 1e300"
