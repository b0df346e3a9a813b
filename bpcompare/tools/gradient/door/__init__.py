"""The door for code under test: as functions from NumPy arrays to NumPy arrays, one file a framework."""

from bpcompare.tools.gradient.door.code import CodeUnderTest, RefusedError, per_input
from bpcompare.tools.gradient.door.entry import cast, code_under_test, with_parameters
from bpcompare.tools.gradient.door.of_jax import cotangent, wide
from bpcompare.tools.gradient.door.of_torch import device_of, followed, numbers
from bpcompare.tools.gradient.door.outputs import joined, outputs, parted
from bpcompare.tools.gradient.door.pairs import CONVENTIONS, Convention

__all__ = [
    "CONVENTIONS", "CodeUnderTest", "Convention", "RefusedError", "cast", "code_under_test", "cotangent", "device_of", "followed",
    "joined", "numbers", "outputs", "parted", "per_input", "wide", "with_parameters",
]  # fmt: skip
