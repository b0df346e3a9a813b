"""The quick ways of the proof decide nothing that balls would decide otherwise: every entry counts."""

from dataclasses import replace

import numpy as np
import pytest

import bpcompare

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from bpcompare.laws import LAWS  # noqa: E402
from bpcompare.laws.rules import RULES as LAW_OF  # noqa: E402
from bpcompare.numbers.ball.format import format_of  # noqa: E402
from bpcompare.own import judged as judged_module  # noqa: E402
from bpcompare.own.judged import judged  # noqa: E402
from bpcompare.proof import certificate, entrywise, inside, products, together  # noqa: E402
from bpcompare.proof import quick as quick_ways  # noqa: E402
from bpcompare.proof.balls import Balls  # noqa: E402
from bpcompare.proof.claims import claims  # noqa: E402
from bpcompare.proof.entries import Entries  # noqa: E402
from bpcompare.proof.evaluation import evaluate, format_for  # noqa: E402
from bpcompare.proof.values import StepValues  # noqa: E402
from optimizer_rules import RULES  # noqa: E402 — it needs torch
from training import net, watched  # noqa: E402


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", RULES)
def test_balls_of_every_rule_are_as_wide_as_what_is_taken_for_sure(name, dtype):
    """A number outside of its ball would be called right, because it is near the law's value."""
    model = net(dtype)
    step = watched(model, RULES[name](model.parameters()), steps=3)
    seen = 0
    for recording in step.watched.recordings:
        lookup = Balls(StepValues(recording.given, recording.recorded), format_of("float64"), exact=True)
        for claim in claims(recording.program):
            if claim.statement in ("update", "state") and claim.owners:
                balls = lookup.of(claim)
                ball, fmt = evaluate(claim, balls, LAWS), format_for(claim, balls, LAWS)
                if ball.shape:
                    sure = fmt.u * entrywise.narrowest(claim, fmt, LAWS)
                    assert (ball.final_radius() >= sure * np.abs(ball.mid)).all(), claim.path
                    seen += 1
                if ball.shape and entrywise.smooth(claim, LAWS):  # and in the record's own format, which rounds, too
                    m, sure = narrowly(claim, balls), fmt.u * entrywise.GRANTED if claim.statement == "state" else sure
                    off = np.abs(m.astype(np.float64) - ball.mid)
                    assert (off + sure * np.abs(m) <= ball.final_radius()).all(), claim.path
    assert seen


def narrowly(claim, balls):
    """The law in the record's own format, but for the parameter that is updated."""
    entries = Entries(balls, balls.values.recorded[claim.path].shape)
    wide = claim.subject if claim.statement == "update" else ""
    dtype = balls.values.recorded[claim.path].dtype
    m = claim.value(lambda path: entries.points(path, slice(None), None if path == wide else dtype), LAWS)
    return np.reshape(m, balls.values.recorded[claim.path].shape)


def test_rules_that_decide_by_numbers_are_left_to_float64():
    """A product of two gradients that becomes 0 in float32 would be taken for 0 by the law, too."""
    smooth = {name for name, rule in LAW_OF.items() if getattr(rule, "smooth", False)}
    moments = {"adam", "nadam", "radam", "adamax", "nesterov adam", "amsgrad"}
    assert smooth == {"sgd", *moments, "rmsprop", "adagrad", "adadelta"}


def test_another_format_than_the_records_is_widened():
    """An update rule on gradients of 16 bits would be evaluated in these, which no ball of float32 covers."""
    given = {"g": np.ones(5, np.float16), "w": np.ones(5, np.float32), "n": np.arange(5)}
    entries = Entries(Balls(StepValues(given, {}), format_of("float32"), exact=True), (5,))
    kinds = {path: entries.points(path, slice(1, 3), np.dtype(np.float32)).dtype for path in given}
    assert kinds == {"g": np.float64, "w": np.float32, "n": np.int64}


class Wide(nn.Module):
    """Functions of one entry each, on arrays of one shape, between products."""

    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(24, 40), nn.Linear(40, 5)

    def forward(self, x):
        y = self.up(x)
        y = nn.functional.gelu(y) + nn.functional.relu(y) * torch.sigmoid(y)
        return self.down(y / (2.0 + nn.functional.silu(y)))


def recordings():
    """What was watched of a step of it."""
    torch.manual_seed(1)
    model = Wide()
    optimizer = torch.optim.AdamW(model.parameters(), 0.01)
    x = torch.randn(30, 24)
    for _ in range(2):
        optimizer.zero_grad()
        with bpcompare.watch(model, optimizer) as step:
            model(x).square().mean().backward()
            optimizer.step()
    return step.watched.recordings


