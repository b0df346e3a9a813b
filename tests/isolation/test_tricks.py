"""What backends put in place of an answer, leave behind, or say, costs them alone."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import bpcompare
from bpcompare.cli import main
from bpcompare.engine.isolation import guard
from bpcompare.engine.isolation.process import Process
from bpcompare.page import page
from bpcompare.report import text
from bpcompare.report.concise import concise, github
from bpcompare.report.junit import junit
from bpcompare.text.words import inert

HERE = Path(__file__).parent
TRICKS = HERE / "tricksters.py"
NO_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, links and pipes")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="that daemons end with what started them is Linux'")

SAID = {
    "Pipe": "record.safetensors: is a pipe, and no regular file",
    "OutcomeIsPipe": "outcome.json: is a pipe, and no regular file",
    "Device": "record.safetensors: is a link, and no regular file",
    "OutcomeIsDevice": "outcome.json: is a link, and no regular file",
    "Folder": "record.safetensors: is a folder, and no regular file",
    "Missing": "record.safetensors: is not there",
    "Sparse": "record.safetensors: has 4,294,967,296 bytes, where",
    "OutcomeIsSparse": "outcome.json: has 4,294,967,296 bytes, where 65,536",
    "Endless": "File too large",
    "DeepOutcome": "outcome.json: is nested too deeply to be read",
    "DeepHeader": "record.safetensors: ",
    "DeepFolders": "",
    "Daemon": "",
    "KillsItsGuard": "guarded it was killed",
}


def named(trick):
    return f"{TRICKS}:{trick}"


def running(words):
    """Whether a process has these words in its command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return any(words.encode() in line for line in found)


def until(condition, seconds=90):
    """Whether something becomes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="module")
def tricked(tmp_path_factory):
    """All tricksters in one run, an honest backend after them; and the folder in which their folders were."""
    place = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(place))
        wanted = [*map(named, SAID), named("Commands"), named("Fails"), "delta"]
        found = bpcompare.run(bpcompare.load("mazur"), wanted, isolate=True, timeout=60, memory=2**30)
    return found, place


@pytest.mark.sampled(5)
@NO_FORK
@pytest.mark.parametrize("trick", SAID)
def test_what_is_no_answer_costs_its_backend_and_not_the_run(tricked, trick):
    """A pipe, a device, a file without end or depth would hang or break the run, and take every other answer with it."""
    found, _ = tricked
    failure = next(one.failure for name, one in found.certificates.items() if name.endswith(f":{trick}") or name == trick.lower())
    assert SAID[trick] in failure if SAID[trick] else failure is None
    assert found.certificates["delta"].verdict == "certified"


@NO_FORK
def test_nothing_is_left_in_the_folder_for_temporary_files(tricked):
    """Folders a thousand deep, or without rights, would stay for ever."""
    assert list(tricked[1].iterdir()) == []


@LINUX
def test_daemons_end_with_the_worker(tricked):
    """A process in a session of its own would outlive the run, and change its results."""
    assert not running("left by a daemon")


BIDI = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c"


@NO_FORK
@pytest.mark.parametrize("form", ["text", "verbose", "concise", "github", "junit", "page", "json"])
def test_what_a_worker_says_is_no_command(tricked, form):
    """A backend could write an annotation, end a build step, or redraw a terminal in our name."""
    found, _ = tricked
    forms = {
        "text": lambda: text(found),
        "verbose": lambda: text(found, verbose=True),
        "concise": lambda: "\n".join(concise(found, "mazur.toml")),
        "github": lambda: "\n".join(github(found, "mazur.toml")),
        "junit": lambda: junit([("mazur", found)]),
        "page": lambda: page(found),
        "json": found.to_json,
    }
    shown = forms[form]()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)
    assert not set(BIDI) & set(shown)
    for line in shown.splitlines():
        assert not re.match(r"\s*::(error file=a|error::|warning::|stop-)", line), line
        assert not re.search(r"##(\[|vso\[)", line), line
    if form != "page":
        assert len(shown) < 100_000


@pytest.mark.parametrize("options", [["-v"], ["--format", "junit"], ["--format", "concise"], ["--format", "json"]])
@pytest.mark.parametrize("trick", ["Fails", "SaysNo"])
def test_what_a_backend_says_is_no_command_without_isolation_either(trick, options, capsys):
    """What is raised in this process, and a backend's name, would reach the build server as they are."""
    assert main(["run", "mazur", "-b", "delta", "-b", named(trick), *options]) == 3
    out, err = capsys.readouterr()
    for line in f"{out}\n{err}".splitlines():
        assert not re.match(r"\s*::", line), line
        assert not re.search(r"##\[|[\x00-\x08\x0b-\x1f\x7f-\x9f]", line), line


