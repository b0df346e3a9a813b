"""What the README and the pages beside it show is what bpcompare does."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from places import ROOT

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"[-+]?(?:\d+\.\d+|\d+)(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its text, and the line it starts at."""

    language: str
    text: str
    line: int

    @property
    def file(self):
        """The name of the file it shows, where its first line is a comment with nothing but a name: `# student.py`."""
        found = re.match(r"# ([\w.-]+\.(?:py|toml))\n", self.text)
        return found[1] if found else None


def blocks(path: Path):
    """All fenced blocks, in order."""
    text = path.read_text(encoding="utf-8")
    return [Block(m[1], m[2], text.count("\n", 0, m.start()) + 1) for m in FENCE.finditer(text)]


def calls(block):
    """(command, what it prints) of a console block."""
    parts = re.split(r"^\$ (.*)\n", block.text, flags=re.MULTILINE)
    assert not parts[0].strip(), f"line {block.line}: output without a command"
    return list(zip(parts[1::2], parts[2::2], strict=True))


def differences(said, printed):
    """Lines that do not match. Spaces between columns count as one; see `same` for numbers. A line `…` stands for any lines."""
    wanted, found = ([" ".join(x.split()) for x in text.strip().splitlines()] for text in (said, printed))
    if "…" in wanted:
        head = wanted.index("…")
        tail = len(wanted) - head - 1
        if len(found) < head + tail:
            return [f"{len(found)} lines, at least {head + tail} expected"]
        found = [*found[:head], *found[len(found) - tail :]]
        wanted.remove("…")
    if len(wanted) != len(found):
        return [f"{len(wanted)} lines in the file, {len(found)} printed:", *found]
    return [f"- {w}\n+ {f}" for w, f in zip(wanted, found, strict=True) if not same(w, f)]


def same(wanted, found):
    """Equal, but for versions, shares of the ball, what the order of summation changes, and the last digit of long numbers."""
    wanted, found = (_varying(line) for line in (wanted, found))
    if NUMBER.sub("#", wanted) != NUMBER.sub("#", found):
        return False
    return all(_close(a, b) for a, b in zip(NUMBER.findall(wanted), NUMBER.findall(found), strict=True))


def _varying(line):
    line = re.sub(r"\b(numpy|torch|jax) \d+\.\d+\S*", r"\1 VERSION", line)
    line = re.sub(r"\bok (<?\d+) %", "ok SHARE", line)
    # How far honest backends are apart depends on the machine's order of summation.
    return re.sub(r"apart at most \S+ of (.*) \(\w+ and \w+\), \S+ ulp", r"apart at most GAP of \1 (PAIR), ULPS ulp", line)


def _close(a, b):
    """Equal, or long numbers (ten digits and more) that differ by at most two units in the last place that the page writes."""
    if a == b:
        return True
    mantissa, _, exponent = a.partition("e")
    _, _, decimals = mantissa.partition(".")
    if len(mantissa.lstrip("+-0.").replace(".", "")) < 10 or not decimals:
        return False
    unit = 10.0 ** (int(exponent or 0) - len(decimals))
    return abs(float(a) - float(b)) <= 2.000001 * unit


PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if page.is_file()]
SHOWN = [
    (page, index, block)
    for page in PAGES
    for index, block in enumerate(blocks(page))
    if block.language in {"python", "console"} and not block.file
]


@pytest.mark.parametrize(
    ("page", "index", "block"), SHOWN, ids=[f"{page.stem}:{block.line}:{block.language}" for page, _, block in SHOWN]
)
def test_what_is_shown_is_what_happens(page, index, block, shell, terminal, needs, capsys):
    """A reader types what the page shows, and something else happens."""
    before = blocks(page)
    _files_shown(before[:index])
    if block.language == "console":
        needs(block.text)
        for command, said in calls(block):
            found = differences(said, shell(command))
            assert not found, f"{page.name}, line {block.line}: $ {command}\n" + "\n".join(found)
        return
    follows = before[index + 1] if index + 1 < len(before) and before[index + 1].language == "text" else None
    needs(block.text)
    capsys.readouterr()
    exec(compile(block.text, f"{page.name}, line {block.line}", "exec"), {"__name__": "shown"})
    printed = capsys.readouterr().out
    found = differences(follows.text if follows else "", printed)
    assert not found, f"{page.name}, line {block.line}:\n" + "\n".join(found)


def _files_shown(earlier):
    """Files that a page shows in full, with the one-line corrections (`diff` blocks) that follow them."""
    written = []
    for block in earlier:
        if block.file and block.language in {"python", "toml"}:
            Path(block.file).write_text(block.text, encoding="utf-8")
            written.append(Path(block.file))
        if block.language == "diff":
            old, new = (next(x[1:] for x in block.text.splitlines() if x[0] == sign) for sign in "-+")
            text = written[-1].read_text(encoding="utf-8")
            assert text.count(f"{old}\n") == 1, f"line {block.line}: {written[-1]} has no such line"
            written[-1].write_text(text.replace(old, new), encoding="utf-8")


def test_the_matcher_sees_what_matters():
    """The pages would be compared with anything and found right."""
    said = "torch   torch 2.13.0+cpu   ok 28 %   WRONG\n\n  law  -0.00877135468948694"
    assert not differences(said, "torch  torch 2.14.1  ok 3 %  WRONG\n\n law -0.00877135468948693")
    assert differences(said, "torch  torch 2.14.1  ok 3 %  ok 4 %\n\n law -0.00877135468948693")
    assert differences(said, "torch  torch 2.14.1  ok 3 %  WRONG\n\n law -0.00877135468948604")
    assert differences(said, "jax  torch 2.14.1  ok 3 %  WRONG\n\n law -0.00877135468948693")
    assert differences(said, "torch  torch 2.14.1  ok 3 %  WRONG")
    assert differences("3 backends", "2 backends")
    assert differences("16.8 % too small", "16.9 % too small")
    assert not differences("a\n…\nz", "a\nb\nc\nz")
    assert differences("a\n…\nz", "a\nb\nc")


def test_the_reader_meets_a_spec_first():
    """A newcomer would have to read forty lines of Python before seeing what a network looks like here."""
    shown = blocks(ROOT / "README.md")
    first = next(block for block in shown if block.language == "toml")
    assert first.line < next(block for block in shown if block.language == "python").line
    name, _, text = first.text.partition("\n")
    assert text == (ROOT / name.removeprefix("# ")).read_text(encoding="utf-8")


def test_nobody_is_sent_to_an_index_that_does_not_have_it():
    """`pip install bpcompare` would fail, or install what somebody else put there under this name."""
    pages = [*PAGES, ROOT / "docs" / "tour.ipynb", *(ROOT / "bpcompare").rglob("*.py"), *(ROOT / "backends").rglob("*.py")]
    for page in pages:
        assert not re.search(r"pip install[^`\n\\]*[ '\"]bpcompare(?!-)\b", page.read_text(encoding="utf-8")), page


def test_words_are_explained_where_they_first_occur():
    """A newcomer would meet balls, laws, oracles, kinks and voices before anybody said what they are."""
    text = re.sub(r"```.*?```", "", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    for word in ("ball", "law", "oracle", "kink", "voice"):
        first = re.search(rf"\b{word}s?\b", text)
        assert text[first.start() - 2 : first.start()] == "**", f"{word}: {text[first.start() - 60 : first.end() + 60]!r}"
