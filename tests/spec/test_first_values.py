"""Weights that nobody gives values to, and weights written the other way round."""

import re

import numpy as np
import pytest
from safetensors.numpy import save_file

import bpcompare
from bpcompare.cli import main
from bpcompare.network import SpecError
from bpcompare.network.parameter import Initializer
from bpcompare.spec import json_schema, parse

SPEC = """
{top}
[inputs.x]
units = 2
[layers.h]
from = "x"
units = {units}
{h}
[layers.o]
from = "h"
units = 3
{o}
[error]
op = "half_squared"
of = "o"
reduce = "sum"
[update]
rule = "sgd"
eta = 0.5
[data]
examples = [{{ x = [1, 2], t = [0, 0, 1] }}]
{more}
"""
SQUARE = "weights = [[0.1, 0.2], [0.3, 0.4]]"


def spec(top="", units=2, h="", o='init = "he_normal"', more=""):
    return SPEC.format(top=top, units=units, h=h, o=o, more=more)


def hints(text, **options):
    found = []
    parse(text, hint=found.append, **options)
    return found


def test_weights_are_drawn_without_being_asked():
    """Somebody who only wants to compare must choose a distribution first, though every backend receives the same numbers."""
    found = parse(spec()).parameters
    assert found["h.weight"].init == Initializer("glorot_uniform")
    assert found["o.weight"].init == Initializer("he_normal")
    assert found["h.bias"].init == Initializer("zeros")
    assert parse(spec('init = "uniform"')).parameters["h.weight"].init == Initializer("uniform")
    assert json_schema()["properties"]["init"]["default"] == {"kind": "glorot_uniform", "scale": 1.0}


def test_default_draws_are_those_that_are_asked_for():
    """The default would be another distribution than the one that the documentation names."""
    draws = [
        bpcompare.run(parse(text), ["delta"]).plan.parameters["h.weight"] for text in (spec(), spec('init = "glorot_uniform"'))
    ]
    np.testing.assert_array_equal(*draws)
    assert np.abs(draws[0]).max() <= np.sqrt(6 / 4)
    assert draws[0].any()


@pytest.mark.parametrize("form", ["list", "value", "npz", "safetensors"])
def test_weights_as_torch_keeps_them(form, tmp_path):
    """Trained weights must be turned in a script of one's own, and one is forgotten."""
    rows = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]  # [units, sources]: 3 units, 2 sources
    if form == "list":
        text = spec(o=f"weights = {rows}\ntranspose = true")
    elif form == "value":
        text = spec(more=f'[parameters."o.weight"]\nvalue = {rows}\ntranspose = true')
    else:
        array = {"o.weight": np.array(rows, np.float32)}
        np.savez(tmp_path / "w.npz", **array) if form == "npz" else save_file(array, tmp_path / "w.safetensors")
        text = spec(more=f'[parameters."o.weight"]\nfile = "w.{form}"\ntranspose = true')
    found = parse(text, base=tmp_path).parameters["o.weight"].init
    np.testing.assert_array_equal(found, np.array(rows).T)
    assert found.flags.c_contiguous
    without = re.sub(r"transpose = true", "", text)
    with pytest.raises(SpecError) as error:
        parse(without, base=tmp_path)
    assert "torch keeps them the other way round: transpose = true" in " ".join(str(error.value).split())


@pytest.mark.parametrize(
    ("h", "more"),
    [(SQUARE, ""), ("", '[parameters."h.weight"]\nvalue = [[0.1, 0.2], [0.3, 0.4]]')],
)
def test_square_weights_fit_both_ways(h, more):
    """A square matrix of torch's is read with rows for columns, and nothing is ever said."""
    (hint,) = hints(spec('init = "zeros"', h=h, more=more))
    assert "the weights of h are square and fit both ways" in hint
    assert "transpose = true" in hint
    for said in ("true", "false"):
        assert not hints(spec('init = "zeros"', h=h and f"{h}\ntranspose = {said}", more=more and f"{more}\ntranspose = {said}"))


def test_what_cannot_be_meant_otherwise_is_no_hint():
    """A hint at every run is read by nobody."""
    assert not hints(spec('init = "zeros"', h="weights = [[0.1, 0.2], [0.2, 0.4]]")), "symmetric: both ways are one"
    names = spec('init = "zeros"').replace("units = 2\n[layers.h]", 'units = ["x1", "x2"]\n[layers.h]')
    named = names.replace("units = 2\n", 'units = ["h1", "h2"]\nweights = { h1 = { x1 = 1, x2 = 2 }, h2 = { x1 = 3, x2 = 4 } }\n')
    assert not hints(named)
    assert not hints(spec(units=1, h="weights = [[0.1], [0.2]]"))
    assert not hints(spec())


def test_forgotten_weights():
    """One layer's weights are left out, and its numbers are drawn without a word."""
    (hint,) = hints(spec(units=1, h="weights = [[0.1], [0.2]]", o=""))
    assert 'no first values for "o.weight"' in hint
    assert "glorot_uniform" in hint
    assert not hints(spec('init = "glorot_uniform"', units=1, h="weights = [[0.1], [0.2]]", o=""))
    assert not hints(spec(o=""))


def test_commands_tell_hints_on_standard_error(tmp_path, capsys):
    """A hint in the output would break whoever reads the output; no hint at all helps nobody."""
    path = tmp_path / "square.toml"
    path.write_text(spec(h=SQUARE), encoding="utf-8")
    for words in (
        ["run", str(path), "-b", "delta", "--json", "-"],
        ["show", str(path), "h", "-b", "delta"],
        ["audit", str(path)],
    ):
        main(words)
        out, err = capsys.readouterr()
        assert "fit both ways" in err
        assert "fit both ways" not in out
    assert main(["run", "mazur", "-b", "delta", "-q"]) == 5
    assert "hint" not in capsys.readouterr().err


def test_turned_weights_give_the_same_run():
    """`transpose` reads something, but not the matrix that was meant."""
    turned = parse(spec(h="weights = [[0.1, 0.3], [0.2, 0.4]]\ntranspose = true"))
    plain = parse(spec(h=f"{SQUARE}\ntranspose = false"))
    one, other = (bpcompare.run(network, ["delta"]).records["delta"].steps[0] for network in (turned, plain))
    np.testing.assert_array_equal(one.net_in["h"], other.net_in["h"])
    np.testing.assert_array_equal(one.gradient["h.weight"], other.gradient["h.weight"])
