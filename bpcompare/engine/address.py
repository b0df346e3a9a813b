"""Where a backend is found: from the name people ask for to what would have to be imported, and by which Python. Imports none."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution, entry_points
from pathlib import Path
from typing import Any

GROUP = "bpcompare.backends"

SABOTAGED = "delta"
"""The backend that mistakes can be planted in."""

_FILE = re.compile(r"\.py(:|$)")
_VERSION = re.compile(r"v?\d[\w.!+-]*")


class UnknownBackendError(ValueError):
    """A name that no installed package offers a backend under."""


@dataclass(frozen=True)
class Address:
    """One backend that was asked for by `name`.

    `target` is what to import: module:Class, or a file's path:Class. `distribution` is the package that offers it ("" for a
    file), `rivals` are all packages that do, if there are several. `mistake` is the code of one to plant, with
    ":" and the place if it is one alone. A `version` of the framework, or an `interpreter` that has it, means a process of
    another Python.
    """

    name: str
    target: str
    distribution: str = ""
    rivals: tuple[str, ...] = ()
    mistake: str = ""
    version: str = ""
    interpreter: str = ""

    @property
    def base(self) -> str:
        """The backend's own name: `jax` of `jax@0.4.35`, `delta` of `delta!BP204`."""
        return re.split(r"[@!]", self.name, maxsplit=1)[0] if not self.from_file else self.name

    @property
    def repeatable(self) -> str:
        """The name, such that it means the same in another folder."""
        return f"{self.target}{f'@{self.interpreter}' if self.interpreter else ''}" if self.from_file else self.name

    @property
    def from_file(self) -> bool:
        """Whether `target` is a file."""
        return bool(_FILE.search(self.target))

    @property
    def foreign(self) -> bool:
        """Whether it belongs to another Python than this one."""
        return bool(self.version or self.interpreter)

    @property
    def source(self) -> str:
        """The package, or the file, in words."""
        return self.target.rpartition(":")[0] if self.from_file else _described_in(self.distribution, _folders())


def address_of(backend: type) -> Address | None:
    """Where another process finds this class; None if nowhere, as for one defined in a function or at a prompt."""
    module = sys.modules.get(backend.__module__)
    found: Any = module
    for part in backend.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is not backend or module is None or backend.__module__ == "__main__":
        return None
    name, where = getattr(backend, "name", backend.__name__), getattr(module, "__file__", None)
    if module.__spec__ is not None and importlib.util.find_spec(module.__name__.partition(".")[0]) is not None:
        return Address(name, f"{module.__name__}:{backend.__qualname__}")
    return Address(f"{where}:{backend.__qualname__}", f"{where}:{backend.__qualname__}") if where else None


def names() -> tuple[str, ...]:
    """Names of all installed backends, sorted."""
    return tuple(sorted(_offers()))


def offered() -> tuple[str, ...]:
    """What all installed backends would be imported from: module:Class."""
    return tuple(point.value for points in _offers().values() for point in points)


def offers(backend: type) -> tuple[str, ...]:
    """Names under which this very class is installed."""
    found = []
    for name, points in _offers().items():
        for point in points:
            module, _, attribute = point.value.partition(":")
            if getattr(sys.modules.get(module), attribute, None) is backend:
                found.append(name)
    return tuple(found)


def separated(given: Iterable[str]) -> list[str]:
    """Names from options: separated by commas; a version alone belongs to the name before it (`jax@0.4.35,0.6.2` are two)."""
    found: list[str] = []
    for word in (word for one in given for word in one.split(",") if word):
        if found and "@" in found[-1] and _VERSION.fullmatch(word):
            found.append(f"{found[-1].rpartition('@')[0]}@{word}")
        else:
            found.append(word)
    return found


