"""Text for terminals that cannot show what it says: formulas in ASCII."""

from __future__ import annotations

import unicodedata

_WORDS = {
    "δ": "little-delta",
    "Δ": "delta", "Σ": "Sum", "Φ": "Phi", "η": "eta", "∂": "d", "α": "alpha", "β": "beta", "γ": "gamma", "ε": "eps",
    "λ": "lambda", "μ": "mu", "π": "pi", "ρ": "rho", "σ": "sigma",
    "½": "1/2", "√": "sqrt", "∞": "inf", "−": "-", "–": "-", "—": "-",
    "×": "x", "·": "*", "÷": "/", "…": "...", "←": "<-", "→": "->", "≤": "<=", "≥": ">=", "≠": "!=", "±": "+/-", "∈": "in",
    "“": '"', "”": '"', "‘": "'", "’": "'", "\u0302": "_hat", "‖": "||", "\u00a0": " ",
    "✓": "ok", "✗": "!!", "�": "?", "⟨": "<", "⟩": ">", "φ": "phi", "′": "'",
}  # fmt: skip
_RAISED = {
    "⁻": "-", "ᵗ": "t", "⁰": "0", "¹": "1", "²": "2", "³": "3", "ᵀ": "T",
    "⁴": "4", "⁵": "5", "⁶": "6", "⁷": "7", "⁸": "8", "⁹": "9", "ⁿ": "n", "⁽": "(", "⁾": ")",
}  # fmt: skip
_LOWERED = {"₀": "0", "₁": "1", "₂": "2", "₃": "3", "ᵢ": "i", "ⱼ": "j"}


def in_ascii(text: str) -> str:
    """`text` in ASCII: Δ becomes delta, β₁ᵗ beta1^t; a character without a reading is written as its escape."""
    written: list[str] = []
    raised = False
    for character in unicodedata.normalize("NFD", text):
        if character in _RAISED:
            written.append(_RAISED[character] if raised else "^" + _RAISED[character])
            raised = True
            continue
        raised = False
        written.append(_WORDS.get(character) or _LOWERED.get(character) or _escaped(character))
    return "".join(written)


def _escaped(character: str) -> str:
    if character.isascii():
        return character
    if unicodedata.combining(character):  # an accent on a letter that was written already
        return ""
    return character.encode("ascii", "backslashreplace").decode("ascii")
