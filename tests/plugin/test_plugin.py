"""The pytest plugin, used as its users would."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parent / "sample"
QUIET = ("-p", "no:cacheprovider", "-p", "no:randomly")


INI = "[pytest]\nfilterwarnings = error\nstrict = true\n"
READ = ("CI", "SLIP", "NUDGE")
"""Variables that the sample project, or the plugin, goes by."""


@pytest.fixture
def project(pytester, monkeypatch):
    """A copy of the sample project, outside CI."""
    shutil.copytree(SAMPLE, pytester.path, dirs_exist_ok=True)
    for name in READ:
        monkeypatch.delenv(name, raising=False)
    pytester.makeini(INI)
    return pytester


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The goldens that a first run of the sample project writes, once for all tests that need them to be there."""
    folder = Path(shutil.copytree(SAMPLE, tmp_path_factory.mktemp("written") / "sample"))
    (folder / "tox.ini").write_text(INI)
    outside = {name: x for name, x in os.environ.items() if name not in READ}
    command = [sys.executable, "-m", "pytest", *QUIET, "-k", "golden"]
    done = subprocess.run(command, cwd=folder, env=outside, capture_output=True, text=True, check=False)
    assert "there was no golden, so it was written" in done.stdout
    return folder / "specs" / "goldens"


@pytest.fixture
def kept(project, written):
    """The sample project with its goldens."""
    shutil.copytree(written, project.path / "specs" / "goldens")
    return project


def run(project, *args):
    return project.runpytest_subprocess(*QUIET, *args)


def test_the_first_run_writes_the_golden_and_fails_and_the_second_passes(project):
    """A golden that nobody looked at would be believed from the first run on."""
    first = run(project)
    first.assert_outcomes(passed=59, failed=1)
    first.stdout.fnmatch_lines(["*there was no golden, so it was written:*mlp.Student.steps2.golden.json*"])
    run(project).assert_outcomes(passed=60)


@pytest.mark.slow
def test_ids_name_spec_path_and_backend(project):
    """Ids that change from run to run cannot be selected, or looked up in a history."""
    listed = run(project, "--collect-only", "-q").stdout.str()
    for name in ("mlp::h.delta[delta]", "xor::o.weight.update[student.py:Student]", "mlp::error[delta]"):
        assert f"test_my_backward[{name}]" in listed
    assert "test_float32[mlp[delta]]" in listed
    run(project, "test_gradients.py::test_my_backward[mlp::h.delta[delta]]").assert_outcomes(passed=1)


def test_a_mistake_fails_at_its_path_with_the_text_of_the_command(kept, monkeypatch):
    """A failure would not say where, how much and who; or would be buried in a traceback of this plugin."""
    monkeypatch.setenv("SLIP", "1e-10")
    result = run(kept)
    result.assert_outcomes(passed=54, failed=6)
    text = result.stdout.str()
    assert "student is wrong at h.weight.gradient[0,1]" in text
    assert "blame      student" in text
    for name in ("mlp::h.weight.gradient", "mlp::h.weight.update", "xor::h.weight.gradient"):
        assert f"FAILED test_gradients.py::test_my_backward[{name}[student.py:Student]]" in text
    assert "pytest_plugin.py" not in text, "frames of the plugin are hidden"
    assert "test_golden" in text
    assert "changed  mlp" in text


@pytest.mark.slow
def test_a_golden_that_moved_within_rounding_passes_and_is_listed(kept, monkeypatch):
    """One bit would fail a regression test, or pass unseen."""
    monkeypatch.setenv("NUDGE", "1")
    result = run(kept, "-k", "golden")
    result.assert_outcomes(passed=1, deselected=59)
    result.stdout.fnmatch_lines(["*moved  mlp*within rounding*"])


@pytest.mark.slow
def test_update_rewrites_shows_what_moved_and_never_accepts_what_is_wrong(kept, monkeypatch):
    """A wrong gradient would become the truth, or a change be accepted unseen."""
    (golden,) = (kept.path / "specs" / "goldens").iterdir()
    before = golden.read_bytes()
    monkeypatch.setenv("SLIP", "1e-10")
    refused = run(kept, "-k", "golden", "--bpcompare-update")
    refused.assert_outcomes(failed=1, deselected=59)
    refused.stdout.fnmatch_lines(["*is wrong on*a golden must not be*"])
    assert golden.read_bytes() == before
    monkeypatch.delenv("SLIP")
    monkeypatch.setenv("NUDGE", "1")
    accepted = run(kept, "-k", "golden", "--bpcompare-update")
    accepted.assert_outcomes(passed=1, deselected=59)
    accepted.stdout.fnmatch_lines(["*moved  mlp*mlp.Student.steps2.golden.json*"])
    assert golden.read_bytes() != before


