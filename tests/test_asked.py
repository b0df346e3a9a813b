"""Every backend that was asked for is in the verdict, under a name that is nobody else's."""

import json
import subprocess
import sys
from textwrap import dedent

import pytest

import bpcompare
from bpcompare.engine.address import UnknownBackendError, locate
from bpcompare.engine.asked import LONGEST_NAME, RepeatedBackendError, located, titles
from bpcompare.engine.isolation import Isolated
from bpcompare.session import answers
from bpcompare.session.archive import load_comparison
from bpcompare.session.reproduction import reproduction
from bpcompare.verdict.comparison import Comparison
from bpcompare_delta import Delta
from students import mlp

NET = mlp([3, 4, 2])
STUDENT = """
    from bpcompare_delta import Delta


    class {cls}(Delta):
        name = {name!r}

        def run(self, plan):
            record = super().run(plan)
            {change}
            return record
"""
SPEC = """
init = "glorot_uniform"
[inputs.x]
units = 2
[layers.h]
op = "dense"
from = ["x"]
units = 2
g = "tanh"
[layers.l0]
op = "dense"
from = ["h"]
units = 2
[error]
op = "half_squared"
of = "l0"
reduce = "sum"
[update]
rule = "sgd"
eta = 0.5
[data]
examples = [{ x = [0.5, 0.1], t = [0.1, 0.9] }]
"""
WRONG = 'record.steps[0].delta["l0"][...] *= 2'


