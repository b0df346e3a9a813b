"""Wrong specs: what is said, and at which line."""

import pytest

from bpcompare.network import SpecError
from bpcompare.spec import parse

SPEC = """\
name = "mlp"
init = "glorot_uniform"

[inputs.x]
units = ["x1", "x2"]

[layers.h]
op = "dense"
from = ["x"]
units = 3
g = "sigmoid"

[layers.o]
op = "dense"
from = ["h"]
units = 2

[error]
op = "half_squared"
of = "o"
reduce = "sum"

[update]
rule = "sgd"
eta = 0.5

[data]
examples = [{ x = [0.05, 0.10], t = [0.01, 0.99] }]
"""


def refused(text, **options):
    with pytest.raises(SpecError) as caught:
        parse(text, name="specs/mlp.toml", **options)
    return str(caught.value), caught.value.problems


def test_base_is_right():
    """If this fails, the tables below test something else than the mistake they plant."""
    assert parse(SPEC).layers.keys() == {"h", "o"}


def dense(before, after):
    return SPEC.replace(before, after, 1)


WRONG = {
    # keys, words and types
    "unknown key": (dense("units = 3", "unitz = 3"), 10, 'unknown key - did you mean "units"?'),
    "missing key": (dense("units = 3\n", ""), 7, '"units" is required'),
    "unknown key of a section": (dense('rule = "sgd"', 'rule = "sgd"\nrate = 1.0'), 25, "unknown key"),
    "unknown section": (dense("[data]", "[dta]\n[data]"), 27, 'unknown key - did you mean "data"?'),
    "unknown op": (dense('op = "dense"', 'op = "dens"'), 8, 'not a layer op - did you mean "dense"?'),
    "missing op": (dense('g = "sigmoid"', "g = { slope = 1.0 }"), 11, '"op" is required: the name of an activation'),
    "unknown key without op": (dense('op = "dense"\n', "").replace("units = 3", "unitz = 3"), 9, 'did you mean "units"?'),
    "unknown activation": (dense('"sigmoid"', '"sigmiod"'), 11, 'not an activation - did you mean "sigmoid"?'),
    "unknown key of an activation": (dense('"sigmoid"', '{ op = "leaky_relu", slop = 1.0 }'), 11, 'did you mean "slope"?'),
    "unknown error": (dense('"half_squared"', '"half_sqared"'), 19, 'not an error - did you mean "half_squared"?'),
    "unknown rule": (dense('rule = "sgd"', 'rule = "adma"'), 24, 'not an update rule - did you mean "adam"?'),
    "unknown initializer": (dense("glorot_uniform", "glorot"), 2, "not an initializer"),
    "reduce is required": (dense('reduce = "sum"\n', ""), 18, '"reduce" is required: "sum" or "mean" over examples'),
    "reduce is a choice": (dense('"sum"', '"avg"'), 21, '"avg" is not one of "sum", "mean"'),
    "text is no number": (dense("eta = 0.5", 'eta = "0.5"'), 25, 'must be a number, is "0.5"'),
    "true is not 1": (dense("eta = 0.5", "eta = true"), 25, "must be a number, is true"),
    "true is not a count": (dense("units = 3", "units = true"), 10, "must be how many, or a list of names, is true"),
    "3.0 is not a count": (dense("units = 3", "units = 3.0"), 10, "must be how many"),
    "NaN": (dense("eta = 0.5", "eta = nan"), 25, "must be a finite number, is nan"),
    "infinity": (dense("eta = 0.5", "eta = 1e999"), 25, "must be a finite number, is inf"),
    "huge integer": (dense("eta = 0.5", f"eta = {'9' * 400}"), 25, "must be a"),
    "date": (dense('"mlp"', "1979-05-27"), 1, "must be text, is 1979-05-27"),
    "no table": (dense("[inputs.x]", "run = 3\n[inputs.x]"), 4, "must be a table, is 3"),
    # fields
    "eta not positive": (dense("eta = 0.5", "eta = 0"), 25, "must be a positive finite number, is 0"),
    "no units": (dense("units = 3", "units = 0"), 10, "must be at least 1, is 0"),
    "empty input": (dense('units = ["x1", "x2"]', "shape = [0]"), 5, "needs at least one unit"),
    "input without size": (dense('units = ["x1", "x2"]', ""), 4, "give units (how many, or names) or shape"),
    "input with two sizes": (dense('units = ["x1", "x2"]', "units = 2\nshape = [2]"), 4, "only one of units and shape"),
    # graph
    "dangling source": (dense('from = ["h"]', 'from = ["hh"]'), 15, 'no input or layer is called "hh" - did you mean "h"?'),
    "cycle": (dense('from = ["x"]', 'from = ["x", "o"]'), 15, "the layers form a cycle"),
    "self loop": (dense('from = ["x"]', 'from = ["x", "h"]'), 9, "the layers form a cycle: h -> h"),
    "too few sources": (dense('from = ["h"]', "from = []"), 15, "dense reads at least 1 source, has 0"),
    "unknown layer of the error": (dense('of = "o"', 'of = "out"'), 20, 'no layer is called "out"'),
    "error of an input": (dense('of = "o"', 'of = "x"'), 20, '"x" is an input'),
    "layer beside the path": (dense('of = "o"', 'of = "h"'), 13, 'layer "o" does not reach the error: its Δ would be zero'),
    "unread input": (dense("[layers.h]", "[inputs.y]\nunits = 1\n[layers.h]"), 7, 'no layer reads input "y"'),
    "name of input and layer": (dense("[inputs.x]", "[inputs.o]\nunits = 1\n[inputs.x]"), 15, "the name of an input as well"),
    "dot in a name": (dense("[inputs.x]", '[inputs."a.b"]\nunits = 1\n[inputs.x]'), 4, "contains a dot"),
    "slash in a name": (dense("[inputs.x]", '[inputs."a/b"]\nunits = 1\n[inputs.x]'), 4, "have a meaning in paths"),
    "space in a name": (dense("[inputs.x]", '[inputs."a b"]\nunits = 1\n[inputs.x]'), 4, "white space"),
    "empty name": (dense("[inputs.x]", '[inputs.""]\nunits = 1\n[inputs.x]'), 4, "is empty"),
    "long name": (dense("[inputs.x]", f"[inputs.{'a' * 300}]\nunits = 1\n[inputs.x]"), 4, "has 300 characters, the limit is 200"),
    "reserved name": (dense("[inputs.x]", "[inputs.error]\nunits = 1\n[inputs.x]"), 4, "reserved"),
    "unit named twice": (dense('"x2"]', '"x1"]'), 5, 'unit name "x1" is given twice'),
    # shapes
    "source of a wrong shape": (dense('units = ["x1", "x2"]', "shape = []"), 9, "dense sums along an axis, source 1 is a scalar"),
    "target of a wrong shape": (
        dense("t = [0.01, 0.99]", "t = [0.01]"),
        28,
        "the target has shape [1] per example, expected [2]",
    ),
    "input of a wrong shape": (dense("x = [0.05, 0.10]", "x = [[0.05, 0.10], [1, 2]]"), 28, "has shape [2, 2] per example"),
    # weights
    "transpose without weights": (dense("units = 3", "units = 3\ntranspose = true"), 11, "none are written here"),
    "transpose of what is no matrix": (
        dense("units = 3", "units = 3\nweights = [1, 2, 3]\ntranspose = true"),
        11,
        "transpose = true turns a matrix, and this has shape [3]",
    ),
    "transpose of names": (
        dense("units = 3", 'units = ["a"]\nweights = { a = { x1 = 1, x2 = 2 } }\ntranspose = false'),
        12,
        "weights by unit names are not written as a matrix",
    ),
    "transpose that is no switch": (dense("units = 3", 'units = 3\ntranspose = "yes"'), 11, "must be true or false"),
    "turned, and wrong by that": (
        dense("units = 3", "units = 3\nweights = [[1, 2, 3], [4, 5, 6]]\ntranspose = true"),
        11,
        "has shape [3, 2], h needs [2, 3]",
    ),
    "weights of a wrong shape": (dense("units = 3", "units = 3\nweights = [[1, 2, 3]]"), 11, "has shape [1, 3], h needs [2, 3]"),
    "transposed weights": (
        dense("units = 3", "units = 3\nweights = [[1, 2], [3, 4], [5, 6]]"),
        11,
        "torch keeps them the other way round: transpose = true reads such weights",
    ),
    "ragged weights": (dense("units = 3", "units = 3\nweights = [[1, 2, 3], [4]]"), 11, "entry [1] is 1 entries"),
    "weight that is text": (
        dense("units = 3", 'units = 3\nweights = [[1, 2, 3], [4, "5", 6]]'),
        11,
        'entry [1][1] is "5", not a number',
    ),
    "weight that is true": (dense("units = 3", "units = 3\nweights = [[1, 2, true]]"), 11, "entry [0][2] is true, not a number"),
    "weight NaN": (dense("units = 3", "units = 3\nweights = [[1, 2, nan]]"), 11, "entry [0][2] is nan; numbers must be finite"),
    "weights by name without names": (dense("units = 3", "units = 3\nweights = { h1 = { x1 = 1 } }"), 11, "need named units in"),
    "unknown source by name": (
        dense("units = 3", 'units = ["h1"]\nweights = { h1 = { x1 = 1, x2 = 2, x3 = 3 } }'),
        11,
        'nothing called "x3" feeds "h1"',
    ),
    "unknown unit by name": (
        dense("units = 3", 'units = ["h1"]\nweights = { h1 = { x1 = 1, x2 = 2 }, h2 = { x1 = 1, x2 = 2 } }'),
        11,
        '"h" has no unit "h2"',
    ),
    "missing edge": (dense("units = 3", 'units = ["h1"]\nweights = { h1 = { x1 = 1 } }'), 11, 'no weight from "x2" to "h1"'),
    "missing bias": (
        dense("units = 3", 'units = ["h1", "h2"]\nweights = { h1 = {x1 = 1, x2 = 2, bias = 3}, h2 = {x1 = 1, x2 = 2} }'),
        11,
        'no bias for "h2"',
    ),
    "bias that is not there": (dense("units = 3", "units = 3\nbias = false\nbiases = [1, 2, 3]"), 12, "h has no bias"),
    "unused parameter": (dense("[error]", '[parameters."h.wieght"]\ntrainable = false\n[error]'), 18, 'did you mean "h.weight"?'),
    "values given twice": (
        dense("[error]", '[parameters."o.bias"]\nvalue = [1, 2]\ninit = "zeros"\n[error]'),
        20,
        'only one of "value", "init" can be given',
    ),
    "shared in different shapes": (dense("units = 2", 'units = 2\nweight = "h.weight"'), 17, "shared by uses of different shape"),
    "freezing nothing": (dense("[inputs.x]", 'freeze = ["q.*"]\n[inputs.x]'), 4, '"q.*" matches no parameter'),
    "penalty of nothing in particular": (dense("[error]", "[error]\npenalty = 0.01"), 19, "penalized must say which parameters"),
    "penalized by nothing": (dense("[error]", '[error]\npenalized = ["*"]'), 19, "penalty is not given"),
    "penalizing nothing": (dense("[error]", '[error]\npenalty = 1\npenalized = ["q.*"]'), 20, '"q.*" matches no parameter'),
    "no penalty": (dense("[error]", '[error]\npenalty = 0\npenalized = ["*"]'), 19, "must be a positive finite number, is 0"),
    "reward": (dense("[error]", '[error]\npenalty = -1\npenalized = ["*"]'), 19, "must be a positive finite number, is -1"),
    "endless penalty": (dense("[error]", '[error]\npenalty = inf\npenalized = ["*"]'), 19, "must be a finite number, is inf"),
    "reward for one": (SPEC + '[parameters."o.weight"]\npenalty = -0.5\n', 30, "must be a positive finite number, is -0.5"),
    "penalty twice": (
        dense("[error]", '[error]\npenalty = 1\npenalized = ["*"]') + '[parameters."o.weight"]\npenalty = 0.5\n',
        32,
        '"o.weight" has a penalty from [error] already',
    ),
    "parameter with a quantity's name": (dense("units = 3", 'units = 3\nweight = "h.delta"'), 11, 'ends in "delta"'),
    # data
    "unknown name in an example": (dense("{ x = ", "{ y = 1, x = "), 28, '"y" is neither an input nor the target'),
    "missing name in an example": (dense("x = [0.05, 0.10], ", ""), 28, 'example 1 has no "x"'),
    "no examples": (dense("[{ x = [0.05, 0.10], t = [0.01, 0.99] }]", "[]"), 28, "there are no examples"),
    "no data": (dense("examples = [{ x = [0.05, 0.10], t = [0.01, 0.99] }]", ""), 27, "no examples"),
    "missing file": (dense("examples = [{ x = [0.05, 0.10], t = [0.01, 0.99] }]", 'file = "no.npz"'), 28, "there is no file"),
    "unknown kind of file": (
        dense("examples = [{ x = [0.05, 0.10], t = [0.01, 0.99] }]", 'file = "no.xls"'),
        28,
        "neither a .npz",
    ),
    "columns of inline data": (SPEC + "columns = { x = [0, 2] }\n", 29, "columns is for CSV files"),
    "target named like an input": (dense('of = "o"', 'of = "o"\ntarget = "x"'), 21, '"x" is the name of an input'),
    # run
    "batch too large": (SPEC + "[run]\nbatch = 2\n", 30, "a batch of 2 is larger than the 1 examples"),
    "no steps": (SPEC + "[run]\nsteps = 0\n", 30, "must be at least 1, is 0"),
    "unknown dtype": (SPEC + '[run]\ndtype = "float16"\n', 30, '"float16" is not one of "float32", "float64"'),
    # size
    "absurd layer": (dense("units = 3", "units = 3000000000"), 7, "6,000,000,000 elements; the limit is 2,147,483,648"),
    "absurd input": (dense('units = ["x1", "x2"]', f"units = {10**18}"), 4, "values over 1 examples"),
    "beyond 64 bits": (dense("units = 3", f"units = {10**350}"), 10, "at most 64 bits"),
    "hexadecimal beyond 64 bits": (dense("units = 3", f"units = 0x{'f' * 900}"), 10, "at most 64 bits"),
    "absurd product": (dense('units = ["x1", "x2"]', f"shape = {[2**62] * 8}"), 4, "has 2.05e+149 values"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_message_and_line(case):
    """If this fails, a user with this mistake is not told what is wrong, or not where."""
    text, line, fragment = WRONG[case]
    shown, _ = refused(text)
    rows, current = {}, ""
    for row in shown.splitlines()[1:]:
        number, _, rest = row.partition(" | ")
        current = number.strip() if " | " in row[:8] else current
        rows.setdefault(current, []).append(rest if " | " in row[:8] else row)
    found = " ".join(" ".join(rows.get(str(line), [])).split())
    assert fragment in found, shown
    assert "Traceback" not in shown


def test_all_problems_at_once():
    """If this fails, users meet their mistakes one run at a time."""
    text = SPEC
    for before, after in (('"sigmoid"', '"sigmiod"'), ("units = 3", "unitz = 3"), ('reduce = "sum"\n', ""), ('["h"]', '["hh"]')):
        text = text.replace(before, after, 1)
    shown, problems = refused(text)
    shown = " ".join(shown.split())
    assert len(problems) == 5
    assert shown.startswith("BP002 5 problems in specs/mlp.toml 7 | [layers.h]")
    for fragment in ("sigmoid", "unitz", '"units" is required', "frameworks disagree", 'did you mean "h"'):
        assert fragment in shown


def test_users_own_text_is_shown():
    """If this fails, messages do not show the line they are about."""
    shown, _ = refused(dense("units = 3", "unitz = 3"))
    assert ' 10 | unitz = 3    unknown key - did you mean "units"?' in shown


SYNTAX = {
    "no value": ("name =\n", "  1 | name =", "not valid TOML"),
    "cut short": (SPEC[:150], "TOML", "TOML"),
    "key twice": ("a = 1\na = 2\n", "  2 | a = 2", "this key is given twice"),
    "table twice": ("[a]\nb = 1\n[a]\n", "  3 | [a]", "this table is given twice"),
    "Greek name": ("[layers.h.weights]\nη₁ = 1\n", "  2 | η₁ = 1", 'stand in quotes: "η₁"'),
    "Greek name in a table": ("h = { x₁ = 1 }\n", "  1 | h = { x₁", 'stand in quotes: "x₁"'),
    "NUL": ('name = "a\0b"', "\\x00", "not valid TOML"),
    "digits": (f"name = {'9' * 5000}", "too many digits", "not valid TOML"),
    "hexadecimal digits": (f"a = 1\nname = 0x{'f' * 5000}", "  2 | ", "too many digits"),
    "deep": ("a = " + "[" * 100_000 + "]" * 100_000, "nested too deeply", "cannot read"),
    "empty": ("", '"layers" is required', '"data" is required'),
}


@pytest.mark.parametrize("case", SYNTAX)
def test_syntax(case):
    """If this fails, text that is not TOML ends in a traceback or an unclear message."""
    text, first, second = SYNTAX[case]
    shown, _ = refused(text)
    assert first in shown
    assert second in shown


JSON = {
    "no JSON": ('{\n "name": }', "  2 |", "not valid JSON"),
    "NaN": ('{"init": NaN}', "NaN is not a number", "not valid JSON"),
    "key twice": ('{"name": "a", "name": "b"}', 'key "name" is given twice', ""),
    "list": ("[1, 2]", "must be an object", ""),
    "deep": ('{"name": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply", ""),
    "deep data": ('{"data": {"examples": [{"x": ' + "[" * 500 + "]" * 500 + "}]}}", "nested more than 8 deep", ""),
    "half a surrogate": ('{"\\ud800": 1}', "not Unicode", ""),
    "wrong key": ('{\n "layers": {\n  "h": {"op": "dense",\n   "unitz": 3}}}', '  4 | "unitz": 3}}}', 'did you mean "units"?'),
}


@pytest.mark.parametrize("case", JSON)
def test_json(case):
    """If this fails, JSON specs are judged more loosely, or less clearly, than TOML ones."""
    text, first, second = JSON[case]
    shown, _ = refused(text, json=True)
    assert first in shown
    assert second in shown


def test_many_problems_stay_readable_and_quick():
    """If this fails, a machine-made spec with thousands of mistakes drowns its user, or never answers."""
    layers = "".join(f'[layers.n{i}]\nop = "dense"\nunits = 1\nfrom = ["m{i}"]\nextra{i} = 1\n' for i in range(2000))
    shown, problems = refused(SPEC + layers)
    assert len(problems) >= 4000
    assert len(shown.splitlines()) < 150
    assert f"and {len(problems) - 50} more" in shown