@pytest.mark.slow
def test_where_ci_is_set_nothing_is_written(project, monkeypatch):
    """A machine would make the golden that it is then compared with."""
    monkeypatch.setenv("CI", "true")
    refused = run(project, "--bpcompare-update")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(["*--bpcompare-update is refused where CI is set*"])
    run(project, "-k", "golden").assert_outcomes(failed=1, deselected=59)
    assert not (project.path / "specs" / "goldens").exists()


@pytest.mark.slow
def test_it_works_under_xdist(kept, monkeypatch):
    """Workers would not share the options, or write one golden twice."""
    run(kept, "-n", "2", "--dist", "loadgroup").assert_outcomes(passed=60)
    monkeypatch.setenv("SLIP", "1e-6")
    run(kept, "-n", "2").assert_outcomes(passed=53, failed=7)


@pytest.mark.slow
def test_a_framework_that_is_not_installed_is_a_skip_that_names_it(project):
    """A missing framework would look like a pass, or like a failure of the backend."""
    info = project.path / "stranger-1.0.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1\nRequires-Dist: no-such-framework\n")
    info.joinpath("entry_points.txt").write_text("[bpcompare.backends]\nstranger = stranger_backend:Own\n")
    project.makepyfile(stranger_backend="import no_such_framework\n")
    project.makeconftest("import sys; sys.path.insert(0, '.')")
    project.makepyfile(
        test_missing="""
        import pytest

        @pytest.mark.bpcompare(specs="specs/mlp.toml", backends=["delta", "delta!BP204", "stranger"], each="backend")
        def test_marked(bpcompare):
            bpcompare()

        def test_called(bpcompare):
            bpcompare("specs/mlp.toml", backends=["delta", "stranger"])

        def test_golden(golden):
            golden("specs/mlp.toml", "stranger")
        """
    )
    result = run(project, "test_missing.py", "-rs")
    result.assert_outcomes(passed=1, failed=1, skipped=3)
    result.stdout.fnmatch_lines(["*SKIPPED*framework of stranger is not installed: pip install no-such-framework*"])


def test_zero_comparisons_are_a_failure(project):
    """A test would be green although nothing was compared with anything."""
    project.makepyfile(
        test_nothing="""
        import pytest

        def test_one_backend(bpcompare):
            bpcompare("specs/mlp.toml", backends=["delta"])

        @pytest.mark.bpcompare(specs="specs/mlp.toml", backends="delta", each="backend")
        def test_one_backend_marked(bpcompare):
            bpcompare()

        @pytest.mark.bpcompare(specs="specs/mlp.toml", backends=["delta", "student.py:Student"], each="spec")
        def test_never_called(bpcompare):
            pass
        """
    )
    result = run(project, "test_nothing.py")
    result.assert_outcomes(passed=1, failed=2, errors=1)
    result.stdout.fnmatch_lines(["*nothing was compared*"])


MARKS = {
    "specs='nowhere/*.toml'": "no spec matches 'nowhere/*.toml'",
    "specs='specs/*.toml', each='node'": "each is 'path', 'backend' or 'spec'",
    "specs='broken.toml'": "unknown key",
    "": "missing 1 required positional argument: 'specs'",
    "specs='specs/mlp.toml', backends=['delta', 'delta']": "delta is asked for twice",
    "specs='specs/mlp.toml', backends=['delta', object]": "backends of the mark are names, or path/to/file.py:Class",
}


@pytest.mark.slow
def test_a_mark_that_makes_no_sense_is_told_at_collection(project):
    """A mistyped mark would collect no tests, and nobody would miss them."""
    broken = (project.path / "specs" / "mlp.toml").read_text().replace("[update]", "[updaet]")
    (project.path / "broken.toml").write_text(broken)
    text = "import pytest\n@pytest.mark.bpcompare({})\ndef test_it(bpcompare):\n    bpcompare()\n"
    for number, arguments in enumerate(MARKS):
        (project.path / f"test_bad{number}.py").write_text(text.format(arguments))
    result = run(project, *(f"test_bad{number}.py" for number in range(len(MARKS))))
    shown = result.stdout.str() + result.stderr.str()
    assert result.ret != 0
    assert "INTERNALERROR" not in shown
    told = re.split(r"_ ERROR collecting test_bad\d\.py _", shown)[1:]
    for one, said in zip(told, MARKS.values(), strict=True):
        assert said in one


@pytest.mark.slow
def test_two_backends_of_one_name_have_a_result_each(project):
    """The wrong one would be skipped as "not installed", and its namesake be certified twice."""
    good = (project.path / "student.py").read_text()
    other = project.path / "other.py"
    other.write_text(good.replace('float(os.environ.get("SLIP", "0"))', "1e-3"))
    backends = ["student.py:Student", "other.py:Student", "delta"]
    project.makepyfile(
        test_both=f"""
        import pytest
        @pytest.mark.bpcompare("specs/mlp.toml", {backends}, each="backend")
        def test_it(bpcompare):
            bpcompare()
        """
    )
    result = run(project, "test_both.py")
    result.assert_outcomes(passed=2, failed=1)
    assert "test_it[mlp[other.py:Student]]" in result.stdout.str()
    assert "blame      other.py:Student" in result.stdout.str()


