"""What a printed number stands for, beside others of its quantity: "0" is no ball of half a unit because it is short."""

import json

import pytest

from bpcompare.cli import main
from bpcompare.spec import parse
from bpcompare.teach.transcript import Numbers, check, read, transcript_json, transcript_text
from bpcompare.teach.transcript.printed import printed

LINE = """
[inputs.x]
units = {count}
[layers.o]
from = "x"
units = 1
weights = {weights}
[error]
op = "half_squared"
of = "o"
reduce = "sum"
[update]
rule = "sgd"
eta = 0.5
[data]
examples = [{{ x = {x}, t = [0] }}]
"""
"""One linear unit with o.a = 1: the gradient of the weight from x is x."""


def outcomes_of(pairs):
    return [one.outcome for one in transcript(pairs).checked]


def transcript(pairs):
    values = [float(value) for value, _ in pairs] + [1.0]
    # The last input makes o.a = 1 whatever the others are, so that Δ = −1 and every gradient is its input.
    weights = [[0.0]] * len(pairs) + [[1.0]]
    network = parse(LINE.format(count=len(values), weights=weights, x=values))
    return check(network, Numbers({f"o.weight.gradient[{at},0]": printed(text) for at, (_, text) in enumerate(pairs)}))


@pytest.mark.parametrize(
    ("right", "text", "outcome"),
    [
        # A lone text without decimals may be the very number: it confirms nothing but that.
        (0.4, "0", "open"), (-0.4, "0", "open"), (0.4, "-0", "open"), (0.0, "0", "confirmed"), (0.6, "0", "refuted"),
        (0.7744, "1", "open"), (0.7744, "1.", "open"), (0.97, "1.0", "open"), (0.7744, "1e0", "open"), (-0.7744, "-1", "open"),
        (0.7744, "1.0", "refuted"), (1.0, "1", "confirmed"), (1.0, "1e0", "confirmed"), (0.04, "0.0", "open"),
        (0.04, "0.", "open"), (0.0, "0.0", "confirmed"), (1e-5, "1e-5", "confirmed"), (1.2e-5, "1e-05", "open"),
        (9.7, "10", "open"), (100.3, "100", "open"), (12.3, "12", "open"), (12.3, "13", "refuted"), (1000.2, "1e3", "open"),
        # Many digits, or a decimal place, say by themselves how finely the number was printed.
        (137.3, "137", "confirmed"), (3775.2, "3775", "confirmed"), (137.6, "137", "refuted"), (0.44, "0.4", "confirmed"),
        (0.7744, "0.8", "confirmed"), (0.7744, "0.77", "confirmed"), (0.0003, "0.000", "confirmed"), (0.003, "0.00", "confirmed"),
        (1.00002, "1.0000", "confirmed"), (1.0002, "1.0000", "refuted"), (0.46, "0.5", "confirmed"),
    ],
)  # fmt: skip
def test_a_number_alone(right, text, outcome):
    """A missing gradient, printed as 0, is "right to its 1 digit"."""
    assert outcomes_of([(right, text)]) == [outcome]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        # Others are evidently rounded to whole numbers, too.
        ([(0.4, "0"), (3.2, "3"), (16.7, "17")], ["confirmed"] * 3),
        ([(0.4, "0"), (137.3, "137")], ["confirmed"] * 2),
        ([(0.04, "0.0"), (0.31, "0.3")], ["confirmed"] * 2),
        ([(9.7, "10"), (3.2, "3")], ["confirmed"] * 2),
        # Exact whole numbers, and wrong ones, are no evidence of rounding; nor are two zeros.
        ([(0.4, "0"), (3.0, "3"), (17.0, "17")], ["open", "confirmed", "confirmed"]),
        ([(0.4, "0"), (0.3, "0")], ["open", "open"]),
        ([(0.4, "0"), (0.0, "0")], ["open", "confirmed"]),
        ([(0.7744, "1"), (0.4, "0")], ["open", "open"]),
        ([(0.4, "0"), (9.2, "3")], ["open", "refuted"]),
        ([(0.04, "0.0"), (0.5, "0.5")], ["open", "confirmed"]),
        # A printer that leaves out zeros at the end: 0.5 beside 0.4375 is 0.5000.
        ([(0.46, "0.5"), (0.4375, "0.4375")], ["open", "confirmed"]),
        ([(0.5, "0.5"), (0.4375, "0.4375")], ["confirmed", "confirmed"]),
        ([(0.50002, "0.5"), (0.4375, "0.4375")], ["confirmed", "confirmed"]),
        ([(0.4, "0"), (0.7744, "0.7744")], ["open", "confirmed"]),
        ([(0.00001, "0"), (0.7744, "0.7744")], ["confirmed", "confirmed"]),
        ([(0.7744, "1"), (0.7744, "0.7744")], ["open", "confirmed"]),
        ([(0.148, "0.15"), (0.7744, "0.7744")], ["open", "confirmed"]),
        # Written at different lengths, but with digits enough.
        ([(0.199561432, "0.19956143"), (0.149780716, "0.149780716")], ["confirmed", "confirmed"]),
        ([(0.5003, "0.500"), (0.4375, "0.4375")], ["confirmed", "confirmed"]),
        ([(0.46, "0.5"), (0.4375, "0.4375"), (0.31, "0.3")], ["confirmed"] * 3),
    ],
)
def test_numbers_beside_one_another(pairs, expected):
    """How finely a column is printed is read off one number of it."""
    assert outcomes_of(pairs) == expected


