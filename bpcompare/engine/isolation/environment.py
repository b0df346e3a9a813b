"""Environments for versions of frameworks: made once, kept in the user's cache, used by processes of their own."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version
from platformdirs import user_cache_path

from bpcompare.engine.address import Address, is_version, package
from bpcompare.files.writing import write

WORKER = ("numpy>=2.0", "safetensors>=0.4")
"""What a worker needs besides the framework."""
STAMP = "environment.json"
"""Written last: a folder without it was never finished."""
FAILED = "failed.json"
"""All that is left of an environment that could not be made: what was asked for, and why there is none."""
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
"""What may be a package's name, says the specification of names and versions of Python packages."""


class EnvironmentFailure(Exception):  # noqa: N818 — a failure to be reported, as of a backend
    """An environment that cannot be made or used: which, why, and what to do."""


@dataclass(frozen=True)
class Environment:
    """An environment: its folder, and what was asked to be in it. `failure` says why it is of no use, if it is not."""

    folder: Path
    requirements: tuple[str, ...]
    failure: str = ""

    @property
    def bytes(self) -> int:
        """Size on disk."""
        return sum(file.lstat().st_size for file in self.folder.rglob("*") if not file.is_dir())


def cache() -> Path:
    """Where environments are kept: $BPCOMPARE_CACHE, or the user's cache folder."""
    given = os.environ.get("BPCOMPARE_CACHE")
    return (Path(given).absolute() if given else user_cache_path("bpcompare")) / "environments"


def environments() -> Iterator[Environment]:
    """All environments by name, finished or not."""
    for folder in sorted(path for path in cache().glob("*") if path.is_dir()):
        requirements: tuple[str, ...] = ()
        failure = ""
        if not (folder / STAMP).is_file():
            failure = "is being made" if _busy(folder) else "was never finished"
        for name in (STAMP, FAILED):
            with suppress(OSError, ValueError, KeyError, TypeError):
                content = json.loads((folder / name).read_text(encoding="utf-8"))
                requirements = tuple(map(str, content["requirements"]))
                failure = str(content["failure"]) if name == FAILED else failure
                break
        yield Environment(folder, requirements, failure)


def remove(environment: Environment) -> None:
    """Delete it from the disk. Raises OSError, also where it is just being made."""
    if environment.folder.is_symlink():
        environment.folder.unlink()
        return
    lock = FileLock(f"{environment.folder}.lock", timeout=0)
    try:
        with lock:
            shutil.rmtree(environment.folder)
            Path(lock.lock_file).unlink(missing_ok=True)
    except Timeout:
        raise OSError(errno.EBUSY, "it is being made or deleted by another process") from None


def _busy(folder: Path) -> bool:
    lock = Path(f"{folder}.lock")
    with suppress(OSError):
        try:
            with FileLock(lock, timeout=0) if lock.exists() else nullcontext():
                pass
        except Timeout:
            return True
    return False


def interpreter(address: Address, progress: Callable[[str], None] = lambda _: None, *, source: bool = False) -> str:
    """The Python that `address` asks for; one for a version is made if it is not there yet. Raises EnvironmentFailure.

    It is made of binary packages only, for those of source run code of theirs when they are built, unless `source`.
    """
    if address.interpreter:
        if not os.access(address.interpreter, os.X_OK) or Path(address.interpreter).is_dir():
            raise EnvironmentFailure(f"there is no Python at {address.interpreter}")
        return address.interpreter
    requirements = requirements_of(address)
    folder = _folder(address, requirements)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not (folder / STAMP).is_file():
                progress(f"making an environment with {requirements[0]}, once (kept in {folder})")
                _make(folder, requirements, address, source=source)
    except OSError as error:
        raise EnvironmentFailure(f"no environment can be made at {folder}: {error.strerror or error}") from error
    return str(_python(folder))


