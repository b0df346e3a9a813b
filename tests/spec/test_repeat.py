"""Layers that are written once: what a repeat means."""

import json
import tomllib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpcompare.network import Layer
from bpcompare.network.parameter import Initializer
from bpcompare.ops import Add, Constant, Dense, Multiply, Relu, Sigmoid, Slice, Subtract, Tanh
from bpcompare.plan.naming import Names
from bpcompare.spec import parse
from bpcompare.spec.index import indexed
from bpcompare.spec.lines import line_of
from places import EXAMPLES

GRU = (EXAMPLES / "gru.toml").read_text("utf-8")

END = """
[error]
op = "half_squared"
of = "o"
reduce = "sum"
[update]
rule = "sgd"
eta = 0.5
"""
BLOCKS = f"""
[inputs.x]
units = 3
[repeat.block]
times = 3
share = false
start = {{ out = "x" }}
[repeat.block.layers.inner]
from = "previous.out"
units = 3
g = "relu"
MORE
[repeat.block.layers.out]
op = "add"
from = ["previous.out", "inner"]
[layers.o]
from = "block.out"
units = 1
{END}
[data]
examples = [{{ x = [1, 2, 3], t = 4 }}]
"""


def blocks(more="", **changes):
    text = BLOCKS.replace("MORE", more)
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    return parse(text)


def test_a_gru_is_what_it_is_written_out():
    """A recurrent network from a repeat would be another one than its textbook's."""
    text = GRU.replace("times = 4", "times = 3").replace("[4, 2]", "[3, 2]")
    network = parse(text.replace("[0.1, 1.0], ", "", 1).replace("[0.9, -0.2], ", "", 1))

    def gate(name, *sources, g):
        parameters = {"weight": f"gru.{name}.weight", "bias": f"gru.{name}.bias"}
        return Layer(Dense(3), sources, g, parameters)

    expected = {
        "h0": Layer(Constant((3,)), (), parameters={"value": "h0.value"}),
        "one": Layer(Constant((3,)), (), parameters={"value": "one.value"}),
        "o": Layer(Dense(1), ("gru_2_h",), parameters={"weight": "o.weight", "bias": "o.bias"}),
    }
    for t, before in enumerate(("h0", "gru_0_h", "gru_1_h")):
        step = {
            "x": Layer(Slice(t, t + 1, drop=True), ("series",)),
            "z": gate("z", f"gru_{t}_x", before, g=Sigmoid()),
            "r": gate("r", f"gru_{t}_x", before, g=Sigmoid()),
            "seen": Layer(Multiply(), (f"gru_{t}_r", before)),
            "candidate": gate("candidate", f"gru_{t}_x", f"gru_{t}_seen", g=Tanh()),
            "old": Layer(Multiply(), (f"gru_{t}_z", before)),
            "rest": Layer(Subtract(), ("one", f"gru_{t}_z")),
            "new": Layer(Multiply(), (f"gru_{t}_rest", f"gru_{t}_candidate")),
            "h": Layer(Add(), (f"gru_{t}_old", f"gru_{t}_new")),
        }
        expected |= {f"gru_{t}_{name}": layer for name, layer in step.items()}
    assert dict(network.layers) == expected
    assert network.problems() == ()
    assert network.uses["gru.z.weight"] == tuple((f"gru_{t}_z", "weight") for t in range(3))
    assert network.shape("gru_2_h") == (3,)


def test_blocks_have_weights_of_their_own():
    """A stack of blocks would be one block applied again and again."""
    network = blocks()
    before = "x"
    for step in range(3):
        own = {"weight": f"block_{step}_inner.weight", "bias": f"block_{step}_inner.bias"}
        assert network.layers[f"block_{step}_inner"] == Layer(Dense(3), (before,), Relu(), own)
        assert network.layers[f"block_{step}_out"] == Layer(Add(), (before, f"block_{step}_inner"))
        before = f"block_{step}_out"
    assert network.layers["o"].sources == ("block_2_out",)
    assert len(network.parameters) == 8


def test_sharing_is_what_is_said_of_a_layer_first():
    """A name that a layer gives its parameter would be lost among those that a repeat makes up."""
    named = blocks('weight = "W"\nbias = "b{t}"')
    assert set(named.parameters) == {"W", "b0", "b1", "b2", "o.weight", "o.bias"}
    shared = blocks('bias = "b{t}"', **{"share = false": "share = true"})
    assert set(shared.parameters) == {"block.inner.weight", "b0", "b1", "b2", "o.weight", "o.bias"}
    assert set(blocks("bias = false").parameters) == {*(f"block_{t}_inner.weight" for t in range(3)), "o.weight", "o.bias"}


