"""Several steps judged at once: nothing is decided that one step after the other would decide otherwise."""

from dataclasses import replace

import numpy as np
import pytest

from bpcompare import ops
from bpcompare.engine.registry import Ready, resolve
from bpcompare.engine.worker import InProcess
from bpcompare.laws import LAWS, At
from bpcompare.mistakes import MISTAKES
from bpcompare.mistakes.saboteur import saboteur
from bpcompare.network.draft import Draft
from bpcompare.numbers.ball.format import format_of
from bpcompare.plan import step_prefix
from bpcompare.plan.draw import plan as draw
from bpcompare.proof import certificate, products, stacked
from bpcompare.proof.balls import Balls
from bpcompare.proof.certificate import certify
from bpcompare.proof.evaluation import evaluate
from bpcompare.proof.question import question
from bpcompare.proof.values import step_values
from bpcompare_delta import Delta
from mistaken_networks import NETWORKS
from samples import sample

DTYPES = ["float64", "float32"]
CONVOLVED = [net for net in NETWORKS if any(isinstance(layer.op, ops.Conv2d) for layer in net.layers.values())]
WAYS = ("_entry_by_entry", "_same", "_sums", "_by_balls")


class Alone:
    """Nothing of several steps is known."""

    def __init__(self, plan, listed, steps, laws):
        self.shares, self.powers = np.full((2, len(steps), len(listed)), np.nan)


def alone(plan, record):
    """The certificate, step by step."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(certificate, "Stacked", Alone)
        return certify(plan, record)


def lenet(dtype="float64", steps=3):
    """Convolutions, pooling and dense layers; planned."""
    draft = Draft("stacked", examples=8, error=ops.SoftmaxCrossEntropy(reduce="mean", targets="classes"), update=ops.Adam(0.01))
    x = draft.input("x", 2, 9, 8)
    a = draft.layer(ops.Conv2d(4, (3, 2), (2, 1), (1, 1), groups=2), x, name="c1", g=ops.Relu())
    a = draft.layer(ops.MaxPool2d((2, 2), (2, 2)), a, name="p1")
    a = draft.layer(ops.Conv2d(6, (2, 2), padding=(1, 0), dilation=(1, 2), bias=False), a, name="c2", g=ops.Tanh())
    a = draft.layer(ops.AvgPool2d((2, 2), (1, 1)), a, name="p2")
    a = draft.layer(ops.Flatten(), a, name="f")
    a = draft.layer(ops.Dense(7), a, name="h", g=ops.Tanh())
    draft.layer(ops.Dense(3), a, name="o")
    return draw(draft.network("o"), dtype, steps=steps)


@pytest.fixture
def small(monkeypatch):
    """Sums in the record's own format, for small arrays as well; and which claims each way decided."""
    found = {}
    monkeypatch.setattr(products, "LARGE", 2)
    monkeypatch.setattr(stacked, "SAMPLED", 31)
    for name in WAYS:
        original = getattr(stacked, name)

        def told(*arguments, original=original, name=name):
            measures = original(*arguments)
            if measures is not None:
                found.setdefault(name, 0)
                found[name] += 1
            return measures

        monkeypatch.setattr(stacked, name, told)
    return found


@pytest.mark.sampled(7)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("net", CONVOLVED, ids=lambda net: net.name)
def test_the_same_claims_are_refuted_as_one_step_after_the_other(net, dtype, small):
    """A mistake of the catalogue would pass in a run of several steps, or right code would be accused."""
    plan = draw(net, dtype, steps=3)
    mistakes = [MISTAKES[code] for code in sample(sorted(MISTAKES), 9)]
    for backend in (Delta, *(saboteur(Delta, one) for one in mistakes if one.applies(net))):
        record = InProcess().run(backend, plan)
        at_once, one_by_one = certify(plan, record), alone(plan, record)
        assert {f.path: f.outcome for f in at_once.findings} == {f.path: f.outcome for f in one_by_one.findings}, backend.name
        assert at_once.verdict == one_by_one.verdict
        by_balls = certify(plan, record, means="balls")
        for power, share, found in zip(at_once.all.powers, at_once.all.shares, by_balls.findings, strict=True):
            if found.outcome == "holds" and not found.terms and not found.structural:
                assert power >= found.power * (1 - 1e-9), (backend.name, found.path)
                assert share <= 1
    assert small


@pytest.mark.sampled(5)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["delta", "torch", "jax"])
def test_honest_steps_hold_at_once(name, dtype, small):
    """Ten steps would cost ten times one step."""
    status = resolve(name)
    if not isinstance(status, Ready):
        pytest.skip(f"{name} is not installed")
    plan = lenet(dtype)
    found = certify(plan, InProcess().run(status.backend, plan))
    assert found.verdict == "certified"
    assert not [finding.path for finding in found.all.judged]
    assert set(small) == set(WAYS)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_entry_that_is_off_is_refuted_in_its_step(dtype, small):
    """One wrong number among those of many steps would be missed, or be laid to another step."""
    plan = lenet(dtype)
    record = InProcess().run(Delta, plan)
    values, fmt, random, tried = step_values(plan, record), format_of(dtype), np.random.default_rng(0), 0
    for claim in question(plan).claims:
        # What a later step begins with is wrong there, too.
        step = 2 if claim.statement in ("update", "state") else int(random.integers(3))
        ball = evaluate(claim, Balls(values[step], fmt), LAWS)
        at = tuple(int(random.integers(size)) for size in ball.shape)
        off = 2.5 * max(np.broadcast_to(ball.final_radius(), ball.shape)[at], 2 * fmt.u * abs(ball.mid[at]), 1e-30)
        wrong = np.array(values[step].recorded[claim.path], np.float64)
        wrong[at] = ball.mid[at] + off
        found = certify(plan, _with(record, step, claim.path, wrong.astype(dtype)))
        here = [one for one in found.refuted if one.path.rpartition("/")[2] == claim.path]
        assert [(one.path, one.worst, one.off) for one in here] == [(step_prefix(step + 1) + claim.path, at, 1)]
        tried += 1
    assert tried == len(question(plan).claims)


