"""Right specs: what they mean."""

import gzip
import json
import re
import tomllib
from dataclasses import fields

import numpy as np
import pytest
from safetensors.numpy import save_file

from bpcompare.network import Data, Error, Input, Layer, Network, SpecError, Training
from bpcompare.network.parameter import Initializer, Parameter
from bpcompare.ops import (
    ACTIVATIONS,
    OPS,
    Adam,
    Conv2d,
    Dense,
    Dropout,
    HalfSquared,
    Identity,
    LeakyRelu,
    MeanSquared,
    Sgd,
    Sigmoid,
    Tanh,
)
from bpcompare.plan import draw
from bpcompare.spec import json_schema, parse, read
from places import EXAMPLES

NAMES = sorted(path.stem for path in EXAMPLES.glob("*.toml"))

SPEC = """\
init = "glorot_uniform"
inputs.x.units = 2
error = { op = "half_squared", of = "o", reduce = "sum" }
update = { rule = "sgd", eta = 0.5 }
"""
DATA = "data.examples = [{ x = [1, 2], t = 3 }, { x = [4, 5], t = 6 }]\n"
LAYER = '[layers.o]\nop = "dense"\nfrom = "x"\nunits = 1\n'


def same(one, other):
    """Whether two networks are equal, arrays included."""
    assert (one.name, one.inputs, one.layers, one.error, one.update, one.training) == (
        *(other.name, other.inputs, other.layers, other.error, other.update, other.training),
    )
    assert list(one.parameters) == list(other.parameters)
    for name, parameter in one.parameters.items():
        assert parameter.trainable == other.parameters[name].trainable
        np.testing.assert_array_equal(
            parameter.init, other.parameters[name].init, strict=not isinstance(parameter.init, Initializer)
        )
    assert one.data.inputs.keys() == other.data.inputs.keys()
    for name, array in one.data.inputs.items():
        np.testing.assert_array_equal(array, other.data.inputs[name], strict=True)
    np.testing.assert_array_equal(one.data.target, other.data.target, strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_examples(name):
    """If this fails, the first spec a newcomer tries does not load."""
    network = read(EXAMPLES / f"{name}.toml")
    assert network.name == name
    assert network.problems() == ()


@pytest.mark.parametrize("name", NAMES)
def test_json_means_the_same(name):
    """If this fails, the two formats are two languages."""
    text = (EXAMPLES / f"{name}.toml").read_text("utf-8")
    same(parse(text, base=EXAMPLES), parse(json.dumps(tomllib.loads(text)), base=EXAMPLES, json=True))


def test_what_changes_after_it_was_read_is_looked_at():
    """A name that no parameter has would end in a KeyError of ours, for the network was found right before."""
    network = read(EXAMPLES / "mazur.toml")
    next(layer for layer in network.layers.values() if layer.parameters).parameters["weight"] = "nope"
    with pytest.raises(SpecError, match='no parameter is called "nope"'):
        draw.plan(network)


def test_mazur():
    """If this fails, the worked example of many courses is not what its authors computed."""
    network = read(EXAMPLES / "mazur.toml")
    parameters = network.parameters
    assert parameters["h.weight"].init.tolist() == [[0.15, 0.25], [0.20, 0.30]]  # rows are sources
    assert parameters["o.weight"].init.tolist() == [[0.40, 0.50], [0.45, 0.55]]
    assert parameters["h.bias"].init.tolist() == [0.35, 0.35]
    assert parameters["o.bias"].init.tolist() == [0.60, 0.60]
    assert network.trainable == ("h.weight", "o.weight")
    assert network.update == Sgd(eta=0.5)
    assert network.error == Error(HalfSquared("sum"), "o")
    assert network.data.inputs["x"].tolist() == [[0.05, 0.10]]
    assert network.data.target.tolist() == [[0.01, 0.99]]
    assert network.layers["h"].units == ("h1", "h2")
    assert {layer.g for layer in network.layers.values()} == {Sigmoid()}


def test_digits():
    """If this fails, images and labels of the digits are not those of the file."""
    network = read(EXAMPLES / "digits-lenet.toml")
    with gzip.open(EXAMPLES / "data" / "digits.csv.gz", "rt") as file:
        rows = np.array([line.split(",") for line in file], float)
    assert network.data.inputs["x"].shape == (1797, 1, 8, 8)
    np.testing.assert_array_equal(network.data.inputs["x"].reshape(1797, 64), rows[:, :64] / 16)
    np.testing.assert_array_equal(network.data.target, rows[:, 64].astype(np.int64), strict=True)


def test_equals_a_network_built_in_python():
    """If this fails, a spec cannot say what Python can, or says something else."""
    text = """
name = "both"
init = { kind = "he_normal", scale = 0.5 }
freeze = ["h.*"]
[inputs.x]
units = ["x1", "x2"]
[inputs.image]
shape = [1, 3, 3]
[layers.h]
op = "dense"
from = ["x"]
units = 3
g = { op = "leaky_relu", slope = 0.25 }
weights = [[1, 2, 3], [4, 5, 6.5]]
biases = [0, 0.5, -1]
[layers.c]
op = "conv2d"
from = ["image"]
channels = 2
kernel = 3
stride = [1, 2]
bias = false
init = "ones"
[layers.f]
op = "flatten"
from = ["c"]
[layers.d]
op = "dropout"
from = ["f"]
rate = 0.5
[layers.o]
op = "dense"
from = ["h", "d"]
units = ["p", "q"]
g = "tanh"
[error]
op = "mean_squared"
of = "o"
reduce = "mean"
scale = 8
target = "y"
[update]
rule = "adam"
eta = 0.01
beta2 = 0.9
[data]
examples = [{ x = [1, 2], image = [1, 2, 3, 4, 5, 6, 7, 8, 9], y = [0, 1] }]
[run]
dtype = "float32"
steps = 3
seed = 7
updates_done = 4
slots = "drawn"
"""
    network = Network(
        name="both",
        inputs={"x": Input((2,), ("x1", "x2")), "image": Input((1, 3, 3))},
        layers={
            "h": Layer(Dense(3), ("x",), LeakyRelu(0.25), {"weight": "h.weight", "bias": "h.bias"}),
            "c": Layer(Conv2d(2, (3, 3), (1, 2), bias=False), ("image",), Identity(), {"weight": "c.weight"}),
            "f": Layer(type(parse(text).layers["f"].op)(), ("c",)),
            "d": Layer(Dropout(0.5), ("f",)),
            "o": Layer(Dense(2), ("h", "d"), Tanh(), {"weight": "o.weight", "bias": "o.bias"}, ("p", "q")),
        },
        parameters={
            "h.weight": Parameter(np.array([[1, 2, 3], [4, 5, 6.5]]), trainable=False),
            "h.bias": Parameter(np.array([0, 0.5, -1]), trainable=False),
            "c.weight": Parameter(Initializer("ones")),
            "o.weight": Parameter(Initializer("he_normal", 0.5)),
            "o.bias": Parameter(Initializer("zeros")),
        },
        error=Error(MeanSquared("mean", 8.0), "o"),
        update=Adam(0.01, beta2=0.9),
        data=Data({"x": np.array([[1.0, 2.0]]), "image": np.arange(1.0, 10.0).reshape(1, 1, 3, 3)}, np.array([[0.0, 1.0]])),
        training=Training("float32", 3, seed=7, updates_done=4, slots="drawn"),
    )
    assert network.problems() == ()
    same(parse(text), network)


def test_weights_by_name():
    """If this fails, a number written for one edge lands on another."""
    text = SPEC.replace("x.units = 2", 'x.units = ["a", "b"]') + DATA
    text += """
[layers.n]
op = "dense"
from = ["x"]
units = 1
weights.n = { b = 2, a = 1, bias = 3 }
[layers.o]
op = "dense"
from = ["n", "x"]
units = ["o"]
weights.o = { "x.a" = 5, b = 6, n = 4 }
"""
    parameters = parse(text).parameters
    assert parameters["n.weight"].init.tolist() == [[1], [2]]
    assert parameters["n.bias"].init.tolist() == [3]
    assert parameters["o.weight"].init.tolist() == [[4], [5], [6]]
    assert parameters["o.bias"].init == Initializer("zeros")


def test_ambiguous_names_need_their_group():
    """If this fails, a weight goes to one of two sources that share a name."""
    text = (
        SPEC.replace("x.units = 2", 'x.units = ["u", "v"]') + DATA.replace("x = ", "y = [0], x = ") + 'inputs.y.units = ["u"]\n'
    )
    text += '[layers.o]\nop = "dense"\nfrom = ["x", "y"]\nunits = 1\n'
    with pytest.raises(SpecError, match='"u" is the name of several sources'):
        parse(text + "weights.o = { u = 1, v = 2 }\n")
    assert parse(text + 'weights.o = { "x.u" = 1, v = 2, "y.u" = 3 }\n').parameters["o.weight"].init.tolist() == [[1], [2], [3]]


def test_sharing():
    """If this fails, layers meant to share a parameter have one each."""
    layers = '[layers.{0}]\nop = "dense"\nfrom = "x"\nunits = 2\nweight = "W"\nbias = "b"\n'
    text = SPEC + DATA.replace("t = 3", "t = [3, 4]").replace("t = 6", "t = [6, 7]") + layers.format("h") + layers.format("k")
    text += '[layers.o]\nop = "add"\nfrom = ["h", "k"]\n[parameters.W]\nvalue = [[1, 2], [3, 4]]\n[parameters.b]\ninit = "ones"\n'
    network = parse(text)
    assert network.uses == {"W": (("h", "weight"), ("k", "weight")), "b": (("h", "bias"), ("k", "bias"))}
    assert network.parameters["W"].init.tolist() == [[1, 2], [3, 4]]
    assert network.parameters["b"].init == Initializer("ones")


@pytest.mark.parametrize(
    ("more", "trainable"),
    [
        ("", ("o.weight", "o.bias")),
        ('freeze = ["*.bias"]', ("o.weight",)),
        ('freeze = ["o.bias"]', ("o.weight",)),
        ('freeze = ["o.*"]', ()),
        ('parameters."o.weight".trainable = false', ("o.bias",)),
    ],
)
def test_freezing(more, trainable):
    """If this fails, updates change what should stay, or leave alone what should change."""
    assert parse(f"{more}\n{SPEC}{DATA}{LAYER}").trainable == trainable


def test_where_first_values_come_from():
    """If this fails, an initializer said for one layer, or for one parameter, is overruled by a more general one."""
    layer = '[layers.{0}]\nop = "dense"\nfrom = "x"\nunits = 1\n'
    text = SPEC + DATA + layer.format("a") + layer.format("b") + 'init = "he_uniform"\n' + layer.format("c")
    text += '[layers.o]\nop = "add"\nfrom = ["a", "b", "c"]\n[parameters."c.weight"]\ninit = { kind = "normal", scale = 3 }\n'
    found = {name: parameter.init for name, parameter in parse(text).parameters.items()}
    assert found["a.weight"] == Initializer("glorot_uniform")
    assert found["b.weight"] == Initializer("he_uniform")
    assert found["c.weight"] == Initializer("normal", 3.0)
    assert found["c.bias"] == Initializer("zeros")


def test_every_weight_can_be_drawn():
    """If this fails, an op that has a weight but no bias is drawn by the initializer of the whole file."""
    text = SPEC.replace("x.units = 2", "x.shape = []") + DATA.replace("[1, 2]", "1").replace("[4, 5]", "2")
    text += 'layers.o = { op = "embedding", from = "x", rows = 3, width = 1, init = "uniform" }\n'
    assert parse(text).parameters["o.weight"].init == Initializer("uniform")


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_weights_from_files(suffix, tmp_path):
    """If this fails, trained weights cannot be brought in, or change on the way."""
    arrays = {"o.weight": np.array([[1], [2]], np.float32), "b": np.array([7])}
    if suffix == "npz":
        np.savez(tmp_path / "w.npz", **arrays)
    else:
        save_file(arrays, tmp_path / "w.safetensors")
    text = f'{SPEC}{DATA}parameters."o.weight".file = "w.{suffix}"\n'
    text = text + f'parameters."o.bias" = {{ file = "w.{suffix}", key = "b" }}\n{LAYER}'
    parameters = parse(text, base=tmp_path).parameters
    np.testing.assert_array_equal(parameters["o.weight"].init, np.array([[1.0], [2.0]]), strict=True)
    np.testing.assert_array_equal(parameters["o.bias"].init, np.array([7.0]), strict=True)


X, T = np.array([[1.0, 2.0], [4.0, 5.0]]), np.array([[3.0], [6.0]])


def csv(text):
    return lambda folder: (folder / "d.csv").write_text(text)


DATA_FILES = {
    "csv": (csv("1,2,3\n4,5,6\n"), 'file = "d.csv", columns = { x = [0, 2], t = 2 }'),
    "csv with header": (csv("t,b,a\n3,2,1\n6,5,4\n"), 'file = "d.csv", header = true, columns = { x = ["a", "b"], t = "t" }'),
    "csv with quotes": (csv('"1",2,3\n4,"5",6\n'), 'file = "d.csv", columns = { x = [0, 2], t = 2 }'),
    "csv with spaces": (csv("1, 2 ,3\r\n\r\n4,5e0,6\r\n"), 'file = "d.csv", columns = { x = [0, 2], t = 2 }'),
    "csv scaled": (
        csv("2,4,9\n8,10,18\n"),
        'file = "d.csv", columns = { x = [0, 2], t = 2 }, scale = { x = 0.5, t = 0.3333333333333333 }',
    ),
    "gz": (
        lambda folder: (folder / "d.csv.gz").write_bytes(gzip.compress(b"1,2,3\n4,5,6\n")),
        'file = "d.csv.gz", columns = { x = [0, 2], t = 2 }',
    ),
    "npz": (lambda folder: np.savez(folder / "d.npz", x=X, t=T), 'file = "d.npz"'),
    "npz by columns": (lambda folder: np.savez(folder / "d.npz", x=np.asfortranarray(X), t=T), 'file = "d.npz"'),
    "npz of integers": (lambda folder: np.savez_compressed(folder / "d.npz", x=X.astype(np.uint8), t=T), 'file = "d.npz"'),
    "npz, flat target": (lambda folder: np.savez(folder / "d.npz", x=X, t=T[:, 0]), 'file = "d.npz"'),
    "safetensors": (
        lambda folder: save_file({"X": X, "t": T}, folder / "d.safetensors"),
        'file = "d.safetensors", keys = { x = "X" }',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DATA_FILES)
def test_data_from_files(case, tmp_path):
    """If this fails, examples in a file are not those the network sees."""
    write, entry = DATA_FILES[case]
    write(tmp_path)
    data = parse(f"{SPEC}data = {{ {entry} }}\n{LAYER}", base=tmp_path).data
    np.testing.assert_array_equal(data.inputs["x"], X, strict=True)
    np.testing.assert_allclose(data.target, T, rtol=1e-15)


def test_layers_are_dense_unless_they_say():
    """If this fails, the textbook's own layers need an op."""
    same(parse(SPEC + DATA + LAYER.replace('op = "dense"\n', "")), parse(SPEC + DATA + LAYER))


def test_one_hot():
    """If this fails, class numbers become vectors of another class."""
    text = SPEC + DATA.replace("t = 3", "t = 0").replace("t = 6", "t = 2") + "data.one_hot.t = 3\n" + LAYER.replace("1", "3")
    assert parse(text).data.target.tolist() == [[1, 0, 0], [0, 0, 1]]


def test_batches():
    """If this fails, a run trains on other examples than the spec says."""
    text = SPEC + DATA.replace("]\n", ", { x = [7, 8], t = 9 }]\n") + "run = { batch = 2, first = 1, steps = 3 }\n" + LAYER
    network = parse(text)
    assert network.training == Training(steps=3, batch=2, first=1)
    assert [batch.target[:, 0].tolist() for batch in draw.plan(network).batches] == [[6, 9], [3, 6], [9, 3]]


def test_graph_of_single_nodes():
    """If this fails, large graphs of single nodes, each a layer, cannot be written as specs."""
    random = np.random.Generator(np.random.PCG64(3))
    names, text = ["x"], SPEC.replace("x.units = 2", "x.units = 1") + DATA.replace("[1, 2]", "1").replace("[4, 5]", "4")
    for number in range(300):
        sources = list(dict.fromkeys([names[-1], *random.choice(names[-40:], 5)]))
        weights = [[float(weight)] for weight in random.normal(size=len(sources))]
        names.append("o" if number == 299 else f"n{number}")
        text += f'[layers.{names[-1]}]\nop = "dense"\nunits = 1\nfrom = {json.dumps(sources)}\nweights = {weights}\n'
    assert set(parse(text).order) == set(names[1:])


def test_a_file_names_its_network(tmp_path):
    """If this fails, reports call networks by something else than their file."""
    (tmp_path / "mine.toml").write_text(SPEC + DATA + LAYER)
    assert read(tmp_path / "mine.toml").name == "mine"


def test_schema_knows_the_examples():
    """If this fails, editors mark right specs as wrong."""
    schema = json_schema()
    assert schema["title"] == "bpcompare spec"
    assert {"inputs", "layers", "error", "update", "data"} == set(schema["required"])
    used = set().union(*(tomllib.loads((EXAMPLES / f"{name}.toml").read_text("utf-8")) for name in NAMES))
    assert used <= set(schema["properties"])
    layers = {entry["properties"]["op"]["const"] for entry in schema["$defs"].values() if "from" in entry.get("properties", {})}
    assert {"dense", "conv2d", "embedding", "add"} <= layers


PAGE = (EXAMPLES.parent / "docs" / "spec.md").read_text("utf-8")
WHOLE, *FRAGMENTS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_examples_of_the_reference(fragment, tmp_path):
    """If this fails, the format's reference teaches what the reader refuses."""
    document = tomllib.loads(WHOLE)
    for section, more in tomllib.loads(fragment).items():
        document[section] = {**document.get(section, {}), **more} if section in ("inputs", "layers", "parameters") else more
    if "file" in document["data"]:
        del document["layers"]["h"]
    save_file({"head.weight": np.ones((2, 2))}, tmp_path / "weights.safetensors")
    base = EXAMPLES if "file" in document["data"] else tmp_path
    assert parse(json.dumps(document), base=base, json=True).problems() == ()


def test_reference_is_complete():
    """If this fails, there are keys or words that no one can find out about.

    Activations, and what they may be given, may also be found by a command that the page names: it lists all by itself.
    """
    schema = json_schema()
    entries = [schema, *(schema["$defs"][name] for name in schema["$defs"])]
    keys = {key for entry in entries for key in entry.get("properties", {})}
    words = {
        word
        for entry in entries
        for value in entry.get("properties", {}).values()
        for word in (*value.get("enum", ()), value.get("const"))
    }
    assert "`bpcompare ops` lists" in PAGE
    others = {field.name for op in OPS.values() if op not in ACTIVATIONS for field in fields(op)}
    keys -= {field.name for op in ACTIVATIONS for field in fields(op)} - others
    words -= {op.name for op in ACTIVATIONS}
    assert not {word for word in keys | words - {None} if not re.search(rf"[`\"]{re.escape(word)}[`\" ]", PAGE)}
