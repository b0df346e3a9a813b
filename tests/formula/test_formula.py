"""Formulas with numbers: every one must come to what the law says, and to what stands beside it."""

import math
import re

import numpy as np
import pytest

import bpcompare
from bpcompare.formula import formula, in_numbers, in_symbols
from bpcompare.laws import LAWS
from bpcompare.ops import Identity, Softmax
from bpcompare.proof.question import question
from bpcompare.proof.values import step_values
from mistaken_networks import NETWORKS
from places import EXAMPLES

LITERAL = re.compile(r"(?<![\w.])(?<!\*\*)\d+\.?\d*(?:e[-+]?\d+)?")  # no exponents: a power of a negative number is whole


def functions(network):
    """What the text of a formula may call."""
    found = {"exp": math.exp, "sqrt": math.sqrt, "abs": abs, "sigmoid": lambda x: 1 / (1 + math.exp(-x))}
    found["softplus"] = lambda x: math.log1p(math.exp(x))
    for layer in network.layers.values():
        if not isinstance(layer.g, Identity | Softmax):
            law = LAWS.ops[type(layer.g)]
            found[layer.g.name] = lambda x, law=law, g=layer.g: float(law.g(g, np.array([x]))[0])
    return found


def half_digit(literal):
    """Half a unit of the last of six digits."""
    return 0.5e-5 * 10.0 ** math.floor(math.log10(abs(float(literal)))) if float(literal) else 0.0


def evaluated(text, calls):
    """The value of a line, and how far its printed digits can move it (first order, twice for safety)."""
    plain = re.sub(r"\{[\d,]+ more\}", "", text).replace("[", "(").replace("]", ")")
    value = eval(plain, {"__builtins__": {}}, calls)
    moved = 0.0
    for match in LITERAL.finditer(plain):
        nudged = repr(float(match.group()) + half_digit(match.group()))
        moved += abs(eval(plain[: match.start()] + nudged + plain[match.end() :], {"__builtins__": {}}, calls) - value)
    return value, 2 * moved


def elements(shape):
    """A few elements of every array: corners and the middle."""
    size = math.prod(shape)
    for flat in sorted({0, size // 2, size - 1}) if size else ():
        yield tuple(map(int, np.unravel_index(flat, shape)))


def runs():
    for name in ("mazur", "xor", "skip", "shared", "digits-lenet"):
        yield pytest.param(lambda name=name: bpcompare.load(EXAMPLES / f"{name}.toml"), id=name)
    for network in NETWORKS:
        yield pytest.param(lambda network=network: network, id=network.name)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("make", list(runs()))
def test_every_formula_comes_to_the_value_of_its_law(make):
    """The page would show students a line of arithmetic that does not give the number beside it."""
    network = make()
    comparison = bpcompare.run(network, ["delta"], steps=2)
    calls = functions(network)
    record = comparison.records["delta"]
    assert record.failure is None
    for values in step_values(comparison.plan, record):
        for claim in question(comparison.plan).claims:
            recorded = values.recorded[claim.path]
            for index in elements(recorded.shape):
                it = formula(network, claim, index, values)
                if not claim.owners:
                    assert it is None
                    continue
                assert it is not None, f"no formula for {claim.path}"
                expected = float(recorded[index])
                assert it.value == pytest.approx(expected, rel=1e-9, abs=1e-13), (claim.path, index)
                text = in_numbers(it)
                value, room = evaluated(text, calls)
                assert abs(value - expected) <= room + 1e-6 * abs(expected) + 1e-12, (claim.path, index, text)
                assert in_symbols(it)


def test_the_sign_of_the_frameworks_changes_delta_and_nothing_that_is_recorded():
    """With δ = +∂E/∂in, a page would show a Δ of one sign in a formula of the other."""
    network = bpcompare.load(EXAMPLES / "skip.toml")
    comparison = bpcompare.run(network, ["delta"], steps=1)
    (values,) = step_values(comparison.plan, comparison.records["delta"])
    for claim in question(comparison.plan).claims:
        for index in elements(values.recorded[claim.path].shape):
            ours = formula(network, claim, index, values)
            theirs = formula(network, claim, index, values, positive=True)
            sign = -1 if claim.statement in ("base", "inductive") else 1
            assert theirs.value == pytest.approx(sign * ours.value, rel=1e-12)


def test_long_sums_show_their_largest_terms_and_the_rest_as_one_number():
    """A layer of a thousand inputs would fill a page, or lose terms."""
    network = bpcompare.load(EXAMPLES / "digits.toml")
    comparison = bpcompare.run(network, ["delta"], steps=1)
    (values,) = step_values(comparison.plan, comparison.records["delta"])
    claim = question(comparison.plan).by_path["h.in"]
    text = in_numbers(formula(network, claim, (0, 0), values))
    assert "{62 more}" in text
    assert len(text) < 120
