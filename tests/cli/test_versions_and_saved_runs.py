"""diff, repro, matrix, environments, and the formats for build servers."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bpcompare.cli import main
from places import EXAMPLES

MAZUR, XOR = str(EXAMPLES / "mazur.toml"), str(EXAMPLES / "xor.toml")

STUDENT = """
import numpy as np
from bpcompare_delta import Delta

class Student(Delta):
    name = "student"

    def run(self, plan):
        record = super().run(plan)
        record.steps[0].delta["h"][0, 1] *= 1 + 1e-9
        return record

class Nudged(Delta):
    name = "student"

    def run(self, plan):
        record = super().run(plan)
        x = record.steps[0].error
        x[...] = np.nextafter(x, 1)
        return record
"""


@pytest.fixture
def student(tmp_path):
    path = tmp_path / "student.py"
    path.write_text(STUDENT)
    return path


def saved(tmp_path, name, *options):
    path = tmp_path / f"{name}.bpz"
    main(["run", *options, "--save", str(path), "-q"])
    return str(path)


def fresh(*command, cwd):
    """A process that knows nothing of this one."""
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, cwd=cwd)


def test_diff_of_equal_runs(tmp_path, capsys):
    """Two runs with the same bits would be called different."""
    a, b = (saved(tmp_path, name, MAZUR, "-b", "delta,delta!BP204") for name in "ab")
    capsys.readouterr()
    assert main(["diff", a, b]) == 1, "what is wrong in both is wrong"
    a, b = (saved(tmp_path, name, MAZUR, "-b", "delta") for name in "ab")
    capsys.readouterr()
    assert main(["diff", a, b]) == 0
    assert capsys.readouterr().out.startswith("same  mazur  delta")


def test_diff_tells_rounding_from_a_change(tmp_path, student, capsys):
    """An upgrade that moved one bit would look like one that broke a gradient, or the reverse."""
    honest = saved(tmp_path, "a", MAZUR, "-b", f"{student}:Nudged")
    broken = saved(tmp_path, "b", MAZUR, "-b", f"{student}:Student")
    again = saved(tmp_path, "c", MAZUR, "-b", f"{student}:Nudged")
    assert main(["diff", honest, again]) == 0
    capsys.readouterr()
    assert main(["diff", honest, broken]) == 1
    out = capsys.readouterr().out
    assert "changed  mazur  student" in out
    assert "is wrong at h.delta[0,1]" in out
    assert "first      error" in out


def test_diff_of_different_numbers_is_refused_with_the_difference(tmp_path, capsys):
    """Gradients of other weights would be compared with each other."""
    a = saved(tmp_path, "a", MAZUR, "-b", "delta")
    b = saved(tmp_path, "b", MAZUR, "-b", "delta", "--dtype", "float32")
    c = saved(tmp_path, "c", XOR, "-b", "delta")
    assert main(["diff", a, b]) == 2
    assert "dtype float64 and float32" in capsys.readouterr().err
    assert main(["diff", a, c]) == 2
    assert "spec mazur and xor" in capsys.readouterr().err
    assert main(["diff", a, str(tmp_path / "none")]) == 2
    assert "No such file" in capsys.readouterr().err
    assert main(["diff", a, MAZUR]) == 2
    assert "is not a file that bpcompare wrote" in capsys.readouterr().err


def test_diff_with_no_backend_in_both(tmp_path, student, capsys):
    """Nothing compared would look like nothing changed."""
    a = saved(tmp_path, "a", MAZUR, "-b", "delta")
    b = saved(tmp_path, "b", MAZUR, "-b", f"{student}:Nudged")
    assert main(["diff", a, b]) == 5
    assert "no backend is in both" in capsys.readouterr().out


def test_a_token_fails_the_same_way_in_a_fresh_process(tmp_path, capsys):
    """A reproduction that does not reproduce wastes everybody's day."""
    path = saved(tmp_path, "a", MAZUR, "-b", "delta,delta!BP204")
    capsys.readouterr()
    assert main(["repro", path, "--token"]) == 0
    token = capsys.readouterr().out.strip()
    assert token.startswith("bp1:")
    again = fresh("-m", "bpcompare", "repro", token, cwd="/")
    assert again.returncode == 1
    assert "delta!BP204 is wrong at h.delta[0,0]: 16.8 % too small" in again.stdout
    assert "It ends the same way here." in again.stdout


def test_a_script_carries_the_code_of_the_backend(tmp_path, student, capsys):
    """A script that needs the author's files fails nowhere else."""
    path = saved(tmp_path, "a", MAZUR, "-b", "delta", "-b", f"{student}:Student")
    capsys.readouterr()
    assert main(["repro", path, "--script", "--trust"]) == 0
    script = tmp_path / "repro.py"
    script.write_text(capsys.readouterr().out)
    student.unlink()
    (tmp_path / "a.bpz").unlink()
    again = fresh(str(script), cwd="/")
    assert again.returncode == 1, again.stderr
    assert "student is wrong at h.delta[0,1]" in again.stdout
    assert "It ends the same way here." in again.stdout


