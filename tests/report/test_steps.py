"""`bpcompare show`: formulas with numbers that are those of the run."""

import math
import re

import pytest

import bpcompare
from bpcompare.cli import main
from bpcompare.report.steps import NothingToShowError, shown, steps_text
from places import EXAMPLES


def run(name, backends=("delta",), **options):
    return bpcompare.run(bpcompare.load(EXAMPLES / f"{name}.toml"), list(backends), **options)


def test_every_number_of_the_run_is_shown_once_and_is_that_of_the_record():
    """A page of numbers that nobody computed."""
    comparison = run("mazur")
    record = comparison.records["delta"].steps[0]
    found = {(one.path, one.index): one.values["delta"] for one in shown(comparison)}
    assert found["h.delta", (0, 1)] == record.delta["h"][0, 1]
    assert found["o.weight.gradient", (1, 0)] == record.gradient["o.weight"][1, 0]
    assert len(found) == 1 + 3 * 4 + 8 + 12, "E; in, a, Δ; trainable gradients; parameters"


@pytest.mark.parametrize(("name", "step"), [("mazur", 1), ("xor", 1), ("xor", 3), ("skip", 2)])
def test_every_substituted_formula_gives_the_result_beside_it(name, step):
    """A student would work out the line and get something else."""
    comparison = run(name, steps=step)
    functions = {
        "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
        "tanh": math.tanh,
        "relu": lambda x: max(x, 0),
        "softplus": lambda x: math.log1p(math.exp(x)),
    }
    worked = 0
    for node in comparison.plan.network.layers:
        for one in shown(comparison, node, step):
            if not one.numbers:
                continue
            formula, _, result = one.numbers.rpartition(" = ")
            assert re.fullmatch(r"[\w\s.+\-*/()\[\]]+", formula)
            value = eval(formula.replace("[", "(").replace("]", ")"), {"__builtins__": {}}, functions)
            terms = sum(abs(float(x)) for x in re.findall(r"\d+\.?\d*(?:e-?\d+)?", formula))
            assert value == pytest.approx(float(result), rel=2e-5, abs=2e-6 * terms), one
            assert float(result) == pytest.approx(one.values["delta"], rel=1e-6)
            worked += 1
    assert worked > 10


def test_a_node_is_shown_by_any_of_its_names():
    """People name a layer, a unit, an edge's array or a path; all of them are the same to them."""
    comparison = run("mazur")
    unit = {(one.path, one.index) for one in shown(comparison, "h1")}
    assert ("h.delta", (0, 0)) in unit
    assert ("h.delta", (0, 1)) not in unit
    assert ("h.weight.gradient", (1, 0)) in unit
    assert {one.path for one in shown(comparison, "h.delta")} == {"h.delta"}
    assert {one.path for one in shown(comparison, "o.weight")} == {"o.weight.gradient", "o.weight.update"}
    assert {one.path for one in shown(comparison, "o")} >= {"o.in", "o.a", "o.delta", "o.weight.update"}


def test_backends_that_differ_stand_beside_each_other():
    """A difference would be hidden behind the first backend's value."""
    text = steps_text(run("mazur", ("delta", "delta!BP204")), "h1")
    assert "delta -0.00877135468948694   delta!BP204 -0.00729445755188187" in text


def test_what_cannot_be_shown_is_told():
    """A large net would fill the terminal, a mistyped node print nothing."""
    with pytest.raises(NothingToShowError, match="too many to show at once"):
        list(shown(run("digits", steps=1)))
    with pytest.raises(NothingToShowError, match="'h9' is no layer, unit, parameter or path"):
        list(shown(run("mazur"), "h9"))
    with pytest.raises(NothingToShowError, match="there is no step 2"):
        list(shown(run("mazur"), step=2))


def test_the_command(capsys):
    """The lesson would not start."""
    mazur = str(EXAMPLES / "mazur.toml")
    assert main(["show", mazur, "o1", "--step", "2", "-b", "delta"]) == 0
    assert "Δ of node o1, example 1 of 1, step 2 of 2" in capsys.readouterr().out
    assert main(["show", mazur, "o1", "-b", "delta,delta!BP204"]) == 1
    assert main(["show", mazur, "nobody", "-b", "delta"]) == 2
    assert main(["show", mazur, "--step", "0", "-b", "delta"]) == 2
    assert main(["show", str(EXAMPLES / "none.toml")]) == 2
