"""Causes of refuted numbers: one for all of them before one for each, and none that does not explain."""

import numpy as np
import pytest

import bpcompare
from bpcompare.mistakes import MISTAKES
from bpcompare.plan.draw import plan as draw
from bpcompare.plan.naming import Names
from bpcompare.proof.question import question
from bpcompare.proof.values import step_values
from bpcompare.proof.worked import enclosures
from bpcompare.spec import parse
from bpcompare.teach.transcript import Numbers, check, transcript_json, transcript_text
from bpcompare.teach.transcript.printed import printed

NEURON = """
name = "neuron"
[inputs.x]
units = ["x1", "x2"]
[layers.h]
from = "x"
units = ["h1", "h2"]
g = "tanh"
weights = {{ h1 = {{ x1 = 0.2, x2 = -0.3, bias = 0.1 }}, h2 = {{ x1 = 0.4, x2 = 0.5, bias = -0.2 }} }}
[layers.o]
from = "h"
units = ["o"]
g = "sigmoid"
weights = {{ o = {{ h1 = 0.6, h2 = -0.7, bias = 0.05 }} }}
[error]
op = "mean_squared"
of = "o"
reduce = "mean"
[update]
rule = "sgd"
eta = {eta}
[data]
examples = [{{ x = [1, 2], t = [1] }}, {{ x = [2, 1], t = [0] }}, {{ x = [-1, -2], t = [0] }}]
[run]
steps = 2
"""


def neuron(eta=0.5):
    return parse(NEURON.format(eta=eta))


def recorded(network, backend, names, digits=6):
    """Numbers as a program with this mistake prints them."""
    comparison = bpcompare.run(network, [backend], steps=2)
    (record,) = comparison.records.values()
    steps = step_values(comparison.plan, record)
    found = {}
    for name in names:
        at = Names(network).place(name)
        found[name] = printed(f"{float(steps[at.step - 1].recorded[at.path][at.index]):.{digits}g}")
    return Numbers(found)


EVERYTHING = (
    "E", "h.delta[0,0]", "o.delta[0,0]", "w[x1,h1].gradient", "b[h1].gradient", "w[h1,o].gradient", "b[o].gradient",
    "w[x1,h1].update", "b[h1].update", "w[h1,o].update", "b[o].update", "step2/E", "step2/w[h2,o].update", "step2/b[o].update",
    "step2/h.delta[2,1]",
)  # fmt: skip


@pytest.mark.parametrize(
    ("backend", "code", "alone"),
    [
        ("delta!BP301:o.bias", "BP301", "o.bias"),
        ("delta!BP301:h.weight", "BP301", "h.weight"),
        ("delta!BP302:h.bias", "BP302", "h.bias"),
        ("delta!BP304:o.weight", "BP304", "o.weight"),
        ("delta!BP408:h.bias", "BP408", "h.bias"),
        ("delta!BP301:h", "BP301", "h"),
        ("delta!BP301", "BP301", ""),
        ("delta!BP204", "BP204", ""),
    ],
)
@pytest.mark.parametrize("digits", [4, 9])
def test_one_mistake_has_one_story(backend, code, alone, digits):
    """Four numbers with one cause get four causes, three of them invented."""
    network = neuron()
    found = check(network, recorded(network, backend, EVERYTHING, digits))
    assert len(found.refuted) >= 2
    (group,) = found.groups
    assert set(group.names) == {one.name for one in found.refuted}
    assert (group.causes[0].code, group.causes[0].alone) == (code, alone)
    assert all(one.causes[0].code == code for one in found.refuted)
    text = transcript_text(found)
    assert text.count("cause ") == 1
    assert "unknown" not in text
    assert "cut off" not in text


