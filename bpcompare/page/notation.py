"""Four ways to write the same quantities, and the sign that goes with each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Notation:
    """Symbols of net input, activation and Δ; whether Δ is +∂E/∂in; whether weights are written with their target first."""

    title: str
    net_in: str
    a: str
    delta: str
    g: str
    error: str
    positive: bool
    target_first: bool
    paths: bool
    says: str

    @property
    def symbols(self) -> dict[str, object]:
        """What the page's script needs to switch to it."""
        kinds = {"in": self.net_in, "a": self.a, "delta": self.delta, "g": self.g, "E": self.error}
        return {"k": kinds, "positive": self.positive, "targetFirst": self.target_first, "paths": self.paths, "says": self.says}


NOTATIONS: dict[str, Notation] = {
    "article": Notation(
        "Δ, in, a (Russell and Norvig)", "in", "a", "Δ", "g", "E", False, False, False,
        "Δ = −∂E/∂in, so w ← w + η a Δ. Gradients are +∂E/∂w, as in the frameworks.",
    ),
    "nielsen": Notation(
        "δ, z, a (Nielsen)", "z", "a", "δ", "σ", "C", True, True, False,
        "δ = +∂C/∂z: the sign of every Δ is changed, and ∂C/∂w = a δ. The index of w names the target first.",
    ),
    "bishop": Notation(
        "δ, a, z (Bishop)", "a", "z", "δ", "h", "E", True, True, False,
        "δ = +∂E/∂a, where a is the net input and z the activation: the sign of every Δ is changed.",
    ),
    "code": Notation(
        "names in the code", "in", "a", "delta", "g", "error", False, False, True,
        "Names are those of paths in reports and JSON. delta = −∂E/∂in; gradient = +∂E/∂w.",
    ),
}  # fmt: skip
"""Russell and Norvig, Artificial Intelligence: A Modern Approach; Nielsen, Neural Networks and Deep Learning, chapter 2;
Bishop, Pattern Recognition and Machine Learning, section 5.3."""