def locate(name: str) -> Address:
    """The address of `name`: as listed, `path/to/file.py:Class`, `delta!BP204`; followed by `@VERSION` or `@/path/to/python`.

    `delta!BP301:h.bias` makes the mistake at one place alone: a layer, a parameter, `h.g` for an activation, `error`.

    Raises UnknownBackendError for a name nobody offers.
    """
    bare, version, interpreter = _elsewhere(name)
    if _FILE.search(bare):
        path, attribute = (bare, "") if bare.endswith(".py") else bare.rsplit(":", 1)
        if version:
            raise UnknownBackendError(f"{name}: a file has no versions; {bare}@/path/to/python runs it by another Python")
        return Address(name, f"{Path(path).absolute() if attribute else path}:{attribute}", interpreter=interpreter)
    base, _, mistake = bare.partition("!")
    if mistake:
        mistake = _planted(base, mistake)
    offers = _offers()
    if base not in offers:
        near = get_close_matches(base, offers, 1)
        known = f"did you mean {near[0]}?" if near else f"installed: {', '.join(sorted(offers)) or 'none'}."
        raise UnknownBackendError(f"no backend is called {base!r}; {known} A file of your own is written path/to/file.py:Class.")
    first, *others = offers[base]
    rivals = tuple(described(offer.dist) for offer in offers[base]) if others else ()
    return Address(name, first.value, _owner_in(base, _folders()), rivals, mistake, version, interpreter)


def _elsewhere(name: str) -> tuple[str, str, str]:
    """The name without what follows @, the version, the interpreter."""
    bare, at, rest = name.rpartition("@")
    if not at or not bare or _FILE.search(rest):
        return name, "", ""
    if "/" in rest or "\\" in rest:
        return bare, "", str(Path(rest).expanduser().absolute())
    if not _VERSION.fullmatch(rest) or not is_version(rest):
        raise UnknownBackendError(
            f"{name}: {rest!r} is no version, and no path to a Python: {bare}@1.2.3 or {bare}@/path/to/python"
        )
    return bare, rest, ""


def is_version(text: str) -> bool:
    """Whether `text` is a version by the rules of Python packages."""
    from packaging.version import InvalidVersion, Version

    try:
        return text.isascii() and text == text.strip() and bool(Version(text))
    except InvalidVersion:
        return False


def _planted(base: str, mistake: str) -> str:
    from bpcompare.mistakes import MISTAKES

    code, colon, place = mistake.partition(":")
    if base != SABOTAGED:
        raise UnknownBackendError(f"no mistake can be planted in {base!r}: only {SABOTAGED} takes its formulas from a table")
    if code.upper() not in MISTAKES:
        near = get_close_matches(code.upper(), MISTAKES, 1)
        known = f"did you mean {SABOTAGED}!{near[0]}?" if near else ""
        raise UnknownBackendError(f"no mistake has the code {code!r}; {known} `bpcompare explain` lists them.".replace("  ", " "))
    if colon and not place:
        raise UnknownBackendError(
            f"{base}!{mistake}: the place is missing: {base}!{code}:h.bias, or {base}!{code} for all places"
        )
    return f"{code.upper()}{colon}{place}"


def _offers() -> Mapping[str, Sequence[EntryPoint]]:
    """What installed packages offer, by name. Looked for anew when a folder that Python imports from has changed."""
    return _offered_in(_folders())


def _folders() -> tuple[tuple[str, int], ...]:
    """The folders that Python imports from, each with the time of its last change."""
    return tuple((folder, _changed(folder)) for folder in sys.path)


def _changed(folder: str) -> int:
    """When something was added to a folder or removed, as installing a package does; 0 where there is none."""
    try:
        return os.stat(folder or ".").st_mtime_ns  # noqa: PTH116 — asked so often that making a Path counts
    except (OSError, ValueError):
        return 0


@lru_cache(maxsize=1)
def _offered_in(folders: tuple[tuple[str, int], ...]) -> Mapping[str, Sequence[EntryPoint]]:
    offers: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        known = offers.setdefault(point.name, [])
        if not any(other.value == point.value and described(other.dist) == described(point.dist) for other in known):
            known.append(point)
    return offers


@lru_cache(maxsize=64)
def _owner_in(base: str, folders: tuple[tuple[str, int], ...]) -> str:
    """The name of the package that offers this backend; to read it takes longer than a small step."""
    first = _offered_in(folders)[base][0]
    return first.dist.name if first.dist else ""


def package(name: str) -> Distribution | None:
    """The installed package of this name."""
    try:
        return distribution(name) if name else None
    except PackageNotFoundError:
        return None


@lru_cache(maxsize=64)
def _described_in(name: str, folders: tuple[tuple[str, int], ...]) -> str:
    """The package of this name in words, read once as long as no folder changes."""
    return described(package(name))


def described(owner: Distribution | None) -> str:
    """A package in words."""
    return f"{owner.name} {owner.version}" if owner else "a package without metadata"
