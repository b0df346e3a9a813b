"""Saved runs, plans and goldens that are no such files, or too large: refused before they take memory."""

import os
import tracemalloc

import numpy as np
import pytest

import bpcompare
from bpcompare.cli import main
from bpcompare.engine.worker import InProcess
from bpcompare.plan import storage
from bpcompare.plan.draw import plan
from bpcompare.plan.storage import StorageError, load_plan, pack, plan_bytes, record_bytes, unpack
from bpcompare.tools.golden.store import GoldenError, read
from bpcompare_delta import Delta


def refused(path, reason):
    """All that reads what bpcompare wrote refuses `path`, in little memory."""
    tracemalloc.start()
    for load in (bpcompare.load_comparison, load_plan):
        with pytest.raises(StorageError, match=reason):
            load(path)
    with pytest.raises(GoldenError, match=reason):
        read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**22
    return peak


@pytest.mark.parametrize("suffix", [".bpz", ".golden.json", ".golden.safetensors"])
def test_what_is_no_regular_file_keeps_nobody_waiting(tmp_path, suffix):
    """A pipe or a device in place of a saved run would keep its reader for ever, or fill the memory."""
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"zero{suffix}").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        refused(tmp_path / f"{name}{suffix}", "not a regular file")


def test_commands_refuse_them_too(tmp_path, capsys):
    """A command would read what the library refuses."""
    os.mkfifo(tmp_path / "pipe.bpz")
    (tmp_path / "loop.bpz").symlink_to("loop.bpz")
    for name in ("pipe", "loop"):
        path = str(tmp_path / f"{name}.bpz")
        for command in (["report", path, "-o", str(tmp_path / "out.html")], ["repro", path], ["diff", path, path]):
            assert main(command) == 2, command
            assert name in capsys.readouterr().err
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["loop.bpz", "pipe.bpz"]


@pytest.mark.parametrize("head", [b"", b"{", b"\xff" * 16, (200).to_bytes(8, "little") + b'{"x": 1}' + b" " * 192])
def test_a_large_file_of_somebody_else_is_not_read(tmp_path, head):
    """Gigabytes of another program would be read before anybody looked at their beginning."""
    path = tmp_path / "huge.bpz"
    with path.open("wb") as file:
        file.write(head)
        file.truncate(20 * 2**30)
    refused(path, "not a file that bpcompare wrote|has 20,480 MiB")


def test_a_file_that_says_it_is_ours_has_a_limit(tmp_path, make_network):
    """A file of 4 kB with the beginning of a saved run would take all memory."""
    data = pack("comparison", {}, {"x": np.zeros(3)})
    path = tmp_path / "huge.bpz"
    path.write_bytes(data)
    os.truncate(path, 3 * 2**30)
    refused(path, "has 3,072 MiB, the limit is 2,048 MiB")


def test_what_cannot_be_read_is_not_written(monkeypatch, make_network):
    """A run would be saved for hours, and refused when it is read."""
    monkeypatch.setattr(storage, "LARGEST_FILE_OF", {})
    monkeypatch.setattr(storage, "LARGEST_FILE", 100)
    with pytest.raises(StorageError, match="cannot be saved, the limit is"):
        plan_bytes(plan(make_network()))


def test_a_saved_run_takes_the_memory_of_its_file_once(make_network):
    """Every number of a saved run would be copied four times before it is judged."""
    made = plan(make_network())
    data = record_bytes(InProcess().run(Delta, made))
    _, arrays = unpack(data, "record")
    whole = np.frombuffer(data, np.uint8)
    assert all(np.shares_memory(x, whole) for x in arrays.values() if x.size)
    assert not any(x.flags.writeable for x in arrays.values())
    shifted = memoryview(b"123" + data)[3:]
    _, moved = unpack(shifted, "record")
    assert all(x.flags.aligned and not x.flags.writeable for x in moved.values())
    assert all(moved[key].tobytes() == x.tobytes() for key, x in arrays.items())