def _with(record, step, path, x):
    """The record with another array."""
    steps, (owner, _, kind) = list(record.steps), path.rpartition(".")
    kinds = {"in": "net_in", "a": "a", "delta": "delta", "gradient": "gradient", "update": "parameters"}
    where, name = (kinds[kind], owner) if kind in kinds else ("slots", path)
    changed = {"error": x} if path == "error" else {where: {**getattr(steps[step], where), name: x}}
    steps[step] = replace(steps[step], **changed)
    return replace(record, steps=tuple(steps))


def test_each_step_must_show_mistakes_by_itself():
    """A step in which every unit is dead would be certified, because other steps are not."""
    plan = lenet()
    batches = list(plan.batches)
    batches[1] = replace(batches[1], inputs={"x": np.zeros_like(batches[1].inputs["x"])})
    plan = replace(plan, batches=tuple(batches))
    record = InProcess().run(Delta, plan)
    found, other = certify(plan, record), alone(plan, record)
    outcomes = {finding.path: finding.outcome for finding in found.findings}
    assert outcomes == {finding.path: finding.outcome for finding in other.findings}
    assert outcomes["step2/c1.weight.gradient"] == "undecided"
    assert outcomes["c1.weight.gradient"] == outcomes["step3/c1.weight.gradient"] == "holds"


@pytest.mark.parametrize(
    "op",
    [
        ops.Dense(5),
        ops.Dense(5, bias=False),
        ops.Conv2d(4, (3, 2), (2, 1), (1, 1), groups=2),
        ops.Conv2d(3, (2, 2), padding=(0, 1), dilation=(2, 1), bias=False),
    ],
    ids=repr,
)
def test_a_law_of_several_steps_is_that_of_each(op):
    """Parameters of one step would meet the examples of another."""
    random, steps, examples, shape = np.random.default_rng(2), 3, 4, (6,) if isinstance(op, ops.Dense) else (2, 7, 6)
    x = random.standard_normal((steps, examples, *shape))
    shapes = op.shapes([shape])
    p = {role: random.standard_normal((steps, *one.shape)) for role, one in shapes.parameters.items()}
    dy = random.standard_normal((steps, examples, *shapes.out))
    law = LAWS.of("", op)
    several = law.stacked(steps)
    at = At(op, [x.reshape(-1, *shape)], p, dy=dy.reshape(-1, *shapes.out))
    each = [At(op, [x[one]], {role: w[one] for role, w in p.items()}, dy=dy[one]) for one in range(steps)]

    def number(y):
        return y.x @ y.w if hasattr(y, "w") else y

    assert np.allclose(several.forward(at), np.concatenate([law.forward(one) for one in each]), 1e-12, 0)
    assert np.allclose(several.delta(at), np.concatenate([number(law.delta(one)) for one in each]), 1e-12, 1e-14)
    for role in p:
        found = number(several.gradient(at.but(role=role)))
        assert np.allclose(found, [number(law.gradient(one.but(role=role))) for one in each], 1e-12, 1e-14)


def test_the_border_of_a_convolution_gets_no_delta():
    """Δ would come back to the zeros around a source, or to the pixels beside those that it belongs to."""
    random, tried = np.random.default_rng(0), 0
    for number in range(200):
        kernel, stride = (tuple(int(one) for one in random.integers(1, 4, 2)) for _ in range(2))
        padding, far = (tuple(int(one) for one in random.integers(0, 5, 2)) for _ in range(2))
        dilation, groups = tuple(int(one) for one in random.integers(1, 3, 2)), 1 + number % 2
        op = ops.Conv2d(2 * groups, kernel, stride, padding, False, dilation, groups, far if number % 3 else None)
        shape = (groups, *(int(one) for one in random.integers(3, 8, 2)))
        shapes = op.shapes([shape])
        if shapes.problems:
            continue
        x, dy = random.standard_normal((2, *shape)), random.standard_normal((2, *shapes.out))
        p = {"weight": random.standard_normal(shapes.parameters["weight"].shape)}
        law = LAWS.of("", op)
        there, back = (law.forward(At(op, [x], p)) * dy).sum(), (x * law.delta(At(op, [x], p, dy=dy))).sum()
        assert abs(there - back) < 1e-10 * (1 + abs(there)), op
        tried += 1
    assert tried > 150


def test_a_law_that_looks_at_all_examples_is_not_asked_of_several_steps():
    """The mean of a batch would be that of all batches."""
    for op in (ops.BatchNorm(1e-3, 0.1, "unbiased"), ops.Dropout(0.5), ops.LayerNorm(1e-3)):
        with pytest.raises(LookupError):
            LAWS.of("", op).stacked(2)
