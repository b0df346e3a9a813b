import re
from dataclasses import replace

import numpy as np
import pytest

import bpcompare
from bpcompare.laws import LAWS, Laws
from bpcompare.laws.activation import Elementwise
from bpcompare.ops import Relu, Sgd
from bpcompare.report import text, verdict_line
from bpcompare_delta import Delta
from places import EXAMPLES
from specs import KINK


def _value(label, shown):
    found = re.search(rf"^  [ >] {re.escape(label)} +(\S+)", shown, re.MULTILINE)
    return float(found[1])


@pytest.mark.sampled(4)
@pytest.mark.parametrize("spec", ["mazur", "xor", "skip", "shared"])
def test_a_pass_fits_on_a_screen(compare, spec):
    """A success would scroll its own verdict away."""
    shown = text(compare(spec, "delta", "jax", steps=2)).split("\n")
    assert len(shown) <= 15
    assert max(map(len, shown)) <= 120
    assert shown[-1].startswith(("certified  ", "identical  "))


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ("mazur", "BP101"),
        ("xor", "BP302"),
        ("skip", "BP206"),
        ("shared", "BP306"),
        ("shared", "BP216"),
        ("digits-lenet", "BP401"),
    ],
)
def test_a_failure_fits_on_a_screen(compare, spec, code):
    """A failure would scroll the one line that says who is wrong away."""
    comparison = compare(spec, "delta", f"delta!{code}", steps=2)
    shown = text(comparison, command="bpcompare run SPEC").split("\n")
    assert len(shown) <= 30
    assert max(map(len, shown)) <= 120
    assert shown[-1].startswith("wrong  ")


def test_an_error_that_overflows_is_not_blamed_on_the_numbers_before_it():
    """A reader would look for an infinite number in the forward pass, where there is none, and be told one remedy twice."""
    network = bpcompare.load(EXAMPLES / "mazur.toml")
    data = replace(network.data, target=np.array([[1e160, 0.0]]))
    shown = " ".join(text(bpcompare.run(replace(network, data=data), backends=["delta"])).split())
    assert "undecided at error" in shown
    assert "it is NaN or infinite; so is the law's value: it overflows, or is computed from such numbers" in shown
    assert shown.count("smaller weights, learning rate") == 1


BEFORE_NORM = """
[inputs.x]
units = 3
[layers.d]
from = "x"
units = 4
[layers.n]
op = "batch_norm"
from = "d"
epsilon = 1e-5
momentum = 0.1
running_variance = "unbiased"
[layers.o]
from = "n"
units = 1
[error]
op = "half_squared"
of = "o"
reduce = "mean"
[update]
rule = "sgd"
eta = 0.1
[data]
examples = [{ x = [1, 2, 3], t = [1] }, { x = [2, 0, 1], t = [0] }, { x = [-1, 1, 2], t = [0.5] }]
"""


def test_what_is_zero_up_to_rounding_measures_nothing(tmp_path):
    """Rounding left of a zero would be a scale: parameters 10¹⁵ times apart, and honest backends apart by all of a tensor."""
    (tmp_path / "norm.toml").write_text(BEFORE_NORM)
    network = bpcompare.load(tmp_path / "norm.toml")
    wrong = bpcompare.run(network, backends=["delta", "delta!BP216"])
    assert wrong.first.code == "BP216"
    (size,) = re.findall(r"parameters end up to (\S+) (%?) ?away from delta's", text(wrong))
    assert size[1] == "%"
    assert float(size[0]) <= 100
    passed = text(bpcompare.run(network, backends=["delta", "torch"]))
    assert "not the verdict, zeros included" in " ".join(passed.split())


def test_many_backends_still_fit(compare):
    """With ten backends the report would be a table and nothing else."""
    codes = ("BP101", "BP106", "BP201", "BP202", "BP203", "BP204", "BP207", "BP304", "BP408")
    comparison = compare("mazur", "delta", *(f"delta!{code}" for code in codes))
    shown = text(comparison, command="bpcompare run SPEC").split("\n")
    assert len(shown) <= 30
    assert sum("… and" in line or "more backends" in line for line in shown)


def test_the_formula_with_numbers_can_be_recomputed(compare):
    """A student who types the printed line into a calculator would get another number."""
    comparison = compare("mazur", "delta", "delta!BP204")
    shown = text(comparison)
    formula, result = re.search(r"numbers +(.*) = (\S+)", shown).groups()
    assert eval(formula.replace("[", "(").replace("]", ")"), {}) == pytest.approx(float(result), rel=1e-4)
    assert _value("law", shown) == pytest.approx(float(result), rel=1e-6)


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ("mazur", "BP201"),
        ("xor", "BP501"),
        ("xor", "BP303"),
        ("xor", "BP301"),
        ("skip", "BP408"),
        ("skip", "BP206"),
        ("xor", "BP414"),
    ],
)
def test_every_kind_of_formula_can_be_recomputed(compare, spec, code):
    """The line with numbers would belong to another element, or another rule, than the values below it."""
    shown = text(compare(spec, "delta", f"delta!{code}"))
    formula, result = re.search(r"numbers +(.*) = (\S+)", shown).groups()
    assert eval(formula.replace("[", "(").replace("]", ")"), {}) == pytest.approx(float(result), rel=1e-4)
    assert _value("law", shown) == pytest.approx(float(result), rel=1e-6)


