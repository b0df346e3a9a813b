"""The index of a repeat, in braces: "{t}", "{t+1}" or "{3-t}" in the texts of a layer that is written once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bpcompare.network.problems.names import LONGEST_NAME
from bpcompare.text.words import quote

_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_BRACES = re.compile(r"\{([^{}]*)\}")
_TERM = re.compile(r"\s*([+-]?)\s*(\d{1,9}|[A-Za-z_]\w*)\s*", re.ASCII)


@dataclass(frozen=True)
class Indexed:
    """A text with whole numbers in it that depend on the step: `numbers[i]` stands between `words[i]` and `words[i + 1]`.

    A number is a pair: by how much it grows with every step, and what it is in step 0.
    """

    words: tuple[str, ...]
    numbers: tuple[tuple[int, int], ...]

    def at(self, step: int) -> str:
        """The text in one step."""
        shown = [self.words[0]]
        for (growth, first), word in zip(self.numbers, self.words[1:], strict=True):
            shown += (str(growth * step + first), word)
        return "".join(shown)


def depends(text: str) -> bool:
    """Whether a text has braces, and so depends on the step."""
    return "{" in text or "}" in text


def indexed(text: str, index: str) -> Indexed:
    """`text` with the numbers that its braces mean, where the index is called `index`. Raises ValueError with a sentence."""
    if depends(text) and len(text) > LONGEST_NAME:
        raise ValueError(f"has {len(text):,} characters, the limit is {LONGEST_NAME} where the index stands in a text")
    words = _BRACES.split(text)
    # Every second word stood between braces.
    plain, inner = tuple(words[::2]), words[1::2]
    if any(depends(word) for word in plain):
        raise ValueError(f"{quote(text)} has a brace without its partner; the index is written {{{index}}}")
    return Indexed(plain, tuple(_number(word, index) for word in inner))


def index_problem(name: str) -> str:
    """What keeps `name` from being the name of an index; empty when nothing does."""
    return (
        "" if len(name) <= LONGEST_NAME and _WORD.fullmatch(name) else f"the index must be one word, such as t, is {quote(name)}"
    )


def _number(text: str, index: str) -> tuple[int, int]:
    growth = first = at = 0
    for number, term in enumerate(_TERM.finditer(text)):
        sign, word = term.groups()
        if term.start() != at or (number and not sign):
            break
        at = term.end()
        value = -1 if sign == "-" else 1
        if word.isdecimal():
            first += value * int(word)
        elif word == index:
            growth += value
        else:
            raise ValueError(f"{quote(word)} is not the index of this repeat, which is {quote(index)}")
    if not at or at != len(text):
        raise ValueError(f"{quote('{' + text + '}')} is no index; write {{{index}}}, {{{index}+1}} or {{3-{index}}}")
    return growth, first
