"""What makes watching and proving cheap must change nothing: copies, moves by bits, laws in blocks, programs that are kept."""

import numpy as np
import pytest

import bpcompare

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from bpcompare.laws import At  # noqa: E402
from bpcompare.proof import bits, certificate, evaluation, quick  # noqa: E402
from bpcompare_torch.recorder.memory import Memory  # noqa: E402


def stepping(optimizer, **settings):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    optimizer = optimizer(model.parameters(), lr=1e-2, **settings)
    x, y = torch.randn(8, 6), torch.randint(0, 3, (8,))

    def step():
        optimizer.zero_grad(set_to_none=False)
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return model, optimizer, x, step


@pytest.mark.parametrize(("optimizer", "settings"), [(torch.optim.AdamW, {}), (torch.optim.SGD, {"momentum": 0.9})])
@pytest.mark.parametrize("before", [0, 2])
def test_numbers_stay_what_they_were_when_training_goes_on(optimizer, settings, before):
    """A verdict would be about numbers that came later."""
    model, optimizer, x, step = stepping(optimizer, **settings)
    for _ in range(before):
        step()
    with bpcompare.watch(model, optimizer) as watched:
        step()
    for _ in range(3):
        step()
    x.zero_()
    watched.assert_certified()


def test_a_part_of_memory_is_copied_once():
    """A large array that is read in parts would be copied as often as it has parts."""
    memory, t = Memory(), torch.arange(12.0).reshape(3, 4)
    kept = [memory.keep(one) for one in (t, t, t.T, t[1:])]
    memory.written(t)
    t.zero_()
    assert len({one.tensor.untyped_storage().data_ptr() for one in kept}) == 1
    assert [one.tensor.tolist() for one in kept] == [one.tolist() for one in (torch.arange(12.0).reshape(3, 4),) * 2] + [
        torch.arange(12.0).reshape(3, 4).T.tolist(),
        torch.arange(12.0).reshape(3, 4)[1:].tolist(),
    ]


def test_a_small_part_of_large_memory_is_copied_alone():
    """One row of a large array would keep all of it."""
    memory, t = Memory(), torch.arange(1000.0)
    kept = [memory.keep(t[:3]), memory.keep(t[5:7])]
    memory.written(t)
    t.zero_()
    assert [one.tensor.tolist() for one in kept] == [[0, 1, 2], [5, 6]]
    assert sum(one.tensor.untyped_storage().nbytes() for one in kept) == 5 * 4


def test_nobody_asks_memory_that_is_gone_who_shares_it(monkeypatch):
    """A training that is watched, from whose forward somebody has let a value go, would end in a crash."""
    memory, asked = Memory(), []
    kept, stays = memory.keep(torch.arange(5.0)), memory.keep(torch.arange(7.0))
    there = stays.tensor.untyped_storage()._cdata
    monkeypatch.setattr(torch._C, "_storage_Use_Count", lambda storage: asked.append(storage) or 9)
    del kept
    memory.secure()
    assert asked == [there]


class Attending(nn.Module):
    """Attention, of which Δ of queries and of keys have a part of the way back in common."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(8, 8) for _ in range(3))

    def forward(self, x):
        q, k, v = (one(x).unflatten(2, (2, 4)).transpose(1, 2) for one in (self.q, self.k, self.v))
        return nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)


@pytest.mark.parametrize("planted", [None, 0, 1])
def test_the_way_back_that_two_claims_share_is_that_of_each(monkeypatch, planted):
    """Δ of keys would be judged by what became of another Δ: a wrong one would pass, or a right one be called wrong."""

    def findings():
        torch.manual_seed(0)
        model = Attending()
        with bpcompare.watch(model) as watched:
            model(torch.randn(2, 4, 8)).square().mean().backward()
        (one,) = watched.watched.recordings
        (attention,) = (step for step in one.program.steps if "attention" in step.op.function)
        if planted is not None:
            path = one.program.values[attention.reads[planted]].delta
            one.recorded.put(path, lambda x=one.recorded[path]: x * np.float32(1.001))
        return {claim.path: finding for _, claim, finding in watched.findings}

    shared = findings()
    monkeypatch.setattr("bpcompare.proof.walk.kept_by", lambda _get: None)
    assert shared == findings()
    assert any(one.outcome == "refuted" for one in shared.values()) is (planted is not None)


def test_another_delta_than_the_one_that_was_looked_up_finds_nothing_kept():
    """What became of one Δ would be taken for what becomes of another."""
    at = At(None, [], kept={}, owner="step", sent="y.delta")
    assert at.but(slot=1).sent == "y.delta"
    assert at.but(dy=np.ones(2)).sent == ""


class Fold(torch.autograd.Function):
    """x transposed; its backward may be wrong."""

    @staticmethod
    def forward(ctx, x, wrong):
        ctx.wrong = wrong
        return x.t() * 1.0

    @staticmethod
    def backward(ctx, gradient):
        return (gradient.t() * 1.001 if ctx.wrong else gradient.t()), None


class Folding(nn.Module):
    def __init__(self, wrong):
        super().__init__()
        self.first, self.second, self.wrong = nn.Linear(300, 300), nn.Linear(8, 300), wrong

    def forward(self, x):
        y = Fold.apply(self.first(x), self.wrong)
        y = y.unflatten(0, (3, 100)).transpose(0, 1).reshape(300, -1)
        a, b, c = self.second(y).chunk(3, dim=1)
        return torch.cat([b, a, c], dim=1).T @ c


def outcomes(wrong):
    torch.manual_seed(0)
    model = Folding(wrong)
    optimizer = torch.optim.AdamW(model.parameters())
    with bpcompare.watch(model, optimizer) as watched:
        model(torch.randn(8, 300)).square().mean().backward()
        optimizer.step()
    return watched.verdict, {claim.path: finding for _, claim, finding in watched.findings}


@pytest.mark.parametrize("wrong", [False, True])
def test_same_outcomes_without_what_makes_it_fast(monkeypatch, wrong):
    """What makes the proof fast would change what it says."""
    verdict, fast = outcomes(wrong)
    assert verdict == ("wrong" if wrong else "certified")
    monkeypatch.setattr(certificate, "moved", lambda *_: None)
    monkeypatch.setattr(quick, "held", lambda *_: None)
    monkeypatch.setattr(evaluation, "BLOCK", 2**60)
    monkeypatch.setattr("bpcompare.proof.balls.MOST", 0)
    monkeypatch.setattr("bpcompare.proof.walk.kept_by", lambda _get: None)
    slow_verdict, slow = outcomes(wrong)
    assert slow_verdict == verdict
    assert {path: one.outcome for path, one in slow.items()} == {path: one.outcome for path, one in fast.items()}
    updates = [path for path in fast if path.endswith((".update", ".m", ".v"))]
    assert updates
    assert all(slow[path].share >= fast[path].share and slow[path].power <= fast[path].power <= 0.01 for path in updates)
    assert all(fast[path].power == slow[path].power for path in updates if fast[path].size < 1000)


def test_moves_are_compared_by_bits_and_one_bit_is_no_move():
    """A number that was changed in its last bit while it was moved would pass."""
    x = np.float32([[1.0, 2.0], [3.0, 4.0]])
    assert bits._same(x, x.copy())
    other = x.copy()
    other[1, 1] = np.nextafter(other[1, 1], np.float32(0))
    assert not bits._same(x, other)
    assert not bits._same(x * 0, x * 0)
    assert not bits._same(x * np.inf, x * np.inf)
    assert not bits._same(x * np.nan, x * np.nan)
    assert not bits._same(x, x.astype(np.float64))
