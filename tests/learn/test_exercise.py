"""Exercises in a notebook: each blank with correct inputs, and its mistake named."""

from itertools import islice

import numpy as np
import pytest

import bpcompare
from bpcompare import ops
from bpcompare.teach.learn import ExerciseError
from bpcompare.teach.learn.questions import unfit
from bpcompare.testing.cases import cases

RIGHT = {
    "delta_output": lambda k: k.g_prime(k.in_) * (k.t - k.a) / (k.examples if k.reduce == "mean" else 1),
    "delta_hidden": lambda j: j.g_prime(j.in_) * sum(w * delta for w, delta in j.out),
    "gradient": lambda e: -sum(a * delta for a, delta in zip(e.a, e.delta, strict=True)),
    "update": lambda p: p.w - p.eta * p.gradient,
}


def filled(spec="mazur", **functions):
    """An exercise with right answers, but for those given."""
    hw = bpcompare.exercise(spec)
    for name, function in (RIGHT | functions).items():
        if function is not None:
            hw.step(name)(function)
    return hw


@pytest.mark.parametrize("spec", ["mazur", "aima", "three-by-three", "skip"])
def test_right_answers_pass(spec):
    """A student who is right would be told otherwise."""
    result = filled(spec).check()
    assert result.passed
    assert "public checks passed: delta_output, delta_hidden, gradient, update" in str(result)
    assert "all passed" not in str(result).lower()


@pytest.mark.sampled(4)
@pytest.mark.parametrize("op", ops.LAYERS, ids=lambda op: op.name)
@pytest.mark.parametrize("step", ["delta_hidden", "gradient"])
def test_right_answers_pass_whatever_the_layers_are(op, step):
    """The Δ that a mean or a divisor sends back would not be among those that a student is given."""
    fit = (case for case in cases() if case.about is op and not unfit(case.network, [step], vectorized=False))
    for case in islice(fit, 4):
        hw = bpcompare.exercise(case.network, [step])
        hw.step(step)(RIGHT[step])
        assert hw.check().passed, case.name


def test_what_divides_by_a_statistic_is_not_asked():
    """One node reaches all others through the mean: no list of the nodes that it feeds holds the answer."""
    for case in (case for case in cases() if case.about.role == "layer" and case.about.normalizes):
        assert any("is not a sum" in why for why in unfit(case.network, ["delta_hidden"], vectorized=False)), case.name


def test_one_slip_does_not_cascade():
    """A mistake in the first step would make all the others fail."""
    result = filled(delta_output=lambda k: k.t - k.a).check()
    assert [one.passed for one in result.marks] == [False, True, True, True]
    assert "BP201" in str(result)
    assert "not yet: Δ of node o" in str(result)


def test_logits_and_skips():
    """An exercise on another error, or on a graph that is no chain, would mark right answers wrong."""
    hw = bpcompare.exercise("xor", ["delta_output", "delta_hidden"])
    hw.step("delta_output")(lambda k: (k.t - 1 / (1 + np.exp(-k.a))) / k.examples)
    hw.step("delta_hidden")(lambda j: j.g_prime(j.in_) * sum(w * d for w, d in j.out))
    assert hw.check().passed
    assert len(filled("skip").check("delta_hidden").marks) == 1


def test_momentum_and_decay_are_given():
    """The update of the spec could not be written with what the function gets."""
    from dataclasses import replace

    network = bpcompare.load("skip")
    network = replace(network, update=replace(network.update, momentum=0.9, weight_decay=0.1))
    hw = bpcompare.exercise(network, ["update"])
    hw.step("update")(lambda p: p.w - p.eta * (p.momentum * p.velocity + p.gradient + p.weight_decay * p.w))
    assert hw.check().passed


def test_vectorized_answers():
    """Half of the students write NumPy."""
    hw = bpcompare.exercise("three-by-three", ["delta_hidden", "gradient"])
    hw.step("delta_hidden", style="vectorized")(lambda j: j.g_prime(j.in_) * sum(d @ w.T for w, d in j.out))
    hw.step("gradient", style="vectorized")(lambda e: -e.a.T @ e.delta)
    assert hw.check().passed
    hw.step("gradient", style="vectorized")(lambda e: -e.delta.T @ e.a)
    assert not hw.check("gradient").passed
    hw.step("gradient", style="vectorized")(lambda e: e.a)
    assert "shape" in str(hw.check("gradient"))


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (None, "not written yet"),
        (lambda j: None, "returned None"),
        (lambda j: True, "returned True"),
        (lambda j: float("inf"), "not a finite number"),
        (lambda j: 1 / 0, "raised ZeroDivisionError"),
        (lambda j: j.nothing, "raised AttributeError"),
        (lambda j: 3.0 * j.g_prime(j.in_) * sum(w * d for w, d in j.out), "cause unknown"),
        (lambda j: 2.0 * j.g_prime(j.in_) * sum(w * d for w, d in j.out), "times what it should be"),
    ],
)
def test_what_goes_wrong_is_told(function, words):
    """A traceback of the checker, where the student's own line is at fault."""
    result = filled(delta_hidden=function).check("delta_hidden")
    assert not result.passed
    assert words in " ".join(str(result).split())


def test_the_right_number_is_told_only_where_it_may_be():
    """Whoever asks often enough would read the answer off the feedback."""
    plain = filled(delta_hidden=lambda j: 0.1).check("delta_hidden")
    assert "right:" not in str(plain)
    assert "-0.00877" not in str(plain)
    hw = bpcompare.exercise("mazur", ["delta_hidden"], reveal=True)
    hw.step("delta_hidden")(lambda j: 0.1)
    assert "right: -0.00877135468948694" in str(hw.check())


def test_exercises_that_cannot_be_set_are_refused_with_all_reasons():
    """A teacher learns it one reason at a time, in front of the class."""
    with pytest.raises(ExerciseError, match="there is no step 'delta'"):
        bpcompare.exercise("mazur", ["delta"])
    with pytest.raises(ExerciseError, match=r"(?s)looks at several.*norm: "):
        bpcompare.exercise("shared")
    hw = bpcompare.exercise("mazur", ["update"])
    with pytest.raises(ExerciseError, match="no blank"):
        hw.step("gradient")
    with pytest.raises(ExerciseError, match="no blank"):
        hw.check("gradient")
    with pytest.raises(ExerciseError, match="style"):
        hw.step("update", style="fast")


def test_a_view_shows_what_it_holds():
    """print(j) is the first thing a student tries."""
    seen = []
    hw = filled(delta_hidden=lambda j: seen.append(repr(j)) or 0.0)
    hw.check("delta_hidden")
    assert "in_=0.3775" in seen[0]
    assert "out=[(0.4, " in seen[0]
