"""How the command ends: an exit code speaks of a verdict only where somebody was told one."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest

from places import EXAMPLES

MAZUR = str(EXAMPLES / "mazur.toml")
COMMAND = [sys.executable, "-m", "bpcompare"]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals, forks and /dev/full are POSIX")

FILE = """
import ctypes, os, signal, sys, threading, time
from bpcompare_delta import Delta

TOP

class Student(Delta):
    name = "student"

    def run(self, plan):
        LINE
        return super().run(plan)
"""


@pytest.fixture
def student(tmp_path):
    """student("os._exit(0)"): the name of a backend in a file whose run starts with that line; `top` is its module's."""

    def make(line, top=""):
        path = tmp_path / "student.py"
        path.write_text(FILE.replace("LINE", line).replace("TOP", top))
        return f"{path}:Student"

    return make


def ended(*words, stdout=subprocess.PIPE, cwd=None):
    """A process that has ended."""
    command = [*COMMAND, *map(str, words)]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, timeout=120, cwd=cwd)


@pytest.mark.parametrize(
    "line",
    [
        "os._exit(0)",
        "os.abort()",
        *(
            pytest.param(line, marks=pytest.mark.slow)
            for line in (
                "os._exit(1)",
                "ctypes.string_at(0)",
                "os.kill(os.getpid(), signal.SIGKILL)",
                "threading.Thread(target=os._exit, args=(0,)).start(); time.sleep(60)",
            )
        ),
    ],
)
def test_a_backend_that_ends_the_process_is_told(student, line):
    """Exit code 0 and no output would pass in CI, and 1 would mean that some backend is wrong."""
    _told_that_it_ended(ended("run", MAZUR, "-b", "delta", "-b", student(line)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [["show", MAZUR, "-b"], ["report", MAZUR, "-b"], ["golden", "update", MAZUR, "-b"], ["conform"]], ids=" ".join
)
def test_so_it_is_by_every_command(student, words, tmp_path):
    """Another command would call it a success."""
    _told_that_it_ended(ended(*words, student("os._exit(0)"), cwd=tmp_path))
    left = {path.name for path in tmp_path.iterdir()} - {"__pycache__"}  # Python's own, where it may write it
    assert left == {"student.py"}


def _told_that_it_ended(done):
    assert done.returncode == 3
    assert "there is no verdict" in done.stderr
    assert "--isolate" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    ("error", "where"),
    [
        ("KeyboardInterrupt", "run"),
        ("GeneratorExit", "import"),
        pytest.param("SystemExit(0)", "import", marks=pytest.mark.slow),
        pytest.param("KeyboardInterrupt", "import", marks=pytest.mark.slow),
        pytest.param("GeneratorExit", "run", marks=pytest.mark.slow),
        pytest.param("type('Own', (BaseException,), {})()", "run", marks=pytest.mark.slow),
    ],
)
def test_whatever_a_backend_raises_is_its_failure(student, error, where):
    """An exception that is no Exception would end the command with code 1, "wrong", or with 0."""
    name = student(f"raise {error}") if where == "run" else student("pass", f"raise {error}")
    done = ended("run", MAZUR, "-b", "delta", "-b", name)
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1].startswith("not_run  ")
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["run", MAZUR, "-b", "delta", "--json", "-"],
        ["--version"],
        *(
            pytest.param(words, marks=pytest.mark.slow)
            for words in (
                ["run", MAZUR, "-b", "delta", "-q"],
                ["run", "--help"],
                [],
                ["--help"],
                ["schema"],
                ["ops"],
                ["explain", "BP204"],
            )
        ),
    ],
    ids=" ".join,
)
def test_a_result_that_nobody_gets_is_no_verdict(words):
    """A full disk would leave an empty report and exit code 0, or "a bug in bpcompare"."""
    with Path("/dev/full").open("w") as full:
        done = ended(*words, stdout=full)
    assert done.returncode == 74
    assert "could not be written to standard output: No space left" in done.stderr
    assert "Traceback" not in done.stderr
    closed = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *COMMAND, *words], stderr=subprocess.PIPE, text=True, check=False)
    assert closed.returncode == 74
    assert closed.stderr.endswith("it is closed\n")


def test_files_are_written_where_the_terminal_is_not(tmp_path):
    """A full standard output would cost the file that was asked for as well."""
    with Path("/dev/full").open("w") as full:
        done = ended("run", MAZUR, "-b", "delta", "--save", tmp_path / "x.bpz", "--json", tmp_path / "x.json", stdout=full)
    assert done.returncode == 74
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.bpz", "x.json"]


