"""The catalogue of wrong formulas: what people really write. One list, for sabotage, for diagnosis and for blind spots."""

from bpcompare.mistakes import delta, error, forward, gradient, update
from bpcompare.mistakes.mistake import Mistake

MISTAKES: dict[str, Mistake] = {
    mistake.code: mistake
    for mistake in (*error.MISTAKES, *delta.MISTAKES, *gradient.MISTAKES, *update.MISTAKES, *forward.MISTAKES)
}

__all__ = ["MISTAKES", "Mistake"]
