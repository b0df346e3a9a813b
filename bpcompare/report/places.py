"""Where something happened: a path and an index, as an element that people can find in their network."""

from __future__ import annotations

from dataclasses import dataclass

from bpcompare.network import Network
from bpcompare.plan import Plan
from bpcompare.plan.path import Path
from bpcompare.proof.claims import Claim
from bpcompare.proof.question import question
from bpcompare.report.lines import clipped, counted


@dataclass(frozen=True)
class ClaimElement:
    """One element of one claim in step number `step` (from 1)."""

    step: int
    claim: Claim
    index: tuple[int, ...]


def place(plan: Plan, path: str, index: tuple[int, ...]) -> ClaimElement:
    """The element that a finding is about: `path` is its path, which may begin with "step2/", and `index` its worst element."""
    at = Path(path)
    return ClaimElement(at.step, question(plan).by_path[at.bare], index)


def element(path: str, index: tuple[int, ...]) -> str:
    """`h.delta[0,1]`."""
    return Path(path).element(index)


def described(plan: Plan, at: ClaimElement) -> str:
    """The element in words."""
    network, claim, index = plan.network, at.claim, at.index
    kind = Path(claim.path).kind
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
    if op.connects == "units" and role == "bias" and len(index) == 1:
        return f"the bias of {node(network, layer, index)}"
    if op.connects == "units" and role == "weight" and len(index) == 2:
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
