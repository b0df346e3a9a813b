"""Typed numbers: what is right is confirmed, what is wrong is refuted with its reason."""

import importlib
import json

import pytest

import bpcompare
from bpcompare.cli import main
from bpcompare.mistakes import MISTAKES
from bpcompare.network import SpecError
from bpcompare.proof.values import step_values
from bpcompare.teach.transcript import Numbers, check, read, transcript_text
from bpcompare.teach.transcript.printed import NoNumberError, printed
from bpcompare.teach.transcript.reader import TranscriptError
from places import EXAMPLES


def checked(spec, numbers, *, gradient_sign=False):
    """Each number's verdict, by name."""
    given = Numbers({name: printed(text) for name, text in numbers.items()}, gradient_sign)
    return {one.name: one for one in check(bpcompare.load(EXAMPLES / f"{spec}.toml"), given).checked}


def test_the_famous_error_after_one_step_is_refuted_and_its_mistake_found(capsys):
    """The number has been copied for ten years; whoever gets 0.291027774 believes to be wrong."""
    path = EXAMPLES / "transcripts" / "mazur.toml"
    found = check(bpcompare.load(EXAMPLES / "mazur.toml"), read(str(path)))
    assert [one.name for one in found.refuted] == ["step2/E"]
    (wrong,) = found.refuted
    assert wrong.right == pytest.approx(0.291027773694, abs=1e-12)
    assert not wrong.follows, "the printed weights do not give the printed error"
    assert wrong.causes[0].mistake.code == "BP204"
    assert {name for name, _ in wrong.causes[0].against} >= {"w[x1,h1].update", "w[x2,h2].update"}
    assert main(["transcript", str(EXAMPLES / "mazur.toml"), str(path)]) == 1
    out = capsys.readouterr().out
    assert "19 numbers: 18 confirmed, 1 refuted" in out
    assert "is 0.291027773694" in out
    assert "weights taken after their update" in out


def test_a_number_stands_for_all_that_rounds_to_it():
    """0.3775 of a book would be refuted for digits that it does not print, or 0.378 accepted as 0.3784."""
    assert checked("mazur", {"h1.a": "0.593"})["h1.a"].confirmed
    assert checked("mazur", {"h1.a": "0.59327"})["h1.a"].confirmed
    assert not checked("mazur", {"h1.a": "0.594"})["h1.a"].confirmed
    assert not checked("mazur", {"h1.a": "0.5932699"})["h1.a"].confirmed, "…9992: cut off, not rounded"
    assert checked("mazur", {"h1.a": "5.93e-1", "h1.in": "3.775E-1"})["h1.a"].confirmed
    assert checked("mazur", {"o1.delta": "−0.1385"})["o1.delta"].confirmed, "a typographic minus"


def test_every_quantity_of_every_step_can_be_named():
    """A reader types what the book prints, and the tool knows only half of it."""
    network = bpcompare.load(EXAMPLES / "skip.toml")
    comparison = bpcompare.run(network, ["delta"], steps=3)
    numbers = {}
    for step, values in enumerate(step_values(comparison.plan, comparison.records["delta"]), 1):
        for path, array in values.recorded.items():
            index = ",".join("0" for _ in array.shape)
            name = f"step{step}/{path}" + (f"[{index}]" if index else "")
            numbers[name] = f"{float(array[(0,) * array.ndim]):.12g}"
    found = checked("skip", numbers)
    assert len(found) == len(numbers) > 50
    assert all(one.confirmed for one in found.values())


def test_names_of_units_edges_and_single_nodes():
    """Names of the textbook would not be understood."""
    assert checked("mazur", {"w[x1,h1]": "0.15", "b[h1]": "0.35", "E": "0.298371109"})["w[x1,h1]"].confirmed
    assert checked("skip", {"a.in[1]": "-0.31", "w[x2,o].update": "0.4"})["a.in[1]"].confirmed
    assert checked("mazur", {"h.delta[0,1]": "-0.009954"})["h.delta[0,1]"].confirmed


def test_the_other_sign_of_delta():
    """Half of all books print +∂E/∂in."""
    given = {"o1.delta": "0.138498562", "h1.a": "0.593269992"}
    assert checked("mazur", given, gradient_sign=True)["o1.delta"].confirmed
    assert checked("mazur", given, gradient_sign=True)["o1.delta"].right > 0
    assert not checked("mazur", given)["o1.delta"].confirmed


def test_a_slip_carried_on_is_told_from_a_new_one():
    """Everything after the first slip would be marked as a mistake of its own."""
    numbers = {"h1.in": "0.3875", "h1.a": "0.595680689", "o1.delta": "-0.138498562", "h2.a": "0.6"}
    found = checked("mazur", numbers)
    assert not found["h1.in"].follows
    assert found["h1.a"].follows
    assert found["h1.a"].slips == ("h1.in",)
    assert not found["h2.a"].follows
    text = transcript_text(check(bpcompare.load(EXAMPLES / "mazur.toml"), Numbers({n: printed(t) for n, t in numbers.items()})))
    assert "a slip carried on, from h1.in" in text


