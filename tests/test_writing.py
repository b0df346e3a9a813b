"""Files are written in one way: whole or not at all, where they were meant to stand, with the rights they had."""

import os
import re
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from bpcompare.cli import main
from bpcompare.files.writing import is_unfinished, unwritable, write
from bpcompare.pytest_plugin import _specs
from bpcompare.spec.files import missing_file
from places import EXAMPLES

ANSWER = Path(__file__).parent / "learn" / "submissions" / "right.py"
OLD, NEW = b"old", b"the new content"


@pytest.fixture
def mazur(tmp_path):
    path = tmp_path / "mazur.toml"
    path.write_bytes((EXAMPLES / "mazur.toml").read_bytes())
    return str(path)


@pytest.fixture
def never_replaced(monkeypatch):
    """No test may replace a device of the machine it runs on, however wrong the writer is."""
    for name in ("replace", "rename", "unlink"):
        monkeypatch.setattr(Path, name, lambda *_, **__: pytest.fail("a device would be replaced"))


def listed(folder):
    return sorted(entry.name for entry in folder.iterdir())


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_there_keeps_its_mode_and_owner(tmp_path):
    """A secret file would become readable for everybody, or one of somebody else's would become root's."""
    path = tmp_path / "secret"
    path.write_bytes(OLD)
    path.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(path, 1234, 2345)
    before = path.stat()
    write(path, NEW)
    assert path.read_bytes() == NEW
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


def test_a_new_file_has_the_rights_of_any_other(tmp_path):
    """Results would be readable for their owner only, or for more people than the user allows."""
    old = os.umask(0o027)
    try:
        write(tmp_path / "a", NEW)
        (tmp_path / "b").write_bytes(NEW)
    finally:
        os.umask(old)
    assert mode(tmp_path / "a") == mode(tmp_path / "b") == 0o640


@pytest.mark.parametrize("there", [True, False])
def test_links_are_followed(tmp_path, there):
    """A link to a shared file would become a file of its own, and the shared one would stay old."""
    (tmp_path / "far").mkdir()
    target = tmp_path / "far" / "target"
    if there:
        target.write_bytes(OLD)
    (tmp_path / "hop").symlink_to("far/target")
    link = tmp_path / "link"
    link.symlink_to("hop")
    write(link, NEW)
    assert link.is_symlink()
    assert target.read_bytes() == NEW
    assert listed(tmp_path / "far") == ["target"]
    assert listed(tmp_path) == ["far", "hop", "link"]


def test_a_pipe_is_written_into(tmp_path):
    """A pipe that a program reads from would become a file, and the program would wait for ever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    here = os.open(pipe, os.O_WRONLY)  # waits until the reader has opened its end
    write(pipe, NEW * 10_000)
    os.close(here)
    reader.join()
    assert heard == [NEW * 10_000]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_pipe_that_nobody_reads_keeps_nobody_waiting(tmp_path):
    """A run would hang for ever at its end."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="pipe that nobody reads"):
        write(tmp_path / "pipe", NEW)


def test_devices_are_written_to(tmp_path, never_replaced):
    """/dev/null would become a file, for everybody on the machine."""
    before = Path("/dev/null").stat()
    write("/dev/null", NEW)
    (tmp_path / "link").symlink_to("/dev/null")
    write(tmp_path / "link", NEW)
    assert os.path.samestat(before, Path("/dev/null").stat())
    with pytest.raises(OSError, match="No space left on device"):
        write("/dev/full", NEW)
    main_end, terminal = os.openpty()
    write(os.ttyname(terminal), NEW)
    assert os.read(main_end, 100) == NEW
    os.close(main_end)
    os.close(terminal)