@pytest.mark.slow
def test_a_file_does_not_take_the_place_of_a_closed_stream(tmp_path, student):
    """What a backend prints would be written into the saved run."""
    name = student("os.write(1, b'hello'); os.write(2, b'hello')")
    words = [*COMMAND, "run", MAZUR, "-b", name, "-b", "delta", "--save", str(tmp_path / "x.bpz"), "-q"]
    subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *words], check=False, timeout=120)
    assert ended("diff", tmp_path / "x.bpz", tmp_path / "x.bpz").returncode == 0


@pytest.mark.parametrize("words", [["--help"], pytest.param(["run", "--help"], marks=pytest.mark.slow), ["ops"]], ids=" ".join)
def test_help_that_is_read_in_part(words):
    """`bpcompare --help | head` would end with 1, which means "wrong"."""
    with subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert not process.stderr.read()
        assert process.wait(60) == 0


@pytest.mark.parametrize(
    "words",
    [
        ["report", "no.bpz"],
        ["diff", "no.bpz", "no.bpz"],
        ["repro", "no.bpz"],
        ["run", "no.toml"],
        ["run", MAZUR, "-b", "no.py:No"],
    ],
    ids=" ".join,
)
def test_a_missing_file_is_no_bug(said, words):
    """Whoever mistypes a name would be asked to report a bug."""
    answer = said(*words)
    assert answer.code in (2, 3)
    assert "bug" not in answer.err
    assert "Traceback" not in answer.err + answer.out


def test_a_framework_that_crashes_when_it_is_taken_down_changes_no_verdict(student):
    """A certified run would end with the code of a crash at the interpreter's end, or never."""
    line = "import atexit; atexit.register(os._exit, 1)"
    done = ended("run", MAZUR, "-b", "delta", "-b", student(line), "-q")
    assert done.returncode == 0
    assert done.stdout.startswith(("identical", "certified"))


READY = "print('ready', file=sys.stderr, flush=True); "
SWALLOWS = READY + "exec('for _ in range(50):\\n try: time.sleep(0.2)\\n except BaseException: pass')"
IN_C = READY + "ctypes.PyDLL(None).sleep(60)"


def interrupted(words, times=1, to="process", folder=None):
    """The command, interrupted as soon as it says that it is ready: exit code, standard output, the rest of standard error."""
    with subprocess.Popen(
        [*COMMAND, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=folder,
    ) as process:
        while (line := process.stderr.readline()) and "ready" not in line:
            pass
        for _ in range(times):
            if to == "group":  # as a terminal does it
                os.killpg(process.pid, signal.SIGINT)
            else:
                process.send_signal(signal.SIGINT)
            sleep(0.05)
        started = monotonic()
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err, monotonic() - started


@pytest.mark.parametrize(
    ("to", "times"),
    [
        ("group", 1),
        *(pytest.param(to, times, marks=pytest.mark.slow) for to, times in (("process", 1), ("process", 4), ("group", 4))),
    ],
)
@pytest.mark.parametrize("line", [READY + "time.sleep(60)", SWALLOWS, IN_C], ids=["python", "swallowed", "in C"])
def test_ctrl_c_ends_the_run(student, line, times, to):
    """Ctrl-C would be swallowed by a framework, and the run go on to a verdict; or it would end in a crash."""
    code, out, err, seconds = interrupted(["run", MAZUR, "-b", "delta", "-b", student(line)], times, to)
    assert code == 130
    assert err.splitlines()[-1] == "interrupted"
    assert not out
    assert "Traceback" not in err
    assert seconds < 10


@pytest.mark.slow
def test_ctrl_c_in_a_callback_of_jax(tmp_path):
    """XLA calls Python from C++: an exception there is lost, or crashes the process."""
    pytest.importorskip("jax")
    (tmp_path / "called.py").write_text(
        "import sys, time\nimport jax, numpy as np\nfrom bpcompare_delta import Delta\n"
        "def slow(x):\n    print('ready', file=sys.stderr, flush=True)\n    time.sleep(20)\n    return x\n"
        "class Called(Delta):\n    name = 'called'\n    def run(self, plan):\n"
        "        f = jax.jit(lambda x: jax.pure_callback(slow, jax.ShapeDtypeStruct((), np.float32), x))\n"
        "        f(np.float32(1)).block_until_ready()\n        return super().run(plan)\n"
    )
    code, out, err, _ = interrupted(["run", MAZUR, "-b", "delta", "-b", f"{tmp_path / 'called.py'}:Called"], to="group")
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "interrupted"


def test_ctrl_c_while_a_framework_is_imported(student):
    """Half an import would be reported as a framework that is broken."""
    name = student("pass", READY + "time.sleep(60)")
    code, out, _, _ = interrupted(["run", MAZUR, "-b", "delta", "-b", name])
    assert (code, out) == (130, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["golden", "update", MAZUR, "-b"],
        ["report", MAZUR, "-o", "page.html", "-b"],
        ["run", MAZUR, "--save", "x.bpz", "--json", "x.json", "-b"],
        ["run", MAZUR, "--isolate", "-b"],
        ["show", MAZUR, "-b"],
        ["conform"],
    ],
    ids=" ".join,
)
def test_ctrl_c_leaves_nothing_behind(student, words, tmp_path):
    """A golden, page or saved run would be there in part, and look like one."""
    (tmp_path / "here").mkdir()
    name = student("open(FLAG, 'w').close(); time.sleep(60)", f"FLAG = {str(tmp_path / 'ready')!r}")
    with subprocess.Popen(
        [*COMMAND, *words, name],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path / "here",
        start_new_session=True,
    ) as process:
        until = monotonic() + 60
        while not (tmp_path / "ready").exists() and monotonic() < until:
            sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "interrupted"
    assert not list((tmp_path / "here").iterdir())


