"""Which parameter of one program is which of the other's: by content first, and by name where contents are alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.own.pair.layout import natural

SYNONYMS: Mapping[str, str] = {
    "kernel": "weight", "scale": "weight", "embedding": "weight", "gamma": "weight", "w": "weight", "beta": "bias", "b": "bias",
}  # fmt: skip
"""Last words of names that frameworks have for the same."""
Names = tuple[tuple[str, ...], tuple[str, ...]]
"""Names of both programs that belong together."""
WORDLESS = ("params", "model", "module", "orig", "mod")


@dataclass(frozen=True)
class Match:
    """Parameters that hold the same numbers: one of each, or one that the other program keeps in several parts."""

    firsts: tuple[str, ...]
    seconds: tuple[str, ...]
    alike: int
    """The number of the kind of contents. Parameters that hold the same, or one number again and again, are of one kind.

    Within a kind it is names that decide, and nobody can say that they are right.
    """

    def __str__(self) -> str:
        first, second = ("+".join(names) for names in (self.firsts, self.seconds))
        return first if first == second else f"{first} = {second}"


@dataclass(frozen=True)
class Matched:
    """All matches, and the parameters of each program that have none."""

    matches: tuple[Match, ...]
    first_alone: tuple[str, ...]
    second_alone: tuple[str, ...]


class MapError(ValueError):
    """What `map=` says cannot be so."""


def matched(first: Mapping[str, Array], second: Mapping[str, Array], given: Mapping[str, str | Sequence[str]]) -> Matched:
    """Match parameters. `given`: by a name of the first program, the name of the second's, or names of its parts.

    Raises MapError for a name that is none, or numbers that are not the same.
    """
    a, b = dict(first), dict(second)
    found: list[Names] = []
    for name, to in given.items():
        names = (to,) if isinstance(to, str) else tuple(to)
        _mapped(name, names, first, second)
        found.append(((name,), names))
        a.pop(name)
        for one in names:
            b.pop(one, None)
    groups: list[list[Names]] = [[pair] for pair in found]
    groups += _equals(a, b)
    groups += [[(one, parts)] for one, parts in _parts(a, b)]
    groups += [[(parts, one)] for one, parts in _parts(b, a)]
    kinds: dict[float | str, int] = {}
    matches = []
    for number, group in enumerate(groups):
        for pair in group:
            x = first[pair[0][0]]
            kind: float | str = float(x.ravel()[0]) if x.size and x.min() == x.max() else f"group {number}"
            matches.append(Match(*pair, kinds.setdefault(kind, len(kinds))))
    return Matched(tuple(matches), tuple(a), tuple(b))


def _mapped(name: str, names: tuple[str, ...], first: Mapping[str, Array], second: Mapping[str, Array]) -> None:
    for one, where, which in ((name, first, "first"), *((other, second, "second") for other in names)):
        if one not in where:
            raise MapError(f"map: the {which} program has no parameter {one}; it has {', '.join(list(where)[:8])}")
    if not _holds(first[name], [second[one] for one in names]):
        raise MapError(f"map: {name} and {', '.join(names)} do not hold the same numbers")


def _holds(x: Array, parts: Sequence[Array]) -> bool:
    y = np.concatenate([part.ravel() for part in parts])
    return x.size == y.size and np.array_equal(np.sort(x.ravel()), np.sort(y), equal_nan=True)


def _equals(a: dict[str, Array], b: dict[str, Array]) -> list[list[Names]]:
    """Groups of parameters with equal contents, matched by name; what is matched is taken out of `a` and `b`."""
    contents: dict[bytes, tuple[list[str], list[str]]] = {}
    for side, parameters in enumerate((a, b)):
        for name, x in parameters.items():
            contents.setdefault(np.sort(x.ravel()).tobytes(), ([], []))[side].append(name)
    groups: list[list[Names]] = []
    for ones, others in contents.values():
        pairs = _by_name(ones, others, a, b)
        for one, other in pairs:
            a.pop(one)
            b.pop(other)
        if pairs:
            groups.append([((one,), (other,)) for one, other in pairs])
    return groups


def _by_name(ones: list[str], others: list[str], a: Mapping[str, Array], b: Mapping[str, Array]) -> list[tuple[str, str]]:
    """Each with the one whose name is nearest; of equal names, in their order. Shapes that are alike go first."""
    ranked = sorted(
        (
            (not natural(a[one], b[other]), -_likeness(one, other), abs(i - j), i, j)
            for i, one in enumerate(ones)
            for j, other in enumerate(others)
        )
    )
    pairs, taken_a, taken_b = [], set(), set()
    for *_, i, j in ranked:
        if i not in taken_a and j not in taken_b:
            taken_a.add(i)
            taken_b.add(j)
            pairs.append((ones[i], others[j]))
    return pairs


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, words(one), words(other), autojunk=False).ratio()


def words(name: str) -> list[str]:
    """The words of a name, numbers apart, in the terms that frameworks share."""
    found = [word for word in re.findall(r"[a-z]+|\d+", name.lower()) if word not in WORDLESS]
    return [*found[:-1], SYNONYMS.get(found[-1], found[-1])] if found else []


def _parts(whole: dict[str, Array], others: dict[str, Array]) -> Iterable[tuple[tuple[str, ...], tuple[str, ...]]]:
    """A parameter that the other program keeps in parts (q, k and v); what is matched is taken out of both."""
    for name, x in list(whole.items()):
        inside = [other for other, y in others.items() if y.size < x.size and np.isin(y.ravel(), x.ravel()).all()]
        inside.sort(key=lambda other: -_likeness(name, other))
        parts: list[str] = []
        for other in inside:
            if sum(others[one].size for one in (*parts, other)) <= x.size:
                parts.append(other)
        parts.sort(key=list(others).index)
        if len(parts) > 1 and _holds(x, [others[one] for one in parts]):
            whole.pop(name)
            for one in parts:
                others.pop(one)
            yield (name,), tuple(parts)