CHILD = "import sys; from bpcompare.files.writing import write; print('before'); write(sys.argv[1], b'here\\n'); print('after')"


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
@pytest.mark.parametrize("where", ["file", "pipe"])
def test_standard_output_has_a_name(tmp_path, name, where):
    """`-o /dev/stdout` would fail, or take away the file that the shell redirected to."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("this system has no /proc")
    (tmp_path / "link").symlink_to("/dev/stdout")
    out = tmp_path / "out"
    command = [sys.executable, "-c", CHILD, name]
    if where == "pipe":
        said = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, check=True).stdout
    else:
        with out.open("wb") as file:
            subprocess.run(command, cwd=tmp_path, stdout=file, check=True)
        said = out.read_bytes()
    assert said == b"before\nhere\nafter\n"


def test_the_file_that_standard_output_goes_to_is_not_taken_away(tmp_path):
    """`--json x >x` would leave in x what was printed or what was written, not both."""
    out = tmp_path / "out"
    with out.open("wb") as file:
        subprocess.run([sys.executable, "-c", CHILD, str(out)], stdout=file, check=True)
    assert out.read_bytes() == b"before\nhere\nafter\n"


def damaged_places(folder):
    (folder / "folder").mkdir()
    (folder / "file").write_bytes(OLD)
    (folder / "loop").symlink_to("loop")
    (folder / "nowhere").symlink_to("gone/target")
    return {
        "folder": "is a folder",
        "gone/file": "no (such )?folder",
        "nowhere": "no (such )?folder",
        "file/inside": "is a file|no folder",
        "loop": "leads back to itself",
        "a" * 300: "too long",
        "nul\0": "null",
    }


def test_what_cannot_be_written_is_told_in_plain_words(tmp_path):
    """The reason would be a code of the system's, or a traceback; or be told after the work only."""
    for name, reason in damaged_places(tmp_path).items():
        path = f"{tmp_path}/{name}"
        with pytest.raises(OSError, match=reason) as caught:
            write(path, NEW)
        assert re.search(reason, caught.value.strerror)
        if len(name) < 300:
            assert re.search(reason, unwritable(path)), unwritable(path)
    assert listed(tmp_path) == ["file", "folder", "loop", "nowhere"]
    assert (tmp_path / "file").read_bytes() == OLD


AS_NOBODY = """
import os, sys
from bpcompare.files.writing import unwritable, write
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
for path in sys.argv[1:]:
    print(unwritable(path))
    try:
        write(path, b"new")
    except OSError as error:
        print(error.strerror)
"""


def test_what_a_user_may_not_write_stays(tmp_path):
    """A write-protected file would be replaced, since its folder lets files come and go."""
    shared, closed = tmp_path / "open", tmp_path / "closed"
    for folder in (shared, closed):
        folder.mkdir()
        (folder / "file").write_bytes(OLD)
    shared.chmod(0o777)
    (shared / "file").chmod(0o444)
    closed.chmod(0o555)
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(folder.stat().st_mode | 0o111)
    tmp_path.chmod(0o755)
    command = [sys.executable, "-c", AS_NOBODY, shared / "file", closed / "file", closed / "other"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [
        f"no permission to change {shared}/file",
        "this user has no permission to write it there",
        f"no permission to write in {closed}",
        "this user has no permission to write it there",
        f"no permission to write in {closed}",
        "this user has no permission to write it there",
    ]
    assert [(folder / "file").read_bytes() for folder in (shared, closed)] == [OLD, OLD]
    closed.chmod(0o755)


def test_a_file_too_large_for_the_system_leaves_the_old_one(tmp_path):
    """Half a file would stand in place of a good one."""
    (tmp_path / "x").write_bytes(OLD)
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
        "from bpcompare.files.writing import write; write(sys.argv[1], bytes(10_000))"
    )
    said = subprocess.run([sys.executable, "-c", program, tmp_path / "x"], capture_output=True, text=True, check=False)
    assert "larger than files may be" in said.stderr
    assert (tmp_path / "x").read_bytes() == OLD
    assert listed(tmp_path) == ["x"]


def test_names_of_every_legal_length(tmp_path):
    """A name that the system takes would be refused because the unfinished copy's is longer."""
    for name in ("n" * 255, "ä" * 127, "a\nb", "[x]*?"):
        write(tmp_path / name, NEW)
        assert (tmp_path / name).read_bytes() == NEW
    assert len(listed(tmp_path)) == 4


KILLED = """
import os, signal, sys
from bpcompare.files import writing
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
writing.write(sys.argv[1], b"half")
"""


