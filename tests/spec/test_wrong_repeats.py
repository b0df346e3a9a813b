"""Wrong repeats: what is said, and at which line. A copy has no line: its layer has, where it is written."""

import gc
import time

import pytest

from bpcompare.network import SpecError
from bpcompare.spec import parse

SPEC = """\
[inputs.x]
shape = [3, 2]

[layers.h0]
op = "constant"
shape = [2]

[repeat.rnn]
times = 3
share = true
start = { s = "h0" }

[repeat.rnn.layers.row]
op = "slice"
from = "x"
start = "{t}"
stop = "{t+1}"
drop = true

[repeat.rnn.layers.s]
op = "dense"
from = ["row", "previous.s"]
units = 2
g = "tanh"

[layers.o]
from = "rnn.s"
units = 1

[error]
op = "half_squared"
of = "o"
reduce = "sum"

[update]
rule = "sgd"
eta = 0.5

[data]
examples = [{ x = [1, 2, 3, 4, 5, 6], t = 7 }]
"""


def refused(text, **options):
    with pytest.raises(SpecError) as caught:
        parse(text, name="rnn.toml", **options)
    return str(caught.value), caught.value.problems


def changed(before, after):
    assert before in SPEC
    return SPEC.replace(before, after, 1)


def test_base_is_right():
    """The tables below would test something else than the mistake they plant."""
    assert len(parse(SPEC).layers) == 8


