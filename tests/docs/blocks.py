"""Fenced blocks of a Markdown file, and whether output is what the file says."""

import re
from dataclasses import dataclass
from pathlib import Path

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
    """Equal, but for versions, shares of the ball, what another order of summation changes, and the last digit of numbers."""
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
    """Numbers that differ by at most two units in the last place that the file writes; whole numbers by nothing."""
    if a == b:
        return True
    mantissa, _, exponent = a.partition("e")
    _, point, digits = mantissa.partition(".")
    if not point:
        return False
    unit = 10.0 ** (int(exponent or 0) - len(digits))
    return abs(float(a) - float(b)) <= 2.000001 * unit
