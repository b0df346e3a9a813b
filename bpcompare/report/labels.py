"""What the elements of a run are called on the page, and which part of the drawing each belongs to."""

from __future__ import annotations

from bpcompare.network import Network
from bpcompare.plan.path import Path
from bpcompare.report.lines import clipped
from bpcompare.text.words import printable

LONGEST_LABEL = 40


class Names:
    """Labels of nodes and keys of the drawing. `units`: whether single units are drawn, or layers."""

    def __init__(self, network: Network, *, units: bool) -> None:
        self.network = network
        self.units = units
        self._numbers = {group: at for at, group in enumerate((*network.inputs, *network.layers))}

    def label(self, group: str, index: tuple[int, ...]) -> str:
        """A node's own name, or its layer's and its number."""
        network = self.network
        units = (network.inputs[group] if group in network.inputs else network.layers[group]).units
        if units and len(index) == 1:
            return clipped(units[index[0]], LONGEST_LABEL)
        name = clipped(group, LONGEST_LABEL)
        return name if not index or network.shape(group) in ((), (1,)) else f"{name}[{','.join(map(str, index))}]"

    def node(self, group: str, index: tuple[int, ...]) -> str:
        """The key of a node in the drawing."""
        number = self._numbers[group]
        return f"{number}.{'.'.join(map(str, index))}" if self.units else str(number)

    def element(self, path: str, index: tuple[int, ...]) -> str:
        """`h.delta[0,1]`."""
        return Path(clipped(Path(path).after, 2 * LONGEST_LABEL)).element(index)

    def group(self, path: str) -> str | None:
        """The input or layer whose `in`, `a` or Δ this is."""
        at = Path(path)
        return at.owner if at.kind in ("in", "a", "delta") and at.owner in self._numbers else None

    def edge(self, parameter: str, index: tuple[int, ...]) -> tuple[str, str, str, str] | None:
        """Source label, target label, key of the edge and of its target, of one dense weight; a bias has no source."""
        layer, role = self.network.uses[parameter][0]
        if self.network.layers[layer].op.connects != "units":
            return None
        target = (index[-1],)
        at = self.node(layer, target)
        if role == "bias":
            return "", self.label(layer, target), at, at
        row = index[0]
        for source, start in zip(reversed(self.network.layers[layer].sources), reversed(self.network.starts[layer]), strict=True):
            if start <= row:
                inside = (row - start,)
                key = f"{self.node(source, inside)}>{at}"
                return self.label(source, inside), self.label(layer, target), key, at
        return None


def safe(text: str) -> str:
    """Names as they may be shown: without what would steer a terminal or reverse a line."""
    return printable(text)
