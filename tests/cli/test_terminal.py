"""What people see: every command in a terminal of many widths, with and without Unicode, and in a pipe."""

import fcntl
import os
import pty
import re
import shlex
import shutil
import struct
import sys
import termios
import threading
from contextlib import chdir
from pathlib import Path

import pytest
from rich.cells import cell_len

from bpcompare.cli import main
from bpcompare.text.plain import in_ascii
from places import EXAMPLES
from specs import KINK

STUDENT = """
import numpy as np
from bpcompare_delta import Delta

class Student(Delta):
    name = "NAME"

    def run(self, plan):
        record = super().run(plan)
        LINE
        return record
"""
FEW = (
    STUDENT.replace("NAME", "few").replace("LINE", 'record.steps[0].delta["o"][0, 0] *= 1.5')
    + """
from bpcompare.ops import OPS, Dense, HalfSquared, Identity, Sgd, Sigmoid, Tanh

class Few(Student):
    table = {op: Delta.table[op] for op in (Dense, HalfSquared, Identity, Sgd, Sigmoid, Tanh)}
    gaps = {op: "not written yet, and perhaps never" for op in set(OPS.values()) - set(table)}
"""
)
HOMEWORK = "def delta_output(t, a, in_k):\n    return t - a\n"
NUMBERS = '[numbers]\n"h1.a" = "0.593269992"\n"h1.delta" = "-0.0072944"\n"w[x1,h1]" = "0.149781"\n'


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with everything that the commands below need."""
    student = STUDENT.replace("NAME", "student")
    files = {
        "mazur.toml": (EXAMPLES / "mazur.toml").read_text(),
        "xor.toml": (EXAMPLES / "xor.toml").read_text(),
        "kink.toml": KINK,
        "tiny.toml": KINK.replace("scale = 1.0", "scale = 1e-60"),
        "whole.toml": re.sub(r"weights = .*", 'init = "he_normal"', KINK),
        "broken.toml": KINK.replace("eta = 0.1", "etta = 0.1").replace('"relu"', '"rellu"'),
        "wrong.py": student.replace("LINE", 'record.steps[0].delta["h"][0, 1] *= 1.5'),
        "honest.py": student.replace("LINE", "pass"),
        "half.py": student.replace("LINE", 'record.steps[0].delta["h"][0, 0] *= 0.5'),
        "raises.py": student.replace("LINE", "raise RuntimeError('the device is not there: ' + 'x' * 70)"),
        "few.py": FEW,
        "homework.py": HOMEWORK,
        "numbers.toml": NUMBERS,
    }
    folder = tmp_path_factory.mktemp("made")
    for name, text in files.items():
        (folder / name).write_text(text)
    with chdir(folder):
        for name in ("honest", "wrong"):
            main(["run", "mazur.toml", "-b", f"{name}.py:Student,delta", "--save", f"{name}.bpz", "-q"])
        main(["golden", "update", "mazur.toml", "-b", "honest.py:Student"])
    (folder / "honest.py").write_text(files["wrong.py"])
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch, capsys):
    """A copy of it, which the command may write to."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    return tmp_path


