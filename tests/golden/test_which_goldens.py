"""Which goldens are checked, made and replaced, and by whom."""

import json
import shutil
from pathlib import Path

import pytest

from bpcompare.cli import main
from bpcompare.tools.golden import GoldenError, Options, check, goldens_of, update, write
from bpcompare_delta import Delta
from places import EXAMPLES

STUDENT = """
from pathlib import Path
from bpcompare_delta import Delta

Path(__file__).with_name("it-ran").touch()

class Student(Delta):
    name = "student"
"""


class Then(Delta):
    name = "mine"


@pytest.fixture
def spec(tmp_path):
    """A spec of five steps in a folder of its own."""
    path = tmp_path / "home" / "xor.toml"
    path.parent.mkdir()
    path.write_bytes((EXAMPLES / "xor.toml").read_bytes())
    return path


@pytest.fixture
def student(spec):
    """A backend in a file beside the spec."""
    path = spec.with_name("student.py")
    path.write_text(STUDENT)
    return path


def lines(capsys):
    """What was said, as lines of standard output and of standard error."""
    out, err = capsys.readouterr()
    return out.splitlines(), err.splitlines()


def test_check_finds_goldens_under_whatever_options_they_were_made(spec, capsys):
    """A golden of a test, `golden(…, steps=3)`, would never be checked by the command, and nobody would notice."""
    for options in (Options(), Options(steps=3), Options(dtype="float32", seed=7)):
        write(update(spec, "delta", options))
    assert main(["golden", "check", str(spec)]) == 0
    assert [line.split()[:3] for line in lines(capsys)[0]] == [["same", "xor", "delta"]] * 3
    assert main(["golden", "check", str(spec), "-b", "delta"]) == 0
    assert len(lines(capsys)[0]) == 3
    assert main(["golden", "check", str(spec), "--steps", "3"]) == 0
    assert len(lines(capsys)[0]) == 1
    assert main(["golden", "check", str(spec), "-b", "delta", "--steps", "4"]) == 5
    said = " ".join(lines(capsys)[1])
    assert "xor.delta.steps4.golden.json is not there" in said
    assert "there is xor.delta.float32.seed7.golden.json, xor.delta.golden.json, xor.delta.steps3.golden.json" in said


@pytest.mark.parametrize(
    ("made", "asked"), [({}, {"steps": 5}), ({"steps": 5}, {}), ({"steps": 5, "seed": 7}, {"seed": 7, "dtype": "float64"})]
)
def test_an_option_that_says_what_the_spec_says_is_as_good_as_none(spec, made, asked):
    """The command would make one golden and the test another, of the very same numbers."""
    written = write(update(spec, Then, Options(**made)))
    assert check(spec, Then, Options(**asked)).path == written.path
    assert update(spec, Then, Options(**asked)).current
    assert write(update(spec, Then, Options(**asked))).path == written.path


def test_the_goldens_of_a_spec_with_a_longer_name_are_not_ours(spec):
    """`xor.toml` would be checked against what belongs to `xor.v2.toml`."""
    longer = spec.with_name("xor.v2.toml")
    shutil.copy(spec, longer)
    write(update(longer, "delta", Options(steps=2)))
    assert goldens_of(spec) == ()
    (entry,) = goldens_of(longer)
    assert (entry.backend, entry.named) == ("delta", {"dtype": None, "steps": 2, "seed": None})


def test_a_golden_keeps_where_its_backend_lies(spec, student, monkeypatch, capsys, tmp_path):
    """Nobody could say any more which file a golden was of, or only on the machine where it was made."""
    assert main(["golden", "update", str(spec), "-b", f"{student}:Student"]) == 0
    golden = spec.parent / "goldens" / "xor.Student.golden.json"
    assert json.loads(golden.read_text())["content"]["record"]["provenance"]["address"] == "student.py:Student"
    assert str(tmp_path) not in golden.read_text()
    moved = shutil.move(spec.parent, tmp_path / "elsewhere")
    (Path(moved) / "it-ran").unlink()
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert main(["golden", "check", "elsewhere/xor.toml"]) == 3
    assert "-b elsewhere/student.py:Student checks it" in lines(capsys)[1][0]
    assert not (Path(moved) / "it-ran").exists()
    assert main(["golden", "check", "elsewhere/xor.toml", "-b", "elsewhere/student.py:Student"]) == 0
    assert main(["golden", "check", "elsewhere/xor.toml", "--trust"]) == 0
    assert main(["golden", "update", "elsewhere/xor.toml", "-b", "elsewhere/student.py:Student"]) == 0
    assert "nothing is to be written" in capsys.readouterr().out


