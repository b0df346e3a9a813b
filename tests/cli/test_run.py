import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import bpcompare

BUSY = "step = record.steps[0]; change = lambda **new: replace(record, steps=(replace(step, **new),)); "
KEYS = {"spec", "dtype", "verdict", "exit_code", "power", "first", "backends", "blind_spots", "exact", "pairs"}
KEYS |= {"certificate_seconds", "probed"}


def test_success(said, mazur):
    """Scripts could not tell a success."""
    answer = said("run", mazur, "-b", "delta,jax")
    assert answer.code == 0
    assert answer.out.split("\n")[-2].startswith(("certified  mazur", "identical  mazur"))
    assert not answer.err


def test_wrong(said, mazur):
    """A refuted backend would pass in CI."""
    answer = said("run", mazur, "-b", "delta", "-b", "delta!BP204")
    assert answer.code == 1
    assert "delta!BP204 is wrong at h.delta[0,0]" in answer.out


def test_the_printed_command_reproduces_the_failure(said, mazur):
    """The command in a bug report would show something else."""
    first = said(
        "run", mazur, "-b", "delta", "-b", "delta!BP204", "--dtype", "float32", "--steps", "2", "--seed", "7", "--oracle", "off"
    )
    command = next(line.split("reproduce  ")[1] for line in first.out.split("\n") if line.startswith("  reproduce "))
    program, *words = shlex.split(command)
    assert program == "bpcompare"
    assert said(*words) == first


def test_one_backend(said, mazur):
    """One backend alone would pass as an agreement."""
    assert said("run", mazur, "-b", "delta").code == 5


def test_undecided(said, tmp_path, mazur):
    """A run without power would be taken for a success."""
    spec = tmp_path / "tiny.toml"
    spec.write_text(Path(mazur).read_text().replace('reduce = "sum"', 'reduce = "sum"\nscale = 1e-60'))
    answer = said("run", spec, "-b", "delta,delta!BP204", "--dtype", "float32")
    assert answer.code == 4
    assert "to decide" in answer.out


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("raise RuntimeError('out of memory')", "RuntimeError: out of memory"),
        ("raise SystemExit(0)", "SystemExit"),
        (BUSY + "return change(delta={n: x[:, :1].copy() for n, x in step.delta.items()})", "wanted float64 of shape [1, 2]"),
        (BUSY + "return change(delta={n: x.astype(np.float16) for n, x in step.delta.items()})", "got float16"),
        ("[x.setflags(write=True) or x.fill(0) for x in plan.parameters.values()]; return record", "changed the plan"),
        ("return None", "does not answer the plan"),
    ],
)
def test_a_bad_backend_is_a_clear_message(said, mazur, liar, line, reason):
    """A broken backend would end in a traceback, or in a verdict."""
    answer = said("run", mazur, "-b", "delta", "-b", liar(line))
    assert answer.code == 3
    assert reason in " ".join(answer.out.split())
    assert "Traceback" not in answer.out + answer.err


def test_nan_is_wrong(said, mazur, liar):
    """NaN would be an agreement."""
    backend = liar(BUSY + "return change(delta={n: x * np.nan for n, x in step.delta.items()})")
    answer = said("run", mazur, "-b", "delta", "-b", backend)
    assert answer.code == 1
    assert "is not a finite number" in answer.out


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[layers", "not valid TOML"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "UTF-8"),
        (b'nam = "x"\n', "unknown key"),
        (b"", "required"),
        (b"[inputs.x]\nunits = 0\n", "problem"),
    ],
)
def test_a_bad_spec_is_a_clear_message(said, tmp_path, content, reason):
    """A typing error in a spec would end in a traceback."""
    spec = tmp_path / "bad.toml"
    spec.write_bytes(content)
    answer = said("run", spec, "-b", "delta")
    assert answer.code == 2
    assert reason in answer.err
    assert "Traceback" not in answer.err
    assert not answer.out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["run"], "at least one SPEC"),
        (["run", "x.toml", "--dtype", "float16"], "float64"),
        (["run", "x.toml", "--steps", "0"], "--steps"),
        (["run", "x.toml", "--steps", "many"], "steps"),
        (["run", "x.toml", "--seed", "-1"], "--seed"),
        (["run", "x.toml", "-q", "-v"], "opposite"),
        (["run", "x.toml", "--colour"], "--colour"),
        (["run", "x.toml", "y.toml", "--save", "z"], "one SPEC"),
        (["run", "x.toml", "--save", "/no/such/folder/z"], "no folder"),
        (["run", "x.toml", "--json", "/no/such/folder/z"], "no folder"),
        (["run", "x.toml", "--json", "-q"], "--json"),
        (["rum"], "run"),
        (["schema", "x"], "more than was asked for: x"),
        (["explain", "BP2004"], "BP204"),
        (["ops", "sigmiod"], "sigmoid"),
    ],
)
def test_wrong_usage(said, words, reason):
    """A mistyped option would be ignored, or run for minutes before it is noticed."""
    answer = said(*words)
    assert answer.code == 2
    assert reason in answer.err
    assert not answer.out


@pytest.mark.parametrize(
    ("name", "reason"), [("delt", "did you mean delta"), ("delta!BP2004", "delta!BP204"), ("jax!BP204", "only delta")]
)
def test_unknown_backends(said, mazur, name, reason):
    """A mistyped backend would be skipped, and the others certified without it."""
    answer = said("run", mazur, "-b", name)
    assert answer.code == 2
    assert reason in answer.err


@pytest.mark.parametrize("name", ["student.py", "student.py:"])
def test_a_file_without_its_class(said, mazur, tmp_path, monkeypatch, name):
    """A backend that was half asked for would be run for, and reported as one that failed."""
    (tmp_path / "student.py").write_text("class Own: ...\n")
    monkeypatch.chdir(tmp_path)
    answer = said("run", mazur, "-b", name)
    assert answer.code == 2
    assert "which class of it? student.py:Own" in answer.err


