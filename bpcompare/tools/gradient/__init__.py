"""Checks one hand-written backward against its own forward, without a network spec."""

from bpcompare.tools.gradient.check import check_gradient
from bpcompare.tools.gradient.finding import GradientCheck, InputFinding

__all__ = ["GradientCheck", "InputFinding", "check_gradient"]
