"""Networks built in Python get the checks that specs get: every mistake is a Problem, none an exception."""

import random
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.network.parameter import Initializer, Parameter
from bpcompare.ops import Dense, HalfSquared, Sgd
from bpcompare.spec import read
from places import EXAMPLES

RIGHT = Network(
    name="right",
    inputs={"x": Input((2,))},
    layers={"o": Layer(Dense(1), ("x",), parameters={"weight": "o.weight", "bias": "o.bias"})},
    parameters={"o.weight": Parameter(Initializer("ones")), "o.bias": Parameter(np.zeros(1))},
    error=Error(HalfSquared("sum"), "o"),
    update=Sgd(0.5),
    data=Data({"x": np.ones((3, 2))}, np.ones((3, 1))),
)
LAYER = RIGHT.layers["o"]

WRONG = {
    "no training": ({"training": None}, "training: must be a Training, is NoneType"),
    "steps as text": ({"training": Training(steps="3")}, 'training.steps: must be a whole number, is "3"'),
    "steps true": ({"training": Training(steps=True)}, "training.steps: must be a whole number, is true"),
    "no such dtype": ({"training": Training(dtype="float16")}, 'must be "float32" or "float64", is "float16"'),
    "NumPy's dtype": ({"training": Training(dtype=np.float32)}, 'must be "float32" or "float64", is'),
    "units as text": ({"layers": {"o": replace(LAYER, op=Dense("1"))}}, "layers.o.units: must be int"),
    "sources as text": ({"layers": {"o": replace(LAYER, sources="x")}}, "layers.o.from: must be a tuple of str"),
    "class for an op": ({"update": Sgd}, "update.op: must be one of the UpdateOps"),
    "number for a name": ({"data": Data({3: np.ones((3, 2))}, np.ones((3, 1)))}, "name must be text, is 3"),
    "list for an array": ({"data": Data({"x": [[1, 2]]}, np.ones((1, 1)))}, "must be a NumPy array, is list"),
    "flags for numbers": ({"data": Data({"x": np.ones((3, 2), bool)}, np.ones((3, 1)))}, "must hold real numbers"),
    "NaN": ({"data": Data({"x": np.full((3, 2), np.nan)}, np.ones((3, 1)))}, "entry [0][0] is nan, and 5 more"),
    "array for a distribution": (
        {"parameters": {**RIGHT.parameters, "o.weight": Parameter(Initializer(np.ones(2)))}},
        "no initializer is called",
    ),
    "no parameter": ({"parameters": {"o.weight": RIGHT.parameters["o.weight"]}}, 'no parameter is called "o.bias"'),
    "empty name": ({"name": " "}, "name: is empty"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_in_python(case):
    """If this fails, a slip in Python code reaches the backends, or ends in a traceback out of the checks."""
    changes, message = WRONG[case]
    assert RIGHT.problems() == ()
    found = [str(problem) for problem in replace(RIGHT, **changes).problems()]
    assert len(found) == 1
    assert message in found[0]


ODD = (
    None, True, 0, -1, 3, 2.5, float("nan"), "x", "", b"a", [], (), {}, (1,), ("x",), (None,), (0,), (-1, 2), (10**18,), 10**30,
    1j, "\ud800", set(), object(), range(3), {"x": 1}, {1: 2}, np.zeros(3), np.array([{}], object), np.array(["a"]),
    np.array(1.0), np.array([np.nan]), np.ones(5, bool), np.float32(1), np.int64(3), Input((2,)), Layer, {"x": np.zeros((2, 2))},
)  # fmt: skip


def mutilated(value, draw, depth=0):
    """`value` with one part, at any depth, replaced by something odd."""
    if depth and draw.random() < 0.25:
        return draw.choice(ODD)
    if is_dataclass(value) and fields(value):
        name = draw.choice(fields(value)).name
        return replace(value, **{name: mutilated(getattr(value, name), draw, depth + 1)})
    if isinstance(value, dict) and value:
        key = draw.choice(list(value))
        return {**value, key: mutilated(value[key], draw, depth + 1)}
    if isinstance(value, tuple) and value:
        at = draw.randrange(len(value))
        return (*value[:at], mutilated(value[at], draw, depth + 1), *value[at + 1 :])
    return draw.choice(ODD)


def test_anything_in_python():
    """If this fails, a value of a kind nobody thought of ends in a traceback out of the checks."""
    networks = [read(EXAMPLES / f"{name}.toml") for name in ("mazur", "shared", "skip", "xor")]
    wrong = 0
    for seed in range(10_000):
        draw = random.Random(seed)
        found = mutilated(draw.choice(networks), draw).problems()
        assert all(str(problem) for problem in found), seed
        wrong += bool(found)
    assert wrong > 9_000


def test_a_network_that_was_read_is_looked_at_again_where_it_was_changed():
    """What reading found is kept for drawing; of a network with another layer or start it says nothing."""
    network = read(EXAMPLES / "xor.toml")
    assert not network.problems()
    for part, wrong in ((network.layers, Layer(Dense(0), ("h",))), (network.parameters, Parameter(Initializer("none")))):
        name, right = next(iter(part.items()))
        part[name] = wrong
        assert network.problems()
        part[name] = right
        assert not network.problems()