@pytest.mark.parametrize(
    ("wanted", "meant"), [("nosuch.toml", None), ("mine", "mine.toml"), ("mien.toml", "mine.toml"), ("mine.tml", "mine.toml")]
)
def test_what_was_meant_by_a_missing_file(said, tmp_path, monkeypatch, wanted, meant):
    """Any other TOML file would be proposed, because it ends alike."""
    (tmp_path / "mine.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    answer = said("run", wanted)
    assert answer.code == 2
    assert ("did you mean" in answer.err) == bool(meant)
    assert meant is None or f'"{meant}"' in answer.err


def test_several_specs(said, mazur):
    """A bad spec would stop the good ones, or be forgotten behind them."""
    answer = said("run", mazur, "missing.toml", mazur, "-b", "delta,delta!BP204", "-q")
    assert answer.code == 2
    assert [line.split()[0] for line in answer.out.splitlines()] == ["wrong", "wrong"]
    assert "missing.toml" in answer.err


def test_json_keys(said, mazur):
    """Scripts that read the JSON would break."""
    answer = said("run", mazur, "missing.toml", "-b", "delta,jax,delta!BP204", "--json", "-")
    good, bad = map(json.loads, answer.out.splitlines())
    assert good.keys() == KEYS
    assert bad.keys() == KEYS | {"error"}
    assert good["verdict"] == "wrong"
    assert good["exit_code"] == 1
    assert good["first"].keys() == {"path", "backend", "blame", "ground", "code", "relative"}
    assert good["first"]["code"] == "BP204"
    assert good["backends"]["jax"].keys() == {"verdict", "version", "worst", "seconds"}
    assert good["backends"]["jax"]["worst"].keys() == {"path", "share"}
    assert good["pairs"][0].keys() == {"a", "b", "max_ulp", "max_scaled"}
    assert (bad["verdict"], bad["exit_code"]) == ("not_run", 2)
    assert "missing.toml" in bad["error"]


def test_json_file_and_saved_comparison(said, mazur, tmp_path):
    """What a run found would be lost, or differ from what it printed."""
    answer = said("run", mazur, "-b", "delta,delta!BP204", "--json", tmp_path / "x.json", "--save", tmp_path / "x.bpz")
    (line,) = (tmp_path / "x.json").read_text().splitlines()
    assert json.loads(line)["verdict"] == "wrong"
    assert "wrong at h.delta" in answer.out
    assert bpcompare.load_comparison(tmp_path / "x.bpz").to_json() == line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.bpz", "x.json"]


def test_a_failed_save_is_no_success(said, mazur, tmp_path, monkeypatch):
    """A full disk would look like a saved comparison."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bpcompare.verdict.saving.write", full)
    answer = said("run", mazur, "-b", "delta,jax", "--save", tmp_path / "x.bpz")
    assert answer.code == 2
    assert "No space left" in answer.err
    assert not list(tmp_path.iterdir())


def test_quiet_is_one_line(said, mazur):
    """-q would not be quiet."""
    assert said("run", mazur, "-b", "delta,delta!BP204", "-q").out.count("\n") == 1


def test_interrupt(said, mazur, liar):
    """Ctrl-C would print a traceback."""
    answer = said("run", mazur, "-b", liar("raise KeyboardInterrupt"))
    assert answer.code == 130
    assert answer.err == "interrupted\n"


def test_our_own_bug_is_not_a_verdict(said, mazur, monkeypatch):
    """A crash of ours would exit with 1, which means that a backend is wrong."""

    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("bpcompare.session.conductor.judge", broken)
    answer = said("run", mazur, "-b", "delta")
    assert answer.code == 70
    assert "bug in bpcompare" in answer.err


def _process(*words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "bpcompare", *words], capture_output=True, env=os.environ | environment, check=False, timeout=120
    )


def test_ascii_where_the_terminal_has_no_unicode(mazur):
    """The report would end in a UnicodeEncodeError on an old console."""
    done = _process("run", mazur, "-b", "delta,delta!BP204", PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert b"delta_j = g'(in_j) Sum_k w_jk delta_k" in done.stdout
    assert not done.stderr


def test_a_pipe_gets_no_colour_and_no_progress(mazur):
    """Logs would be full of escapes."""
    done = _process("run", mazur, "-b", "delta,delta!BP204", PYTHONIOENCODING="utf-8")
    assert b"\x1b" not in done.stdout
    assert not done.stderr


@pytest.mark.sampled(3)
@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")
@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colour_only_where_it_is_wanted(mazur, environment, coloured):
    """NO_COLOR would be ignored, or a terminal be left without colour."""
    import pty

    ours, theirs = pty.openpty()
    settings = {"TERM": "xterm", **{key: x for key, x in os.environ.items() if key not in ("NO_COLOR", "TERM")}, **environment}
    words = [sys.executable, "-m", "bpcompare", "run", mazur, "-b", "delta,delta!BP204", "-q"]
    subprocess.run(words, stdout=theirs, stderr=subprocess.PIPE, env=settings, check=False, timeout=120)
    shown = os.read(ours, 10_000)
    os.close(ours)
    os.close(theirs)
    assert (b"\x1b[" in shown) == coloured
    assert b"wrong" in shown


def test_a_reader_who_left_changes_no_verdict(mazur):
    """`bpcompare run … | head` would print a traceback."""
    with subprocess.Popen(
        [sys.executable, "-m", "bpcompare", "run", mazur, "-b", "delta,delta!BP204"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(120) == 1
    assert not errors
