"""Δ behind an activation by way of −∂E/∂a: what balls refute is refuted, whatever a record says of −∂E/∂a."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.engine.registry import Ready, resolve
from bpcompare.engine.worker import InProcess
from bpcompare.laws import LAWS
from bpcompare.mistakes import MISTAKES
from bpcompare.mistakes.saboteur import saboteur
from bpcompare.numbers.ball.format import format_of
from bpcompare.plan import back
from bpcompare.plan.draw import plan as draw
from bpcompare.proof import certificate, entrywise, probes, products, quick
from bpcompare.proof.balls import Balls
from bpcompare.proof.certificate import certify, judge
from bpcompare.proof.question import question
from bpcompare.proof.values import step_values
from bpcompare_delta import Delta
from mistaken_networks import CLASSES, SGD, mlp, network

FORK = network(
    "fork",
    [
        ("h0", ops.Dense(70), ["x"], ops.Tanh()),
        ("h1", ops.Dense(60), ["h0"], ops.Silu()),
        ("o", ops.Dense(30), ["h0", "h1"], ops.Identity()),
    ],
    {"x": (50,)},
    CLASSES,
    SGD,
    examples=80,
)
NETS = {
    "relu": mlp(ops.Relu(), CLASSES, SGD, widths=(70, 60), name="relu", inputs=50, examples=80, outputs=30),
    "gelu": mlp(ops.GeluTanh(), CLASSES, SGD, widths=(70, 60), name="gelu", inputs=50, examples=80, outputs=30),
    "fork": FORK,
}
BEHIND = ["h0", "h1"]
FMT = format_of("float32")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Halves, probes and the other quick ways for small arrays as well."""
    monkeypatch.setattr(back, "WORTH", 1)
    monkeypatch.setattr(back, "PAYS", 1)
    monkeypatch.setattr(probes, "PAYS", 2)
    monkeypatch.setattr(products, "FEW_TERMS", 0)
    for module in (entrywise, products, certificate):
        monkeypatch.setattr(module, "LARGE", 2)
    with np.errstate(all="ignore"):
        yield


def answered(net, backend=Delta):
    """A plan, the values of the record, and the claims by path."""
    plan = draw(net, "float32")
    record = InProcess().run(backend, plan)
    return plan, record, {claim.path: claim for claim in question(plan).claims}


@pytest.fixture
def decided(monkeypatch):
    """The paths that were decided by halves."""
    found, original = [], quick.halved

    def told(claim, *arguments):
        finding = original(claim, *arguments)
        found.extend([claim.path] if finding is not None else [])
        return finding

    monkeypatch.setattr(quick, "halved", told)
    return found


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", ["delta", "torch", "jax"])
@pytest.mark.parametrize("net", NETS.values(), ids=list(NETS))
def test_our_backends_give_it_and_hold_by_it(net, name, decided):
    """Every Δ behind an activation would cost its product again; or a right backend would be accused."""
    status = resolve(name)
    if not isinstance(status, Ready):
        pytest.skip(f"{name} is not installed")
    plan, record, _ = answered(net, status.backend)
    assert sorted(record.steps[0].back) == BEHIND
    some, full = certify(plan, record, means="probes"), certify(plan, record.lasting())
    assert some.verdict == full.verdict == "certified"
    assert {"h0.delta", "h1.delta"} == set(decided)
    for one, other in zip(some.findings, full.findings, strict=True):
        assert (one.path, one.statement, one.outcome, one.size) == (other.path, other.statement, other.outcome, other.size)
    probed = {finding.path for finding in some.findings if finding.probed}
    assert "h0.delta" in probed


def planted(values, name, where, kind, random):
    """The values with a mistake in Δ, in −∂E/∂a, or the same one in both."""
    eps, changed = np.float32(1 + 10 ** random.uniform(-6, 0)), values
    shape = values.recorded[f"{name}.delta"].shape
    i, k, j = int(random.integers(shape[0])), int(random.integers(shape[0])), int(random.integers(shape[1]))

    def wrong(x):
        x = x.copy()
        if kind == "rows":
            x[[i, k]] = x[[k, i]]
        elif kind == "NaN":
            x[i, j] = np.nan
        elif kind == "sign":
            x[i, j] *= -1
        else:
            at = {"entry": (i, j), "row": i, "column": (slice(None), j), "all": ...}[kind]
            x[at] *= eps
        return x

    if where in ("delta", "both"):
        path = f"{name}.delta"
        changed = replace(changed, recorded={**changed.recorded, path: wrong(changed.recorded[path])})
    if where in ("back", "both"):
        path = f"{name}.a"
        changed = replace(changed, back={**changed.back, path: wrong(changed.back[path])})
    return changed