VALUES = "weights = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]\nbiases = [1, 2, 3]\ntranspose = true"


@pytest.mark.parametrize("share", ["true", "false"])
def test_first_values(share):
    """Weights written in a repeat would be given twice, turned twice, or to the first step alone."""
    parameters = blocks(VALUES, **{"share = false": f"share = {share}"}).parameters
    names = ["block.inner"] if share == "true" else [f"block_{step}_inner" for step in range(3)]
    for name in names:
        assert parameters[f"{name}.weight"].init.tolist() == [[1, 4, 7], [2, 5, 8], [3, 6, 9]]
        assert parameters[f"{name}.bias"].init.tolist() == [1, 2, 3]
    assert len(parameters) == 2 * len(names) + 2
    # One array for all steps, however many there are.
    assert len({parameters[f"{name}.weight"].init.__array_interface__["data"][0] for name in names}) == 1


def test_first_values_of_a_parameter_that_has_a_name():
    """Weights of a named parameter would be given once a step, and so refused."""
    found = blocks(VALUES.replace("biases", 'weight = "W"\nbias = "b{t}"\nbiases')).parameters
    assert found["W"].init.shape == (3, 3)
    assert [found[f"b{step}"].init.tolist() for step in range(3)] == [[1, 2, 3]] * 3


def test_parameters_are_spoken_of_by_their_names():
    """What steps share could be neither frozen nor given values."""
    text = 'freeze = ["block.*"]\n' + BLOCKS.replace("MORE", "").replace("share = false", "share = true")
    network = parse(text + '[parameters."block.inner.bias"]\nvalue = [1, 2, 3]\n')
    assert network.trainable == ("o.weight", "o.bias")
    assert network.parameters["block.inner.bias"].init.tolist() == [1, 2, 3]
    own = '[parameters."block_1_inner.weight"]\ninit = "ones"\n'
    network = parse(BLOCKS.replace("MORE", 'init = "zeros"') + own)
    kinds = [network.parameters[f"block_{step}_inner.weight"].init for step in range(3)]
    assert kinds == [Initializer("zeros"), Initializer("ones"), Initializer("zeros")]


READ = {
    "block.out": ("block_2_out",),
    "block.0.inner": ("block_0_inner",),
    "block_1_inner": ("block_1_inner",),
    "block.*.out": ("block_0_out", "block_1_out", "block_2_out"),
}


@pytest.mark.parametrize("source", READ)
def test_reading_from_outside(source):
    """A layer after a repeat would read another step than it says."""
    extra = f'[layers.o]\nfrom = ["x", "{source}", "block.out"]'
    network = blocks(**{'[layers.o]\nfrom = "block.out"': extra})
    assert network.layers["o"].sources == ("x", *READ[source], "block_2_out")


def test_an_error_of_a_repeat():
    """A network that ends in a repeat would need a layer that does nothing."""
    text = BLOCKS.replace("MORE", "").replace('of = "o"', 'of = "block.out"').replace("t = 4", "t = [4, 5, 6]")
    network = parse(text.replace('[layers.o]\nfrom = "block.out"\nunits = 1\n', "[layers]\n"))
    assert network.error.of == "block_2_out"


def test_a_repeat_reads_another():
    """Two recurrent layers could not stand on one another."""
    more = """
[repeat.top]
times = 3
share = true
index = "step"
start = { s = "block.0.out" }
[repeat.top.layers.s]
from = ["previous.s", "block.{2-step}.out", "block.inner"]
units = ["u{step}", "v"]
"""
    text = BLOCKS.replace("MORE", "").replace('from = "block.out"', 'from = "top.s"').replace(END, more + END)
    network = parse(text.replace("units = 3", "units = 2").replace("[1, 2, 3]", "[1, 2]"))
    found = [network.layers[f"top_{step}_s"] for step in range(3)]
    assert [layer.sources for layer in found] == [
        ("block_0_out", "block_2_out", "block_2_inner"),
        ("top_0_s", "block_1_out", "block_2_inner"),
        ("top_1_s", "block_0_out", "block_2_inner"),
    ]
    assert [layer.units for layer in found] == [("u0", "v"), ("u1", "v"), ("u2", "v")]


def test_one_step():
    """A repeat of one step, to which a longer one was cut, would not load."""
    network = blocks(**{"times = 3": "times = 1"})
    assert network.layers["block_0_out"].sources == ("x", "block_0_inner")


def test_hints_are_told_once():
    """A spec of a thousand steps would be told a thousand times that a matrix is square."""
    found = []
    parse(BLOCKS.replace("MORE", VALUES.replace("transpose = true", "")), name="s", hint=found.append)
    assert len([hint for hint in found if "square" in hint]) == 1
    assert found[0].startswith("s: repeat.block.layers.inner.weights: ")