def _student(path, name="student", cls="Student", change="pass", also=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(STUDENT).format(name=name, cls=cls, change=change) + also, encoding="utf-8")
    return f"{path}:{cls}"


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "net.toml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def _command(spec, *backends, options=()):
    flags = [word for one in backends for word in ("-b", one)]
    command = [sys.executable, "-m", "bpcompare", "run", str(spec), *flags, *options, "--json", "-"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return ended.returncode, json.loads(ended.stdout) if ended.stdout else None, ended.stderr


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("options", [(), pytest.param(("--isolate",), marks=pytest.mark.slow)])
def test_of_two_students_with_one_name_both_are_judged(spec, tmp_path, order, options):
    """The wrong one would vanish, and the run be identical, exit code 0."""
    both = [_student(tmp_path / "a.py", change=WRONG), _student(tmp_path / "b.py")]
    code, line, _ = _command(spec, both[order], both[1 - order], "delta", options=options)
    assert (code, line["verdict"]) == (1, "wrong")
    assert {name: one["verdict"] for name, one in line["backends"].items()} == {
        "a.py:Student": "wrong", "b.py:Student": "certified", "delta": "certified",
    }  # fmt: skip


def test_a_student_that_fails_is_not_replaced_by_a_namesake(spec, tmp_path):
    """What raised would be reported as if it had answered."""
    both = [_student(tmp_path / "a.py", change="raise ValueError"), _student(tmp_path / "b.py")]
    code, line, _ = _command(spec, *both, "delta")
    assert code == 3
    assert {name: one["verdict"] for name, one in line["backends"].items()} == {
        "a.py:Student": "not_run", "b.py:Student": "identical", "delta": "identical",
    }  # fmt: skip


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    """Twenty submissions are twenty files called backend.py."""
    asked = [_student(tmp_path / who / "x" / "backend.py") for who in ("ann", "bob")]
    comparison = bpcompare.run(NET, [*asked, "delta"])
    assert set(comparison.records) == {"ann/x/backend.py:Student", "bob/x/backend.py:Student", "delta"}


def test_two_classes_of_one_file_are_told_apart(tmp_path):
    """The second class of a file would take the place of the first."""
    also = "\n\nclass Second(Student):\n    pass\n"
    first = _student(tmp_path / "a.py", also=also)
    assert set(bpcompare.run(NET, [first, first.replace(":Student", ":Second")]).records) == {"a.py:Student", "a.py:Second"}


@pytest.mark.parametrize(
    "name",
    [
        *("torch", "delta", "law", "oracle", "Torch", "delta!BP204", "jax@0.4.35"),
        *("t\u043erch", "\uff44elta", "d\u0451lta", "0racle", "t\u200borch"),
    ],
)
def test_nobody_passes_for_another(name, tmp_path):
    """A report would say "torch" of a file that somebody handed in."""
    comparison = bpcompare.run(NET, [_student(tmp_path / "a.py", name), "delta"])
    assert set(comparison.records) == {"a.py:Student", "delta"}


@pytest.mark.parametrize("name", [" ", " student", "a\nb", "\x1b[31mred", "x" * 10_000, "\ud800", "\u202etneduts"])
def test_what_cannot_be_read_as_a_name_is_none(name, tmp_path):
    """A name could break a report into pieces, or fill it."""
    comparison = bpcompare.run(NET, [_student(tmp_path / "a.py", name), "delta"])
    assert set(comparison.records) == {"a.py:Student", "delta"}


@pytest.mark.parametrize("name", ["student", "étudiant", "my student (v2)", "学生", "x" * LONGEST_NAME, "torch-like", "Δ"])
def test_other_names_stay(name, tmp_path):
    """People would be called by their files."""
    assert set(bpcompare.run(NET, [_student(tmp_path / "a.py", name), "delta"]).records) == {name, "delta"}


def test_an_empty_name_is_refused(tmp_path):
    """There would be a row without a name."""
    comparison = bpcompare.run(NET, [_student(tmp_path / "a.py", ""), "delta"])
    assert comparison.verdict == "not_run"
    assert len(comparison.records) == 2


def test_look_alikes_are_called_by_their_files(tmp_path):
    """Two names that look the same would be one to the reader."""
    asked = [_student(tmp_path / "a.py", "Анна"), _student(tmp_path / "b.py", "Aнна"), _student(tmp_path / "c.py", "anna2")]
    assert set(bpcompare.run(NET, asked).records) == {"a.py:Student", "b.py:Student", "anna2"}


@pytest.mark.slow
def test_a_name_that_changes_is_still_one_backend(tmp_path):
    """Each time it is asked it says something else, and what it is judged under would depend on who asks."""
    text = """
        from itertools import count

        from bpcompare_delta import Delta

        numbers = count()


        class Kind(type(Delta)):
            @property
            def name(cls):
                return f"name{next(numbers)}"


        class Student(Delta, metaclass=Kind):
            pass


    """
    path = tmp_path / "a.py"
    path.write_text(dedent(text), encoding="utf-8")
    comparison = bpcompare.run(NET, [f"{path}:Student", f"{path}:Student@{sys.executable}", "delta"])
    assert len(comparison.records) == 3


def _local(title):
    return type("Student", (Delta,), {"name": title})


def test_classes_of_one_name_are_told_apart():
    """In Python, too, the second would replace the first."""
    comparison = bpcompare.run(NET, [_local("student"), _local("student"), "delta"])
    assert len(comparison.records) == 3
    assert len(bpcompare.run(NET, [_local("torch"), _local("law"), "delta"]).records) == 3


def test_the_installed_class_keeps_its_name():
    """`backends=[Delta]` has always been called delta."""
    assert set(bpcompare.run(NET, [Delta, "delta!BP301"]).records) == {"delta", "delta!BP301"}


@pytest.mark.parametrize(
    "twice",
    [
        ("delta", "delta"),
        ("delta!BP204", "delta!bp204"),
        ("jax@0.4.35", "jax@0.4.35"),
        ("jax@0.4.35", "jax@v0.4.35.0"),
        ("delta", Delta),
        (Delta, Delta),
    ],
)
def test_the_same_backend_twice_is_refused(twice):
    """One answer would agree with itself, and count as two backends that agree."""
    with pytest.raises(RepeatedBackendError, match="twice"):
        located(list(twice))


def test_one_file_by_two_ways_is_the_same(spec, tmp_path, monkeypatch):
    """A link, or another spelling of the path, would make a second witness."""
    student = _student(tmp_path / "a.py")
    (tmp_path / "b.py").symlink_to(tmp_path / "a.py")
    monkeypatch.chdir(tmp_path)
    for other in ("a.py:Student", "./a.py:Student", "b.py:Student"):
        with pytest.raises(RepeatedBackendError):
            located([student, other])
    code, _, complaint = _command(spec, "a.py:Student", "b.py:Student")
    assert code == 2
    assert "b.py:Student is asked for twice, as a.py:Student and as b.py:Student" in complaint


def test_asking_twice_is_bad_usage(spec):
    """The command would run, and report fewer backends than were named."""
    code, _, complaint = _command(spec, "delta,delta")
    assert code == 2
    assert "delta is asked for twice" in complaint


def test_names_stay_when_a_run_is_saved_and_repeated(tmp_path):
    """A repetition elsewhere would call them otherwise, and find that it ended otherwise."""
    asked = [_student(tmp_path / who / "a.py", change=change) for who, change in (("ann", WRONG), ("bob", "pass"))]
    comparison = bpcompare.run(NET, [*asked, "delta"])
    path = tmp_path / "run.bpz"
    comparison.save(str(path))
    saved = load_comparison(path)
    assert list(saved.records) == list(comparison.records)
    again = reproduction(saved).run()
    assert list(again.records) == list(comparison.records)
    assert reproduction(saved).fails_likewise(again)


def test_a_verdict_over_fewer_than_were_asked_is_refused():
    """Were there another way to lose a backend, a verdict would be given without it."""
    comparison = bpcompare.run(NET, ["delta", "delta!BP301"])
    with pytest.raises(ValueError, match="delta!BP301"):
        Comparison("net", comparison.plan, {"delta": comparison.records["delta"]}, comparison.certificates)
    with pytest.raises(AssertionError, match="2 backends were asked for"):
        answers(comparison.plan, [locate("delta"), locate("delta!BP301")], Isolated(), called=("one", "one"))


def test_every_title_is_its_own():
    """Whatever they call themselves, there is a name for each."""
    files = [locate(f"/{folder}/a.py:Student") for folder in ("x", "y", "x/y", "y/x")]
    asked = [locate("delta"), *files, _local("a"), _local("a")]
    for own in ("delta", "a.py:Student", "y/a.py:Student", "", "same"):
        assert len(set(titles(asked, [own] * len(asked)))) == len(asked)


@pytest.mark.parametrize("wrong", [None, 3, object(), int, ["delta"]])
def test_what_is_no_backend_is_said(wrong):
    """A traceback would say it."""
    with pytest.raises(UnknownBackendError, match="backends: each is a name such as"):
        located([wrong])