@pytest.fixture
def seen(monkeypatch):
    """seen(80, "run", spec): what a terminal of 80 columns shows of the command, standard error included, and its exit code."""

    def call(columns, *words, encoding="utf-8"):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        shown = []

        def listen():
            try:
                while data := os.read(ours, 65_536):
                    shown.append(data)
            except OSError:  # how Linux says that nobody writes any more
                pass

        listener = threading.Thread(target=listen)
        listener.start()
        for name in ("COLUMNS", "LC_ALL", "LC_CTYPE", "LANG", "PYTHONIOENCODING", "PYTHONUTF8"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        with monkeypatch.context() as patch, os.fdopen(theirs, "w", encoding=encoding) as stream:
            patch.setattr(sys, "stdout", stream)
            patch.setattr(sys, "stderr", stream)
            code = main([str(word) for word in words])
        listener.join(30)
        os.close(ours)
        text = b"".join(shown).decode("utf-8").replace("\r\n", "\n")
        return code, re.sub(r"\r\x1b\[K[^\r\n]*(?=\r)", "", text).replace("\r\x1b[K", "")

    return call


COMMANDS = {
    "run": ("run", "mazur.toml", "-b", "delta,jax"),
    "run -v": ("run", "mazur.toml", "-b", "delta,delta!BP204", "-v"),
    "run wrong": ("run", "mazur.toml", "xor.toml", "-b", "delta,delta!BP204"),
    "run wrong law": ("run", "mazur.toml", "-b", "delta,wrong.py:Student", "--oracle", "off"),
    "run undecided": ("run", "tiny.toml", "-b", "delta,wrong.py:Student", "--dtype", "float32"),
    "run not run": ("run", "mazur.toml", "-b", "delta,raises.py:Student,no.py:No"),
    "run alone": ("run", "mazur.toml", "-b", "delta"),
    "run exact": ("run", "whole.toml", "-b", "delta,delta!BP204", "--exact"),
    "run many": (
        "run",
        "mazur.toml",
        "-b",
        ",".join(["delta", *(f"delta!BP{code}" for code in (101, 106, 201, 202, 203, 204, 207))]),
    ),
    "run concise": ("run", "mazur.toml", "-b", "delta,delta!BP204", "-q"),
    "bad spec": ("run", "broken.toml"),
    "bad option": ("run", "mazur.toml", "--stepps", "2"),
    "unknown backend": ("run", "mazur.toml", "-b", "tourch"),
    "backends": ("backends",),
    "ops": ("ops",),
    "ops batch_norm": ("ops", "batch_norm"),
    "ops adamw": ("ops", "adamw"),
    "explain": ("explain",),
    "explain BP204": ("explain", "BP204"),
    "diff": ("diff", "honest.bpz", "wrong.bpz"),
    "diff same": ("diff", "honest.bpz", "honest.bpz"),
    "repro": ("repro", "wrong.bpz"),
    "environments": ("environments",),
    "show": ("show", "mazur.toml", "-b", "delta,wrong.py:Student"),
    "show h1": ("show", "xor", "h1", "-b", "delta"),
    "report": ("report", "mazur.toml", "-b", "delta,delta!BP204", "-o", "page.html"),
    "audit": ("audit", "mazur.toml"),
    "transcript": ("transcript", "mazur.toml", "numbers.toml"),
    "golden check": ("golden", "check", "mazur.toml", "-b", "honest.py:Student"),
    "golden update": ("golden", "update", "mazur.toml", "-b", "wrong.py:Student"),
    "--help": ("--help",),
    "run --help": ("run", "--help"),
    "golden --help": ("golden", "--help"),
    "--version": ("--version",),
}
SLOW = {
    "prove": ("prove", "mazur.toml", "--mistake", "BP204"),
    "grade": ("grade", "homework.py", "--spec", "mazur.toml", "--seed", "7"),
    "matrix": ("matrix", "mazur.toml", "-b", "delta,wrong.py:Student", "--timeout", "60"),
    "conform": ("conform", "few.py:Few"),
}
HEAVY = ("run exact", "run many")
"""Of the commands, those that take longest."""
WIDER = (60, 200)
"""Widths that only the slow tests try; what is read in ASCII is tried with the others."""
FITTED = [
    *(pytest.param(name, (40, 80), marks=[pytest.mark.slow] * (name in HEAVY)) for name in COMMANDS),
    *(pytest.param(name, WIDER, marks=pytest.mark.slow) for name in COMMANDS),
    *(pytest.param(name, (60,), marks=pytest.mark.slow) for name in SLOW),
]


LONGEST = 50
"""A word that is longer may have to be broken."""


def _broken(shown, whole):
    """Words of `shown` that are none in `whole`: how long something took is not counted, nor what was clipped."""
    found, known = (
        {word for word in re.sub(r"\S+ s\b", "", text).split() if not re.search(r"…|\.\.\.|^\\$", word)}
        for text in (shown, whole)
    )
    return {word for word in found - known if not any(word in long for long in known if len(long) > LONGEST)}


def _too_wide(shown, columns):
    """Lines that do not fit; an argument of a command is never broken."""
    lines = [line for line in shown.split("\n") if cell_len(line) > columns]
    return [line for line in lines if not re.fullmatch(r" {13}[^ ]+( \\)?", line)]


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("name", "widths"), FITTED, ids=str)
def test_every_command_fits_the_terminal(name, widths, folder, seen):
    """A terminal would break lines inside words, and tables fall apart; an old console would show question marks, or an error."""
    words = {**COMMANDS, **SLOW}[name]
    code, whole = seen(1_000, *words)
    for columns in widths:
        _, shown = seen(columns, *words)
        wide = _too_wide(shown, columns)
        assert not wide, f"{columns} columns:\n" + "\n".join(wide)
        assert "\\n" not in shown
        assert "\x1b" not in shown
        if columns >= 80:
            broken = _broken(shown, whole)
            assert not broken, f"{columns} columns, not words: {sorted(broken)}\n{shown}"
    if widths == WIDER:
        return
    ascii_code, shown = seen(80, *words, encoding="ascii")
    assert ascii_code == code
    assert shown.isascii()
    assert not re.search(r"\\[ux][0-9a-f]{2}", shown)
    assert not _too_wide(shown, 80)
    assert not _broken(shown, in_ascii(whole))


