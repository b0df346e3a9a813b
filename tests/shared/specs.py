"""Specs that several test folders read, and how one is refused."""

import pytest

from bpcompare.network import SpecError
from bpcompare.spec import parse

KINK = """
name = "kink"
[inputs.x]
units = ["x1", "x2"]
[layers.h]
op = "dense"
from = ["x"]
units = ["h1", "h2"]
g = "relu"
weights = { h1 = { x1 = 1.0, x2 = -1.0, bias = 0.0 }, h2 = { x1 = 0.7, x2 = 0.9, bias = 0.2 } }
[layers.o]
op = "dense"
from = ["h"]
units = 1
init = "he_normal"
[error]
op = "half_squared"
of = "o"
reduce = "mean"
scale = 1.0
[update]
rule = "sgd"
eta = 0.1
[data]
examples = [{ x = [1, 1], t = 0 }, { x = [0.2, 1], t = 1 }]
"""
"""A network whose first example sits where relu bends."""


def refused(text, base="."):
    """What is said of a spec that cannot be run, in one line."""
    with pytest.raises(SpecError) as caught:
        parse(text, base=base)
    return " ".join(str(caught.value).split())