def test_the_published_answers_of_a_single_neuron():
    """A bias divided by the batch twice is told as "cut off after its last digit", as BP303 and as nothing known."""
    network = parse("""
        [inputs.x]
        units = ["x1", "x2"]
        [layers.o]
        from = "x"
        units = ["o"]
        g = "sigmoid"
        weights = { o = { x1 = 0.1, x2 = -0.2, bias = 0.0 } }
        [error]
        op = "mean_squared"
        of = "o"
        reduce = "mean"
        [update]
        rule = "sgd"
        eta = 0.1
        [data]
        examples = [{ x = [1, 2], t = [1] }, { x = [2, 1], t = [0] }, { x = [-1, -2], t = [0] }]
    """)
    numbers = {"E": "0.3033", "step2/E": "0.2947", "step2/w[x1,o].update": "0.1035", "step2/w[x2,o].update": "-0.1426",
               "step2/b[o].update": "-0.0056"}  # fmt: skip
    found = check(network, Numbers({name: printed(text) for name, text in numbers.items()}))
    assert len(found.refuted) == 4
    (group,) = found.groups
    assert [(cause.code, cause.alone) for cause in group.causes] == [("BP301", "o.bias")]
    assert '"alone": "o.bias"' in transcript_json(found)


def test_two_mistakes_have_two_stories():
    """Independent slips are forced under one cause, or the second hides the first."""
    network = neuron()
    first = recorded(network, "delta!BP301:o.bias", ["b[o].gradient", "b[o].update"]).numbers
    second = recorded(network, "delta!BP304:h.weight", ["w[x1,h1].gradient", "w[x1,h1].update"]).numbers
    right = recorded(network, "delta", ["E", "w[h1,o].gradient", "b[h1].gradient"]).numbers
    found = check(network, Numbers({**first, **second, **right}))
    told = {group.names: {cause.code for cause in group.causes} for group in found.groups}
    assert "BP301" in told["b[o].gradient", "b[o].update"]
    assert "BP304" in told["w[x1,h1].gradient", "w[x1,h1].update"]


@pytest.mark.parametrize("names", [("w[h1,o].gradient", "w[h2,o].gradient"), ("w[x1,h1].gradient", "w[h1,o].gradient")])
def test_a_first_step_has_no_step_before(names):
    """A doubled gradient would be one that was never cleared, because another trial of the same formula left its own behind."""
    right = recorded(neuron(), "delta", (*names, "h.a[0,0]"), 9).numbers
    said = {name: printed(repr(round(2 * one.value, 9))) if name in names else one for name, one in right.items()}
    found = check(neuron(), Numbers(said))
    assert len(found.refuted) == len(names)
    codes = {cause.code for one in found.checked for cause in one.causes} | {
        code for one in found.checked for code in one.doubted
    }
    assert not codes & {"BP224", "BP308", "BP309", "BP422"}


def test_a_formula_that_chance_explains_is_no_cause():
    """Of sixty formulas, one gives nearly every number of two digits."""
    network = neuron()
    right = recorded(network, "delta", ["o.delta[0,0]"], 9).numbers["o.delta[0,0]"]
    near = printed(f"{right.value + 3e-9:.9f}")
    found = check(network, Numbers({"o.delta[0,0]": near}))
    assert not found.refuted[0].causes
    assert not found.groups


def test_cut_digits_are_a_cause_only_where_the_printer_cuts():
    """Beside numbers that are rounded up, "cut off" is told as if it were certain."""
    network = neuron()
    one = recorded(network, "delta", ["h.a[0,0]", "h.a[0,1]", "h.a[1,0]", "h.a[1,1]"], 12).numbers
    cut, rounded = None, None
    for name, it in one.items():
        for digits in range(3, 9):
            text = f"{it.value:.{digits}f}"
            if abs(float(text)) > abs(it.value):
                rounded = rounded or (name, text)
            shorter = str(it.text)[: str(it.text).index(".") + 1 + digits]
            if printed(text).value != float(shorter) and name != (rounded or ("",))[0]:
                cut = cut or (name, shorter)
    assert cut
    assert rounded
    alone = check(network, Numbers({cut[0]: printed(cut[1])}))
    assert "cut off after its last digit instead of rounded\n" in f"{transcript_text(alone)}\n"
    both = check(network, Numbers({cut[0]: printed(cut[1]), rounded[0]: printed(rounded[1])}))
    assert f"but {rounded[0]} would then end otherwise" in " ".join(transcript_text(both).split())


