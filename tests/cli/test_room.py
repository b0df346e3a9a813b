"""Runs whose answers have no room in memory, and none on the disk."""

import errno
import os
import tempfile

import pytest

import bpcompare


def test_a_full_disk(said, monkeypatch):
    """A run of hours would end in a traceback that does not say what to do."""

    def full(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setenv("BPCOMPARE_MEMORY", "0")
    monkeypatch.setattr("bpcompare.files.chunks.os.lseek", full)
    found = said("run", "mazur", "-b", "delta")
    assert (found.code, found.out) == (2, "")
    for words in (tempfile.gettempdir(), "the disk is full", "what delta answered", "TMPDIR", "BPCOMPARE_MEMORY"):
        assert words in " ".join(found.err.split())


def test_a_size_that_is_none(said, monkeypatch):
    """It would be called a bug of bpcompare, after the first backend has run."""
    monkeypatch.setenv("BPCOMPARE_MEMORY", "plenty")
    found = said("run", "mazur", "-b", "delta")
    assert (found.code, found.out) == (2, "")
    assert "BPCOMPARE_MEMORY: a size is a number with a unit" in found.err
    with pytest.raises(ValueError, match="BPCOMPARE_MEMORY: a size"):
        bpcompare.run("mazur", ["delta"])