def test_a_saved_run_is_run_again(tmp_path, student, capsys):
    """Whoever repaired a backend would not hear that it is repaired."""
    path = saved(tmp_path, "a", MAZUR, "-b", "delta", "-b", f"{student}:Student")
    assert main(["repro", path, "--trust"]) == 1
    assert "It ends the same way here." in capsys.readouterr().out
    student.write_text(STUDENT.replace("1e-9", "0"))
    again = fresh("-m", "bpcompare", "repro", path, "--trust", cwd="/")
    assert again.returncode == 0
    assert "It ended otherwise then: wrong at h.delta of student" in again.stdout


def test_tokens_do_not_carry_or_run_code(tmp_path, student, capsys):
    """A pasted token would run a file of the reader's, or a program."""
    path = saved(tmp_path, "a", MAZUR, "-b", "delta", "-b", f"{student}:Student")
    capsys.readouterr()
    assert main(["repro", path, "--token"]) == 2
    assert "--script does" in capsys.readouterr().err
    from bpcompare.session.archive import load_comparison
    from bpcompare.session.reproduction import _folded, reproduction

    assert main(["repro", _folded(reproduction(load_comparison(path)))]) == 2
    assert "tokens run installed backends only" in capsys.readouterr().err


@pytest.mark.parametrize("bad", ["bp1:", "bp1:AAAA", "bp1:not base64!", "bp2:AAAA", "nothing.bpz", MAZUR])
def test_bad_tokens_and_files_are_told(bad, capsys):
    """A token that lost its end in a chat would give a traceback."""
    assert main(["repro", bad]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_token_too_long_to_paste_is_refused(tmp_path, capsys):
    """A megabyte of letters is no token."""
    path = saved(tmp_path, "a", str(EXAMPLES / "digits.toml"), "-b", "delta", "--steps", "1")
    capsys.readouterr()
    assert main(["repro", path, "--token"]) == 2
    assert "too long to paste" in capsys.readouterr().err
    assert main(["repro", path, "--token", "--script"]) == 2


@pytest.mark.slow
def test_matrix_of_one_python_under_several_names(tmp_path, capsys):
    """The table would not say where something moved first."""
    python = sys.executable
    assert main(["matrix", MAZUR, XOR, "-b", f"delta@{python},delta", "--steps", "1"]) == 0
    out = capsys.readouterr().out
    assert "certified, same bits" in out
    assert "mazur: nothing moved" in out
    assert main(["matrix", MAZUR]) == 2
    assert main(["matrix", MAZUR, "-b", "delta", "--steps", "0"]) == 2
    assert main(["matrix", str(tmp_path / "none.toml"), "-b", "delta"]) == 2


def test_environments_are_listed_and_deleted(tmp_path, monkeypatch, capsys):
    """Gigabytes of environments would stay for ever, or somebody's own folder be deleted."""
    monkeypatch.setenv("BPCOMPARE_CACHE", str(tmp_path))
    assert main(["environments"]) == 0
    assert "none in" in capsys.readouterr().out
    made = tmp_path / "environments" / "jax-0.4.35-py3.11-abc"
    made.mkdir(parents=True)
    (made / "environment.json").write_text('{"requirements": ["jax==0.4.35"]}')
    (tmp_path / "environments" / "unfinished").mkdir()
    assert main(["environments"]) == 0
    assert "jax-0.4.35-py3.11-abc" in capsys.readouterr().out
    assert main(["environments", "--remove", "../.."]) == 2
    assert main(["environments", "--remove", "all"]) == 0
    assert not made.exists()


@pytest.mark.slow
def test_an_environment_that_cannot_be_made_is_that_backends_failure(tmp_path, monkeypatch, capsys):
    """Without a network, a requested version would end in a traceback, or hang."""
    monkeypatch.setenv("BPCOMPARE_CACHE", str(tmp_path))
    for name in ("PIP_NO_INDEX", "UV_NO_INDEX"):
        monkeypatch.setenv(name, "1")
    assert main(["run", MAZUR, "-b", "delta", "-b", "jax@0.4.35"]) == 3
    out = capsys.readouterr().out
    assert "jax@0.4.35: no environment with jax==0.4.35 can be made" in out
    assert "delta" in out
    assert not list(tmp_path.glob("environments/*/environment.json"))


def test_versions_of_what_has_none_are_refused(capsys):
    """`delta@2.0` would run something, and nobody could say what."""
    assert main(["run", MAZUR, "-b", "delta@2.0"]) == 3
    assert "does not declare which framework delta runs on" in capsys.readouterr().out
    assert main(["run", MAZUR, "-b", "delta@latest"]) == 2
    assert "is no version, and no path" in capsys.readouterr().err
    assert main(["run", MAZUR, "-b", "student.py:Student@1.0"]) == 2


def test_concise_is_one_line_a_problem_with_the_line_of_the_layer(capsys):
    """Editors could not jump to the layer."""
    assert main(["run", MAZUR, XOR, "-b", "delta,delta!BP204", "--format", "concise"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    number = 1 + Path(MAZUR).read_text().splitlines().index("[layers.h]")
    assert lines[0].startswith(f"{MAZUR}:{number}: BP204  h.delta of delta!BP204: 16.8 % too small")
    assert main(["run", MAZUR, "-b", "delta", "--format", "concise"]) == 5
    assert "nothing compared" in capsys.readouterr().out


def test_github_annotations_are_escaped(capsys):
    """A percent sign or a colon would break the annotation."""
    assert main(["run", MAZUR, "-b", "delta,delta!BP204", "--format", "github"]) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"::error file={MAZUR},line=")
    assert "title=bpcompare%3A BP204%2C delta!BP204::h.delta of delta!BP204: 16.8 %25 too small" in first


OWN = """
from bpcompare_delta import Delta
from bpcompare.ops import Sigmoid

def sigmoid(*_):
    raise NotImplementedError

class Wrong(Delta):
    name = "wrong"
    table = {**Delta.table}

    def run(self, plan):
        record = super().run(plan)
        record.steps[0].delta["h"][0, 1] *= 1.5
        return record

class Raises(Delta):
    name = "raises"
    table = {**Delta.table, Sigmoid: sigmoid}

    def run(self, plan):
        return sigmoid(plan)
"""


def test_an_annotation_stands_at_the_blamed_line_of_a_backends_file(tmp_path, monkeypatch, capsys):
    """A pull request that breaks a backend would be annotated in a spec that nobody touched."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "own.py").write_text(OWN)
    assert main(["run", MAZUR, "-b", "delta,torch,src/own.py:Wrong", "--format", "github"]) == 1
    line = 1 + OWN.splitlines().index("    def run(self, plan):")
    assert capsys.readouterr().out.startswith(f"::error file=src/own.py,line={line},title=bpcompare%3A")
    assert main(["run", MAZUR, "-b", "delta,src/own.py:Raises", "--format", "github"]) == 3
    line = 1 + OWN.splitlines().index("    raise NotImplementedError")
    out = capsys.readouterr().out
    assert (
        f"::error file=src/own.py,line={line},title=bpcompare%3A not run%2C raises::NotImplementedError, at own.py:{line}" in out
    )


def test_junit_is_xml_with_a_case_for_each_backend(tmp_path, capsys):
    """Build servers would show nothing, or everything as passed."""
    (tmp_path / "bad.toml").write_text('name = "<&\\u0000>"')
    assert main(["run", MAZUR, str(tmp_path / "bad.toml"), "-b", "delta,delta!BP204", "--format", "junit"]) == 2
    root = ET.fromstring(capsys.readouterr().out)
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "1", "1")
    failure = root.find(".//testcase[@name='delta!BP204']/failure")
    assert "16.8 % too small" in failure.text
    assert main(["run", MAZUR, "-b", "delta", "--format", "junit"]) == 5
    root = ET.fromstring(capsys.readouterr().out)
    assert root.get("failures") == "1", "one backend alone compares nothing"


def test_format_json_is_the_lines_of_json(capsys):
    """Scripts would get text."""
    assert main(["run", MAZUR, XOR, "-b", "delta,delta!BP204", "--format", "json"]) == 1
    verdicts = [json.loads(line)["verdict"] for line in capsys.readouterr().out.splitlines()]
    assert verdicts == ["wrong", "wrong"]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("delta", "nothing was compared: only delta ran, and it takes two versions"),
        ("delta,torch", "no bits were compared: delta, torch are no two versions of one backend"),
    ],
)
def test_matrix_says_why_nothing_was_compared(names, said, capsys):
    """Exit code 5, or a table of verdicts, without a word why no column moved."""
    if "torch" in names:
        pytest.importorskip("torch")
    assert main(["matrix", MAZUR, "-b", names]) == (5 if names == "delta" else 0)
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("name", ["run.bpz", "run.bpc", "run"])
def test_a_saved_run_is_known_by_what_it_is(name, tmp_path, capsys):
    """Saved as run.bpc, as older documents say, it is read as a spec that is no text."""
    saved, page = tmp_path / name, tmp_path / "page.html"
    assert main(["run", MAZUR, "-b", "delta", "-q", "--save", str(saved)]) == 5
    assert main(["report", str(saved), "-o", str(page)]) == 5
    assert "certified" in page.read_text(encoding="utf-8")
    capsys.readouterr()
    for verb in ("show", "audit", "run"):
        assert main([verb, str(saved)]) == 2
        assert "is a saved run, not a spec: `bpcompare report`" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\x00" * 9, b"[inputs.x]\n", b'{"name": "x"}', b"\x10\x00\x00\x00\x00\x00\x00\x00{}"]
)
def test_what_only_looks_like_a_saved_run(content, tmp_path, capsys):
    """A traceback for a file that begins like one."""
    path = tmp_path / "some"
    path.write_bytes(content)
    assert main(["report", str(path), "-o", str(tmp_path / "page.html")]) == 2
    assert "Traceback" not in capsys.readouterr().err
