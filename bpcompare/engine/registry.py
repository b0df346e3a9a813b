"""Backends, imported: ready, absent or broken."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import EntryPoint
from inspect import isabstract
from pathlib import Path
from traceback import format_exc
from types import ModuleType
from typing import Any

from bpcompare.backend import Backend
from bpcompare.engine.address import GROUP, Address, UnknownBackendError, locate, names, package
from bpcompare.engine.interruption import pass_on
from bpcompare.engine.siblings import at_home, beside, folder_of, raised_at, settle
from bpcompare.engine.surroundings import Kept, surroundings
from bpcompare.engine.surroundings.bindings import bindings
from bpcompare.ops import OPS

__all__ = ["Absent", "Broken", "Ready", "Status", "UnknownBackendError", "arrive", "names", "problems", "resolve", "statuses"]


@dataclass(frozen=True)
class Ready:
    """A backend that can be used. `version` is its framework's, `distribution` the package (or file) it came with."""

    name: str
    backend: type[Backend]
    version: str
    distribution: str


@dataclass(frozen=True)
class Absent:
    """A backend whose framework is not installed; `hint` is the command that installs it."""

    name: str
    hint: str


@dataclass(frozen=True)
class Broken:
    """A backend that is there and cannot be used: why, in one line, and the traceback where something was raised."""

    name: str
    reason: str
    distribution: str
    traceback: str = ""


Status = Ready | Absent | Broken
OURS = "bpcompare"
"""The package whose backends must cover every op."""


def statuses() -> tuple[Status, ...]:
    """Every installed backend, imported as far as that goes."""
    return tuple(resolve(name) for name in names())


def resolve(name: str) -> Status:
    """The backend of this name (see `locate`), imported. Raises UnknownBackendError for a name nobody offers."""
    return arrive(locate(name))


def arrive(address: Address) -> Status:
    """The backend at `address`, imported into this process."""
    if address.from_file:
        return _from_file(address)
    if address.rivals:
        reason = f"several packages offer a backend of this name: {', '.join(address.rivals)}; uninstall one"
        return Broken(address.name, reason, address.rivals[0])
    status = _from_entry_point(address)
    return _sabotaged(address, status) if address.mistake and isinstance(status, Ready) else status


def _sabotaged(address: Address, honest: Ready) -> Status:
    from bpcompare.mistakes import MISTAKES
    from bpcompare.mistakes.saboteur import saboteur

    code, _, place = address.mistake.partition(":")
    return _arrival(None, saboteur(honest.backend, MISTAKES[code], place), honest.distribution)


def problems(backend: Any, *, total: bool = False) -> tuple[str, ...]:
    """What keeps `backend` from being one; empty when it keeps the contract of `Backend`.

    `total`: every op must stand in its table or among its gaps, as is asked of our own. A plugin cannot know of ops that came
    after it.
    """
    if not isinstance(backend, type) or not issubclass(backend, Backend):
        return (f"{backend!r} is not a subclass of bpcompare.backend.Backend",)
    found = []
    if isabstract(backend):
        found.append(f"abstract methods without a body: {', '.join(sorted(backend.__abstractmethods__))}")
    if not isinstance(getattr(backend, "name", None), str) or not backend.name:
        found.append("name: a non-empty text is required")
    voice = getattr(backend, "voice", ())
    if not all(isinstance(one, str) and one.strip() for one in (voice if isinstance(voice, tuple) else (voice,))):
        found.append(f"voice: a text or a tuple of texts is required, such as the name of its framework, is {voice!r:.60}")
    table, gaps = getattr(backend, "table", None), getattr(backend, "gaps", None)
    if not isinstance(table, Mapping) or not isinstance(gaps, Mapping):
        return (*found, "table and gaps: mappings from op types are required")
    if not isinstance(getattr(backend, "limits", None), Mapping):
        return (*found, "limits: a mapping from op types is required")
    listed = set(OPS.values())
    found += [f"table: the row of {_op(op)} is empty" for op, row in table.items() if row is None]
    found += [f"gaps: {_op(op)} needs a reason" for op, reason in gaps.items() if not isinstance(reason, str) or not reason]
    for title, ops in (
        ("neither in table nor in gaps", listed - table.keys() - gaps.keys() if total else set()),
        ("both in table and in gaps", table.keys() & gaps.keys()),
        ("not an op that bpcompare lists", (table.keys() | gaps.keys()) - listed),
    ):
        if ops:
            found.append(f"{title}: {', '.join(sorted(map(_op, ops)))}")
    return tuple(found)


