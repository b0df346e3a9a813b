"""What a submission is kept in, and that no failure of the grader is a student's zero."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import bpcompare
from bpcompare.cli import main
from bpcompare.engine.isolation.process import Process
from bpcompare.teach.grading import FORMATS, GradingError, grade
from bpcompare.teach.grading import grade as grading
from bpcompare.teach.grading.confinement import Confinement, found
from bpcompare.teach.grading.grade import _hidden
from bpcompare.teach.grading.submission import GraderFailure, Limits, confined

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
STEPS = ("delta_output", "delta_hidden", "gradient", "update")
RIGHT = "def update(p):\n    return p.w - p.eta * p.gradient\n"
LIMITS = Limits(3.0, 512 * 2**20)


@pytest.fixture(scope="module")
def sandbox():
    """Skips, with the reason, where there is no sandbox of bubblewrap that works."""
    here = confined("auto", LIMITS)
    if not here.program:
        pytest.skip(here.why)


def one(tmp_path, source, **options):
    """The grade of a submission of one step, in the network of Mazur."""
    file = tmp_path / "submission.py"
    file.write_text(source, encoding="utf-8")
    return grade(bpcompare.load("mazur"), str(file), {"update": 1}, limits=LIMITS, **options)


ATTACKS = """
import json, os, socket, subprocess, sys
from pathlib import Path
said = {}

def attempt(name):
    def run(act):
        try:
            said[name] = repr(act())[:200]
        except BaseException as error:
            said[name] = type(error).__name__
    return run

@attempt("network")
def _():
    return socket.create_connection(("127.0.0.1", PORT), 2)

@attempt("name")
def _():
    return socket.getaddrinfo("example.org", 80)

for number, path in enumerate(READ):
    @attempt(f"read {path}")
    def _(path=path):
        return os.listdir(path) if os.path.isdir(path) else open(path).read(10)

for number, path in enumerate(WRITTEN):
    @attempt(f"write {path}")
    def _(path=path):
        with open(path, "a") as file:
            return file.write("# x")

@attempt("remembered")
def _():
    left = [path for path in ("/tmp/left", os.path.expanduser("~/left")) if os.path.exists(path)]
    for path in ("/tmp/left", os.path.expanduser("~/left")):
        open(path, "w").close()
    return left

@attempt("processes")
def _():
    mine = {os.getpid(), os.getppid()}
    return [pid for pid in range(2, 40_000) if pid not in mine and os.path.exists(f"/proc/{pid}")]

@attempt("memory of the parent")
def _():
    return open(f"/proc/{os.getppid()}/mem", "rb")

@attempt("question")
def _():
    return open(os.path.join(os.path.dirname(__file__), "request.json")).read(1)

@attempt("own folder")
def _():
    for number in range(100):
        with open(f"/tmp/{number}", "wb") as file:
            file.write(bytes(2**20))

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "left by a submission"])
        import time
        time.sleep(600)
    os._exit(0)
