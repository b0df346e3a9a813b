"""Words shared by messages about specs: quoting what the user wrote, and guessing what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

_LONGEST = 60
_CANDIDATES = 2000
_PARTS = 4
"""So many words that have the same part may all be meant."""
_WORDS = 1_000


def quote(text: object) -> str:
    """The user's own word in double quotes: at most 60 characters, and none that would disturb a terminal."""
    return f'"{brief(text)}"' if isinstance(text, str) else brief(_shown(text))


def brief(text: str) -> str:
    """`text`, or its first 59 characters, with none that would disturb a terminal."""
    return printable(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def printable(text: str) -> str:
    """`text` with control characters and lone surrogates written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)


def inert(text: object, most: int = _WORDS, *, end: bool = False) -> str:
    """A stranger's words, for people to read: lines stay lines, and nothing is left that a terminal or a build server obeys.

    Control characters, escape sequences and what turns the direction of writing become visible escapes, and so do the first
    characters of a workflow command (`::error::`, `##[group]`). At most `most` characters, the first, or the last if `end`.
    """
    text = text if isinstance(text, str) else _shown(text)
    if len(text) > most:
        text = f"… {text[-most:]}" if end else f"{text[:most]} …"
    shown = "\n".join(printable(line.expandtabs()) for line in text.replace("\r\n", "\n").split("\n"))
    return disarmed(shown)


def disarmed(text: str) -> str:
    """`text` without commands to a build server that reads our output: the first character of one becomes an escape."""
    return _COMMAND.sub(lambda found: f"\\x{ord(found[0][0]):02x}{found[0][1:]}", text)


_COMMAND = re.compile(r"(?<![^\s…])::(?=\S)|##(?=\[|vso\[|teamcity\[)")
"""What GitHub, Azure and TeamCity take for a command at the start of a line; wrapped, any word may come to stand there."""


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """The hint `did you mean "…"?` when a known word is close, else nothing. Takes bounded time, however long the inputs.

    Words of which it is a whole part come first: "gelu" means "gelu_erf" or "gelu_tanh", and not "elu".
    """
    if not isinstance(word, str) or len(word) > _LONGEST:
        return ""
    known = list(islice(known, _CANDIDATES))
    parts = [name for name in known if len(name) <= _LONGEST and f"_{word}_" in f"_{name}_"] if word not in known else []
    if word and 0 < len(parts) <= _PARTS:
        return f"did you mean {' or '.join(map(quote, parts))}?"
    near = (name for name in known if abs(len(name) - len(word)) <= max(3, len(word) // 2))
    found = get_close_matches(word, list(islice(near, _CANDIDATES)), n=1, cutoff=0.55)
    return f"did you mean {quote(found[0])}?" if found else ""


class Suggestions:
    """`did_you_mean` for the first problems of a kind; beyond those a suggestion is not worth its time."""

    def __init__(self, count: int = 20) -> None:
        self._left = count

    def __call__(self, word: object, known: Iterable[str]) -> str:
        """A suggestion, or nothing."""
        self._left -= 1
        return did_you_mean(word, known) if self._left >= 0 else ""


def listed(names: Iterable[object], limit: int = 8) -> str:
    """Names in quotes with commas; beyond `limit`, how many more there are."""
    names = list(names)
    shown = ", ".join(quote(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > 256:
        return f"a whole number of about {round(value.bit_length() * 0.30103)} digits"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple) and (len(value) > 8 or any(isinstance(entry, dict | list | tuple) for entry in value)):
        return f"a list of {len(value)}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(quote(entry) for entry in value)}]"
    return "nothing" if value is None else repr(value) if isinstance(value, int | float) else str(value)
