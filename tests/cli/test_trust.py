"""Files that name code: reading them runs nothing, unless whoever reads them says so."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

import bpcompare
from bpcompare.cli import main
from bpcompare.session import judge
from bpcompare.session.reproduction import _folded, reproduction
from places import EXAMPLES

STRANGER = """
from pathlib import Path
Path({mark!r}).touch()
from bpcompare_delta import Delta

class Stranger(Delta):
    name = "stranger"
"""


@pytest.fixture
def mark(tmp_path):
    """A file that is there when somebody's code has run."""
    return tmp_path / "it-ran"


@pytest.fixture
def saved(tmp_path, mark):
    """Saves a run whose second backend has another address."""
    comparison = bpcompare.run(bpcompare.load(EXAMPLES / "mazur.toml"), ["delta", "delta!BP204"])

    def save(address):
        record = comparison.records["delta!BP204"]
        other = replace(record, provenance=replace(record.provenance, address=address))
        run = judge("mazur", comparison.plan, {"delta": comparison.records["delta"], "stranger": other})
        run.save(tmp_path / "run.bpz")
        return run, str(tmp_path / "run.bpz")

    (tmp_path / "stranger.py").write_text(STRANGER.format(mark=str(mark)))
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    return save


@pytest.fixture
def addresses(tmp_path):
    """What a file may name."""
    return {
        "file": f"{tmp_path / 'stranger.py'}:Stranger",
        "program": f"delta@{tmp_path / 'python'}",
        "both": f"{tmp_path / 'stranger.py'}:Stranger@{tmp_path / 'python'}",
    }


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", ["file", "program", "both"])
def test_nothing_that_a_file_names_runs_without_a_word_of_the_reader(kind, addresses, saved, mark, tmp_path, capsys):
    """Whoever opens a saved run that somebody sent would run that somebody's code."""
    _, path = saved(addresses[kind])
    assert main(["report", path, "-o", str(tmp_path / "page.html")]) == 1
    assert main(["diff", path, path]) == 1
    assert main(["repro", path]) == 2
    said = capsys.readouterr().err
    assert "--trust" in said
    assert str(tmp_path) in said
    assert not mark.exists()
    assert main(["repro", path, "--trust"]) in (0, 3)
    assert mark.exists()


def test_the_lines_of_a_file_are_shown_when_it_is_trusted(addresses, saved, mark, tmp_path):
    """Nobody could see the guilty line in a page of a saved run."""
    _, path = saved(addresses["file"])
    page = tmp_path / "page.html"
    assert main(["report", path, "-o", str(page)]) == 1
    bare = page.read_text(encoding="utf-8")
    assert main(["report", path, "-o", str(page), "--trust"]) == 1
    assert mark.exists()
    assert len(page.read_text(encoding="utf-8")) > len(bare)


def test_a_version_is_installed_only_when_asked(saved, tmp_path, monkeypatch, capsys):
    """A saved run, or a token pasted from a chat, would install packages of its own choice."""
    monkeypatch.setenv("BPCOMPARE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        "bpcompare.engine.isolation.environment.interpreter", lambda *_, **__: pytest.fail("an environment is made")
    )
    run, path = saved("jax@0.4.35")
    for source in (path, _folded(reproduction(run))):
        assert main(["repro", source]) == 2
        assert "installs jax 0.4.35" in capsys.readouterr().err


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", ["secret.py", "pipe.py", "folder.py", "absent.py", "binary.py", "large.py"])
def test_a_script_carries_no_file_that_the_reader_did_not_choose(name, saved, tmp_path, capsys):
    """Whoever passes a script on would pass on a file of theirs that a stranger had named, or wait for a pipe."""
    path = tmp_path / name
    if name == "pipe.py":
        os.mkfifo(path)
    elif name == "folder.py":
        path.mkdir()
    elif name != "absent.py":
        path.write_bytes({"secret.py": b"PASSWORD = 'x'", "binary.py": b"\xff\xfe\x00", "large.py": b"#" * 2**21}[name])
    _, run = saved(f"{path}:Any")
    assert main(["repro", run, "--script"]) == 2
    out, err = capsys.readouterr()
    assert "PASSWORD" not in out
    assert "--trust" in err
    assert main(["repro", run, "--script", "--trust"]) == (0 if name == "secret.py" else 2)
    assert (name == "secret.py") == ("PASSWORD" in capsys.readouterr().out)


def test_a_forged_verdict_is_not_shown(saved, tmp_path, capsys):
    """A page would say certified of a run that is wrong, because the file says so."""
    _, path = saved("delta!BP204")
    assert main(["report", path, "-o", str(tmp_path / "page.html")]) == 1
    assert capsys.readouterr().out.startswith("wrong")
    assert b"refuted" not in Path(path).read_bytes()