print(json.dumps(said))
"""


def test_what_a_submission_tries_in_the_sandbox_fails(sandbox, tmp_path):
    """It would read the solutions, change the grader for the next student, send numbers home, or wait for the results."""
    server = socket.create_server(("127.0.0.1", 0))
    read = [
        str(tmp_path),
        str(Path.home()),
        "/etc/passwd",
        "/proc/self/status",
        "/root",
        "/home",
        "/var",
        "/sys",
        str(Path.cwd()),
    ]
    read += [str(Path(bpcompare.__file__).parents[1] / name) for name in ("tests", "README.md", "examples")]
    read = [path for path in read if Path(path).exists()]
    written = [bpcompare.__file__, grading.__globals__["__file__"], json.__file__, "/x", "/question/x", "/usr/lib/x", "/dev/x"]
    source = f"PORT = {server.getsockname()[1]}\nREAD = {read!r}\nWRITTEN = {written!r}\n{ATTACKS}\n{RIGHT}"
    for _ in range(2):
        it = one(tmp_path, source, confine="required", hidden=False)
        said = json.loads(it.printed.splitlines()[-1])
        assert it.score == 1, it
        assert said.pop("question") == repr("{")
        assert said.pop("own folder") == "OSError"
        assert said.pop("remembered") == "[]"
        assert said.pop("processes") == "[]"
        # A folder that leads to something readable may be listed; what else is in it is not there.
        listed = {name: value for name, value in said.items() if value.startswith("[")}
        assert all("README.md" not in value and "submission.py" not in value for value in listed.values()), listed
        failed = {name: value for name, value in said.items() if name not in listed}
        assert set(failed.values()) <= {"OSError", "FileNotFoundError", "gaierror", "PermissionError", "ConnectionRefusedError"}
        assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"left by a submission" in _bytes(path)]
    assert Path(bpcompare.__file__).read_text(encoding="utf-8").find("# x") == -1
    server.close()


def _bytes(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_submission_has_in_the_sandbox_what_it_may_have(sandbox, tmp_path):
    """Students could not use NumPy, or files of their own."""
    source = (
        "import numpy as np, tempfile, math, json\n"
        "with tempfile.TemporaryFile() as file:\n    file.write(b'mine')\n"
        "STYLE = 'vectorized'\n" + RIGHT
    )
    it = one(tmp_path, source, confine="required")
    assert it.score == 1
    assert it.confined.startswith("bubblewrap: no network")


def test_the_sandbox_works_for_a_python_of_which_it_covers_the_place(sandbox, tmp_path):
    """An environment in /tmp, as CI makes them, would disappear under the sandbox's own /tmp."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    place = next((tmp_path / "venv").rglob("site-packages"))
    installed = [path for path in sys.path if path.endswith("-packages")]
    (place / "others.pth").write_text("\n".join([*installed, str(Path(bpcompare.__file__).parents[1])]), encoding="utf-8")
    file = tmp_path / "submission.py"
    file.write_text(RIGHT, encoding="utf-8")
    words = ["-m", "bpcompare", "grade", file, "--spec", "mazur", "--points", "update", "--confine", "required"]
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "python", *words], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bubblewrap: no network" in done.stdout


@LINUX
def test_without_a_sandbox_daemons_end_as_well_and_the_grade_says_what_is_not_stopped(tmp_path):
    """A daemon would change the results after the grading, or somebody would take a process for a sandbox."""
    source = (
        "import os, subprocess, sys\n"
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(600)', 'left by a submission'])\n"
        "    os._exit(0)\n" + RIGHT
    )
    it = one(tmp_path, source, confine="process")
    assert it.score == 1
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"left by a submission" in _bytes(path)]
    assert "a process only" in it.confined
    assert "does not stop" in it.confined
    for form in FORMATS.values():
        assert "a process only" in form(it)


def _instead_of_bubblewrap(tmp_path, monkeypatch, said):
    program = tmp_path / "bin" / "bwrap"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")


@LINUX
def test_where_no_sandbox_can_be_made_that_is_said_and_a_process_serves(tmp_path, monkeypatch, capsys):
    """In a container that forbids namespaces, nobody could grade, or nobody would know that there is no sandbox."""
    _instead_of_bubblewrap(tmp_path, monkeypatch, "bwrap: No permissions to create new namespace")
    it = one(tmp_path, RIGHT)
    assert it.score == 1
    assert "a process only" in it.confined
    assert "bubblewrap does not work here: the process of a submission did not start: bwrap: No permissions" in it.confined
    assert main(["grade", str(tmp_path / "submission.py"), "--spec", "mazur", "--confine", "required"]) == 75
    assert "No permissions to create new namespace" in " ".join(capsys.readouterr().out.split())