def test_what_a_worker_says_is_cut(tricked):
    """Megabytes of a backend's words would stand in every report."""
    found, _ = tricked
    failure = found.certificates["fails"].failure
    assert len(failure.partition("\n")[0]) < 1_100
    assert len(failure) < 10_000
    assert len(found.records["commands"].provenance.updater) < 2_000
    assert len(found.records["commands"].provenance.printed) < 1_000


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("std::bad_alloc", "std::bad_alloc"),
        ("a\n  ::error::b", "a\n  \\x3a:error::b"),
        ("and then ::error::b", "and then \\x3a:error::b"),
        ("x ##[error]b ##vso[b] ##teamcity[b", "x \\x23#[error]b \\x23#vso[b] \\x23#teamcity[b"),
        ("## 1. heading", "## 1. heading"),
        ("\x1b[31m\r\x9b1m\u202e\u2028\ud800", "\\x1b[31m\\r\\x9b1m\\u202e\\u2028\\ud800"),
        ("a\tb\r\nc", "a       b\nc"),
        ("É Δ ✓", "É Δ ✓"),
        (None, "nothing"),
    ],
)
def test_words_of_strangers_become_inert(said, shown):
    """What is dangerous would pass, or what is not would become unreadable."""
    assert inert(said) == shown


def test_words_of_strangers_are_cut_without_making_a_command():
    """A cut could make a command of what was none, in the middle of a line before."""
    assert not re.search(r"(^|\s)::error", inert("std::error::" + "x" * 50, 57, end=True))
    assert len(inert("x" * 5_000)) < 1_010


@pytest.mark.sampled(4)
@LINUX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL])
def test_a_signal_to_the_command_leaves_neither_worker_nor_folder(number, tmp_path):
    """Whoever stops a run in CI would find its workers running for hours, and its folders in the way."""
    words = ["sh", "-c", 'ulimit -c 0; exec "$@"', "sh"]  # SIGQUIT would leave a core here
    words += [sys.executable, "-m", "bpcompare", "run", "mazur", "-b", "delta", "-b", named("Waits"), "--isolate"]
    settings = {**os.environ, "TMPDIR": str(tmp_path), "OMP_NUM_THREADS": "1"}
    command = subprocess.Popen(words, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert until(lambda: [*tmp_path.glob("*/waiting")])
        command.send_signal(number)
        said, _ = command.communicate(timeout=120)
    finally:
        command.kill()
    assert command.returncode == -number, said
    if number == signal.SIGKILL:  # which nobody can answer: its guard sees that it is gone
        assert until(lambda: not [*tmp_path.iterdir()])
    assert not [*tmp_path.iterdir()]
    assert not running(str(tmp_path))


@LINUX
def test_a_signal_that_is_ignored_or_somebodys_stays_so():
    """`nohup`, or a server that embeds us, would lose what it decided about signals."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        mine = signal.getsignal(signal.SIGTERM)
        with Process() as apart:
            assert signal.getsignal(signal.SIGTERM) is mine
            assert apart.run([sys.executable, "-c", ""], 30).code == 0
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
    with Process():
        assert callable(signal.getsignal(signal.SIGTERM))
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@LINUX
def test_time_during_which_this_machine_stood_still_is_not_the_processs(monkeypatch):
    """A laptop that slept, or a container that was paused, would have stopped an honest process for being late."""
    with Process() as apart:
        code = "import os, signal, time; os.kill(os.getppid(), signal.SIGSTOP); time.sleep(0.5)"
        revive = "import os, sys, time, signal; time.sleep(4); os.kill(int(sys.argv[1]), signal.SIGCONT)"
        helper = subprocess.Popen([sys.executable, "-c", revive, str(apart._guard.pid)])
        ended = apart.run([sys.executable, "-c", code], 3)
        helper.wait()
    assert ended.code == 0
    assert ended.seconds < 3


def test_a_process_that_is_late_is_stopped_with_all_it_started():
    """A limit on time would be none."""
    with Process() as apart:
        started = time.monotonic()
        ended = apart.run([sys.executable, "-c", "import time; print('hello', flush=True); time.sleep(600)"], 1)
        assert ended.code is None
        assert ended.printed.strip() == "hello"
        assert time.monotonic() - started < 30


def test_a_command_that_is_not_there_is_an_error_of_the_system():
    """A backend would be blamed for a Python that is not there, or the run would hang."""
    with Process() as apart, pytest.raises(OSError, match="cannot be started"):
        apart.run(["/nowhere/python"], 10)


def test_no_folder_is_an_error_of_the_system(monkeypatch):
    """A full disk would be somebody's fault."""
    monkeypatch.setattr(guard, "__file__", "/nowhere/guard.py")
    with pytest.raises(OSError, match="killed from outside"), Process():
        pass


@NO_FORK
def test_folders_of_any_depth_and_rights_are_removed(tmp_path):
    """What a worker left would stay for ever, or removing it would break the run."""
    top = tmp_path / "top"
    (top / "wide").mkdir(parents=True)
    for number in range(300):
        (top / "wide" / str(number)).mkdir()
        (top / "wide" / str(number) / "file").touch()
    (top / "link").symlink_to(tmp_path)
    (tmp_path / "kept").touch()
    here = Path.cwd()
    os.chdir(top)
    for _ in range(200):
        Path("d" * 200).mkdir()
        os.chdir("d" * 200)
    os.chdir(here)
    (top / "wide").chmod(0)
    guard.remove(str(top))
    assert [one.name for one in tmp_path.iterdir()] == ["kept"]
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "kept").touch()
    for target in (tmp_path / "nowhere", tmp_path / "real"):
        (tmp_path / "link").symlink_to(target)
        guard.remove(str(tmp_path / "link"))
        assert sorted(one.name for one in tmp_path.iterdir()) == ["kept", "real"]
    assert (tmp_path / "real" / "kept").exists()