@pytest.mark.parametrize("code", ["BP101", "BP201", "BP204", "BP206", "BP301", "BP408", "BP409"])
def test_the_mistake_behind_a_column_of_numbers_is_named(code):
    """The student learns that a number is wrong, and not what to change."""
    network = bpcompare.load(EXAMPLES / "xor.toml" if code in ("BP301", "BP206") else EXAMPLES / "mazur.toml")
    if not MISTAKES[code].applies(network):
        network = bpcompare.load(EXAMPLES / "skip.toml")
    assert MISTAKES[code].applies(network)
    comparison = bpcompare.run(network, [f"delta!{code}"], steps=1)
    (values,) = step_values(comparison.plan, comparison.records[f"delta!{code}"])
    numbers = {}
    for path, array in values.recorded.items():
        if path.endswith((".delta", ".gradient", ".update")) or path == "error":
            index = ",".join("0" for _ in array.shape)
            numbers[path + (f"[{index}]" if index else "")] = printed(f"{float(array[(0,) * array.ndim]):.9g}")
    refuted = check(network, Numbers(numbers)).refuted
    assert refuted
    assert code in {cause.mistake.code for one in refuted for cause in one.causes}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a table is required"),
        ("[numbers]\n", "a table is required"),
        ('[numbers]\n"h1.a" = "abc"\n', "no finite decimal number"),
        ('[numbers]\n"h1.a" = "1e999"\n', "no finite decimal number"),
        ('[numbers]\n"h1.a" = nan\n', "no finite decimal number"),
        ('[numbers]\n"h1.a" = true\n', "write the number as it is printed"),
        ('[numbers]\n"h1.a" = ["1"]\n', "write the number as it is printed"),
        (f'[numbers]\n"h1.a" = "{"9" * 400}"\n', "no finite decimal number"),
        ('delta = "plus"\n[numbers]\n"h1.a" = "1"\n', "must be"),
        ('unknown = 1\n[numbers]\n"h1.a" = "1"\n', "unknown; known are"),
        ("[numbers\n", "not TOML"),
        ('[numbers]\n"h9.a" = "1"\n', "is no quantity of this network"),
        ('[numbers]\n"h1.a[7]" = "1"\n', "has no example 7"),
        ('[numbers]\n"h.a[0]" = "1"\n', "needs 2 numbers in brackets"),
        ('[numbers]\n"w[x1]" = "1"\n', "two ends of an edge"),
        ('[numbers]\n"w[x1,o1]" = "1"\n', "no weight with these ends"),
        ('[numbers]\n"step0/E" = "1"\n', "steps count from 1"),
        ('[numbers]\n"step999999/E" = "1"\n', "at most 1,000 steps"),
        ('[numbers]\n"E" = "1"\n"error" = "1"\n', "the same number as"),
        ('[numbers]\n"][" = "1"\n', "is no name of a quantity"),
        (f"[numbers]\nE = {'9' * 5000}\n", "not TOML"),
        (f"[numbers]\n{'.'.join(['a'] * 5000)} = 1\n", "a key of too many parts"),
        (f"[numbers]\nE = {'[' * 50_000}\n", "nested too deeply"),
        ('[numbers]\n"h1\\u001b[31m.a" = "x"\n', r"numbers.h1\x1b[31m.a"),
        ("[numbers]\n" + "".join(f'"q{at}" = "1"\n' for at in range(80)), "… and 30 more"),
    ],
)
def test_bad_files_are_told_what_is_wrong(content, message, tmp_path, capsys):
    """A traceback, or a number silently left out."""
    path = tmp_path / "numbers.toml"
    path.write_text(content, encoding="utf-8")
    assert main(["transcript", str(EXAMPLES / "mazur.toml"), str(path)]) == 2
    assert message in capsys.readouterr().err


def test_all_problems_come_at_once(tmp_path):
    """One message a run, ten runs."""
    path = tmp_path / "numbers.toml"
    path.write_text('[numbers]\n"h9.a" = "1"\n"h8.a" = "2"\n', encoding="utf-8")
    with pytest.raises(TranscriptError, match=r"(?s)h9\.a.*h8\.a"):
        check(bpcompare.load(EXAMPLES / "mazur.toml"), read(str(path)))
    with pytest.raises(NoNumberError):
        printed(None)
    with pytest.raises(TranscriptError, match="there is no file"):
        read(str(tmp_path / "none.toml"))
    with pytest.raises(TranscriptError, match="is a folder"):
        read(str(tmp_path))
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TranscriptError, match="not TOML"):
        read(str(tmp_path / "bytes.toml"))
    with pytest.raises(SpecError):
        bpcompare.load(tmp_path / "none.toml")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    """Editors on Windows write one; the file would be refused as no TOML, though a spec with one is read."""
    path = tmp_path / "numbers.toml"
    path.write_text('[numbers]\n"h1.in" = "0.3775"\n', encoding="utf-8-sig")
    assert list(read(str(path)).numbers) == ["h1.in"]


def test_json_and_exit_codes(tmp_path, capsys):
    """A program that reads the result."""
    path = tmp_path / "numbers.toml"
    path.write_text('[numbers]\nh1.a = "0.593269992"\n', encoding="utf-8")
    assert main(["transcript", str(EXAMPLES / "mazur.toml"), str(path), "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["numbers"]
    assert row["confirmed"]
    assert row["right"] == pytest.approx(0.593269992107)


def test_a_search_that_takes_too_long_says_so(monkeypatch):
    """A large net is searched for an evening, or the cause is "unknown" although most formulas were never tried."""
    numbers = Numbers({"E": printed("0.31234")})
    whole = check(bpcompare.load(EXAMPLES / "mazur.toml"), numbers)
    assert not whole.cut_short
    monkeypatch.setattr(importlib.import_module("bpcompare.teach.transcript.check"), "CAUSES", 0.0)
    short = check(bpcompare.load(EXAMPLES / "mazur.toml"), numbers)
    assert short.cut_short
    assert "not all formulas of the catalogue were tried" in transcript_text(short)