@LINUX
def test_where_bubblewrap_is_not_installed_that_is_said(tmp_path, monkeypatch):
    """Nobody would know how to get a sandbox."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert "apt-get install bubblewrap" in found().words
    with pytest.raises(GraderFailure, match="not installed"):
        confined("required", LIMITS)
    assert "as --confine process asks" in confined("process", LIMITS).words


def test_a_signal_in_the_sandbox_is_told_as_one():
    """Bubblewrap says signals as shells do; a crash would be called an exit code."""
    assert Confinement("bwrap").ended(128 + 11) == -11
    assert Confinement("bwrap").ended(1) == 1
    assert Confinement().ended(-11) == -11
    assert Confinement("bwrap").ended(None) is None


def _table(seed):
    """A submission that looks its answers up: those of the spec, and of the hidden numbers of one seed."""
    network = bpcompare.load("mazur")
    from bpcompare.plan.draw import plan
    from bpcompare.teach.learn.questions import Sheet

    known = {}
    for sheet in (Sheet(plan(network)), _hidden(network, seed, ["update"])):
        for one in sheet.asked("update", vectorized=False):
            for given, index in zip(one.given, one.indices, strict=True):
                known[given["w"], given["gradient"]] = float(sheet(one.claim.path)[index])
    return f"KNOWN = {known!r}\n\n\ndef update(p):\n    return KNOWN.get((p.w, p.gradient), 0.0)\n"


def test_hidden_numbers_are_others_each_time_and_a_seed_repeats_them(tmp_path):
    """Whoever looked the hidden numbers up once, in the source or in an earlier grade, would pass for ever."""
    it = one(tmp_path, _table(20_261), confine="process")
    assert [part.mark.passed for part in it.parts] == [True, False]
    assert it.drawn
    again = one(tmp_path, _table(it.seed), confine="process")
    assert again.seed != it.seed
    assert again.score == 0.5
    repeated = one(tmp_path, _table(it.seed), confine="process", seed=it.seed)
    assert repeated.score == 1
    assert not repeated.drawn


def test_the_grade_says_by_which_numbers_and_students_do_not_see_a_chosen_seed(tmp_path):
    """A grade could not be repeated; or, with the same seed for all, the second submission would know its numbers."""
    drawn, chosen = one(tmp_path, RIGHT, confine="process"), one(tmp_path, RIGHT, confine="process", seed=77_777)
    for form in ("text", "json", "junit"):
        assert str(drawn.seed) in FORMATS[form](drawn)
        assert "77777" in FORMATS[form](chosen)
    shown = json.loads(FORMATS["gradescope"](chosen))
    assert shown["extra_data"]["seed"] == 77_777
    assert "77777" not in shown["output"]
    assert str(drawn.seed) in json.loads(FORMATS["gradescope"](drawn))["output"]


@pytest.mark.parametrize("seed", range(8))
def test_hidden_numbers_tell_wrong_formulas_from_right_ones(seed):
    """By chance, all units would be dead, and every formula right."""
    network = bpcompare.load("xor")
    sheet = _hidden(network, seed, ["delta_output", "delta_hidden", "gradient"])
    for step in ("delta_output", "delta_hidden", "gradient"):
        for asked in sheet.asked(step, vectorized=False):
            assert abs(sheet(asked.claim.path)).max() > 0


def test_hidden_numbers_can_be_drawn_for_classes_too(tmp_path):
    """An exercise of gradients alone, on a network that classifies, would be refused as a bad spec."""
    file = tmp_path / "submission.py"
    file.write_text(RIGHT, encoding="utf-8")
    it = grade(bpcompare.load("digits"), str(file), {"update": 1}, confine="process", seed=3)
    assert it.score == 1


def by_turns(names):
    """Every second one at once, the others by the slow tests: each is a process, or two."""
    return [pytest.param(name, marks=[pytest.mark.slow] * (turn % 2)) for turn, name in enumerate(names)]


FORGE = """
import os
for number in range(3, 30):
    try:
        os.write(number, DATA)
    except OSError:
        pass