def test_square_weights_read_the_other_way_round():
    """Whoever copies torch's [out, in] weights of a square layer gets numbers refuted for which no formula is wrong."""
    given = neuron()
    text = NEURON.format(eta=0.5).replace(
        "weights = { h1 = { x1 = 0.2, x2 = -0.3, bias = 0.1 }, h2 = { x1 = 0.4, x2 = 0.5, bias = -0.2 } }",
        "weights = [[0.2, -0.3], [0.4, 0.5]]\nbiases = [0.1, -0.2]",
    )
    found = check(parse(text), recorded(given, "delta", ["h.in[0,0]", "h.in[0,1]", "E", "w[x1,h1].update"], 7))
    assert len(found.refuted) == 4
    (group,) = found.groups
    assert "h.weight read with its rows for columns" in group.causes[0].title
    assert "transpose = true" in transcript_text(found)


def test_drawn_weights_are_named():
    """All numbers are refuted because one layer's weights were forgotten, and nobody says so."""
    text = NEURON.format(eta=0.5).replace("weights = { o = { h1 = 0.6, h2 = -0.7, bias = 0.05 } }", 'init = "glorot_uniform"')
    found = check(parse(text), recorded(neuron(), "delta", ["o.a[0]", "E"]))
    assert found.drawn == ("o.weight",)
    assert "o.weight: the spec gives no values" in transcript_text(found)


def by_hand(network, code, places, names):
    """Numbers as people work them out: every one rounded to `places` decimals, and gone on with so, with a mistake."""
    mistake, _, where = code.partition(":")
    laws = MISTAKES[mistake].laws(network, only=where or None)
    plan = draw(network, "float64", 2)
    fixed, printed_numbers = {}, {}
    for step in (1, 2):
        for claim in question(plan).claims:
            run = enclosures(plan, question(plan).claims, laws, fixed)
            x = run[step - 1][claim.path].mid
            rounded = np.round(x, places)
            fixed[step, claim.path] = [(index, rounded[index], 0.0) for index in np.ndindex(x.shape)]
    it = Names(network)
    for name in names:
        at = it.place(name)
        value = next(value for index, value, _ in fixed[at.step, at.path] if index == at.index)
        printed_numbers[name] = printed(f"{value:.{places}f}")
    return Numbers(printed_numbers)


COLUMN = (
    "h.in[0,0]", "h.in[0,1]", "h.a[0,0]", "h.a[0,1]", "o.in[0]", "o.a[0]", "o.delta[0,0]", "o.delta[1,0]", "o.delta[2,0]",
    "h.delta[0,0]", "h.delta[1,0]", "h.delta[2,0]", "w[x1,h1].gradient", "b[h1].gradient", "b[o].gradient", "w[x1,h1].update",
    "b[h1].update", "b[o].update",
)  # fmt: skip


@pytest.mark.parametrize("code", ["BP301:o.bias", "BP301:h.bias", "BP202", "BP201", "BP304:h.weight", "BP408"])
def test_numbers_worked_out_by_hand_with_rounded_numbers(code):
    """People go on with what they have written down: their last digits are nobody's, and the one mistake is never found."""
    network = neuron()
    found = check(network, by_hand(network, code, 4, COLUMN))
    assert found.refuted
    told = {cause.code for group in found.groups for cause in group.causes}
    assert code.partition(":")[0] in told
    explained = {name for group in found.groups for name in group.names}
    unexplained = [one.name for one in found.refuted if one.name not in explained and not one.follows]
    assert not unexplained, transcript_text(found)


def test_right_numbers_worked_out_by_hand_have_no_cause():
    """Rounding on the way is told as a mistake of the catalogue."""
    network = neuron()
    found = check(
        network, by_hand(network, "BP301:o.bias", 4, ("h.in[0,0]", "h.a[0,0]", "o.in[0]", "o.a[0]", "w[x1,h1].gradient"))
    )
    assert not found.groups
    assert not any(one.causes for one in found.refuted)