@pytest.mark.parametrize("name", ["run wrong", "diff", "golden check", "transcript", "audit"])
def test_a_pipe_is_as_wide_as_ever(name, folder, said, monkeypatch):
    """What is in a file would depend on the window that the command was typed in."""
    first = said(*COMMANDS[name])
    monkeypatch.setenv("COLUMNS", "40")
    assert said(*COMMANDS[name]) == first
    assert "\\n" not in first.out
    assert max(map(cell_len, first.out.split("\n"))) > 80


def test_the_locale_c_has_ascii_only(folder, said, monkeypatch):
    """`LANG=C`, the usual way to ask for ASCII, would be answered in UTF-8."""
    monkeypatch.delenv("PYTHONIOENCODING", raising=False)
    monkeypatch.delenv("PYTHONUTF8", raising=False)
    for name, value in {"LC_ALL": "", "LC_CTYPE": "C.UTF-8", "LANG": "C"}.items():
        monkeypatch.setenv(name, value)
    assert said(*COMMANDS["run wrong"]).out.isascii()
    monkeypatch.setenv("LANG", "")
    assert "Δ" in said(*COMMANDS["run wrong"]).out
    monkeypatch.setenv("LC_ALL", "POSIX")
    assert said(*COMMANDS["run wrong"]).out.isascii()
    assert (
        "Δ" in said(*COMMANDS["run wrong"], "--json", "-").out or "\\u0394" not in said(*COMMANDS["run wrong"], "--json", "-").out
    )


def test_a_page_is_no_terminal(folder, seen):
    """A page written from a narrow terminal without Unicode would be narrow, and without Unicode."""
    pages = []
    for columns, encoding in ((40, "ascii"), (200, "utf-8")):
        seen(columns, *COMMANDS["report"], encoding=encoding)
        pages.append(re.sub(r"<bdi>[\d.e-]+</bdi>", "", Path("page.html").read_text(encoding="utf-8")))
    assert pages[0] == pages[1]


LENGTHS, LETTERS = (2, 30, 90), ("n", "é", "層")
NAMES = [
    pytest.param(length, letter, marks=[pytest.mark.slow] * (here != there))
    for here, length in enumerate(LENGTHS)
    for there, letter in enumerate(LETTERS)
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("length", "letter"), NAMES)
def test_names_of_any_length_and_script(length, letter, folder, seen):
    """Long names, and names in characters two columns wide, would push columns out of place."""
    name = letter * length
    spec = Path("mazur.toml").read_text().replace("h1", name).replace('name = "mazur"', f'name = "{name}"')
    Path("named.toml").write_text(re.sub(rf"(?<![\w\"]){name}(?= = )", f'"{name}"', spec))
    Path("named.py").write_text(STUDENT.replace("NAME", name).replace("LINE", 'record.steps[0].delta["h"][0, 0] *= 1.5'))
    for command in ("run", "show"):
        for columns in (40, 80, 200):
            code, shown = seen(columns, command, "named.toml", "-b", "delta,named.py:Student")
            assert code == 1
            assert all(cell_len(line) <= columns for line in shown.split("\n")), shown
    _, shown = seen(120, "run", "named.toml", "-b", "delta,named.py:Student")
    rows = [line for line in shown.split("\n") if " ok 0 %" in line or "WRONG" in line][:2]
    starts = {cell_len(row[: row.index("numpy")]) for row in rows}
    assert len(starts) == 1, shown


@pytest.mark.parametrize("columns", [60, 80])
def test_the_rows_of_an_audit_stay_rows(columns, folder, seen):
    """Folded after it was laid out, a table has the name of a quantity in another line than its numbers."""
    _, shown = seen(columns, *COMMANDS["audit"])
    row = next(line for line in shown.split("\n") if line.endswith("h.weight.update"))
    assert len(row.split()) == 3, shown


def test_a_command_to_copy_stays_one(folder, seen):
    """The command that reproduces a failure would be cut in two, and copied wrongly."""
    words = ["run", "mazur.toml", "-b", "delta", "-b", "delta!BP204", "--dtype", "float32", "--steps", "2", "--seed", "7"]
    _, shown = seen(50, *words)
    command = re.search(r"reproduce +(bpcompare (?:.*\\\n)*.*)", shown)[1]
    assert command.count("\\\n") >= 1
    assert shlex.split(command.replace("\\\n", "")) == ["bpcompare", *words]


def test_the_width_changes_no_verdict_line_count_beyond_reason(folder, seen):
    """A report in a usual terminal would scroll its beginning away."""
    _, shown = seen(80, *COMMANDS["run"])
    assert len(shown.strip().split("\n")) <= 24


def test_a_terminal_that_does_not_say_how_wide_it_is(folder, seen):
    """Docker gives terminals of 0 columns; everything would be laid out for none."""
    _, shown = seen(0, *COMMANDS["run"])
    assert max(map(cell_len, shown.split("\n"))) > 80