def _from_entry_point(address: Address) -> Status:
    base, source = address.base, address.source
    module, _, attribute = address.target.partition(":")
    imported = getattr(sys.modules.get(module), attribute, None)
    if imported is not None:  # nothing of it runs again
        return _arrival(base, imported, source)
    names = bindings()
    try:
        backend = EntryPoint(base, address.target, GROUP).load()
    except ModuleNotFoundError as error:
        command = _installs(address, (error.name or "").partition(".")[0])
        return Absent(base, command) if command else _raised(base, error, source)
    except BaseException as error:
        pass_on(error)
        return _raised(base, error, source)
    if replaced := [name for name in names.restore() if name.startswith(f"{OURS}.")]:
        return Broken(base, Kept(replaced=replaced).problem, source)
    return _arrival(base, backend, source)


def _from_file(address: Address) -> Status:
    path, _, attribute = address.target.rpartition(":")
    if not Path(path).is_file():
        return Broken(address.name, f"there is no file {path}", path)
    folder = Path(path).resolve().parent
    try:
        with beside(folder, anew=True):
            module = _module(Path(path))
    except BaseException as error:
        pass_on(error)
        return _raised(address.name, error, path, folder)
    if not isinstance(getattr(module, attribute, None), type):
        classes = {key: x for key, x in vars(module).items() if isinstance(x, type) and issubclass(x, Backend)}
        own = [key for key, x in classes.items() if x.__module__ == module.__name__]
        known = f"its backends: {', '.join(f'{path}:{key}' for key in own)}" if own else "it defines no subclass of Backend"
        reason = f"{path} has no class {attribute!r}; {known}" if attribute else f"which class? {known}"
        return Broken(address.name, reason, path)
    settle(getattr(module, attribute), folder)
    return _arrival(None, getattr(module, attribute), path)


def _module(path: Path) -> ModuleType:
    unique = f"_bpcompare_file_{sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(unique, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not Python")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickles of the file's classes look their module up here.
    sys.modules[unique] = module
    try:
        with surroundings() as kept:
            spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(unique, None)
        raise
    if kept.problem:
        sys.modules.pop(unique, None)
        raise ImportError(kept.problem)
    return module


def _arrival(name: str | None, backend: Any, distribution: str) -> Status:
    found = list(problems(backend, total=distribution.partition(" ")[0] == OURS))
    if not found and name not in (None, backend.name):
        found.append(f"its name is {backend.name!r}, it is installed as {name!r}")
    title = name or getattr(backend, "name", None) or repr(backend)
    if found:
        return Broken(title, f"{title} of {distribution} is not a usable backend: {'; '.join(found)}", distribution)
    try:
        with at_home(backend):
            version = backend.version()
    except BaseException as error:
        pass_on(error)
        return _raised(title, error, distribution, folder_of(backend))
    if not isinstance(version, str):
        return Broken(title, f"{title} of {distribution}: version() must return text, returned {version!r}", distribution)
    return Ready(title, backend, version, distribution)


def _raised(name: str, error: BaseException, distribution: str, folder: Path | None = None) -> Broken:
    message = str(error).strip().partition("\n")[0]
    # A SyntaxError says where it stands itself.
    where = raised_at(error, folder) if folder is not None and not isinstance(error, SyntaxError) else ""
    reason = f"{distribution}: {type(error).__name__}{f': {message}' if message else ''}{f', at {where}' if where else ''}"
    return Broken(name, reason, distribution, format_exc())


def _installs(address: Address, module: str) -> str:
    """The command that installs `module`, if the package of `address` declares that it needs it and it is not there."""
    owner = package(address.distribution)
    if owner is None or not module or module in sys.modules or importlib.util.find_spec(module) is not None:
        return ""
    extras: dict[str, list[str]] = {}
    bring: list[str] = []
    for requirement in owner.requires or ():
        needed = re.match(r"[A-Za-z0-9._-]+", requirement)
        extra = re.search(r"""extra\s*==\s*['"]([^'"]+)""", requirement)
        if extra is not None:
            extras.setdefault(extra[1], []).append(f'"{requirement.partition(";")[0].strip()}"')
        if needed and _brings(needed[0], module):
            if extra is None:
                return f"pip install {needed[0]}"
            bring.append(extra[1])
    # Several extras may bring it; the one named like the backend brings no more than it needs. What it needs is named, not the
    # extra: the package itself may be on no index.
    chosen = address.base if address.base in bring else next(iter(bring), "")
    return f"pip install {' '.join(extras[chosen])}" if chosen else ""


def _brings(package: str, module: str) -> bool:
    """Whether a package of this name is likely to bring this module: `tensorflow` comes in `tensorflow-cpu`, too."""
    words = re.sub(r"[-_.]+", "_", package).lower()
    return words == module.lower() or words.startswith(f"{module.lower()}_")


def _op(op: Any) -> str:
    return str(getattr(op, "name", None) or getattr(op, "__qualname__", None) or repr(op))