def test_other_quantities_say_nothing_about_it():
    """Net inputs in whole numbers would make a 0 of the gradients a rounded one."""
    network = parse(LINE.format(count=2, weights=[[30.2], [0.0]], x=[1.0, 0.01]))
    numbers = {"o.in": printed("30"), "o.a": printed("30"), "o.weight.gradient[1,0]": printed("0")}
    found = {one.name: one.outcome for one in check(network, Numbers(numbers)).checked}
    assert found["o.weight.gradient[1,0]"] == "open"


def test_what_is_said_of_an_open_number():
    """An open number without a reason, or without the right value, leaves people where they were."""
    alone = " ".join(transcript_text(transcript([(0.4, "0")])).split())
    assert "1 number: 0 confirmed, 0 refuted, 1 open" in alone
    assert "says too little: the right value is 0.4" in alone
    assert "no other number of this quantity is evidently rounded as coarsely. Write down more digits" in alone
    beside = " ".join(transcript_text(transcript([(0.46, "0.5"), (0.4375, "0.4375")])).split())
    assert "printed as finely as o.weight.gradient[1,0]" in beside
    (row, _) = json.loads(transcript_json(transcript([(0.46, "0.5"), (0.4375, "0.4375")])))["numbers"]
    assert (row["outcome"], row["confirmed"]) == ("open", False)
    exact = transcript_text(transcript([(0.0, "0")]))
    assert "exactly right" in exact
    assert "right to its 3 decimals" in transcript_text(transcript([(0.0002, "0.000")]))


def test_exit_codes(tmp_path, capsys):
    """A script takes a transcript with open numbers for a confirmed one."""
    spec, numbers = tmp_path / "line.toml", tmp_path / "numbers.toml"
    spec.write_text(LINE.format(count=2, weights=[[0.0], [1.0]], x=[0.4, 1.0]), encoding="utf-8")
    for text, code in (('"0"', 4), ('"0.4"', 0), ('"0.9"', 1), ("0.40", 0), ("0.900", 1), ("0", 4)):
        numbers.write_text(f'[numbers]\n"o.weight.gradient[0,0]" = {text}\n', encoding="utf-8")
        assert main(["transcript", str(spec), str(numbers)]) == code
    capsys.readouterr()


def test_digits_of_a_number_without_quotes_are_kept(tmp_path):
    """1.0000 without quotes becomes 1.0 to Python: three digits that were printed are lost."""
    path = tmp_path / "numbers.toml"
    path.write_text("[numbers]\nE = 1.0000\n", encoding="utf-8")
    assert read(str(path)).numbers["E"].text == "1.0000"
