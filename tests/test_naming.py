"""Names of quantities: one meaning in every command, and what is not there is told before anything runs."""

from itertools import product

import pytest

import bpcompare
from bpcompare.cli import main
from bpcompare.plan.draw import plan as draw
from bpcompare.plan.naming import Names, Place, UnknownNameError
from bpcompare.proof.question import question
from bpcompare.report.steps import NothingToShowError, asked_for
from bpcompare.spec import parse
from bpcompare.teach.transcript import Numbers, check
from bpcompare.teach.transcript.printed import printed
from bpcompare.testing.cases import cases
from places import EXAMPLES

MAZUR = str(EXAMPLES / "mazur.toml")
TRANSCRIPT_NAMES = (
    "E", "x1", "x1.a", "x.a[0,1]", "h1.in", "h1.a", "h1.delta", "h1.delta[0]",
    "h.h1.delta", "h.delta[0,1]", "w[x1,h1]", "w[ h1 , o1 ]",
    "b[h1]", "w[x1,h1].gradient", "w[x1,h1].update", "h.weight[0,1]", "h.weight.update[0,1]", "step1/E", "step2/w[h1,o1].update",
)  # fmt: skip


def names(spec="mazur"):
    return Names(bpcompare.load(spec))


@pytest.mark.parametrize("name", TRANSCRIPT_NAMES)
def test_show_takes_every_name_that_transcript_takes(name, capsys):
    """A name that one command understands is a mystery to the next."""
    place = names().place(name)
    check(bpcompare.load("mazur"), Numbers({name: printed("1")}))
    assert main(["show", MAZUR, name, "-b", "delta"]) == 0
    out = capsys.readouterr().out
    assert "Δ" in out
    if place.path in ("error", "h.delta"):
        assert out.count("delta ") >= 1


@pytest.mark.parametrize("name", ["h", "h1", "x", "h.weight", "h.bias", "w[x1,h1]", "E", "h.a", "step2/h1.delta"])
def test_report_takes_them_too(name, tmp_path, capsys):
    """What is shown in the terminal cannot be asked for on the page."""
    out = tmp_path / "page.html"
    assert main(["report", MAZUR, "-b", "delta", "--steps", "2", "--node", name, "-o", str(out)]) in (0, 5)
    assert out.exists()
    capsys.readouterr()


@pytest.mark.parametrize("name", ["a." * 100_000 + "[", "h1.in[" + "1," * 100_000 + "2]", "w[" + "x1," * 100_000 + "h1]"])
def test_a_name_that_nobody_wrote_takes_no_time_and_no_screen(name):
    """A file of numbers may have such a key, and looking through it would take hours."""
    with pytest.raises(UnknownNameError) as raised:
        names().place(name)
    assert len(str(raised.value)) < 200


def test_a_name_chooses_what_it_says_and_nothing_else():
    """Every element of a layer is shown where one weight was asked for."""
    it = names()
    edge = it.chosen("w[x1,h2]")
    assert set(edge.patterns) == {"h.weight", "h.weight.gradient", "h.weight.update"}
    assert edge.holds("h.weight.gradient", (0, 1))
    assert not edge.holds("h.weight.gradient", (0, 0))
    assert not edge.holds("h.weight.gradient", (1, 1))
    unit = it.chosen("h1")
    assert unit.holds("h.delta", (0, 0))
    assert not unit.holds("h.delta", (0, 1))
    assert unit.holds("h.weight.gradient", (1, 0))
    assert not unit.holds("o.weight.gradient", (0, 0))
    source = it.chosen("x2")
    assert source.holds("h.in", (0, 1))
    assert source.holds("h.weight.gradient", (1, 0))
    assert not source.holds("h.weight.gradient", (0, 0))
    assert it.chosen("E").patterns == {"error": ((),)}
    assert it.chosen("step3/h").step == 3


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_everything_that_a_claim_is_about_has_a_name(case):
    """A quantity of an op is recorded and judged, and cannot be asked for."""
    plan = draw(case.network)
    it = Names(plan.network)
    for claim in question(plan).claims:
        shape = it.shapes[claim.path]
        first = next(product(*map(range, shape)))
        index = f"[{','.join(map(str, first))}]" if first else ""
        assert it.place(f"{claim.path}{index}") == Place(1, claim.path, first)
        assert it.chosen(claim.path).holds(claim.path, first)
        assert it.chosen(claim.subject if claim.subject != "error" else "E").holds(claim.path, first)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("h9", 'is no layer, unit, parameter or path of this network; did you mean "h'),
        ("h.wieght", 'did you mean "h.weight"?'),
        ("hh1.delta", 'did you mean "h1.delta"?'),
        ("x1.delta", "is no layer, unit, parameter or path"),
        ("banana", 'there are "x", "h", "o"'),
        ("w[x1,h9]", 'names no weight with these ends; the units are "'),
        ("w[x1,o1]", "write the unit that it comes from"),
        ("w[x1]", "two ends of an edge"),
        ("b[x1]", "names no bias with these ends"),
        ("h.delta[0,7]", "has no element [0,7]; its shape is [1, 2]"),
        ("h.delta[0,0,0]", "needs 2 numbers in brackets"),
        ("h1.a[3]", "has no example 3; there are 1"),
        ("step0/E", "steps count from 1"),
        ("", "is no name of a quantity"),
        ("][", "is no name of a quantity"),
        ("h.weight[x]", "needs 2 numbers in brackets"),
        ("h.weight[-1,0]", "needs 2 numbers in brackets"),
    ],
)
def test_what_is_not_there_is_refused_with_a_suggestion(name, message):
    """A traceback, or a run of an hour before the word."""
    with pytest.raises(UnknownNameError) as error:
        names().chosen(name)
    assert message in str(error.value)


