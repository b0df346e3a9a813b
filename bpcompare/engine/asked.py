"""The backends that were asked for: each once, and each under a name that no other has."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from bpcompare.backend import Backend
from bpcompare.engine.address import Address, UnknownBackendError, address_of, locate, names, offers
from bpcompare.engine.registry import problems
from bpcompare.text.arguments import told

Wanted = str | type[Backend]
Located = Address | type[Backend]

TAKEN = ("law", "oracle")
"""Names that a report uses for parties other than backends."""
_DIGITS = str.maketrans("1|0", "llo")
LONGEST_NAME = 60
"""Characters of a name that a backend has given itself; a longer one is called by its address."""


class RepeatedBackendError(UnknownBackendError):
    """One backend was asked for twice: there would be two answers and one name, or one answer that counts as two."""


def located(wanted: Iterable[Wanted] | Wanted | None) -> list[Located]:
    """The backends to run: addresses of names, classes as they are. By default all that are installed.

    Raises UnknownBackendError for a name that no package offers and for what is no backend, RepeatedBackendError for a backend
    that was asked for twice.
    """
    if wanted is None:
        return [locate(name) for name in names()]
    if isinstance(wanted, str | type):
        wanted = [wanted]
    if isinstance(wanted, bytes | np.ndarray) or not isinstance(wanted, Iterable):
        raise UnknownBackendError(f"backends: a list of names or classes, or one of them, is wanted, not {told(wanted)}")
    found: list[Located] = []
    known: dict[Any, str] = {}
    for one in wanted:
        where = locate(one) if isinstance(one, str) else _class(one)
        title = one if isinstance(one, str) else one.__qualname__
        key = _identity(where)
        if key in known:
            same = "" if known[key] == title else f", as {known[key]} and as {title}"
            raise RepeatedBackendError(f"{title} is asked for twice{same}: once is enough, for it would agree with itself")
        known[key] = title
        found.append(where)
    if not found:
        raise UnknownBackendError("no backend is asked for: give one by name, or none to run all that are installed")
    return found


def _class(one: Any) -> type[Backend]:
    if not isinstance(one, type) or not issubclass(one, Backend):
        raise UnknownBackendError(
            f"backends: each is a name such as 'torch', or a subclass of {Backend.__name__}, not {told(one)}"
        )
    if found := problems(one):
        raise UnknownBackendError(f"{one.__qualname__} is not a usable backend: {'; '.join(found)}")
    return one


def _identity(one: Located) -> Any:
    """What two requests for one backend have in common, however they are written."""
    if isinstance(one, Address):
        path, _, attribute = one.target.rpartition(":")
        target = (Path(path).resolve(), attribute) if one.from_file else one.base
        version = _version(one.version) if one.version else ""
        # Not resolved: the Python of an environment is a link to the one that it was made from.
        return target, one.mistake, version, os.path.normpath(one.interpreter) if one.interpreter else ""
    if offered := _offered(one):
        return offered, "", "", ""
    address = address_of(one)
    if address is None or not address.from_file:
        return one
    path, _, attribute = address.target.rpartition(":")
    return (Path(path).resolve(), attribute), "", "", ""


def _version(text: str) -> Any:
    from packaging.version import Version

    return Version(text)


def _offered(backend: type[Backend]) -> str:
    """The name under which this very class is installed, or nothing."""
    return next((name for name in offers(backend) if name == backend.name), "")


def titles(asked: Sequence[Located], own: Sequence[str]) -> list[str]:
    """A name for each backend, all of them different; `own` is what they call themselves.

    Installed backends are called as they were asked for. A class, or a class in a file, keeps the name that it has given itself
    unless it could be taken for another: one that is asked for or installed, the law or the oracle, by its letters or by their
    looks. Then it is called by its address, as one with an empty, an overlong or an unprintable name is.
    """
    fixed = {at: one.name for at, one in enumerate(asked) if isinstance(one, Address) and not one.from_file}
    fixed |= {at: name for at, one in enumerate(asked) if not isinstance(one, Address) and (name := _offered(one))}
    free = [at for at in range(len(asked)) if at not in fixed]
    strange = _Alike([*fixed.values(), *TAKEN, *names()])
    found = dict(fixed)
    for at in free:
        one, name = asked[at], own[at]
        others = _Alike([own[other] for other in free if other != at])
        unread = isinstance(one, Address) and name == one.name  # it could not even be imported
        said = _base(name) if isinstance(one, Address) and isinstance(name, str) else name
        if unread or (_presentable(name) and not others(name) and not strange(said)):
            found[at] = name
    nameless = [at for at in free if at not in found]
    for at, address in zip(nameless, _addresses([asked[at] for at in nameless]), strict=True):
        found[at] = _unused(address, found.values())
    return [found[at] for at in range(len(asked))]


def _base(name: str) -> str:
    """What `delta!BP204` or `jax@0.4.35` would be taken for, said by a file."""
    return name.partition("!")[0].partition("@")[0].strip()


def _addresses(those: Sequence[Located]) -> list[str]:
    """Each one's file or module with its class; of files, as many folders as tell them apart."""
    written = []
    for one in those:
        path, _, attribute = one.target.rpartition(":") if isinstance(one, Address) else ("", "", "")
        words = f":{attribute}" if attribute else ""
        words += f"@{one.interpreter}" if isinstance(one, Address) and one.interpreter else ""
        place = Path(path).parts if isinstance(one, Address) else (f"{one.__module__}:{one.__qualname__}",)
        written.append((place, words))
    found = []
    for place, words in written:
        alike = [other for other, theirs in written if (other[-1], theirs) == (place[-1], words)]
        depth = next((n for n in range(1, len(place)) if [other[-n:] for other in alike].count(place[-n:]) == 1), len(place))
        found.append("/".join(place[-depth:]).replace("//", "/") + words)
    return found


def _unused(name: str, taken: Iterable[str]) -> str:
    """`name`, with a number if somebody has it already."""
    there = set(taken)
    return next(one for number in count(1) if (one := name if number == 1 else f"{name} ({number})") not in there)


def _presentable(name: Any) -> bool:
    return isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isprintable() and name == " ".join(name.split())


class _Alike:
    """Whether a name could be taken for one of these: equal but for case, accents and widths, or letters of another script."""

    def __init__(self, others: Iterable[object]) -> None:
        self._others = {_skeleton(other) for other in others if isinstance(other, str)}

    def __call__(self, name: str) -> bool:
        mine = _skeleton(name)
        return any(
            len(mine) == len(other) and all(x == y or _script(x) != _script(y) for x, y in zip(mine, other, strict=True))
            for other in self._others
        )


def _skeleton(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name[: 4 * LONGEST_NAME]).casefold()
    return "".join(x for x in letters if not unicodedata.combining(x) and x.isprintable()).strip().translate(_DIGITS)


def _script(letter: str) -> str:
    """LATIN, GREEK, CYRILLIC …: letters of one are told apart, those of two may look the same."""
    return unicodedata.name(letter, "").partition(" ")[0] if letter.isalpha() else ""
