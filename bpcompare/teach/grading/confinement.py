"""What a submission's process is kept in: a sandbox of bubblewrap where there is one, else a process and its limits only.

Bubblewrap (https://github.com/containers/bubblewrap) makes namespaces of Linux: the process sees no network, no other process,
and of the disk only what is named here. Containers often forbid that; then it is said, with the reason.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import site
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Confine = Literal["auto", "required", "process"]
"""What is wanted: a sandbox if there is one, a sandbox or nothing, or a process only."""

WRITABLE = 64 * 2**20
"""Bytes that a submission may write, to /tmp of its sandbox."""
QUESTION = "/question"
LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64")
STORES = ("/nix/store", "/gnu/store")
"""Where some systems keep every library, read-only."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
UNSTOPPED = (
    "it limits time, memory and the size of files; it does not stop a submission from reading and changing what this user can, "
    "the grader and other submissions included, nor from the network"
)


@dataclass(frozen=True)
class Confinement:
    """How a submission's Python is run: `program` is the path of bwrap, or "" where there is none, and then `why`."""

    program: str = ""
    why: str = ""

    @property
    def words(self) -> str:
        """What confined the run, and what that does not stop."""
        if self.program:
            return (
                f"bubblewrap: no network, nothing readable but Python, its packages and the question, "
                f"{WRITABLE // 2**20} MiB of its own to write, nothing left running"
            )
        return f"a process only: {UNSTOPPED}" + (f" ({self.why})" if self.why else "")

    def place(self, folder: Path) -> str:
        """Where the process finds what is in `folder`."""
        return QUESTION if self.program else str(folder)

    def command(self, python: Sequence[str], folder: Path) -> list[str]:
        """The command that runs `python`, this Python with its arguments, in here; it may read `folder`."""
        if not self.program:
            return list(python)
        words = [self.program, "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"]
        words += ["--die-with-parent", "--new-session"]
        # First: this Python may itself stand somewhere below /tmp.
        words += ["--size", str(WRITABLE), "--tmpfs", "/tmp"]  # noqa: S108 — the sandbox's
        for option, *rest in (*_python(), *_libraries(), *_packages()):
            words += [option, *rest]
        for device in DEVICES:
            words += ["--dev-bind", device, device]
        words += ["--ro-bind", str(folder), QUESTION, "--remount-ro", "/", "--chdir", "/tmp"]  # noqa: S108
        return [*words, *python]

    def ended(self, code: int | None) -> int | None:
        """The exit code of the process in here, signals negative: bubblewrap says them as shells do."""
        return 128 - code if self.program and code is not None and code > 128 else code


def found() -> Confinement:
    """Bubblewrap if it is installed; whether it works here is another question."""
    if sys.platform != "linux":
        return Confinement(why="bubblewrap is for Linux")
    program = shutil.which("bwrap")
    if program is None:
        return Confinement(why="bubblewrap is not installed: apt-get install bubblewrap, or your system's package of that name")
    return Confinement(program)


def _python() -> Iterator[tuple[str, ...]]:
    """The interpreter at its place, through the links that lead to it: it finds its library from there."""
    path = os.path.abspath(sys.executable)  # noqa: PTH100 — links are followed one by one
    for _ in range(40):
        config = Path(path).parent.parent / "pyvenv.cfg"
        if config.is_file():
            yield "--ro-bind", str(config), str(config)
        if not Path(path).is_symlink():
            break
        target = os.readlink(path)  # noqa: PTH115
        yield "--symlink", target, path
        path = os.path.normpath(os.path.join(os.path.dirname(path), target))  # noqa: PTH118, PTH120
    yield "--ro-bind", path, path
    if (real := os.path.realpath(path)) != path:
        yield "--ro-bind", real, real


def _libraries() -> Iterator[tuple[str, ...]]:
    """The system's and Python's own."""
    for path in (*LIBRARIES, *(store for store in STORES if os.path.realpath(sys.executable).startswith(f"{store}/"))):
        if Path(path).is_symlink():
            yield "--symlink", os.readlink(path), path  # noqa: PTH115
        elif Path(path).is_dir():
            yield "--ro-bind", path, path
    yield "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"
    paths = sysconfig.get_paths()
    beside = str(Path(os.path.realpath(sys.executable)).parents[1] / "lib")  # where a Python that was moved looks
    for path in dict.fromkeys((paths["stdlib"], paths["platstdlib"], beside, str(sysconfig.get_config_var("LIBDIR")))):
        if _is_new(path):
            yield "--ro-bind", path, path


def _packages() -> Iterator[tuple[str, ...]]:
    """Installed packages; and bpcompare and NumPy, wherever they stand."""
    folders = [*site.getsitepackages(), *(path for path in sys.path if Path(path).name in ("site-packages", "dist-packages"))]
    for path in dict.fromkeys(folders):
        if _is_new(path):
            yield "--ro-bind", path, path
    for name in ("bpcompare", "numpy"):
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        place = Path(spec.origin).parent
        for folder in (place, place.with_name(f"{name}.libs")):
            if _is_new(str(folder)) and not any(folder.is_relative_to(one) for one in folders):
                yield "--ro-bind", str(folder), str(folder)


def _is_new(path: str) -> bool:
    """Whether it is a folder that can be read, and no part of the system's libraries, which are there already."""
    return (
        os.access(path, os.R_OK | os.X_OK)
        and Path(path).is_dir()
        and not any(Path(path).is_relative_to(one) for one in LIBRARIES)
    )
