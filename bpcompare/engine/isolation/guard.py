"""The process that guards another one, run as a script: `python -I -S guard.py`. Standard library only.

It makes a folder, runs one command, ends all that the command started, and removes the folder. It also does so when the process
that asked has ended, for whatever reason: SIGTERM, SIGHUP, SIGQUIT, or SIGKILL, which no process can catch. It measures the time
and reads what is printed, so that neither depends on the process that waits for it.

It speaks lines of JSON: out comes `{"folder": …}`, in goes the job (`Job` in process.py), out comes how it ended. When its
standard input is closed, it ends what there is to end, and itself.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic, sleep
from typing import IO, Any

KEPT = 8_192
"""So many bytes of what a process prints are kept: its last words."""
TICK = 0.2
LONGEST_TICK = 1.0
"""Seconds that one tick of the clock counts for at most: if it took longer, this machine stood still, and not the process."""
PAUSE = 1.0
"""Seconds to wait for the rest of the output of a process that has ended."""
PATIENCE = 10.0
"""Seconds in which all that a process started must have ended once it was killed."""
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


class Guard:
    """The guard's own state: the `job` read from its standard input, and whether it must end (`gone`)."""

    def __init__(self) -> None:
        self.news = threading.Event()
        self.gone = False
        self.job = b""
        self._parent = os.getppid()
        for name in ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._leave)
        if hasattr(signal, "SIGCHLD"):  # ignored, it would keep how a child ended from us
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        threading.Thread(target=self._listen, daemon=True).start()

    def _leave(self, *_: Any) -> None:
        # Nothing more: what this interrupts may hold the lock of `news`. The clock ticks soon.
        self.gone = True

    def _listen(self) -> None:
        # Not through sys.stdin: a thread that sleeps in its lock would keep this process from ending.
        while chunk := os.read(0, 65_536):
            self.job += chunk
            self.news.set()
        self.gone = True
        self.news.set()

    def left(self) -> bool:
        """Whether the process that asked is there no more, or said that it is done."""
        # A process that was forked, and not started anew, may hold the other end of the pipe open after its parent's end.
        return self.gone or os.getppid() != self._parent

    def wait(self) -> None:
        """Until something happened, or the clock ticks."""
        self.news.wait(TICK)
        self.news.clear()


def main() -> None:
    """Guard one process."""
    guard = Guard()
    adopts = _prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        folder = tempfile.mkdtemp(prefix="bpcompare-")
    except OSError as error:
        _say({"error": f"no folder can be made: {error.strerror or error}"})
        return
    try:
        _say({"folder": folder})
        while not guard.left() and not guard.job.endswith(b"\n"):
            guard.wait()
        if not guard.left():
            _say(_served(guard, json.loads(guard.job), folder, adopts=adopts))
        while not guard.left():
            guard.wait()
    except Exception as error:  # noqa: BLE001 — whoever waits is to hear of it
        _say({"error": f"its guard failed: {type(error).__name__}: {error}"})
    finally:
        remove(folder)