@pytest.mark.parametrize("count", [45, pytest.param(500, marks=pytest.mark.slow)])
@pytest.mark.parametrize("net", NETS.values(), ids=list(NETS))
def test_planted_mistakes_are_refuted_as_without(net, count):
    """A wrong Δ would hold because the same wrong number stands beside it, or because nobody looked at it row by row."""
    plan, record, claims = answered(net)
    (values,) = step_values(plan, record)
    random, refuted = np.random.default_rng(5), 0
    kinds = ("entry", "row", "column", "all", "rows", "sign", "NaN")
    for number in range(count):
        name, where, kind = BEHIND[number % 2], ("delta", "both", "back")[number % 3], kinds[int(random.integers(len(kinds)))]
        wrong, claim = planted(values, name, where, kind, random), claims[f"{name}.delta"]
        full = judge(claim, Balls(replace(wrong, back={}), FMT), LAWS)
        tried = judge(claim, Balls(wrong, FMT, random=np.random.default_rng()), LAWS)
        assert (tried.outcome, tried.off) == (full.outcome, full.off), (name, where, kind, full.share)
        if full.outcome == "refuted":
            assert repr(tried) == repr(full)
            refuted += 1
    assert refuted > count // 4


@pytest.mark.parametrize("every", [pytest.param(12, id="some"), pytest.param(1, id="all", marks=pytest.mark.slow)])
@pytest.mark.parametrize("net", [NETS["relu"], FORK], ids=["relu", "fork"])
def test_saboteurs_are_refuted_as_without(net, every, decided):
    """A known mistake would pass, or be found at another place."""
    for code in [code for code in sorted(MISTAKES) if MISTAKES[code].applies(net)][::every]:
        plan, record, _ = answered(net, saboteur(Delta, MISTAKES[code]))
        assert record.steps[0].back
        full, some = certify(plan, record.lasting()), certify(plan, record, means="probes")
        assert [(one.path, one.off) for one in some.refuted] == [(one.path, one.off) for one in full.refuted], code
    assert decided


def test_its_power_counts_both_halves():
    """A mistake that hides half in −∂E/∂a and half behind it would be promised to show."""
    plan, record, claims = answered(NETS["gelu"])
    (values,) = step_values(plan, record)
    found = judge(claims["h0.delta"], Balls(values, FMT, random=np.random.default_rng()), LAWS)
    halves = claims["h0.delta"].halves()
    balls = Balls(values, FMT, random=np.random.default_rng())
    own = judge(halves.own, balls.beside(replace(values, given={**values.given, halves.path: values.back["h0.a"]})), LAWS)
    assert found.probed
    assert found.power > own.power
    assert found.share >= own.share


def test_it_is_not_kept():
    """A saved run, and every comparison in memory, would hold arrays that nobody reads again."""
    found = bpcompare.run(NETS["relu"], ["delta"], dtype="float32")
    assert found.probed[0]
    assert not any(step.back for record in found.records.values() for step in record.steps)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda given: {**given, "h0": given["h0"][1:].copy()}, "h0.back: wanted float32 of shape [80, 70]"),
        (lambda given: {**given, "x": given["h0"]}, "unknown x"),
        (lambda given: None, "back: wanted a mapping"),
    ],
)
def test_what_is_given_must_fit_the_plan(change, said):
    """An author would not be told of a misspelt layer: what it was for would silently not be used."""

    class Careless(Delta):
        name = "careless"

        def run(self, plan):
            record = super().run(plan)
            return replace(record, steps=tuple(replace(step, back=change(step.back)) for step in record.steps))

    assert said in InProcess().run(Careless, draw(NETS["relu"], "float32")).failure
