"""One hand-written backward, tried against its own forward: the first door for code that is no network spec."""

from bpcompare.gradient.check import GradientCheck, InputFinding, check_gradient

__all__ = ["GradientCheck", "InputFinding", "check_gradient"]
