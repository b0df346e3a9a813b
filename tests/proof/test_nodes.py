"""Single nodes, judged side by side: as each is judged by itself."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.engine.worker import InProcess
from bpcompare.laws import LAWS
from bpcompare.mistakes import MISTAKES
from bpcompare.network.draft import Draft
from bpcompare.numbers.ball.format import format_of
from bpcompare.plan.draw import plan as draw
from bpcompare.proof import certificate as judging
from bpcompare.proof.balls import Balls
from bpcompare.proof.certificate import certify
from bpcompare.proof.nodes import SideBySide, judged
from bpcompare.proof.question import question
from bpcompare.proof.values import step_values
from bpcompare.testing.nodes import nodes
from bpcompare_delta import Delta
from single_nodes import changed, graph


@pytest.fixture(autouse=True)
def updates_alone(monkeypatch):
    """What is not judged beside other nodes is judged by itself, updates as well."""
    monkeypatch.setattr(judging, "together", lambda *_: {})


def _one_by_one(monkeypatch, plan, record):
    with monkeypatch.context() as patch:
        patch.setattr(judged, "FEWEST", 10**9)
        return certify(plan, record)


def _beside(plan, record):
    """How many claims of the first step are found to hold side by side, and of how many."""
    listed = question(plan).claims
    balls = Balls(step_values(plan, record)[0], format_of(plan.dtype, record.provenance.flushes))
    with np.errstate(all="ignore"):
        found = SideBySide(plan, listed, balls, LAWS)
    return len(listed) - len(found.left), len(listed)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("seed", range(8))
def test_as_each_by_itself(monkeypatch, seed, dtype):
    """If this fails, a claim about a node is judged otherwise in a large graph than in a small one: another ball or message."""
    plan = draw(graph(seed), dtype)
    record = InProcess().run(Delta, plan)
    found, alone = certify(plan, record), _one_by_one(monkeypatch, plan, record)
    assert [*found.findings] == [*alone.findings]
    assert (found.verdict, found.worst, found.blindest, found.zeros) == (alone.verdict, alone.worst, alone.blindest, alone.zeros)
    beside, every = _beside(plan, record)
    assert beside > every // 4


@pytest.mark.sampled(8)
@pytest.mark.parametrize("flushes", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_planted_numbers_as_each_by_itself(monkeypatch, seed, flushes):
    """If this fails, a wrong number of one node is not seen beside others that are right, or is laid at another's door."""
    dtype = "float32" if seed % 2 else "float64"
    plan, random = draw(graph(10 + seed), dtype), np.random.default_rng(seed)
    honest = InProcess().run(Delta, plan)
    honest = replace(honest, provenance=replace(honest.provenance, flushes=flushes, mode="jit" if flushes else "eager"))
    paths = [path for path in question(plan).claims.paths if path != "error"]
    for number, path in enumerate(random.choice(paths, 12, replace=False)):
        size = float(10.0 ** -random.integers(1, 17))
        odd = (np.nan, np.inf, 0.0)[number % 3]

        def how(x, size=size, odd=odd, number=number):
            x[(0,) * x.ndim] = odd if number < 3 else x[(0,) * x.ndim] * (1 + size)
            return x

        record = changed(honest, path, how)
        found, alone = certify(plan, record), _one_by_one(monkeypatch, plan, record)
        assert repr([*found.findings]) == repr([*alone.findings])  # NaN is not equal to itself
        assert found.verdict == alone.verdict
        assert repr(found.refuted) == repr(alone.refuted)


@pytest.mark.parametrize(
    "path", ["n17.in", "n17.a", "n17.delta", "n17.weight.gradient", "n17.bias.gradient", "n17.weight.update"]
)
def test_a_wrong_number_of_one_node(path):
    """If this fails, a mistake at one of many nodes is certified."""
    plan = draw(nodes(200, seed=1), "float64")
    record = changed(InProcess().run(Delta, plan), path, lambda x: x * (1 + 1e-9))
    assert path in [finding.path for finding in certify(plan, record).refuted]


@pytest.mark.slow
def test_a_mistake_of_one_node():
    """If this fails, a node whose formula is wrong is not found among hundreds, or not under its cause."""
    comparison = bpcompare.run(nodes(300), ["delta", "delta!BP202:n77.g"], dtype="float64")
    first = comparison.first
    assert (first.path, first.backend, first.code) == ("n77.delta", "delta!BP202:n77.g", "BP202")


def test_without_power():
    """If this fails, nodes at which nothing could have shown are certified, where they stand among others."""
    draft = Draft("dark")
    x = draft.input("x", 3, values=np.zeros(3))
    draft.layer(ops.Dense(2), *(draft.layer(ops.Dense(1), x, g=ops.Sigmoid()) for _ in range(20)), name="o")
    plan = draw(draft.network("o"), "float64")
    found = certify(plan, InProcess().run(Delta, plan))
    assert found.verdict == "undecided"
    assert {one.doubt for one in found.findings if one.path.endswith("weight.gradient")} == {"zero", ""}  # "": of o


def test_findings_are_made_when_looked_at(monkeypatch):
    """If this fails, the verdict of a large graph waits for tens of thousands of findings that nobody reads."""
    plan = draw(nodes(500), "float64")
    record = InProcess().run(Delta, plan)
    made = []
    whole = judging._judged
    monkeypatch.setattr(judging, "_judged", lambda claim, *rest: made.append(claim.path) or whole(claim, *rest))
    comparison = bpcompare.session.judge("nodes", plan, {"delta": record})
    assert "certified" in str(comparison)
    assert len(made) < len(comparison.certificates["delta"].findings) / 3
    assert comparison.certificates["delta"].findings[-1].path == question(plan).claims.paths[-1]


@pytest.mark.slow
def test_several_steps(monkeypatch):
    """If this fails, what is found in a later step of a large graph is told of another step or place."""
    network = graph(3)
    plan = draw(replace(network, training=replace(network.training, steps=3)), "float64")
    record = InProcess().run(Delta, plan)
    found, alone = certify(plan, record), _one_by_one(monkeypatch, plan, record)
    assert [*found.findings] == [*alone.findings]
    assert [*found.findings[5:-5:7]] == [*alone.findings][5:-5:7]
    assert [*found.all.among(("inductive",))] == [one for one in alone.findings if one.statement == "inductive"]


def test_laws_of_one_owner_are_asked_there():
    """If this fails, a law that is another one at one node is never asked: planted mistakes are not explained."""
    network = nodes(100)
    plan = draw(network, "float64")
    wrong = MISTAKES["BP202"].laws(network, LAWS, only="n50.g")
    assert [finding.path for finding in certify(plan, InProcess().run(Delta, plan), wrong).refuted] == ["n50.delta"]
