"""Which backends there are, and whether they can be used. Listing imports none of them."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from importlib.metadata import Distribution, EntryPoint, entry_points
from inspect import isabstract
from pathlib import Path
from traceback import format_exc
from types import ModuleType
from typing import Any

from bpcompare.backend import Backend
from bpcompare.ops import OPS

GROUP = "bpcompare.backends"

SABOTAGED = "delta"
"""The backend that mistakes can be planted in."""


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


class UnknownBackendError(ValueError):
    """A name that no installed package offers a backend under."""


def names() -> tuple[str, ...]:
    """Names of all installed backends, sorted; nothing is imported."""
    return tuple(sorted(_offers()))


def statuses() -> tuple[Status, ...]:
    """Every installed backend, imported as far as that goes."""
    return tuple(resolve(name) for name in names())


def resolve(name: str) -> Status:
    """The backend called `name`, the class in `path/to/file.py:Class`, or `delta!BP204`: delta with that mistake planted.

    Raises UnknownBackendError for a name nobody offers.
    """
    if re.search(r"\.py(:|$)", name):
        return _from_file(name)
    if "!" in name:
        return _sabotaged(name)
    offers = _offers()
    if name not in offers:
        near = get_close_matches(name, offers, 1)
        known = f"did you mean {near[0]}?" if near else f"installed: {', '.join(sorted(offers)) or 'none'}."
        raise UnknownBackendError(f"no backend is called {name!r}; {known} A file of your own is written path/to/file.py:Class.")
    if len(offers[name]) > 1:
        sources = [_described(offer.dist) for offer in offers[name]]
        return Broken(name, f"several packages offer a backend of this name: {', '.join(sources)}; uninstall one", sources[0])
    return _from_entry_point(offers[name][0])


def _sabotaged(name: str) -> Status:
    from bpcompare.mistakes import MISTAKES
    from bpcompare.mistakes.saboteur import saboteur

    base, _, code = name.partition("!")
    if base != SABOTAGED:
        raise UnknownBackendError(f"no mistake can be planted in {base!r}: only {SABOTAGED} takes its formulas from a table")
    if code.upper() not in MISTAKES:
        near = get_close_matches(code.upper(), MISTAKES, 1)
        known = f"did you mean {SABOTAGED}!{near[0]}?" if near else ""
        raise UnknownBackendError(f"no mistake has the code {code!r}; {known} `bpcompare explain` lists them.".replace("  ", " "))
    status = resolve(base)
    if not isinstance(status, Ready):
        return status
    return _arrival(None, saboteur(status.backend, MISTAKES[code.upper()]), status.distribution)


def problems(backend: Any) -> tuple[str, ...]:
    """What keeps `backend` from being one; empty when it keeps the contract of `Backend`."""
    if not isinstance(backend, type) or not issubclass(backend, Backend):
        return (f"{backend!r} is not a subclass of bpcompare.backend.Backend",)
    found = []
    if isabstract(backend):
        found.append(f"abstract methods without a body: {', '.join(sorted(backend.__abstractmethods__))}")
    if not isinstance(getattr(backend, "name", None), str) or not backend.name:
        found.append("name: a non-empty text is required")
    table, gaps = getattr(backend, "table", None), getattr(backend, "gaps", None)
    if not isinstance(table, Mapping) or not isinstance(gaps, Mapping):
        return (*found, "table and gaps: mappings from op types are required")
    listed = set(OPS.values())
    found += [f"table: the row of {_op(op)} is empty" for op, row in table.items() if row is None]
    found += [f"gaps: {_op(op)} needs a reason" for op, reason in gaps.items() if not isinstance(reason, str) or not reason]
    for title, ops in (
        ("neither in table nor in gaps", listed - table.keys() - gaps.keys()),
        ("both in table and in gaps", table.keys() & gaps.keys()),
        ("not an op that bpcompare lists", (table.keys() | gaps.keys()) - listed),
    ):
        if ops:
            found.append(f"{title}: {', '.join(sorted(map(_op, ops)))}")
    return tuple(found)


def _offers() -> dict[str, list[EntryPoint]]:
    offers: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        known = offers.setdefault(point.name, [])
        if not any(other.value == point.value and _described(other.dist) == _described(point.dist) for other in known):
            known.append(point)
    return offers


def _from_entry_point(offer: EntryPoint) -> Status:
    try:
        backend = offer.load()
    except ModuleNotFoundError as error:
        command = _installs(offer, (error.name or "").partition(".")[0])
        return Absent(offer.name, command) if command else _raised(offer.name, error, _described(offer.dist))
    except (Exception, SystemExit) as error:
        return _raised(offer.name, error, _described(offer.dist))
    return _arrival(offer.name, backend, _described(offer.dist))


def _from_file(name: str) -> Status:
    path, _, attribute = name.rpartition(":") if not name.endswith(".py") else (name, "", "")
    if not Path(path).is_file():
        return Broken(name, f"there is no file {path}", path)
    try:
        module = _module(Path(path))
    except (Exception, SystemExit) as error:
        return _raised(name, error, path)
    if not isinstance(getattr(module, attribute, None), type):
        classes = {key: x for key, x in vars(module).items() if isinstance(x, type) and issubclass(x, Backend)}
        own = [key for key, x in classes.items() if x.__module__ == module.__name__]
        known = f"its backends: {', '.join(f'{path}:{key}' for key in own)}" if own else "it defines no subclass of Backend"
        return Broken(name, f"{path} has no class {attribute!r}; {known}" if attribute else f"{path}: which class? {known}", path)
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
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[unique]
        raise
    return module


def _arrival(name: str | None, backend: Any, distribution: str) -> Status:
    found = list(problems(backend))
    if not found and name not in (None, backend.name):
        found.append(f"its name is {backend.name!r}, it is installed as {name!r}")
    title = name or getattr(backend, "name", None) or repr(backend)
    if found:
        return Broken(title, f"{title} of {distribution} is not a usable backend: {'; '.join(found)}", distribution)
    try:
        version = backend.version()
    except (Exception, SystemExit) as error:
        return _raised(title, error, distribution)
    if not isinstance(version, str):
        return Broken(title, f"{title} of {distribution}: version() must return text, returned {version!r}", distribution)
    return Ready(title, backend, version, distribution)


def _raised(name: str, error: BaseException, distribution: str) -> Broken:
    message = str(error).strip().partition("\n")[0]
    return Broken(name, f"{distribution}: {type(error).__name__}{f': {message}' if message else ''}", distribution, format_exc())


def _installs(offer: EntryPoint, module: str) -> str:
    """The command that installs `module`, if the distribution of `offer` declares that it needs it and it is not there."""
    distribution = offer.dist
    if distribution is None or not module or module in sys.modules or importlib.util.find_spec(module) is not None:
        return ""
    extras = []
    for requirement in distribution.requires or ():
        package = re.match(r"[A-Za-z0-9._-]+", requirement)
        if package and re.sub(r"[-_.]+", "_", package[0]).lower() == module.lower():
            extra = re.search(r"""extra\s*==\s*['"]([^'"]+)""", requirement)
            if extra is None:
                return f"pip install {package[0]}"
            extras.append(extra[1])
    # Several extras may bring it; the one named like the backend brings no more than it needs.
    chosen = offer.name if offer.name in extras else next(iter(extras), None)
    return f'pip install "{distribution.name}[{chosen}]"' if chosen else ""


def _described(distribution: Distribution | None) -> str:
    return f"{distribution.name} {distribution.version}" if distribution else "a package without metadata"


def _op(op: Any) -> str:
    return str(getattr(op, "name", None) or getattr(op, "__qualname__", None) or repr(op))
