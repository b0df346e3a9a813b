"""NumPy code as a program: arrays that write down what is done with them."""

from bpcompare.tools.gradient.arrays.asking import asked
from bpcompare.tools.gradient.arrays.tape import UntraceableError

__all__ = ["UntraceableError", "asked"]