def test_what_a_killed_writer_left_is_cleaned_by_the_next(tmp_path):
    """Every kill would leave a file that nobody removes, and that a glob finds."""
    path = tmp_path / "run.bpz"
    path.write_bytes(OLD)
    for _ in range(3):
        assert subprocess.run([sys.executable, "-c", KILLED, path], check=False).returncode == -signal.SIGKILL
        (left,) = (entry for entry in tmp_path.iterdir() if entry != path)
        assert is_unfinished(left)
        assert path.read_bytes() == OLD
    other = tmp_path / ".run.bpz.notes.part"
    other.write_bytes(OLD)
    write(tmp_path / "else.bpz", NEW)
    assert left.exists()
    write(path, NEW)
    assert listed(tmp_path) == [other.name, "else.bpz", "run.bpz"]
    assert not is_unfinished(other)
    assert not is_unfinished(path)


def test_readers_do_not_find_what_a_killed_writer_left(tmp_path):
    """Half a spec would be run because a pattern matches it, or be proposed as what was meant."""
    for name in ("mazur.toml", ".mazur.toml.0123abcd.part", ".mazu.toml.0123abcd.part"):
        (tmp_path / name).write_bytes(NEW)
    found = _specs("here", ["*"], tmp_path / "test_x.py", SimpleNamespace(rootpath=tmp_path))
    assert list(found.values()) == [tmp_path / "mazur.toml"]
    assert missing_file(tmp_path / ".mazu.toml.0123abcf.part") == ""
    assert missing_file(tmp_path / "mazu.toml") == 'did you mean "mazur.toml"?'


def test_writers_of_one_file_do_not_disturb_each_other(tmp_path):
    """One would clean away what the other is writing, and fail or lose it."""
    path, failed = tmp_path / "x", []

    def writer(letter):
        try:
            for _ in range(40):
                write(path, letter * 50_000)
        except OSError as error:
            failed.append(error)

    threads = [threading.Thread(target=writer, args=(letter,)) for letter in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert path.read_bytes() in [letter * 50_000 for letter in (b"a", b"b", b"c")]
    assert listed(tmp_path) == ["x"]


@pytest.mark.parametrize(
    "command",
    [
        ["run", "SPEC", "-b", "delta", "-q", "--save", "OUT"],
        ["run", "SPEC", "-b", "delta", "-q", "--json", "OUT"],
        ["report", "SPEC", "-b", "delta", "--static", "-o", "OUT"],
        ["grade", "ANSWER", "--spec", "SPEC", "--points", "update", "--no-hidden", "-o", "OUT"],
    ],
    ids=lambda command: f"{command[0]} {command[-2]}",
)
def test_every_command_writes_in_this_way(mazur, tmp_path, command, monkeypatch):
    """An option would replace links and devices, or change rights, although the others do not."""
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "target").write_bytes(OLD)
    (tmp_path / "target").chmod(0o600)
    words = {"SPEC": mazur, "ANSWER": str(ANSWER), "OUT": str(tmp_path / "link")}
    main([words.get(word, word) for word in command])
    assert (tmp_path / "link").is_symlink()
    assert mode(tmp_path / "target") == 0o600
    assert len((tmp_path / "target").read_bytes()) > 50
    with monkeypatch.context() as patch:
        for name in ("replace", "rename", "unlink"):
            patch.setattr(Path, name, lambda *_, **__: pytest.fail("a device would be replaced"))
        main([(words | {"OUT": "/dev/null"}).get(word, word) for word in command])
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_goldens_are_written_in_this_way(mazur, tmp_path):
    """A golden that a link leads to would be written beside the link, and the shared one stay old."""
    assert main(["golden", "update", mazur, "-b", "delta"]) == 0
    (golden,) = (tmp_path / "goldens").iterdir()
    shared = golden.rename(tmp_path / "shared.json")
    shared.chmod(0o600)
    golden.symlink_to(shared)
    text = shared.read_bytes()
    spec = Path(mazur)
    spec.write_text(spec.read_text().replace("eta = 0.5", "eta = 0.25"))
    assert main(["golden", "update", mazur, "-b", "delta", "--force"]) == 0
    assert golden.is_symlink()
    assert shared.read_bytes() != text
    assert mode(shared) == 0o600
