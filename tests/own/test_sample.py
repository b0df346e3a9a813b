"""A time for judging: what is judged first, and what is said of the rest."""

from itertools import count

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
from bpcompare.own.summary import summary  # noqa: E402
from bpcompare.text.duration import duration, seconds_of  # noqa: E402


@pytest.fixture
def clock(monkeypatch):
    """A clock on which each look is a second later, so that n seconds are n − 1 claims."""
    ticks = count()
    for module in ("judged", "sample"):
        monkeypatch.setattr(f"bpcompare.own.{module}.monotonic", lambda: float(next(ticks)))


def kinds(step):
    """The statements of the claims that were judged."""
    return [claim.statement for _, claim, _ in step.findings]


def test_gradients_come_first(clock, steps):
    """What people ask for would be judged last, and never where there is little time."""
    step = steps(None, 12).sampled(20)
    assert set(kinds(step)) == {"gradient"}
    assert step.verdict == "certified in part"
    assert step.exit_code == 4


def test_enough_time_changes_nothing(steps):
    """A sample that took all would be another verdict."""
    whole, sampled = steps(None, 2), steps(None, 2).sampled("1h")
    assert str(sampled) == str(whole)
    assert kinds(sampled) == kinds(whole)


def test_a_custom_backward_is_judged_next(clock, own, steps):
    """The function that is most likely wrong would wait behind thousands that never are."""
    whole = steps(own.Forgetful, 12)
    gradients = kinds(whole).count("gradient")
    step = whole.sampled(gradients + 4)
    assert step.verdict == "wrong"
    assert step.exit_code == 1
    assert "Forgetful.backward" in str(step)
    assert "claims were not judged" in str(step)


def test_then_one_of_each_kind(clock, steps):
    """A function that is called once would wait for those that are called a thousand times."""
    whole = steps(None, 12)
    every = {tuple(getattr(op, "function", op.name) for _, op in claim.owners) for _, claim, _ in whole.findings}
    step = whole.sampled(kinds(whole).count("gradient") + len(every) + 12)
    judged = {tuple(getattr(op, "function", op.name) for _, op in claim.owners) for _, claim, _ in step.findings}
    assert judged == every
    assert len(step.findings) < len(whole.findings) / 2


def test_what_is_left_is_told(clock, steps):
    """A sample would pass for a proof."""
    step = steps(None, 12).sampled(20)
    text = " ".join(str(step).split())
    missing = sum(len(one.left) for one in step.judged)
    total = missing + len(step.findings)
    assert f"{missing} of {total} claims were not judged" in text
    assert "not judged within 20 s" in text
    assert "of 26 gradients in " in text, "by kind and module"
    assert "everywhere that was judged" in text
    assert "no backward pass that was watched" not in text, "a reason that is none"
    assert summary(step)["not_judged"] == missing
    assert any(row.split()[1:3] == ["in", "part"] for row in step.tree().split("\n")[1:])


def test_a_gradient_alone_proves_little(clock, steps):
    """All gradients hold, and every Δ that they are made of may be wrong."""
    whole = steps(None, 12)
    few = whole.sampled(kinds(whole).count("gradient") + 1)
    assert "of 26 judged, 0 had all of that judged, too" in " ".join(str(few).split())
    # What updates and states there are comes last in turns: then every gradient has its chain.
    most = whole.sampled(len(whole.findings))
    assert "of 26 judged, 26 had all of that judged, too" in " ".join(str(most).split())


def test_two_runs_share_the_time(clock):
    """The float64 copy would leave nothing for the model as it is."""
    found = bpcompare.check(nn.Sequential(*(nn.Linear(2, 2) for _ in range(9))), torch.ones(1, 2), loss=torch.sum, sample="40s")
    assert all(len(run.findings) > 10 for run in found.runs)
    assert found.verdict == "certified in part"


def test_a_watch_may_be_given_the_time(clock, model, watched):
    """Only what was recorded already could be sampled."""
    step = watched(model(blocks=12), sample=20)
    assert step.verdict == "certified in part"


def test_nothing_judged_is_nothing_certified(clock, steps):
    """No time at all would certify in part."""
    step = steps(None, 1).sampled(0.5)
    assert not step.findings
    assert step.verdict == "undecided"


def test_a_saved_sample_is_whole_again(clock, steps, tmp_path):
    """What was left in CI could never be judged elsewhere."""
    step = steps(None, 2).sampled(20)
    step.save(tmp_path / "a.step")
    assert step.verdict == "certified in part"
    assert bpcompare.load_watched(tmp_path / "a.step").verdict == "certified"


def test_it_goes_on_where_it_was_interrupted(steps):
    """Ctrl-C in a notebook would lose minutes of work."""
    whole, step = steps(None, 2), steps(None, 2)
    seen = []

    def observed(moment):
        seen.append(moment.number)
        if moment.number == 30 and seen.count(30) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        step.judge(observed)
    step.judge(observed)
    assert seen == [*range(1, 31), *range(30, len(whole.findings) + 1)]
    assert str(step) == str(whole)


def test_who_watches_is_told_what_is_judged(steps):
    """Nobody would know whether it hangs, and at what."""
    moments = []
    step = steps(None, 1)
    step.judge(moments.append)
    assert {one.total for one in moments} == {len(step.findings)}
    assert ("0.0.dense", "addmm") in {(one.module, one.function) for one in moments}


@pytest.mark.parametrize(
    ("written", "seconds"), [("30s", 30), ("30", 30), (" 2 min ", 120), ("1.5h", 5400), ("90sec", 90), (3, 3), ("2M", 120)]
)
def test_times(written, seconds):
    """2min would be two seconds."""
    assert seconds_of(written) == seconds


@pytest.mark.parametrize("written", ["", "0", "-3s", "soon", "1d", "nan", "inf", -1, True])
def test_what_is_no_time(written):
    """A sample without end, or without beginning."""
    with pytest.raises(ValueError, match="a time is a positive number"):
        seconds_of(written)


def test_times_in_words():
    """0.15 s would be 0 s."""
    assert list(map(duration, (0.15, 30, 90, 120, 7200))) == ["0.15 s", "30 s", "90 s", "2 min", "2 h"]
