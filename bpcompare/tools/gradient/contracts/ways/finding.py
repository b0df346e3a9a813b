"""Which framework's way back it is: that of the code under test."""

from __future__ import annotations

import sys

from bpcompare.tools.gradient.contracts.ways.of_jax import JaxWay
from bpcompare.tools.gradient.contracts.ways.of_numpy import NumpyWay
from bpcompare.tools.gradient.contracts.ways.of_torch import TorchWay
from bpcompare.tools.gradient.contracts.ways.way import Way
from bpcompare.tools.gradient.door import CodeUnderTest, device_of


def way_of(code: CodeUnderTest) -> Way:
    """The way back through a forward, or through a pair, for the framework that the code was found to be written in."""
    forward, backward = code.given.forward, code.given.backward
    if code.framework == "torch":
        torch = sys.modules["torch"]
        return TorchWay(torch, forward, backward, code.inputs, device_of(torch, forward, list(code.given.inputs.values())))
    if code.framework == "jax":
        return JaxWay(sys.modules["jax"], forward, backward, code.inputs)
    return NumpyWay(forward, backward, code.inputs)
