"""A penalty on weights: E, the gradient and everything that is said of them have it in them, once."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.engine.address import locate
from bpcompare.engine.worker.in_process import InProcess
from bpcompare.formula import formula, in_numbers, in_symbols
from bpcompare.network import Data, Error, Input, Layer, Network, SpecError
from bpcompare.network.parameter import Parameter
from bpcompare.page.notation import NOTATIONS
from bpcompare.page.wording import restated
from bpcompare.plan import written
from bpcompare.plan.draw import plan as draw
from bpcompare.proof.oracle import element
from bpcompare.proof.question import question
from bpcompare.proof.values import step_values
from bpcompare.report.rule import rule
from bpcompare.spec import parse
from bpcompare.teach.learn.questions import unfit
from exact_networks import networks
from mistaken_networks import NETWORKS, penalized

NARROW = networks()["one"]
BACKENDS = ["delta", "torch", "jax"]
SPEC = """\
freeze = ["o.bias"]

[inputs.x]
units = 2

[layers.h]
from = ["x"]
units = 2
weight = "W"

[layers.k]
from = ["h"]
units = 2
weight = "W"

[layers.o]
from = ["k"]
units = 1

[error]
op = "half_squared"
of = "o"
reduce = "mean"
penalty = 0.5
penalized = ["W", "o.*"]

[update]
rule = "sgd"
eta = 0.25

[parameters."k.bias"]
penalty = 2

