"""Recorded numbers that have no room in memory: in a file the verdict is the same, and nothing is left of it."""

import errno
import gc
import os
import tempfile

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bpcompare  # noqa: E402
from bpcompare.text.size import bytes_of  # noqa: E402
from bpcompare_torch.recorder import chunks  # noqa: E402


class Net(nn.Module):
    """With writes in place, views, a shared module, statistics, and a custom function."""

    def __init__(self, function):
        super().__init__()
        self.first, self.norm, self.shared, self.last = nn.Linear(40, 64), nn.BatchNorm1d(64), nn.Linear(64, 64), nn.Linear(64, 3)
        self.function = function

    def forward(self, x):
        h = torch.relu_(self.norm(self.first(x)))
        for _ in range(3):
            h = h + self.function.apply(self.shared(h))
        h[:, :8] *= 2.0
        return self.last(h.reshape(-1, 4, 16).transpose(1, 2).reshape(-1, 64))


def step_of(function, **options):
    """A step of it after another, with clipping, and the gradients."""
    torch.manual_seed(0)
    model, x, y = Net(function), torch.randn(64, 40), torch.randint(0, 3, (64,))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    with bpcompare.watch(model, optimizer, **options) as step:
        for half in (slice(32), slice(32, 64)):
            nn.functional.cross_entropy(model(x[half]), y[half]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
    return step.step, [p.detach().clone() for p in model.parameters()]


@pytest.fixture
def written(monkeypatch):
    """What goes into the file, in bytes."""
    found, original = [], chunks.Chunks.put

    def put(self, t):
        found.append(t.nbytes)
        return original(self, t)

    monkeypatch.setattr(chunks.Chunks, "put", put)
    return found


@pytest.mark.parametrize("name", ["Swish", "Forgetful"])
@pytest.mark.parametrize("memory", [0, "100k"])
def test_the_verdict_is_the_same(own, written, name, memory):
    """A large model would have another verdict than a small one; or its training would take another course."""
    (whole, moved), (step, also) = step_of(getattr(own, name)), step_of(getattr(own, name), memory=memory)
    assert sum(written) > 300_000
    assert all(map(torch.equal, moved, also))
    assert str(step) == str(whole)
    assert step.verdict == ("wrong" if name == "Forgetful" else "certified")
    assert [finding for _, _, finding in step.findings] == [finding for _, _, finding in whole.findings]
    for one, other in zip(step.watched.recordings, whole.watched.recordings, strict=True):
        for numbers, others in ((one.given, other.given), (one.recorded, other.recorded)):
            assert all(np.array_equal(numbers[path], others[path], equal_nan=True) for path in others)


def test_there_is_room_by_default(own, written):
    """Every small model would be written to disk."""
    step_of(own.Swish)
    assert not written


def test_memory_is_let_go(written):
    """All that was recorded would stay in memory besides its file."""
    model = nn.Sequential(*(layer for _ in range(12) for layer in (nn.Linear(64, 64), nn.Tanh())))
    x = torch.randn(256, 64)
    with bpcompare.watch(model, memory=0) as step:
        model(x).square().mean().backward()
    kept = [seen.kept.tensor for one in step._recorder._mode.entries for seen in one.results if seen is not None]
    large = [t for t in kept if t.nbytes == x.nbytes]
    assert len(large) >= 24
    assert sum(not t.untyped_storage().resizable() for t in large) > 0.8 * len(large), "it is not a file's"
    assert sum(written) > 40 * x.nbytes, "values and their Δ"


def test_nothing_is_left(own, monkeypatch, tmp_path):
    """Temporary folders would fill with every run, and with those that were killed first of all."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    step, _ = step_of(own.Swish, memory=0)
    assert not list(tmp_path.iterdir()), "even now, nobody else sees it"
    assert step.verdict == "certified"
    descriptors = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH112, PTH208
    del step
    gc.collect()
    assert not descriptors or len(os.listdir("/proc/self/fd")) < descriptors  # noqa: PTH208


def test_a_full_disk_ends_no_training(own, monkeypatch):
    """A training of days would end, or its author be accused, because our file has no room."""

    def full(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    _, moved = step_of(own.Swish)
    monkeypatch.setattr(chunks.os, "lseek", full)
    step, also = step_of(own.Swish, memory=0)
    assert all(map(torch.equal, moved, also))
    assert step.verdict in ("certified in part", "undecided")
    assert "No space left on device" in " ".join(str(step).split())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.complex64, torch.int64, torch.bool])
def test_every_format_comes_back(dtype):
    """Half a model would be read as something else."""
    t = (100 * torch.randn(80, 90)).to(dtype).T
    back = chunks.Chunks().put(t)
    assert back.dtype == dtype
    assert torch.equal(back, t)
    assert torch.equal(chunks.Chunks().put(t[:0]), t[:0])


def test_sizes(monkeypatch):
    """4G would be four bytes."""
    assert list(map(bytes_of, ("4G", "500m", "1.5 KiB", 12))) == [4 * 2**30, 500 * 2**20, 1536, 12]
    for size in ("", "-1", "much", "4X", True):
        with pytest.raises(ValueError, match="a size is a number with a unit"):
            bytes_of(size)
    monkeypatch.setenv("BPCOMPARE_MEMORY", "3M")
    assert chunks.room() == 3 * 2**20
