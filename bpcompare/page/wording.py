"""Rules and titles, which are text in the article's notation, in each of the others: symbols, signs, and the order of indices."""

from __future__ import annotations

import re

from markupsafe import Markup

from bpcompare.page.notation import NOTATIONS, Notation

NEGATED = (
    ("(t_k − a_k)", "(a_k − t_k)"),
    ("(2/K) (t − a)", "(2/K) (a − t)"),
    ("t − softmax(a) Σ_k t_k", "softmax(a) Σ_k t_k − t"),
    ("t − σ(a)", "σ(a) − t"),
    ("r limited to [−d, d]", "−r limited to [−d, d]"),
    ("Δ_a = t − a", "Δ_a = a − t"),
    ("… − λ w", "… + λ w"),
)
"""What Δ is at the output, by each error, and its opposite; and what a penalty adds to a gradient.

Every other rule for Δ is linear in Δ and the same for both signs.
"""
SYMBOL = re.compile(
    r"(?P<in>(?<![A-Za-z])in(?=[_\[)]| =))"
    r"|(?P<a>(?<![A-Za-z'])a(?![A-Za-z'])(?! (?:window|frozen|layer|node)))"
    r"|(?P<delta>Δ)"
    r"|(?P<g>(?<![A-Za-z])g(?='?\())"
    r"|(?P<E>(?<![A-Za-z])E(?![A-Za-z]))"
)
"""Symbols, and not the words "in" and "a", nor the gradient g of an update rule."""


def restated(text: str, notation: Notation) -> str:
    """`text`, written in the article's notation, in another one."""
    if notation.positive:
        for ours, theirs in NEGATED:
            text = text.replace(ours, theirs)
        text = text.replace("−∂E/∂", "∂E/∂").replace("+ η a_i Δ_j", "− η a_i Δ_j")
    if notation.target_first:
        text = re.sub(r"\bw_([ijk])([ijk])", r"w_\2\1", text)
    if notation.g == "σ":
        text = text.replace("σ(", "sigmoid(")
    symbols = {"in": notation.net_in, "a": notation.a, "delta": "delta" if notation.paths else notation.delta}
    symbols |= {"g": notation.g, "E": notation.error}
    return SYMBOL.sub(lambda found: symbols[str(found.lastgroup)], text)


class Said:
    """Every text of a page that is written otherwise in another notation, numbered as it occurs, for the script to change."""

    def __init__(self, notation: str) -> None:
        self.notation = NOTATIONS[notation]
        self._known: dict[str, int] = {}

    def __call__(self, text: str) -> Markup:
        """The attribute that marks an element with this text."""
        return Markup(' data-said="{}"').format(self._known.setdefault(text, len(self._known)))

    def now(self, text: str) -> str:
        """The text in the notation that the page opens with."""
        return restated(text, self.notation)

    def texts(self) -> dict[str, list[str]]:
        """All of them in every notation."""
        return {name: [restated(text, one) for text in self._known] for name, one in NOTATIONS.items()}