[data]
examples = [{ x = [1, 2], t = [1] }, { x = [0, 1], t = [0] }]
"""


def small(factor=0.5, trainable=True):
    """in = 2 · 3 + 4 · (−1) = 2 and E = ½ (5 − 2)² + ½ · ½ (9 + 1)."""
    weight = Parameter(np.array([[3.0], [-1.0]]), trainable, ops.L2(factor))
    data = Data({"x": np.array([[2.0, 4.0]])}, np.array([[5.0]]))
    layers = {"o": Layer(ops.Dense(1, bias=False), ("x",), ops.Identity(), {"weight": "o.weight"})}
    error = Error(ops.HalfSquared("sum"), "o")
    return Network("small", {"x": Input((2,))}, layers, {"o.weight": weight}, error, ops.Sgd(0.5), data)


def record(name, network):
    plan = draw(network)
    found = InProcess().run(locate(name), plan)
    assert found.failure is None, found.failure
    return plan, found.steps[0]


@pytest.mark.parametrize("name", BACKENDS)
def test_numbers_on_paper(name):
    """The ½, the sign or the place of the penalty would be another one in this backend."""
    if name != "delta":
        pytest.importorskip(name)
    _, step = record(name, small())
    assert step.error == 0.5 * 9 + 0.25 * 10
    assert step.delta["o"].tolist() == [[3.0]]
    # −a Δ + λ w
    assert step.gradient["o.weight"].tolist() == [[-2 * 3 + 0.5 * 3], [-4 * 3 - 0.5]]
    assert step.parameters["o.weight"].tolist() == [[3 + 0.5 * 4.5], [-1 + 0.5 * 12.5]]


@pytest.mark.parametrize("name", BACKENDS)
def test_of_a_frozen_parameter_it_is_a_constant(name):
    """E would lose it, or the parameter would move."""
    if name != "delta":
        pytest.importorskip(name)
    _, step = record(name, small(trainable=False))
    assert step.error == 0.5 * 9 + 0.25 * 10
    assert step.gradient == {}
    assert step.parameters["o.weight"].tolist() == [[3.0], [-1.0]]


def test_honest_backends_are_certified():
    """A shared parameter counted at each use, or a frozen one left out, would be right for one side and wrong for the other."""
    for framework in ("torch", "jax"):
        pytest.importorskip(framework)
    network = parse(SPEC)
    factors = {name: penalty.factor for name, penalty in network.penalties.items()}
    assert factors == {"W": 0.5, "k.bias": 2.0, "o.weight": 0.5, "o.bias": 0.5}
    assert network.trainable == ("W", "h.bias", "k.bias", "o.weight")
    for dtype in ("float64", "float32"):
        # Of zeros, biases give no information here: one step moves them.
        comparison = bpcompare.run(network, BACKENDS, dtype=dtype, steps=2)
        assert not comparison.blames
        assert all(one.failure is None and not one.refuted for one in comparison.certificates.values())


def test_what_is_recorded_is_what_is_claimed():
    """An addend of E that nobody records would be asked for, and every record would be incomplete."""
    network = parse(SPEC)
    listed = question(draw(network)).claims
    plain = question(
        draw(replace(network, parameters={n: replace(p, penalty=None) for n, p in network.parameters.items()}))
    ).claims
    assert [(claim.path, claim.statement) for claim in listed] == [(claim.path, claim.statement) for claim in plain]
    owners = {claim.path: [owner for owner, _ in claim.owners] for claim in listed}
    assert owners["error"] == ["error", "W.penalty", "k.bias.penalty", "o.weight.penalty", "o.bias.penalty", "error.sum"]
    assert owners["W.gradient"] == ["h", "k", "W.penalty"]
    assert owners["h.bias.gradient"] == ["h"]
    premises = {claim.path: claim.premises for claim in listed}
    assert set(premises["error"]) == {"o.a", "target", "W", "k.bias", "o.weight", "o.bias"}
    assert "k.bias" in premises["k.bias.gradient"]


def test_without_penalties_the_program_is_as_ever():
    """Claims, pages and digests of every other network would move."""
    program = NETWORKS[0].program
    assert program.addends == ("error",)
    assert [step.name for step in program.steps][-1] == "error"
    assert not any(value.open for value in program.values.values())
    document, _ = written.dump(NETWORKS[0])
    assert {tuple(entry) for entry in document["parameters"].values()} == {("init", "trainable")}


def test_it_is_written_and_read():
    """A saved run would come back without its penalty, and be judged by another E."""
    network = parse(SPEC)
    document, arrays = written.dump(network)
    assert document["parameters"]["W"]["penalty"] == {"op": "l2", "factor": 0.5}
    back = written.load(document, arrays)
    assert back.penalties == network.penalties
    document["parameters"]["W"]["penalty"] = {"op": "dense", "units": 2}
    with pytest.raises(ValueError, match=r"parameters\.W\.penalty: dense is not an op for this place"):
        written.load(document, arrays)


def test_the_oracle_knows_it():
    """Nobody could be blamed for a gradient with a penalty: the oracle would side with those who forgot it."""
    plan, _ = record("delta", parse(SPEC))
    values = step_values(plan, InProcess().run(locate("delta"), plan))[0]
    for claim in question(plan).claims:
        if claim.statement == "gradient":
            recorded = values.recorded[claim.path]
            for index in np.ndindex(*recorded.shape):
                assert element(plan.program, claim, values, index) == pytest.approx(recorded[index], rel=1e-12, abs=1e-14)


@pytest.mark.parametrize(("code", "path"), [("BP310", "W"), ("BP311", "W"), ("BP312", "W")])
def test_a_wrong_gradient_is_found_where_it_is_made(code, path):
    """Whoever forgot λ w, or its ½, would be told of a wrong Δ."""
    wrong = f"delta!{code}:{path}"
    comparison = bpcompare.run(parse(SPEC), ["delta", wrong])
    (blame,) = comparison.blames
    assert (blame.path, blame.code, blame.blame) == (f"{path}.gradient", code, wrong)


def test_a_wrong_error_is_found_there():
    """A loss that is printed without its penalty would pass, for the gradient is right."""
    comparison = bpcompare.run(parse(SPEC), ["delta", "delta!BP511"])
    assert {finding.path for finding in comparison.certificates["delta!BP511"].refuted} == {"error"}
    assert comparison.first.code == "BP511"


def test_formulas_show_it():
    """The page and `show` would work out another number than they say."""
    network = penalized(NETWORKS[0], "l2", "weight")
    plan = draw(network)
    values = step_values(plan, InProcess().run(locate("delta"), plan))[0]
    claims = question(plan).by_path
    for path, index in (("error", ()), ("o.weight.gradient", (1, 0))):
        for positive in (False, True):
            found = formula(network, claims[path], index, values, positive=positive)
            assert found.value == pytest.approx(float(values.recorded[path][index]), rel=1e-14)
            assert "λ" in in_symbols(found)
            assert "0.05" in in_numbers(found)
    assert rule(network, claims["error"]) == "E = ½ Σ_k (t_k − a_k)²;  with penalties E = … + ½ λ Σ w²"
    said = rule(network, claims["o.weight.gradient"])
    assert said.endswith(";  with its penalty −∂E/∂w = … − λ w")
    assert restated(said, NOTATIONS["nielsen"]).endswith("∂C/∂w = … + λ w")


def test_exact_runs_have_it():
    """An exact run would be proved for another E, or refused although nothing rounds."""
    network = replace(NARROW, parameters={n: replace(p, penalty=ops.L2(0.25)) for n, p in NARROW.parameters.items()})
    comparison = bpcompare.run(network, ["delta"], exact=True)
    assert comparison.plan.exact
    assert comparison.plan.network.penalties == network.penalties
    assert comparison.verdict == "certified"
    long = {name: replace(parameter, penalty=ops.L2(0.3)) for name, parameter in network.parameters.items()}
    with pytest.raises(SpecError, match="l2 rounds: its factor is not a power of two"):
        bpcompare.run(replace(network, parameters=long), ["delta"], exact=True)


def test_it_is_proved_on_symbols():
    """`prove` would show a penalty false that is right, or right that is forgotten."""
    pytest.importorskip("sympy")
    from bpcompare.teach.symbolic.prove import prove

    assert prove(small()).outcome == "shown"
    found = prove(small(), mistake="BP310")
    assert (found.outcome, found.first.path) == ("false", "o.weight.gradient")


def test_exercises_do_not_ask_what_a_sum_over_deltas_cannot_answer():
    """A student with the right sum of a Δ would be marked wrong."""
    assert unfit(small(), ["gradient"], vectorized=False) == ["gradient: with a penalty it is no sum of a Δ alone"]
    assert unfit(small(), ["delta_output", "update"], vectorized=False) == []
    assert unfit(small(trainable=False), ["gradient"], vectorized=False) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"penalty": ops.L2(0.0)}, "parameters.o.weight.penalty.factor: must be a positive finite number"),
        ({"penalty": ops.L2(float("nan"))}, "parameters.o.weight.penalty.factor: must be a positive finite number"),
        ({"penalty": 0.1}, "parameters.o.weight.penalty: must be a penalty such as L2(0.01), is 0.1"),
    ],
)
def test_penalties_built_in_python_are_checked(changes, message):
    """A factor that is no number would end in a traceback, or in an E that nobody can make small."""
    network = small()
    network = replace(network, parameters={"o.weight": replace(network.parameters["o.weight"], **changes)})
    assert any(str(problem).startswith(message) for problem in network.problems()), network.problems()


def test_names_that_its_paths_take():
    """A parameter would be taken for the penalty of another one."""
    network = small()
    layers = {"o": replace(network.layers["o"], op=ops.Dense(1), parameters={"weight": "o.weight", "bias": "o.weight.penalty"})}
    parameters = network.parameters | {"o.weight.penalty": Parameter(np.zeros(1))}
    found = [str(problem) for problem in replace(network, layers=layers, parameters=parameters).problems()]
    assert any("is reserved where there are penalties" in one for one in found)