@pytest.fixture
def quick(monkeypatch):
    """The quick ways, for small arrays as well, in parts; and how often they decided."""
    counts = {"held": 0, "inside": 0, "summed": 0, "together": 0}
    for module in (entrywise, inside):
        monkeypatch.setattr(module, "BLOCK", 97)
    monkeypatch.setattr(entrywise, "LARGE", 2)
    monkeypatch.setattr(products, "LARGE", 2)
    monkeypatch.setattr(products, "FEW_TERMS", 0)
    monkeypatch.setattr(entrywise, "SAMPLED", 31)
    monkeypatch.setattr(together, "LARGE", 50)
    original_together = judged_module.together

    def side_by_side(*arguments):
        found = original_together(*arguments)
        counts["together"] += len(found)
        return found

    monkeypatch.setattr(judged_module, "together", side_by_side)
    for name in ("held", "inside", "summed"):
        module = certificate if name == "inside" else quick_ways
        original = getattr(module, name)

        def counted(*arguments, original=original, name=name):
            found = original(*arguments)
            counts[name] += found is not None
            return found

        monkeypatch.setattr(module, name, counted)
    return counts


def test_honest_numbers_hold_by_the_quick_ways(quick):
    """Correct code would be called wrong, or nothing would be any quicker."""
    for recording in recordings():
        assert {finding.outcome for _, finding in judged(recording).findings} == {"holds"}
    assert quick["held"] >= 14
    assert quick["inside"] >= 4
    assert quick["summed"] >= 4
    assert quick["together"] == 2 * 3


def test_one_entry_that_is_off_is_refuted_wherever_it_stands(quick):
    """One wrong number among many would be missed, for most of them are not even given a ball."""
    random = np.random.default_rng(0)
    tried = 0
    for recording in recordings():
        recorded = dict(recording.recorded)
        for claim, finding in judged(recording).findings:
            x = np.array(recorded[claim.path])
            if x.size < 5 or not claim.owners:
                continue
            ball = evaluate(claim, Balls(StepValues(recording.given, recorded), format_of("float64"), exact=True).of(claim), LAWS)
            at = tuple(int(random.integers(size)) for size in x.shape)
            radius = float(np.broadcast_to(ball.final_radius(), x.shape)[at])
            x[at] = ball.mid[at] + 2.5 * max(radius, 2**-24 * abs(float(ball.mid[at])))
            found = {one.path: one for _, one in judged(replace(recording, recorded={**recorded, claim.path: x})).findings}
            one = found[claim.path]
            assert (one.outcome, one.worst, one.off) == ("refuted", at, 1), claim.path
            assert finding.power > 0
            tried += 1
    assert tried > 25
    assert quick["held"]
    assert quick["summed"]


def test_one_bit_is_not_forgiven_where_nothing_rounds(quick):
    """relu would be allowed to change a number: below a power of two the next one is just a rounding away."""
    with bpcompare.watch(nn.ReLU()) as step:
        nn.functional.relu(torch.ones(8, 8, requires_grad=True)).sum().backward()
    (recording,) = (one for one in step.watched.recordings if one.program.steps)
    y = np.ones((8, 8), np.float32)
    y[3, 5] = np.nextafter(np.float32(1), np.float32(0))
    (path,) = (step.writes for step in recording.program.steps if step.op.function == "relu")
    found = judged(replace(recording, recorded={**dict(recording.recorded), path: y}))
    assert [finding.worst for claim, finding in found.refuted if claim.path == path] == [(3, 5)]


def test_power_is_never_said_to_be_sharper_than_it_is(quick, monkeypatch):
    """A report would promise that a mistake had shown which could have hidden."""
    found = [judged(recording).findings for recording in recordings()]
    monkeypatch.setattr(certificate, "inside", lambda *_: None)
    for name in ("held", "sums"):
        monkeypatch.setattr(quick_ways, name, lambda *_: None)
    monkeypatch.setattr(judged_module, "together", lambda *_: {})
    for recording, quickly in zip(recordings(), found, strict=True):
        for (claim, slow), (_, fast) in zip(judged(recording).findings, quickly, strict=True):
            assert fast.outcome == slow.outcome, claim.path
            assert fast.power >= slow.power * (1 - 1e-9), claim.path
            assert fast.share <= max(slow.share, 1e-9) * (1 + 1e-6), claim.path


def test_memory_is_kept_from_law_to_law(monkeypatch):
    """Every large array would be asked of the system anew: on glibc a fifth of the time that the proof of a GPT takes."""
    sizes = []
    monkeypatch.setattr(judged_module, "_keep_memory", lambda: sizes.append(judged_module.LARGEST))
    judged_module.Judging([])
    assert sizes
    assert 2**24 < sizes[0] < 2**25