def test_a_failure_says_who_where_how_much_why_and_what_next(compare):
    """The reader would know that something is wrong and not what to do."""
    shown = text(compare("mazur", "delta", "delta!BP204"), command="bpcompare run mazur.toml -b x")
    for part in (
        "delta!BP204 is wrong at h.delta[0,0]: 16.8 % too small",
        "Δ of node h1, example 1 of 1 (2 of 2 elements off)",
        "inductive step",
        "Δ_j = g'(in_j) Σ_k w_jk Δ_k",
        "0.241301 * [0.4*(-0.138499) + 0.5*0.0380982] = -0.008771355",
        "the oracle, from the forward pass alone, confirms the law",
        "BP204  weights taken after their update",
        "bpcompare explain BP204",
        "reproduce  bpcompare run mazur.toml -b x",
    ):
        assert part in shown
    assert _value("oracle", shown) == pytest.approx(-0.008771354689487, abs=1e-14)
    assert _value("delta!BP204", shown) == pytest.approx(-0.007294457551882, abs=1e-14)


def test_nobody_is_blamed_without_a_witness(compare):
    """A report would accuse somebody where only the law stands against them."""
    shown = text(compare("mazur", "delta", "delta!BP204", oracle="off"))
    assert "nobody can say who is right" in shown
    assert "--oracle auto" in shown


class Half(Delta):
    name = "half"

    def run(self, plan):
        law = LAWS.ops[Relu]
        half_at_zero = Elementwise(law.g, law.g_prime, lambda op, x, dy: np.where(x > 0, 1.0, np.where(x == 0, 0.5, 0.0)) * dy)
        self.laws = Laws({**LAWS.ops, Relu: half_at_zero}, LAWS.updates)
        return super().run(plan)


def test_another_convention_is_named_and_not_called_wrong():
    """A valid choice at a kink would be reported as an error, or as agreement."""
    from bpcompare.spec import parse

    shown = text(bpcompare.run(parse(KINK), [Delta, Half]))
    assert "half follows another convention at h.delta[0,0]" in shown
    assert "g'(0) = 0" in shown
    assert "WRONG" not in shown
    assert shown.split("\n")[-1].startswith("convention  kink")


def test_undecided_says_what_would_decide_it():
    """The reader would be left with a shrug."""
    from bpcompare.spec import parse

    network = parse(KINK.replace("scale = 1.0", "scale = 1e-60"))
    shown = text(bpcompare.run(network, [Delta, Half], dtype="float32"))
    assert "to decide  --dtype float64" in shown


class Raises(Delta):
    name = "raises"

    def run(self, plan):
        raise RuntimeError("no \x1b[31mmemory")


def test_a_crash_is_reported_without_traceback_or_escapes():
    """A backend's failure would bury the report, or write to the terminal what it likes."""
    comparison = bpcompare.run(bpcompare.load(EXAMPLES / "mazur.toml"), ["delta", Raises])
    shown = text(comparison)
    assert "raises: RuntimeError: no \\x1b[31mmemory" in shown
    assert "\x1b" not in text(comparison, verbose=True)
    assert "Traceback" not in shown
    assert "Traceback" in text(comparison, verbose=True)
    assert comparison.exit_code == 3


class NotANumber(Delta):
    name = "nan"

    def run(self, plan):
        record = super().run(plan)
        (step,) = record.steps
        return replace(record, steps=(replace(step, delta={name: x * np.nan for name, x in step.delta.items()}),))


def test_nan_is_said_in_words():
    """NaN would be compared with a number and the difference printed as nan %."""
    shown = text(bpcompare.run(bpcompare.load(EXAMPLES / "mazur.toml"), ["delta", NotANumber]))
    assert "nan is wrong at o.delta[0,0]: is not a finite number" in shown
    assert "nan %" not in shown


def test_one_backend_alone_is_no_comparison(compare):
    """A run of one backend would read like an agreement."""
    comparison = compare("mazur", "delta")
    assert comparison.exit_code == 5
    assert "nothing was compared" in verdict_line(comparison)
    assert len(text(comparison).split("\n")) <= 30


def test_assertion_has_the_same_text(compare):
    """A failing test would say less than the command line."""
    comparison = compare("mazur", "delta", "delta!BP204")
    with pytest.raises(AssertionError) as caught:
        comparison.assert_identical()
    printed = text(comparison, command="bpcompare run SPEC").split("\n")
    assert str(caught.value).split("\n") == [line for line in printed if not line.startswith("  reproduce")]


def test_verbose_folds_steps(compare):
    """-v would print one line for every quantity of every step."""
    shown = text(compare("xor", "delta", "delta!BP202"), verbose=True).split("\n")
    assert sum(line.startswith("  h.delta ") for line in shown) == 2
    assert len(shown) < 100


@pytest.mark.slow
def test_exact_mode_speaks_of_bits():
    """Shares of a ball would be printed where there is no ball."""
    from bpcompare.spec import parse

    network = replace(parse(KINK), update=Sgd(0.5))
    shown = text(bpcompare.run(network, ["delta", "jax"], exact=True))
    assert "same bits" in shown
    assert "%" not in shown
