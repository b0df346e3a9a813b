"""Specs of many layers, whose plain lines are read by parsers in C: the tables of Python's own parser, or its words."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from bpcompare.spec import plain

SPEC = 'name = "nodes"\n' + "".join(
    f'[layers.n{number}]\nop = "dense"\nunits = 1\nfrom = ["x{number}", "x"]\ninit = {{ kind = "normal", scale = 0.5 }}\n'
    for number in range(5)
)
PIECES = (
    "\n", "[", '"', "=", "{ a = 1 }", "[layers.n0]\n", "[layers.n1.init]\n", 'op = "dense"\n', "\\", "# said\n", "null",
    "a = NaN\n", "a = [null]\n", "a = [\n", "1,\n", "]\n", "[true.x]\n", "[layers]\n", "[[layers]]\n", "[1, 2]\n",
    "layers.q.op = 1\n", "op.x = 1\n", "\r\n", "\r\r\n", "\t", "'", "a = inf\n", "init.scale = 2\n", "a = 01\n", "a = 1_000\n",
    "[layers.z]\n", "\x7f", 'a = """\n', "a = '''\n", '[layers."n1"]\n', "a = [1.5e3, -0.0, 7]\n", "a = [01]\n",
    'a = ["\\u00e9"]\n', 'a = ["x", "y",]\n', "a = [[1], [2]]\n", "a = 1979-05-27\n",
)  # fmt: skip


def _said(loads: Callable[[str], Any], text: str) -> str:
    try:
        return repr(loads(text))
    except tomllib.TOMLDecodeError as error:
        return f"wrong: {error}"


def test_the_same_tables_or_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spec of ten thousand nodes would mean something else than its text, or a mistake in it would pass."""
    monkeypatch.setattr(plain, "FEWEST", 0)
    choose, right = random.Random(0), 0
    for _ in range(1500):
        text = SPEC
        for _ in range(choose.randint(1, 3)):
            at = choose.randrange(len(text))
            at = text.rfind("\n", 0, at) + 1 if choose.random() < 0.7 else at
            text = text[:at] + choose.choice(PIECES) + text[at + choose.choice((0, 0, 0, 1, 5)) :]
        expected = _said(tomllib.loads, text)
        assert _said(plain.loads, text) == expected, text
        right += not expected.startswith("wrong")
    assert right > 100  # else only mistakes were tried


def test_plain_lines_are_read_without_the_parser() -> None:
    """Reading large graphs would be as slow as it was."""
    taken, rest = plain._apart(SPEC.split("\n"))
    assert list(taken["n3"]) == ["op", "units", "from", "init"]
    assert rest == ['name = "nodes"', *(f"[layers.n{number}]" for number in range(5)), ""]
