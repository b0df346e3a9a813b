"""The catalogue of wrong formulas: what people really write. One list, for sabotage, for diagnosis and for blind spots."""

from bpcompare.mistakes import (
    adam,
    decay,
    delta,
    earlier,
    error,
    forward,
    gelu,
    gradient,
    momentum,
    normalization,
    penalty,
    precision,
    rooted,
    update,
)
from bpcompare.mistakes.mistake import Mistake

_FILES = (
    error,
    delta,
    gelu,
    normalization,
    gradient,
    penalty,
    earlier,
    update,
    adam,
    decay,
    momentum,
    rooted,
    forward,
    precision,
)

MISTAKES: dict[str, Mistake] = {
    mistake.code: mistake for mistake in sorted((one for file in _FILES for one in file.MISTAKES), key=lambda one: one.code)
}

__all__ = ["MISTAKES", "Mistake"]
