"""A watched step as a file."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import bpcompare  # noqa: E402
from bpcompare.own.storage import load  # noqa: E402
from bpcompare.plan.storage import StorageError, pack, unpack  # noqa: E402


@pytest.mark.parametrize("custom", [False, True])
def test_it_says_the_same(model, watched, custom, tmp_path, own):
    """Whoever was sent the file would see another verdict."""
    step = watched(model(own.Forgetful if custom else None))
    path = tmp_path / "step.safetensors"
    step.save(path)
    again = bpcompare.load_watched(path)
    assert (again.verdict, str(again), again.tree()) == (step.verdict, str(step), step.tree())
    assert again.power == step.power
    pairs = [(a[2], b[2]) for a, b in zip(again.findings, step.findings, strict=True)]
    assert all(a == b for a, b in pairs)
    path2 = tmp_path / "again.safetensors"
    again.save(path2)
    assert path2.read_bytes() == path.read_bytes()


def test_other_numbers_than_floats(tmp_path):
    """Indices, masks, complex spectra, −inf of a mask, the state before the first step of Adam."""
    torch.manual_seed(0)
    table = torch.nn.Embedding(5, 4)
    optimizer = torch.optim.AdamW(table.parameters())
    with bpcompare.watch(table, optimizer) as step:
        rows = table(torch.tensor([[0, 3, 3]]))
        rows = rows.masked_fill(torch.tensor([True, False, False, False]), float("-inf")).softmax(-1)
        torch.fft.rfft(rows).abs().sum().backward()
        optimizer.step()
    step.save(tmp_path / "step")
    again = load(tmp_path / "step")
    assert str(again) == str(step)
    for one, other in zip(step.watched.recordings, again.watched.recordings, strict=True):
        for path in one.given:
            assert np.array_equal(one.given[path], other.given[path], equal_nan=True), path


def test_a_broken_file_is_told(model, watched, tmp_path):
    """A verdict about numbers that nobody recorded, or a traceback."""
    path = tmp_path / "step"
    watched(model()).save(path)
    data = path.read_bytes()
    for broken in (data[:-7], data[:100], b"", data[:-1] + bytes([data[-1] ^ 1]), b"PK\x03\x04"):
        path.write_bytes(broken)
        with pytest.raises(StorageError, match="step: "):
            bpcompare.load_watched(path)
    with pytest.raises(FileNotFoundError):
        bpcompare.load_watched(tmp_path / "none")


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["recordings"][0]["given"].clear(),
        lambda c: c["recordings"][0]["steps"][0].update(reads=["nowhere"]),
        lambda c: c["recordings"][0]["steps"][0]["op"]["arguments"].update(x={"call": "os.system"}),
        lambda c: c["recordings"][-1]["updates"][0]["op"].update(settings=1),
        lambda c: c["recordings"][0]["values"][0].update(given="yes"),
        lambda c: c.pop("title"),
        lambda c: c.update(recordings={}),
    ],
    ids=["numbers", "reads", "argument", "rule", "type", "title", "recordings"],
)
def test_a_file_that_was_sealed_anew(model, watched, tmp_path, change):
    """What is inside may come from anybody."""
    path = tmp_path / "step"
    watched(model()).save(path)
    content, arrays = unpack(path.read_bytes(), "step")
    change(content)
    path.write_bytes(pack("step", content, arrays))
    with pytest.raises(StorageError, match="does not make sense"):
        load(path)