def test_one_golden_that_cannot_be_checked_does_not_hide_the_others(spec, student, capsys):
    """One damaged file, or one plugin that is gone, would end the check of all."""
    for backend in (Then, "delta", f"{student}:Student", "delta!BP204"):
        try:
            write(update(spec, backend))
        except GoldenError:
            assert backend == "delta!BP204"
    write(update(spec, "delta", Options(steps=2)))
    damaged = spec.parent / "goldens" / "xor.delta.steps2.golden.json"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    assert main(["golden", "check", str(spec)]) == 2
    out, err = lines(capsys)
    assert [line.split()[0] for line in out] == ["same"]
    said = "\n".join(err)
    assert "cut short" in said
    assert "no backend is called 'mine'" in said
    assert "student.py:Student" in said
    damaged.unlink()
    assert main(["golden", "check", str(spec)]) == 3


@pytest.mark.parametrize("kind", ["another spec", "damaged", "newer"])
def test_what_would_be_lost_is_said_and_replaced_only_when_told(spec, kind, capsys):
    """The only copy of somebody's numbers would be overwritten by a mistyped command."""
    made = write(update(spec, "delta"))
    if kind == "another spec":
        spec.write_text(spec.read_text().replace("eta = ", "eta = 0.125 #"))
    elif kind == "damaged":
        made.path.write_bytes(made.path.read_bytes()[:-9])
    else:
        made.path.write_bytes(made.path.read_bytes().replace(b'"bpcompare golden": 1', b'"bpcompare golden": 2'))
    before = made.path.read_bytes()
    assert main(["golden", "update", str(spec), "-b", "delta"]) == 2
    said = " ".join(lines(capsys)[1])
    assert {"another spec": "update.eta was", "damaged": "cut short", "newer": "format version 2"}[kind] in said
    assert "--force" in said
    assert made.path.read_bytes() == before
    with pytest.raises(GoldenError, match="--force"):
        write(update(spec, "delta"))
    assert main(["golden", "update", str(spec), "-b", "delta", "--force"]) == 0
    assert "replaces   " in capsys.readouterr().out
    assert main(["golden", "check", str(spec)]) == 0


def test_the_golden_of_one_file_is_not_replaced_by_that_of_another(spec, student, capsys):
    """Two students whose classes are called alike would overwrite each other's numbers."""
    assert main(["golden", "update", str(spec), "-b", f"{student}:Student"]) == 0
    other = shutil.copy(student, student.with_name("other.py"))
    assert main(["golden", "update", str(spec), "-b", f"{other}:Student"]) == 2
    assert "student.py:Student, not of other.py:Student" in capsys.readouterr().err
    assert main(["golden", "update", str(spec), "-b", f"{other}:Student", "--force"]) == 0
    Path(other).rename(student.with_name("moved.py"))
    assert main(["golden", "update", str(spec), "-b", f"{student.with_name('moved.py')}:Student"]) == 0, "it moved"


def test_the_golden_of_one_file_is_not_held_against_another(spec, student, capsys):
    """One student's numbers would be checked as if they were the other's, and be "changed"."""
    assert main(["golden", "update", str(spec), "-b", f"{student}:Student"]) == 0
    other = shutil.copy(student, student.with_name("other.py"))
    assert main(["golden", "check", str(spec), "-b", f"{other}:Student"]) == 2
    assert "each has the class Student, and one golden is of one" in " ".join(capsys.readouterr().err.split())
    student.unlink()
    assert main(["golden", "check", str(spec), "-b", f"{other}:Student"]) == 0, "it has moved"


def test_a_golden_does_not_change_with_code_that_computes_the_same(spec, student, capsys):
    """Every edit of a file would be a change of its golden, to be reviewed number by number."""
    assert main(["golden", "update", str(spec), "-b", f"{student}:Student"]) == 0
    golden = spec.parent / "goldens" / "xor.Student.golden.json"
    before = golden.read_bytes()
    assert b"code " not in before
    student.write_text(student.read_text(encoding="utf-8") + "\n\ndef unused(x):\n    return x\n", encoding="utf-8")
    assert main(["golden", "update", str(spec), "-b", f"{student}:Student"]) == 0
    assert golden.read_bytes() == before
    assert "nothing is to be written" in capsys.readouterr().out


def test_update_renews_goldens_under_their_options_too(spec, capsys):
    """After an upgrade, those with options would stay old and fail, each to be named by hand."""
    write(update(spec, "delta", Options(steps=3)))
    path = spec.parent / "goldens" / "xor.delta.steps3.golden.json"
    path.write_bytes(path.read_bytes())
    assert main(["golden", "update", str(spec)]) == 0
    out = capsys.readouterr().out
    assert "nothing is to be written" in out
    assert {"xor.delta.golden.json", "xor.delta.steps3.golden.json"} <= {one.name for one in path.parent.iterdir()}