def made(address: Address) -> bool:
    """Whether the environment for the version that `address` asks for is there: to run it, nothing would be installed."""
    try:
        return (_folder(address, requirements_of(address)) / STAMP).is_file()
    except EnvironmentFailure:
        return True  # there is nothing that could be installed


def _folder(address: Address, requirements: tuple[str, ...]) -> Path:
    key = sha256(json.dumps([requirements, sys.version_info[:2], sys.platform]).encode()).hexdigest()[:8]
    return cache() / f"{address.base}-{address.version}-py{sys.version_info[0]}.{sys.version_info[1]}-{key}"


def requirements_of(address: Address) -> tuple[str, ...]:
    """What goes into the environment: the framework in its version, its companions as declared, and what a worker needs.

    The package that offers the backend declares them: in the extra of the backend's name if it has one, among its own
    requirements otherwise. The framework is the one called like the backend (`tensorflow-cpu` too), or else the first.
    Raises EnvironmentFailure for a name, a version or a requirement that is none: nothing of these is taken for an option.
    """
    if not _NAME.fullmatch(address.base):
        raise EnvironmentFailure(f"{address.base!r} is no name that an environment can have")
    if not is_version(address.version):
        raise EnvironmentFailure(f"{address.version!r} is no version: those are like 0.4.35 or 2.6.0+cpu")
    owner = package(address.distribution)
    declared = [_requirement(one, address.source) for one in (owner.requires or () if owner else ())]
    always = [one for one in declared if _applies(one, "")]
    extra = [one for one in declared if one not in always and _applies(one, address.base)]
    own = extra or [one for one in always if _named(one) not in ("bpcompare", "numpy", "safetensors")]
    if not own or (not extra and address.distribution == "bpcompare"):
        raise EnvironmentFailure(
            f"{address.source} does not declare which framework {address.base} runs on, so it has no versions; "
            f"{address.base}@/path/to/python runs it by a Python of yours"
        )
    known = next((one for one in own if _named(one).startswith(address.base.lower())), own[0])
    extras = f"[{','.join(sorted(known.extras))}]" if known.extras else ""
    return (f"{known.name}{extras}=={Version(address.version)}", *(_bare(one) for one in own if one is not known), *WORKER)


def _requirement(text: str, source: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        raise EnvironmentFailure(f"{source} declares {text!r}, which is no requirement: {str(error).splitlines()[0]}") from None


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _bare(requirement: Requirement) -> str:
    """The requirement without its condition, which holds."""
    bare = Requirement(str(requirement))
    bare.marker = None
    return str(bare)


def _named(requirement: Requirement) -> str:
    return requirement.name.lower()


def _make(folder: Path, requirements: tuple[str, ...], address: Address, *, source: bool) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    binary = [] if source else ["--only-binary", ":all:"]
    try:
        if uv := shutil.which("uv"):
            _do([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], requirements)
            _do([uv, "pip", "install", "--quiet", *binary, "--python", str(_python(folder)), *requirements], requirements)
        else:
            _do([sys.executable, "-m", "venv", str(folder)], requirements)
            quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--retries", "2"]
            _do([str(_python(folder)), "-m", "pip", "install", *quiet, *binary, *requirements], requirements)
        write(folder / STAMP, json.dumps({"requirements": requirements}).encode())
    except BaseException as error:
        # Half an environment has hundreds of megabytes and is of no use. Why it is not there is worth keeping.
        shutil.rmtree(folder, ignore_errors=True)
        if not isinstance(error, EnvironmentFailure):
            raise
        reason, _, output = str(error).partition("\n")
        if not source:
            reason += (
                f"; only binary packages were asked for, `bpcompare environments --make {address.name} --source` builds others"
            )
        with suppress(OSError):
            folder.mkdir()
            write(folder / FAILED, json.dumps({"requirements": requirements, "failure": reason}).encode())
        raise EnvironmentFailure(f"{reason}\n{output}".rstrip()) from None


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