def _served(guard: Guard, job: dict[str, Any], folder: str, *, adopts: bool) -> dict[str, Any]:
    """Run the command of `job`, and say how it ended."""
    apart = bool(job["answer"])
    try:
        process = subprocess.Popen(  # noqa: S603 — the command is a Python of the user's
            job["command"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if apart else subprocess.STDOUT,
            start_new_session=True,
            cwd=folder if job["inside"] else None,
            env=job["environment"],
            # One thread of ours reads a pipe meanwhile, and holds no lock that the child could want.
            preexec_fn=_die_with_guard if sys.platform == "linux" else None,  # noqa: PLW1509
        )
    except (OSError, ValueError) as error:
        return {"error": f"{job['command'][0]} cannot be started: {getattr(error, 'strerror', None) or error}"}
    assert process.stdout is not None  # noqa: S101 — asked for above
    answered = OutputReader(process.stdout, first=job["answer"]) if apart else None
    heard = OutputReader(process.stderr if apart else process.stdout, last=KEPT)  # type: ignore[arg-type]
    ended = threading.Event()

    def until_it_ends() -> None:
        process.wait()
        ended.set()
        guard.news.set()

    threading.Thread(target=until_it_ends, daemon=True).start()
    late, seconds = _watched(guard, ended, job, answered)
    _end(process, ended, adopts=adopts)
    for one in filter(None, (heard, answered)):
        one.join(PAUSE)
    return {
        "code": None if late else process.returncode,
        "seconds": seconds,
        "cpu": _cpu(),
        "printed": heard.kept.decode("utf-8", "replace"),
        "characters": heard.count,
        "begun": answered is None or answered.count > 0,
        "answer": answered.kept.decode("utf-8", "replace") if answered else "",
        "answered": answered.count if answered else 0,
    }


def _watched(guard: Guard, ended: threading.Event, job: dict[str, Any], answered: OutputReader | None) -> tuple[bool, float]:
    """Whether it took too long, and how long it took: counted from its first word where it answers here."""
    begun = answered is None
    seconds, last = 0.0, monotonic()
    while not ended.is_set() and not guard.left():
        limit = job["timeout"] if begun else job["start"]
        if seconds > limit:
            return True, seconds
        guard.wait()
        now = monotonic()
        seconds, last = seconds + min(now - last, LONGEST_TICK), now
        if not begun and answered is not None and answered.count:
            begun, seconds = True, 0.0
    return False, seconds


def _end(process: subprocess.Popen[bytes], ended: threading.Event, *, adopts: bool) -> None:
    """Kill the process, its group, and, where they become our children, those that left the group."""
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    ended.wait(PATIENCE)
    until = monotonic() + PATIENCE
    while adopts and monotonic() < until:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:  # none left
            return
        for pid in _descendants():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        sleep(0.005)


def _descendants() -> list[int]:
    """Every process that descends from this one, by /proc."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 — names are all that is needed
        if name.isdecimal():
            with suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                children.setdefault(int(file.read().rpartition(b")")[2].split()[1]), []).append(int(name))
    found, waiting = [], [os.getpid()]
    while waiting:
        more = children.get(waiting.pop(), [])
        found += more
        waiting += more
    return found


class OutputReader(threading.Thread):
    """Reads a stream to its end, so that its writer never waits. Keeps the `first` bytes and one more, or the `last` bytes."""

    def __init__(self, stream: IO[bytes], first: int = 0, last: int = 0) -> None:
        super().__init__(daemon=True)
        self.count = 0
        self._stream, self._first, self._last = stream, first, last
        self._pieces: list[bytes] = []
        self.start()

    @property
    def kept(self) -> bytes:
        """What was kept so far: somebody may hold the stream open for ever."""
        return b"".join(self._pieces)

    def run(self) -> None:
        """Read."""
        while chunk := os.read(self._stream.fileno(), 65_536):
            if self._last:
                self._pieces = [(self.kept + chunk)[-self._last :]]
            elif self.count <= self._first:
                self._pieces.append(chunk[: self._first + 1 - self.count])
            self.count += len(chunk)


def remove(folder: str) -> None:
    """Remove a folder whatever is in it, as far as this user may: of any depth, with any rights. Raises nothing.

    What stands two levels down is lifted one up before its folder is removed: nothing recurses, and no path gets long.
    """
    names = (f"{folder}{os.sep}{secrets.token_hex(4)}-{number}" for number in range(2**62))
    # It may have been replaced by a link: what that leads to is not ours.
    changes = 0 if os.path.islink(folder) else 1  # noqa: PTH114
    while changes:
        changes = sum(_emptied(entry, names) for entry in _entries(folder))
    with suppress(OSError):
        os.rmdir(folder)  # noqa: PTH106
    with suppress(OSError):
        os.unlink(folder)  # noqa: PTH108 — a link


def _emptied(entry: os.DirEntry[str], names: Iterator[str]) -> int:
    """Remove a file, or a folder after what is in it; how many of these steps succeeded."""
    if not _is_folder(entry):
        return _done(os.unlink, entry.path)
    _done(os.chmod, entry.path, 0o700)
    changes = 0
    for inner in _entries(entry.path):
        if _is_folder(inner):
            _done(os.chmod, inner.path, 0o700)
            changes += _done(os.rename, inner.path, next(names))
        else:
            changes += _done(os.unlink, inner.path)
    return changes + _done(os.rmdir, entry.path)


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as entries:
        yield from entries


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _done(act: Any, *words: Any) -> int:
    try:
        act(*words)
    except OSError:
        return 0
    return 1


def _cpu() -> float:
    """Seconds of processor time of what ended."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _prctl(option: int, value: int) -> bool:
    """Ask Linux for something about this process; False elsewhere."""
    try:
        return sys.platform == "linux" and bool(_LIBC.prctl(option, value, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


try:
    import ctypes

    _LIBC: Any = ctypes.CDLL(None)
except (ImportError, OSError, TypeError):  # a Python without it, or Windows
    _LIBC = None


def _die_with_guard() -> None:
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _say(content: dict[str, Any]) -> None:
    """Write one line to the process that asked, if it is still there."""
    data = json.dumps(content).encode() + b"\n"
    with suppress(OSError):
        while data:
            data = data[os.write(1, data) :]


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    # What a stranger's process left of threads here ends, too.
    os._exit(0)