S = 'from = ["row", "previous.s"]'
SECOND = "[repeat.two]\ntimes = 2\nshare = true\nlayers.a = { from = 'x', units = 1 }\n"
WRONG = {
    # keys and types
    "times missing": (changed("times = 3\n", ""), 8, '"times" is required: how many steps'),
    "share missing": (changed("share = true\n", ""), 8, '"share" is required: true for one set of parameters'),
    "layers missing": (
        SPEC + "[repeat.two]\ntimes = 1\nshare = true\n",
        41,
        '"layers" is required: such as [repeat.NAME.layers.h]',
    ),
    "times that are no count": (changed("times = 3", 'times = "3"'), 9, 'must be a whole number, is "3"'),
    "share that is no switch": (changed("share = true", 'share = "s"'), 10, "must be true or false"),
    "start that is no name": (changed('"h0"', "0"), 11, "must be text, is 0"),
    "unknown key of a repeat": (changed("times", "time"), 9, 'unknown key - did you mean "times"?'),
    "unknown key of a layer": (changed("drop", "dropp"), 18, 'unknown key - did you mean "drop"?'),
    "unknown op": (changed('"slice"', '"slize"'), 14, 'not a layer op - did you mean "slice"?'),
    "unknown activation": (changed('"tanh"', '"tan"'), 24, 'not an activation - did you mean "tanh"?'),
    "layer without from": (changed(f"{S}\n", ""), 20, '"from" is required: the inputs or layers it reads'),
    "number that is text": (changed('"{t}"', '"t"'), 16, "must be a whole number, or one that depends on the index"),
    "index in a table of its own": (changed('"tanh"', '{ op = "softmax", axis = "{t}" }'), 24, "must be a whole number"),
    "index outside": (
        changed("units = 1", 'units = 1\n[layers.q]\nop = "slice"\nfrom = "x"\nstart = "{t}"'),
        32,
        "must be a whole",
    ),
    "a repeat in a repeat": (SPEC + "[repeat.rnn.repeat.two]\ntimes = 2\n", 41, "a repeat cannot stand in another"),
    # how often
    "no step": (changed("times = 3", "times = 0"), 9, "must be at least 1, is 0"),
    "steps below zero": (changed("times = 3", f"times = {-(2**63)}"), 9, "must be at least 1, is -92"),
    "too many steps": (changed("times = 3", "times = 20000"), 9, "make 100000 layers and sources, the limit is 50,000"),
    "absurdly many steps": (changed("times = 3", f"times = {2**62}"), 9, "the limit is 50,000"),
    "too many steps together": (
        changed("times = 3", "times = 9000") + SECOND.replace("2\n", "9000\n"),
        42,
        "9000 steps of this repeat, with the repeats before it, make 63000 layers",
    ),
    "every step reads all": (
        changed("times = 3", "times = 1000").replace(S, 'from = ["row", "rnn.*.row"]'),
        22,
        "make more than 50,000 sources",
    ),
    # names
    "empty repeat": (SPEC + "[repeat.two]\ntimes = 1\nshare = true\nlayers = {}\n", 44, "there are no layers in this repeat"),
    "repeat called like a layer": (SPEC + SECOND.replace("two", "o"), 41, '"o" is the name of a layer as well'),
    "repeat called like an input": (SPEC + SECOND.replace("two", "x"), 41, '"x" is the name of an input as well'),
    "repeat of a reserved name": (SPEC + SECOND.replace("two", "previous"), 41, '"previous" is reserved'),
    "dot in the name of a repeat": (SPEC + SECOND.replace("two", '"a.b"'), 41, "contains a dot"),
    "dot in the name of a layer": (changed("layers.row]", 'layers."r.w"]'), 13, 'layer name "r.w" contains a dot'),
    "index in the name of a layer": (changed("layers.row]", 'layers."row{t}"]'), 13, "has a brace, which is for the index"),
    "layer called like one outside": (changed("layers.row]", "layers.h0]"), 13, "from could mean either"),
    "long names": (changed("layers.row]", f"layers.{'a' * 195}]"), 13, "is too long together with that of its repeat"),
    "copy called like a layer": (
        changed("[error]", "[layers.rnn_2_s]\nfrom = 'x'\nunits = 1\n[error]"),
        20,
        'step 2 is called "rnn_2_s"',
    ),
    "index of two words": (changed("share", 'index = "a b"\nshare'), 10, 'the index must be one word, such as t, is "a b"'),
    # the index
    "unknown index in a field": (changed('"{t}"', '"{i}"'), 16, '"i" is not the index of this repeat, which is "t"'),
    "unknown index in a source": (changed('"row", ', '"x{step}", '), 22, '"step" is not the index of this repeat, which is "t"'),
    "unknown index in a name": (changed("units = 2", 'units = 2\nweight = "W{i}"'), 24, '"i" is not the index'),
    "unknown index in a unit": (changed("units = 2", 'units = ["a{i}", "b"]'), 23, '"i" is not the index'),
    "no sum": (changed('"{t+1}"', '"{2*t}"'), 17, '"{2*t}" is no index; write {t}, {t+1} or {3-t}'),
    "nothing in braces": (changed('"{t+1}"', '"{}"'), 17, '"{}" is no index'),
    "two in a row": (changed('"{t+1}"', '"{t 1}"'), 17, '"{t 1}" is no index'),
    "half a brace": (changed('"row", ', '"row{t", '), 22, '"row{t" has a brace without its partner'),
    "endless text": (changed("units = 2", f'units = 2\nweight = "{"W" * 300}{{t}}"'), 24, "has 303 characters, the limit is 200"),
    # sources inside
    "unknown source": (changed('"row", ', '"rov", '), 22, 'no input or layer is called "rov" - did you mean "row"?'),
    "unknown source in a step": (changed('"row", ', '"row{t}", '), 22, 'no input or layer is called "row0"'),
    "previous of nothing": (changed('"previous.s"', '"previous.z"'), 22, 'repeat "rnn" has no layer "z"'),
    "no start": (changed('start = { s = "h0" }\n', ""), 21, '"previous.s" has no start: say what it is in the first step'),
    "start of nothing": (changed("{ s =", "{ z = 'h0', s ="), 11, 'repeat "rnn" has no layer "z"'),
    "start that nobody reads": (changed("{ s =", "{ row = 'h0', s ="), 11, 'no layer of the repeat reads "previous.row"'),
    "start at nothing": (changed('"h0"', '"h1"'), 11, 'no input or layer is called "h1"'),
    "start of several": (changed('"h0"', '"rnn.*.s"'), 11, 'a start is one input or layer; "rnn.*.s" means 3'),
    "step before the first": (changed("previous.s", "rnn.{t-1}.s"), 22, 'not "-1" - the step before is previous.LAYER'),
    "step after the last": (changed("previous.s", "rnn.{t+1}.row"), 22, 'has the steps 0 to 2, not "3"'),
    "cycle in a step": (changed('from = "x"', 'from = "s"'), 15, "the layers form a cycle: rnn_"),
    # sources outside
    "unknown repeat": (changed('"rnn.s"', '"rnm.s"'), 27, 'no repeat is called "rnm" - did you mean "rnn"?'),
    "unknown layer of a repeat": (changed('"rnn.s"', '["x", "rnn.z"]'), 27, 'repeat "rnn" has no layer "z"'),
    "step that is not there": (changed('"rnn.s"', '"rnn.3.s"'), 27, 'repeat "rnn" has the steps 0 to 2, not "3"'),
    "step that is no number": (changed('"rnn.s"', '"rnn.t.s"'), 27, 'has the steps 0 to 2, not "t"'),
    "too many dots": (changed('"rnn.s"', '"rnn.1.s.a"'), 27, "is no layer of a repeat; write REPEAT.LAYER"),
    "previous outside": (changed('"rnn.s"', '"previous.s"'), 27, "has a meaning only in from of a repeat's own layers"),
    "layer of a repeat by its bare name": (
        changed('"rnn.s"', '"s"'),
        27,
        'no input or layer is called "s" - did you mean "rnn.s"?',
    ),
    "error of several": (changed('of = "o"', 'of = "rnn.*.s"'), 32, 'the error is taken of one layer; "rnn.*.s" means 3'),
    "error of nothing": (changed('of = "o"', 'of = "rnn.z"'), 32, 'repeat "rnn" has no layer "z"'),
    "error by a bare name": (changed('of = "o"', 'of = "s"'), 32, 'did you mean "rnn.s"?'),
    # what the network says of copies
    "field that makes no sense": (changed("units = 2", "units = 0"), 23, "must be at least 1, is 0"),
    "slice of nothing": (changed("shape = [3, 2]", "shape = [2, 2]"), 15, "slice takes 0 of axis 0 of [2, 2]"),
    "shared in two shapes": (changed("shape = [2]", "shape = [5]"), 20, '"rnn.s.weight" is shared by uses of different shape'),
    "layer beside the path": (
        changed("[error]", "[repeat.rnn.layers.q]\nfrom = 's'\nunits = 1\n[error]"),
        30,
        "does not reach the error",
    ),
    "second source of several": (changed('"rnn.s"', '["rnn.*.s", "x"]'), 27, "dense joins its sources along the last axis"),
    "integers from a layer": (
        changed('op = "dense"\nfrom = ["row", "previous.s"]\nunits = 2', 'op = "embedding"\nfrom = "row"\nrows = 2\nwidth = 2')
        .replace('start = { s = "h0" }\n', "").replace('from = "rnn.s"', 'from = ["h0", "rnn.s"]'),
        21,
        "embedding reads integers",
    ),
    # first values
    "weights by unit names": (
        changed("units = 2", "units = 2\nweights = { a = { b = 1 } }"),
        24,
        "cannot be given by unit names",
    ),
    "weights of a wrong shape": (
        changed("units = 2", "units = 2\nweights = [[1, 2]]"),
        24,
        "has shape [1, 2], rnn_0_s needs [4, 2]",
    ),
    "biases of no bias": (changed("units = 2", "units = 2\nbias = false\nbiases = [1, 2]"), 25, "rnn_0_s has no bias"),
    "transpose of nothing": (changed("units = 2", "units = 2\ntranspose = true"), 24, "none are written here"),
    "many names of units": (
        changed("times = 3", "times = 5000").replace("units = 2", f"units = {['u{t}'] * 401}"),
        23,
        "makes 2,005,000 texts over 5,000 steps",
    ),
    "many first values": (
        changed("share = true", "share = false").replace("times = 3", "times = 5000")
        .replace("units = 2", f"units = 2\nweights = [{'1,' * 500}]"),
        24,
        "makes 2,500,000 numbers over 5,000 steps",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_message_and_line(case):
    """A user with this mistake would not be told what is wrong, or not where."""
    text, line, fragment = WRONG[case]
    shown, problems = refused(text)
    rows, current = {}, ""
    for row in shown.splitlines()[1:]:
        number, _, rest = row.partition(" | ")
        current = number.strip() if " | " in row[:8] else current
        rows.setdefault(current, []).append(rest if " | " in row[:8] else row)
    assert fragment in " ".join(" ".join(rows.get(str(line), [])).split()), shown
    assert len(set(problems)) == len(problems)


def test_copies_of_two_repeats_of_one_name():
    """One of two layers would be lost without a word."""
    text = SPEC + '[repeat.rnn_0]\ntimes = 2\nshare = true\n[repeat.rnn_0.layers.s]\nfrom = "rnn.s"\nunits = 2\n'
    shown, _ = refused(text + '[repeat.rnn.layers.1_s]\nfrom = "s"\nunits = 2\n')
    assert 'its copy in step 1 is called "rnn_0_1_s", and so is a copy in another repeat' in " ".join(shown.split())


def test_a_mistake_is_told_once():
    """A mistake in a repeat of a thousand steps would fill the terminal."""
    shown, problems = refused(
        changed("times = 3", "times = 500").replace("[3, 2]", "[500, 1]").replace("units = 2", "units = -1")
    )
    assert len([problem for problem in problems if problem.where[0] == "repeat"]) == 1, shown


def test_where_problems_are_said_to_be():
    """A program that marks mistakes in an editor would be sent to layers that are nowhere in the file."""
    _, problems = refused(changed('"rnn.s"', '["rnn.*.s", "rnn.z"]').replace('"row", ', '"rov", '))
    assert {problem.where for problem in problems} == {
        ("layers", "o", "from", 1),
        ("repeat", "rnn", "layers", "s", "from", 0),
    }


def test_all_at_once():
    """Users would meet their mistakes one run at a time."""
    text = changed('"tanh"', '"tan"').replace('"rnn.s"', '"rnn.z"').replace('"row", ', '"rov", ').replace("[error]", "[eror]")
    shown, problems = refused(text)
    assert {problem.where for problem in problems} == {
        ("repeat", "rnn", "layers", "s", "g", "op"),
        ("repeat", "rnn", "layers", "s", "from", 0),
        ("layers", "o", "from", 0),
        ("eror",),
        ("error",),
    }, shown


def test_large_repeats_are_read_in_linear_time():
    """A recurrent network over some thousand steps would never be read."""
    taken = []
    for steps in (400, 1600):
        numbers = ", ".join(["1"] * 2 * steps)
        text = changed("times = 3", f"times = {steps}").replace("[3, 2]", f"[{steps}, 2]").replace("1, 2, 3, 4, 5, 6", numbers)
        gc.disable()  # what other tests left behind is none of this one's time
        try:
            start = time.process_time()
            assert len(parse(text).layers) == 2 * steps + 2
            taken.append(time.process_time() - start)
        finally:
            gc.enable()
    assert taken[1] < 12 * taken[0]
