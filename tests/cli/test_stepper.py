"""`bpcompare show --interactive`, at a terminal of its own."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import pytest

from bpcompare.cli import main
from places import EXAMPLES


def pressed(keys, *words):
    """What the terminal shows after each of `keys`, and the exit code."""
    pty = pytest.importorskip("pty")
    terminal, inner = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    command = [sys.executable, "-m", "bpcompare", *words]
    with _started(command, inner, environment) as child:
        os.close(inner)
        screens = [_until(terminal, r"\d+ / \d+.* quit")]
        for key in keys:
            os.write(terminal, key)
            screens.append(_until(terminal, r"\d+ / \d+.* quit|\n(certified|wrong|identical)\b"))
        code = child.wait(60)
    os.close(terminal)
    return screens, code


@contextmanager
def _started(command, inner, environment):
    """The command at a terminal, in a session of its own, and ended with the test: one that waits for a key waits for ever."""
    with subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, env=environment, start_new_session=True) as child:
        try:
            yield child
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)


def _until(terminal, pattern):
    found, end = "", time.monotonic() + 60
    while not re.search(pattern, found):
        assert time.monotonic() < end, found
        if select.select([terminal], [], [], 1)[0]:
            try:
                found += os.read(terminal, 65536).decode()
            except OSError:  # the terminal's other end has gone
                break
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_arrow_keys_step_through_a_run():
    """The lesson stops at its first number."""
    keys = [b"\x1b[C", b"\x1b[C", b"\x1b[D", b"b", b"\x1b[F", b"\x1b[C", b"\x1b[H", b"z", b"q"]
    screens, code = pressed(keys, "show", str(EXAMPLES / "mazur.toml"), "-i", "-b", "delta,delta!BP204")
    at = [int(re.search(r"(\d+) / (\d+)", screen).group(1)) for screen in screens[:-1]]
    last = int(re.search(r"/ (\d+)", screens[0]).group(1))
    assert at[:4] == [1, 2, 3, 2]
    assert "backward" in screens[4].splitlines()[2]
    assert at[5:9] == [last, last, 1, 1]
    assert "0.15*0.05 + 0.2*0.1 + 0.35 = 0.3775" in screens[0]
    assert "delta!BP204" in screens[0]
    assert code == 1, "a wrong backend is shown, and still wrong"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_ctrl_c_gives_the_terminal_back():
    """The shell would show nothing of what is typed after it."""
    import pty
    import termios

    terminal, inner = pty.openpty()
    before = termios.tcgetattr(inner)
    command = [sys.executable, "-m", "bpcompare", "show", str(EXAMPLES / "mazur.toml"), "-i", "-b", "delta"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    with _started(command, inner, environment) as child:
        _until(terminal, r"\d+ / \d+.* quit")
        end = time.monotonic() + 60
        while termios.tcgetattr(inner) == before:  # it is asked for a key right after the screen is there
            assert time.monotonic() < end
            time.sleep(0.01)
        os.killpg(child.pid, signal.SIGINT)
        assert child.wait(60) == 130
    assert termios.tcgetattr(inner) == before
    assert "interrupted" in _until(terminal, "interrupted")
    os.close(inner)
    os.close(terminal)


def test_without_a_terminal_it_says_so(capsys):
    """A script would wait for keys for ever."""
    assert main(["show", str(EXAMPLES / "mazur.toml"), "--interactive", "-b", "delta"]) == 2
    assert "needs a terminal" in capsys.readouterr().err