os._exit(0)
"""

GRADERS = {
    "a number beyond all floats": ("def update(p):\n    return 10**400\n", "which no float64 holds"),
    "such a number among others": ("STYLE = 'vectorized'\ndef update(p):\n    return [[1, 10**400]]\n", "which no float64 holds"),
    "forged, beyond": ("DATA = b'{\"problem\": \"\", \"found\": [' + b'1' * 400 + b']}'\n" + FORGE, "that no float64 holds"),
    "63 MB": ("DATA = b'[' + b'1,' * 31_500_000\n" + FORGE, "bytes came back, more than"),
    "a thousand levels": ("DATA = b'[' * 1_000 + b']' * 1_000\n" + FORGE, "is not what the process of a submission writes"),
    "nonsense": ("DATA = b'{}'\n" + FORGE, "is not what the process of a submission writes"),
    "strings": (
        'DATA = b\'{"problem": "", "found": [{"numbers": ["1"], "problem": "", "beyond": false}]}\'\n' + FORGE,
        "str instead of a number",
    ),
    "killed": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "from outside, by SIGKILL"),
    "ended": ("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n", "from outside, by SIGTERM"),
    "a full disk": ("import errno\ndef update(p):\n    raise OSError(errno.ENOSPC, 'No space left')\n", "the machine's failure"),
}


@LINUX
@pytest.mark.parametrize("name", by_turns(GRADERS))
def test_what_is_not_the_submissions_fault_is_no_zero(name, tmp_path):
    """A student would get no points because a machine failed, or because we cannot read a number."""
    source, said = GRADERS[name]
    it = one(tmp_path, source, hidden=False, confine="process")
    assert said in it.failure
    assert it.score is None
    assert it.parts == ()


STUDENTS = {
    "crash": ("import os\nos.abort()\n", "was ended by SIGABRT: a crash in native code"),
    "exit": ("import os\nos._exit(0)\n", "ended without an answer"),
    "exit 1": ("import sys\nsys.exit(1)\n", "raised SystemExit: 1 (line 2)"),
    "exit inside": ("import sys\ndef update(p):\n    sys.exit(1)\n", "raised SystemExit: 1 (line 3)"),
    "time": ("while True:\n    pass\n", "took more than 3 seconds"),
    "sleeps": ("import time\ntime.sleep(600)\n", "took more than 3 seconds"),
    "memory": ("kept = []\nwhile True:\n    kept.append(bytearray(10**7))\n", "raised MemoryError"),
    "a large file": (
        "with open('x', 'wb') as x:\n    x.write(bytes(2**27))\n    x.write(b'x')\n",
        "raised OSError: [Errno 27] File too large",
    ),
    "shape": (
        "STYLE = 'vectorized'\nimport numpy as np\ndef update(p):\n    return np.ones((500, 500))\n",
        "shape [500, 500], more",
    ),
    "words": ("class E(Exception):\n    def __str__(self):\n        raise E\nraise E\n", "raised E (line 4)"),
    "commands": ("raise ValueError('\\n::error::x \\x1b[31m')\n", "raised ValueError: \\x3a:error::x \\x1b[31m"),
    "deep": ("x = []\nfor _ in range(10**5):\n    x = [x]\ndef update(p):\n    return x\n", "where a number is needed"),
    "an odd array": (
        "class A:\n    def __array__(self, *a, **k):\n        raise KeyError\ndef update(p):\n    return A()\n",
        "is needed",
    ),
}


@LINUX
@pytest.mark.parametrize("name", by_turns(STUDENTS))
def test_what_is_the_submissions_fault_is_marked(name, tmp_path):
    """A submission that crashes would be graded by hand, or be worth more than a wrong one."""
    source, said = STUDENTS[name]
    it = one(tmp_path, source, hidden=False, confine="process")
    assert it.failure == ""
    assert it.score == 0
    assert said in it.parts[0].mark.problem


@pytest.mark.parametrize("form", FORMATS)
def test_a_failure_of_the_grader_is_no_mark_in_any_format(form, tmp_path, capsys, monkeypatch):
    """A platform would enter a zero for every student while a disk is full."""

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Process, "__enter__", full)
    file, results = tmp_path / "submission.py", tmp_path / "results"
    file.write_text(RIGHT, encoding="utf-8")
    results.write_text('{"score": 4.0}', encoding="utf-8")
    words = ["grade", str(file), "--spec", "mazur", "--format", form]
    assert main(words) == 75
    said = capsys.readouterr().out
    assert main([*words, "-o", str(results)]) == 75
    assert results.read_text(encoding="utf-8").strip()[:20] == said.strip()[:20]
    assert "No space left on device" in capsys.readouterr().err
    assert "grader failed" in said.replace("_", " ")
    assert "No space left on device" in " ".join(said.split())
    assert "score  " not in said
    if form == "gradescope":
        assert not {"score", "tests"} & json.loads(said).keys()
    if form == "json":
        assert json.loads(said)["score"] is None
        assert json.loads(said)["parts"] == []
    if form == "junit":
        root = ET.fromstring(said)
        assert (root.get("errors"), root.get("failures")) == ("1", "0")
        assert root.find(".//error").get("type") == "grader_failed"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_grade_that_cannot_be_written_is_no_mark(tmp_path, capsys):
    """The exit code would say full score, and the platform would show the grade of an earlier submission."""
    file = tmp_path / "submission.py"
    file.write_text(RIGHT, encoding="utf-8")
    words = ["grade", str(file), "--spec", "mazur", "--points", "update", "--confine", "process", "-o", "/dev/full"]
    assert main(words) == 75
    assert "the grader failed: /dev/full was not written" in capsys.readouterr().err


def test_a_bug_of_ours_is_no_mark(tmp_path, capsys, monkeypatch):
    """Whatever we did not think of would be a student's zero."""

    def broken(*_):
        raise IndexError("no such thing")

    monkeypatch.setitem(grading.__globals__, "mark", broken)
    file = tmp_path / "submission.py"
    file.write_text(RIGHT, encoding="utf-8")
    assert main(["grade", str(file), "--spec", "mazur", "--format", "json", "--confine", "process"]) == 75
    out, err = capsys.readouterr()
    assert json.loads(out)["score"] is None
    assert "IndexError: no such thing" in json.loads(out)["grader_failed"]
    assert "Traceback" in err