def test_parameters_that_are_called_like_edges():
    """A shared parameter w hides all edges, or the edges hide it."""
    network = parse("""
        [inputs.x]
        units = ["x1", "x2"]
        [layers.h]
        from = "x"
        units = ["h1", "h2"]
        weight = "w"
        [layers.o]
        from = "h"
        units = ["o1", "o2"]
        weight = "w"
        [parameters.w]
        value = [[0.1, 0.2], [0.3, 0.4]]
        [error]
        op = "half_squared"
        of = "o"
        reduce = "sum"
        [update]
        rule = "sgd"
        eta = 0.5
        [data]
        examples = [{ x = [1, 2], t = [0, 0] }]
    """)
    it = Names(network)
    assert it.place("w[0,1]") == Place(1, "w", (0, 1))
    assert it.place("w[x2,h1]") == Place(1, "w", (1, 0))
    assert it.place("w[h1,o2].gradient") == Place(1, "w.gradient", (0, 1))


def test_a_name_that_two_units_have():
    """The number of another layer's unit is confirmed, or refuted, without a word."""
    network = parse("""
        [inputs.x]
        units = ["u1", "u2"]
        [layers.h]
        from = "x"
        units = ["u1", "u2"]
        [layers.o]
        from = "h"
        units = ["u1", "u2"]
        [error]
        op = "half_squared"
        of = "o"
        reduce = "sum"
        [update]
        rule = "sgd"
        eta = 0.5
        [data]
        examples = [{ x = [1, 2], t = [0, 0] }]
    """)
    it = Names(network)
    with pytest.raises(UnknownNameError, match=r'could be of "h", "o": write h.u1.delta'):
        it.place("u1.delta")
    with pytest.raises(UnknownNameError, match=r"any of 2 edges: .* w\[.*\.u1,.*\.u2\]"):
        it.place("w[u1,u2]")
    with pytest.raises(UnknownNameError, match=r"any of 2 edges"):
        it.place("b[u1]")
    assert it.place("h.u1.delta") == Place(1, "h.delta", (0, 0))
    assert it.place("w[x.u1,h.u2]") == Place(1, "h.weight", (0, 1))
    assert it.place("w[h.u1,o.u2].update") == Place(1, "o.weight.update", (0, 1))
    assert it.place("b[o.u2]") == Place(1, "o.bias", (1,))
    both = it.chosen("u1.delta")
    assert both.holds("h.delta", (0, 0))
    assert both.holds("o.delta", (0, 0))


def test_a_step_is_said_once():
    """Step 2 by name and step 3 by option: one of them is silently dropped."""
    network = bpcompare.load("mazur")
    assert asked_for(network, ["step2/h1"], None)[1] == 2
    assert asked_for(network, ["step2/h1"], 2)[1] == 2
    assert asked_for(network, ["h1"], None)[1] is None
    with pytest.raises(NothingToShowError, match="one of the two is too many"):
        asked_for(network, ["step2/h1"], 3)
    with pytest.raises(NothingToShowError, match="one of the two is too many"):
        asked_for(network, ["step2/h1", "step3/h1"], None)
    with pytest.raises(NothingToShowError, match="steps count from 1"):
        asked_for(network, [], 0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", MAZUR, "h9"], "is no layer"),
        (["show", MAZUR, "--step", "0"], "there is no step 0"),
        (["show", MAZUR, "-b", "dleta"], "did you mean delta?"),
        (["report", MAZUR, "--node", "h9"], "is no layer"),
        (["report", MAZUR, "--step", "2"], "there is no step 2"),
        (["report", MAZUR, "--node", "step2/h1"], "there is no step 2"),
        (["report", MAZUR, "-b", "delta,torhc"], "did you mean torch?"),
        (["run", MAZUR, "-b", "delta,torhc"], "did you mean torch?"),
        (["matrix", MAZUR, "-b", "delta,torhc"], "did you mean torch?"),
        (["golden", "check", MAZUR, "-b", "delta,torhc"], "did you mean torch?"),
        (["golden", "update", MAZUR, "-b", "delta,torhc"], "did you mean torch?"),
        (["conform", "dleta"], "did you mean delta?"),
        (["run", MAZUR, "-b", "delta,nowhere.py:Mine"], "there is no"),
        (["run", MAZUR, "-b", "delta@/no/such/python"], "there is no"),
        (["run", MAZUR, "-b", "delta,delta!BP304:h.wieght"], 'did you mean "h.weight"?'),
        (["run", MAZUR, "-b", "delta,delta!BP304:zz"], "it can at"),
        (["show", MAZUR, "-b", "delta!BP304:zz"], "it can at"),
        (["report", MAZUR, "-b", "delta!BP304:zz"], "it can at"),
    ],
)
def test_nothing_runs_for_a_name_that_is_not_there(words, message, monkeypatch, tmp_path, capsys):
    """Torch trains for minutes before somebody hears of a misspelt node."""
    from bpcompare import session

    def refuse(*_args, **_options):
        raise AssertionError("it ran")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session, "answers", refuse)
    assert main(words) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