@pytest.mark.slow
def test_reports_are_written_for_failures_only(project, monkeypatch):
    """On a build machine nobody could see more of a failure than its text."""
    monkeypatch.setenv("SLIP", "1e-3")
    run(project, "-k", "float32", "--bpcompare-report=out")
    names = sorted(path.name for path in (project.path / "out").iterdir())
    assert names == [f"test_gradients.py_test_float32[mlp[student.py_Student]].{kind}" for kind in ("bpz", "html", "json", "txt")]
    saved = project.path / "out" / names[0]
    assert "leaves the proof first" in (project.path / "out" / names[1]).read_text(encoding="utf-8")
    again = subprocess.run(
        [sys.executable, "-m", "bpcompare", "repro", saved, "--trust"], capture_output=True, text=True, check=False
    )
    assert again.returncode == 1
    assert "ends the same way here" in again.stdout


def test_loading_the_plugin_imports_nothing_heavy(project):
    """Every run of pytest, of whatever project, would pay for NumPy."""
    project.makepyfile(
        test_plain="""
        import sys

        def test_plain():
            assert "bpcompare.pytest_plugin" in sys.modules
            assert not {"numpy", "scipy", "pydantic", "torch", "jax", "safetensors"} & sys.modules.keys()
        """
    )
    for name in ("test_gradients.py", "student.py"):
        (project.path / name).unlink()
    run(project, "-p", "no:hypothesispytest", "-p", "no:jaxtyping").assert_outcomes(passed=1)


UNFINISHED = """
from student import Student
from bpcompare.ops import Sigmoid

class Unfinished(Student):
    name = "unfinished"
    table = {op: row for op, row in Student.table.items() if op is not Sigmoid}
    gaps = {**Student.gaps, Sigmoid: "not written yet"}

class Crashes(Student):
    name = "crashes"
    def run(self, plan):
        raise RuntimeError("no such device")
"""


def test_one_gap_is_one_failure(project):
    """A backend that lacks one op would fail a hundred tests, and bury the one that matters."""
    project.makepyfile(unfinished=UNFINISHED)
    project.makepyfile(
        test_gap="""
        import pytest

        @pytest.mark.bpcompare(specs="specs/mlp.toml", backends=["delta", "student.py:Student", "unfinished.py:Unfinished"])
        def test_it(bpcompare):
            bpcompare()
        """
    )
    result = run(project, "test_gap.py")
    assert result.parseoutcomes()["failed"] == 1
    assert result.parseoutcomes()["passed"] > 20
    text = result.stdout.str()
    assert "FAILED test_gap.py::test_it[mlp[unfinished.py:Unfinished]]" in text
    assert "unfinished did not run: does not support sigmoid (not written yet)" in text


@pytest.mark.slow
def test_a_backend_that_crashes_is_one_failure(project):
    """The same exception would be printed a hundred times."""
    project.makepyfile(unfinished=UNFINISHED)
    project.makepyfile(
        test_crash="""
        import pytest

        @pytest.mark.bpcompare(specs="specs/mlp.toml", backends=["delta", "student.py:Student", "unfinished.py:Crashes"])
        def test_it(bpcompare):
            bpcompare()
        """
    )
    result = run(project, "test_crash.py", "-rs")
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(["*RuntimeError: no such device, at unfinished.py:12*", "SKIPPED*crashes did not run: *says why"])


def test_an_unknown_backend_is_told_at_collection(project):
    """Every test of a mistyped name would be a traceback."""
    project.makepyfile(
        test_name="""
        import pytest

        @pytest.mark.bpcompare(specs="specs/mlp.toml", backends=["delta", "tocrh"])
        def test_it(bpcompare):
            bpcompare()
        """
    )
    result = run(project, "test_name.py")
    assert "no backend is called 'tocrh'" in result.stdout.str() + result.stderr.str()
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


@pytest.mark.slow
def test_what_is_wrong_is_not_offered_as_the_new_golden(kept, monkeypatch):
    """Somebody in a hurry would be told how to make a mistake the truth."""
    monkeypatch.setenv("SLIP", "1e-3")
    text = run(kept, "-k", "golden").stdout.str()
    assert "mlp.Student.steps2.golden.json" in text
    assert "--bpcompare-update" not in text


def test_the_command_finds_the_golden_of_a_test(kept):
    """Two sets of goldens would lie beside each other, and drift apart."""
    command = [sys.executable, "-m", "bpcompare", "golden", "check", "specs/mlp.toml", "--trust"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=kept.path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("same  mlp")