def test_ctrl_c_while_our_own_code_works():
    """What is open would not be closed: a worker goes on, a file stays half-written."""
    code = (
        "import sys, time\nimport bpcompare.session.conductor as its\nfrom bpcompare.cli import main\n"
        "def judge(*_, **__):\n    try:\n        print('ready', file=sys.stderr, flush=True)\n        time.sleep(60)\n"
        "    finally:\n        print('closed', file=sys.stderr)\n"
        f"its.judge = judge\nsys.argv = ['bpcompare', 'run', {MAZUR!r}, '-b', 'delta']\nsys.exit(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "closed\ninterrupted\n")


def test_ctrl_c_while_a_file_is_saved(tmp_path):
    """A saved run would be there in part, in place of the one that was there before."""
    saved = tmp_path / "x.bpz"
    saved.write_bytes(b"as it was")
    code = (
        "import os, sys, time\nfrom bpcompare.cli import main\n"
        "def slow(_):\n    print('ready', file=sys.stderr, flush=True)\n    time.sleep(60)\n"
        f"os.fsync = slow\nsys.argv = ['bpcompare', 'run', {MAZUR!r}, '-b', 'delta', '-q', '--save', {str(saved)!r}]\n"
        "sys.exit(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert [path.name for path in tmp_path.iterdir()] == ["x.bpz"]
    assert saved.read_bytes() == b"as it was"


@pytest.mark.slow
def test_ctrl_c_while_homework_is_graded(tmp_path):
    """A grade would be written for a submission that was not asked to its end."""
    homework, flag = tmp_path / "homework.py", tmp_path / "results.json"
    homework.write_text("import time\ntime.sleep(60)\n")
    words = ["grade", homework, "--spec", MAZUR, "-o", flag, "--timeout", "50"]
    with subprocess.Popen([*COMMAND, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        sleep(5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "interrupted"
    assert not flag.exists()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_other_ends_reach_the_work(student, name, tmp_path):
    """`kill` would end the process that watches, and leave the one that works."""
    flag = tmp_path / "ready"
    backend = student("open(FLAG, 'w').write(str(os.getpid())); time.sleep(60)", f"FLAG = {str(flag)!r}")
    with subprocess.Popen([*COMMAND, "run", MAZUR, "-b", backend], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until = monotonic() + 60
        while not (flag.exists() and flag.read_text()) and monotonic() < until:
            sleep(0.02)
        process.send_signal(getattr(signal, name))
        assert process.wait(30) in (-getattr(signal, name), 128 + getattr(signal, name))
        assert not process.stdout.read()
    with pytest.raises(ProcessLookupError):
        os.kill(int(flag.read_text()), 0)


def _ignoring(name, words):
    """The command, started by a process that ignores the signal `name`; no fork of this one, where frameworks run threads."""
    start = f"import os, signal, sys; signal.signal(signal.{name}, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", start, *COMMAND, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_sigint_that_was_to_be_ignored_is(student):
    """A run in the background of a script would end with the Ctrl-C that was meant for the script."""
    name = student("os.kill(os.getpid(), signal.SIGINT)")
    assert _ignoring("SIGINT", ["run", MAZUR, "-b", "delta", "-b", name, "-q"]).returncode == 0


@pytest.mark.sampled(2)
@pytest.mark.parametrize("options", [(), ("--isolate",)])
def test_children_that_were_to_be_ignored_are_heard(student, options):
    """A service that ignores SIGCHLD hands that on: nobody hears how a child ended, and a traceback's exit code says "wrong"."""
    done = _ignoring("SIGCHLD", ["run", MAZUR, "-b", "delta", "-b", student("os._exit(7)"), *options])
    assert (done.returncode, "Traceback" in done.stderr) == (3, False)
    assert "exit code 7" in done.stdout + done.stderr
