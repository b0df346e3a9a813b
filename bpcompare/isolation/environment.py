"""Environments for versions of frameworks: made once, kept in the user's cache, used by processes of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from bpcompare.address import Address, package
from bpcompare.writing import write

WORKER = ("numpy>=2.0", "safetensors>=0.4")
"""What a worker needs besides the framework."""
STAMP = "environment.json"
"""Written last: a folder without it was never finished."""


class EnvironmentFailure(Exception):  # noqa: N818 — a failure to be reported, as of a backend
    """An environment that cannot be made or used: which, why, and what to do."""


@dataclass(frozen=True)
class Environment:
    """A finished environment: its folder, and what was asked to be in it."""

    folder: Path
    requirements: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """Size on disk."""
        return sum(file.lstat().st_size for file in self.folder.rglob("*") if not file.is_dir())


def cache() -> Path:
    """Where environments are kept: $BPCOMPARE_CACHE, or the user's cache folder."""
    given = os.environ.get("BPCOMPARE_CACHE")
    return (Path(given) if given else user_cache_path("bpcompare")) / "environments"


def environments() -> Iterator[Environment]:
    """All finished environments, by name."""
    for stamp in sorted(cache().glob(f"*/{STAMP}")):
        try:
            content = json.loads(stamp.read_text(encoding="utf-8"))
            yield Environment(stamp.parent, tuple(map(str, content["requirements"])))
        except (OSError, ValueError, KeyError, TypeError):
            yield Environment(stamp.parent, ())


def remove(environment: Environment) -> None:
    """Delete it from the disk. Raises OSError."""
    shutil.rmtree(environment.folder)


def interpreter(address: Address, progress: Callable[[str], None] = lambda _: None) -> str:
    """The Python that `address` asks for; one for a version is made if it is not there yet. Raises EnvironmentFailure."""
    if address.interpreter:
        if not os.access(address.interpreter, os.X_OK) or Path(address.interpreter).is_dir():
            raise EnvironmentFailure(f"there is no Python at {address.interpreter}")
        return address.interpreter
    requirements = requirements_of(address)
    key = sha256(json.dumps([requirements, sys.version_info[:2], sys.platform]).encode()).hexdigest()[:8]
    tag = f"py{sys.version_info[0]}.{sys.version_info[1]}"
    folder = cache() / f"{address.base}-{address.version}-{tag}-{key}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not (folder / STAMP).is_file():
                progress(f"making an environment with {requirements[0]}, once (kept in {folder})")
                _make(folder, requirements)
    except OSError as error:
        raise EnvironmentFailure(f"no environment can be made at {folder}: {error.strerror or error}") from error
    return str(_python(folder))


def requirements_of(address: Address) -> tuple[str, ...]:
    """What goes into the environment: the framework in its version, its companions as declared, and what a worker needs.

    The package that offers the backend declares them: in the extra of the backend's name if it has one, among its own
    requirements otherwise. The framework is the one called like the backend (`tensorflow-cpu` too), or else the first.
    """
    owner = package(address.distribution)
    declared = list(owner.requires or ()) if owner else []
    extra = [one for one in declared if re.search(rf"""extra\s*==\s*['"]{re.escape(address.base)}['"]""", one)]
    own = extra or [one for one in declared if "extra ==" not in one and _named(one) not in ("bpcompare", "numpy", "safetensors")]
    needed = [one.partition(";")[0].strip() for one in own]
    if not needed or (not extra and address.distribution == "bpcompare"):
        raise EnvironmentFailure(
            f"{address.source} does not declare which framework {address.base} runs on, so it has no versions; "
            f"{address.base}@/path/to/python runs it by a Python of yours"
        )
    known = next((one for one in needed if _named(one).startswith(address.base)), needed[0])
    pinned = re.match(r"[A-Za-z0-9._-]+(\[[^\]]*\])?", known)
    assert pinned is not None  # noqa: S101 — a requirement begins with a name
    return (f"{pinned[0]}=={address.version}", *(one for one in needed if one != known), *WORKER)


def _named(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    return name[0].lower() if name else ""


def _make(folder: Path, requirements: tuple[str, ...]) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    if uv := shutil.which("uv"):
        _do([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], requirements)
        _do([uv, "pip", "install", "--quiet", "--python", str(_python(folder)), *requirements], requirements)
    else:
        _do([sys.executable, "-m", "venv", str(folder)], requirements)
        quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--retries", "2"]
        _do([str(_python(folder)), "-m", "pip", "install", *quiet, *requirements], requirements)
    write(folder / STAMP, json.dumps({"requirements": requirements}).encode())


def _do(command: list[str], requirements: tuple[str, ...]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, errors="replace")  # noqa: S603
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        # pip says "Could not find a version that satisfies …" with all versions first, and what matters last.
        errors = [line.removeprefix("ERROR: ") for line in said if line.startswith(("ERROR", "error", "  ×"))] or said
        hint = "; is there a network?" if re.search(r"[Cc]onnect|resolution|[Nn]etwork|[Rr]etry", done.stderr) else ""
        reason = errors[-1] if errors else f"exit code {done.returncode}"
        raise EnvironmentFailure(f"no environment with {requirements[0]} can be made: {reason}{hint}\n{done.stderr}".rstrip())


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
