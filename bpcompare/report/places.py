"""Where something happened: a path and an index, as an element that people can find in their network."""

from __future__ import annotations

from dataclasses import dataclass

from bpcompare.claims import Claim, claims
from bpcompare.network import Network
from bpcompare.plan import Plan
from bpcompare.report.lines import clipped, counted


@dataclass(frozen=True)
class Place:
    """One claim of one step (from 1), and the element of it that decides."""

    step: int
    claim: Claim
    index: tuple[int, ...]


def place(plan: Plan, path: str, index: tuple[int, ...]) -> Place:
    """The place of a finding."""
    prefix, separator, rest = path.partition("/")
    numbered = bool(separator) and prefix.startswith("step") and prefix[4:].isdigit()
    step, bare = (int(prefix[4:]), rest) if numbered else (1, path)
    found = {claim.path: claim for claim in claims(plan)}
    if path in found:  # a name may look like a step
        step, bare = 1, path
    return Place(step, found[bare], index)


def element(path: str, index: tuple[int, ...]) -> str:
    """`h.delta[0,1]`."""
    return f"{path}[{','.join(map(str, index))}]" if index else path


def described(plan: Plan, at: Place) -> str:
    """The element in words."""
    network, claim, index = plan.network, at.claim, at.index
    kind = claim.path.rpartition(".")[2]
    if claim.path == "error":
        words = "the error E"
    elif claim.subject in network.layers and kind in ("in", "a", "delta"):
        quantity = {"in": "net input", "a": "activation", "delta": "Δ"}[kind]
        example = f"example {index[0] + 1} of {len(plan.batches[at.step - 1])}"
        words = f"{quantity} of {node(network, claim.subject, index[1:])}, {example}"
    elif claim.statement == "gradient":
        words = f"gradient of {parameter(network, claim.subject, index)}"
    elif claim.statement == "update":
        words = f"{parameter(network, claim.subject, index)}, after the update"
    elif claim.subject in network.parameters:
        words = f"optimizer state “{kind}” of {parameter(network, claim.subject, index)}"
    else:
        words = f"state “{kind}” of layer {clipped(claim.subject, 40)}"
    steps = len(plan.batches)
    return words if steps == 1 else f"{words}, step {at.step} of {steps}"


def node(network: Network, group: str, index: tuple[int, ...]) -> str:
    """One node: by its own name, or by its layer's and its number."""
    units = (network.inputs[group] if group in network.inputs else network.layers[group]).units
    if units and len(index) == 1:
        return f"node {clipped(units[index[0]], 40)}"
    if not index or network.shape(group) == (1,):
        return f"node {clipped(group, 40)}"
    return f"node {clipped(group, 40)}[{','.join(map(str, index))}]"


def parameter(network: Network, name: str, index: tuple[int, ...]) -> str:
    """One element of a parameter: the edge it belongs to, where there are edges."""
    layer, role = network.uses[name][0]
    op, sources = network.layers[layer].op, network.layers[layer].sources
    if op.name == "dense" and role == "bias" and len(index) == 1:
        return f"the bias of {node(network, layer, index)}"
    if op.name == "dense" and role == "weight" and len(index) == 2:
        row, column = index
        for source in sources:
            width = network.shape(source)[0]
            if row < width:
                return f"the weight from {node(network, source, (row,))} to {node(network, layer, (column,))}"
            row -= width
    return element(clipped(name, 60), index)


def share_off(off: int, size: int) -> str:
    """How many elements of the tensor are off."""
    return f" ({off:,} of {counted(size, 'element')} off)" if off and size > 1 else ""