def test_a_full_disk_is_not_the_students(sandbox, tmp_path):
    """Tried with a disk that is really full: a submission's folder cannot be made, or its files not written."""
    file = tmp_path / "submission.py"
    file.write_text(RIGHT, encoding="utf-8")
    words = ["bwrap", "--dev-bind", "/", "/"]
    for path in ("/var/tmp", "/tmp"):
        words += ["--size", "4096", "--tmpfs", path]
    words += [
        "--ro-bind",
        str(tmp_path),
        str(tmp_path),
        "--unsetenv",
        "TMPDIR",
        "--chdir",
        "/tmp",
        "--setenv",
        "OMP_NUM_THREADS",
        "1",
    ]
    program = (
        "import sys\nwith open('/tmp/filled', 'wb') as file:\n    file.write(bytes(4096))\n"
        "from bpcompare.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    words += [sys.executable, "-c", program, "grade", str(file), "--spec", "mazur", "--format", "json", "--confine", "process"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 75, done.stderr
    assert "No space left on device" in json.loads(done.stdout)["grader_failed"]


@LINUX
def test_a_grader_that_was_stopped_for_a_while_gives_the_mark_all_the_same(tmp_path):
    """Ctrl-Z, a debugger or a laptop that sleeps would cost a student the points."""
    file, begun = tmp_path / "submission.py", tmp_path / "begun"
    file.write_text(
        f"import time\nopen({str(begun)!r}, 'w').close()\ntime.sleep(1)\nprint('x' * 200_000)\n" + RIGHT, encoding="utf-8"
    )
    words = [sys.executable, "-m", "bpcompare", "grade", str(file), "--spec", "mazur", "--points", "update", "--format", "json"]
    words += ["--timeout", "1", "--confine", "process", "--no-hidden"]
    command = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True)
    end = time.monotonic() + 60
    while not begun.exists() and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(command.pid, signal.SIGSTOP)
    time.sleep(8)
    os.killpg(command.pid, signal.SIGCONT)
    out, _ = command.communicate(timeout=60)
    assert command.returncode == 0
    assert json.loads(out)["score"] == 1


def test_bad_submissions_are_bad_input_and_no_failure_of_the_grader(tmp_path):
    """A file that is not there would be the grader's fault."""
    with pytest.raises(GradingError, match="there is no file"):
        grade(bpcompare.load("mazur"), str(tmp_path / "none.py"))