@pytest.mark.parametrize(("text", "numbers"), [
    ("{t}", (0, 1, 2)), ("{t+1}", (1, 2, 3)), ("{ t - 1 }", (-1, 0, 1)), ("{3-t}", (3, 2, 1)), ("{-1 - t}", (-1, -2, -3)),
    ("{t+t}", (0, 2, 4)), ("a{t}b{t}", ("a0b0", "a1b1", "a2b2")), ("{7}", (7, 7, 7)), ("plain", ("plain",) * 3),
])  # fmt: skip
def test_what_stands_in_braces(text, numbers):
    """A slice would be taken at another step."""
    found = indexed(text, "t")
    assert tuple(found.at(step) for step in range(3)) == tuple(map(str, numbers))


@settings(max_examples=100)
@given(st.lists(st.sampled_from("+-"), min_size=1, max_size=5), st.lists(st.integers(0, 99), min_size=5, max_size=5), st.data())
def test_sums_in_braces_are_sums(signs, numbers, data):
    """A number that depends on the step would be computed in another way than it reads."""
    terms = [data.draw(st.sampled_from(("t", str(number)))) for number in numbers[: len(signs)]]
    written = "".join(sign + term for sign, term in zip(signs, terms, strict=True))
    for step in (0, 1, 7):
        values = (step if term == "t" else int(term) for term in terms)
        expected = sum(-value if sign == "-" else value for sign, value in zip(signs, values, strict=True))
        assert indexed(f"{{{written}}}", "t").at(step) == str(expected)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.booleans(), st.integers(1, 3))
def test_any_stack_is_the_chain_written_by_hand(times, share, depth):
    """Layers of a repeat would be joined otherwise than layer after layer."""
    inner = {"l0": {"from": f"previous.l{depth - 1}", "units": 2}}
    inner |= {f"l{at}": {"from": f"l{at - 1}", "units": 2, "g": "tanh"} for at in range(1, depth)}
    repeat = {"times": times, "share": share, "start": {f"l{depth - 1}": "x"}, "layers": inner}
    document = tomllib.loads(END + "[inputs.x]\nunits = 2\n[data]\nexamples = [{ x = [1, 2], t = [3, 4] }]\n")
    last = f"l{depth - 1}"
    short = {**document, "layers": {"o": {"from": f"r.{last}", "units": 2}}, "repeat": {"r": repeat}}
    long, before = {"o": {"from": f"r_{times - 1}_{last}", "units": 2}}, "x"
    for step in range(times):
        for name, layer in inner.items():
            names = {role: f"r.{name}.{role}" for role in ("weight", "bias")} if share else {}
            long[f"r_{step}_{name}"] = {**layer, "from": before, **names}
            before = f"r_{step}_{name}"
    one, other = (parse(json.dumps(each), json=True) for each in (short, {**document, "layers": long}))
    assert dict(one.layers) == dict(other.layers)
    assert list(one.parameters) == list(other.parameters)
    assert one.problems() == ()


def test_copies_can_be_named():
    """A number of one step could not be asked for."""
    names = Names(parse(GRU))
    assert names.place("gru_3_h.delta[1,0]").path == "gru_3_h.delta"
    assert names.place("gru.z.weight[0,2]").path == "gru.z.weight"
    assert set(names.chosen("gru.z.weight").patterns) == {"gru.z.weight", "gru.z.weight.gradient", "gru.z.weight.update"}


@pytest.mark.parametrize("form", ["toml", "json"])
def test_the_line_of_a_copy(form, tmp_path):
    """An annotation on a pull request would point at the first line of the spec."""
    spec = tmp_path / f"gru.{form}"
    spec.write_text(GRU if form == "toml" else json.dumps(tomllib.loads(GRU), indent=1), "utf-8")
    lines = spec.read_text("utf-8").splitlines()
    assert ("[repeat.gru.layers.z]" if form == "toml" else '"z": {') in lines[line_of(str(spec), "gru_2_z") - 1]
    assert line_of(str(spec), "gru_2_q") == line_of(str(spec), "nothing_like_it") == 0


def test_attention():
    """The example would be another block than it says: scores that do not fit, or a mask that learns."""
    network = parse((EXAMPLES / "attention.toml").read_text("utf-8"))
    assert network.shape("shares") == (4, 4)
    assert network.shape("o") == (4, 1)
    mask = network.parameters["mask.value"]
    assert not mask.trainable
    np.testing.assert_array_equal(mask.init < 0, np.triu(np.ones((4, 4)), 1) > 0)
