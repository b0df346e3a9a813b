"""The slip that gives exactly the wrong numbers is named, with its line; and none where no single one does."""

import numpy as np
import pytest

from bpcompare import check_gradient
from bpcompare.own.causes.factor import Factors
from bpcompare.own.causes.same import Same
from slips import SLIPS

R = np.random.default_rng(5)
X, G = R.standard_normal((6, 3)), R.uniform(0.5, 1.5, 3)
A = np.linspace(-2, 2, 6)


def rms(x, g):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6) * g


def rms_back(x, g, dy, factor=True):
    r = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6)
    d = dy * g if factor else dy
    return r * (d - x * r * (d * x * r).mean(-1, keepdims=True)), (dy * x * r).sum(0)


def norm(x, g):
    return g * (x - x.mean(0)) / np.sqrt(x.var(0) + 0.01)


def norm_back(x, g, dy, mean=True, var=True, epsilon=0.01):
    s = 1 / np.sqrt(x.var(0) + epsilon)
    h = (x - x.mean(0)) * s
    d = dy * g
    return s * (d - (d.mean(0) if mean else 0) - (h * (d * h).mean(0) if var else 0)), (dy * h).sum(0)


def focal(a):
    p = 1 / (1 + np.exp(-a))
    return -((1 - p) ** 2.0) * np.log(p)


def focal_back(a, dy, chain=True):
    p = 1 / (1 + np.exp(-a))
    d = 2 * (1 - p) * np.log(p) - (1 - p) ** 2 / p
    return dy * d * (p * (1 - p) if chain else 1)


CASES = {
    "a factor is missing": (rms, lambda x, g, dy: rms_back(x, g, dy, factor=False), (X, G), "the derivative of `multiply`"),
    "the mean is taken for a constant": (norm, lambda x, g, dy: norm_back(x, g, dy, mean=False), (X, G), "`mean`"),
    "the variance is": (norm, lambda x, g, dy: norm_back(x, g, dy, var=False), (X, G), "`var`"),
    "both are": (norm, lambda x, g, dy: norm_back(x, g, dy, mean=False, var=False), (X, G), "were constants"),
    "the derivative by p": (focal, lambda a, dy: focal_back(a, dy, chain=False), (A,), "the gradient by the result of `divide`"),
    "another exponent": (lambda x: x**3, lambda x, dy: 2 * x * dy, (X,), "as if the exponent of `power`"),
    "without dy": (np.sin, lambda x, _dy: np.cos(x), (X,), "it is not multiplied by dy"),
    "dy without its sign": (np.sin, lambda x, dy: np.abs(dy) * np.cos(x), (X,), "as if dy were |dy|"),
    "dy twice": (np.sin, lambda x, dy: dy * dy * np.cos(x), (X,), "multiplied by dy twice"),
    "a mean for a sum": (
        lambda x: np.exp(x).mean(0), lambda x, dy: dy * np.exp(x), (X,), "where their mean is meant",
    ),
    "an ε left out": (
        lambda x: 1 / np.sqrt(x * x + 0.01), lambda x, dy: -dy * x * (x * x) ** -1.5, (X,), "0.01 that is added",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("forward", "backward", "inputs", "words"), CASES.values(), ids=CASES)
def test_the_slip_is_named(forward, backward, inputs, words):
    """Its author would look for it for days, though the program that is traced shows it."""
    check = check_gradient(forward, backward, inputs)
    (wrong,) = [finding for finding in check.findings if finding.verdict == "wrong"]
    assert words in wrong.cause, wrong.cause


@pytest.mark.parametrize(
    ("forward", "backward", "inputs"), [(rms, rms_back, (X, G)), (norm, norm_back, (X, G)), (focal, focal_back, (A,))]
)
def test_right_ones_have_none(forward, backward, inputs):
    """The slips above would be looked for in code that has none."""
    assert check_gradient(forward, backward, inputs).verdict == "certified"


def test_no_slip_is_made_up():
    """A cause would be told that is none: its author would change what is right."""

    def strange(x, dy):
        return dy * np.cos(x) * np.linspace(1.1, 1.9, x.size).reshape(x.shape)

    (finding,) = check_gradient(np.sin, strange, (X,)).findings
    assert (finding.verdict, finding.cause) == ("wrong", "")


@pytest.mark.parametrize(("forward", "backward", "inputs", "words"), SLIPS.values(), ids=SLIPS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_kind_of_slip_is_named(forward, backward, inputs, words):
    """One of the slips that people make most would be told as unknown, or as another one."""
    wrong = [one for one in check_gradient(forward, backward, inputs, contracts=False).findings if one.verdict == "wrong"]
    assert wrong
    for finding in wrong:
        assert words in finding.cause, finding.cause


@pytest.mark.parametrize(
    ("forward", "backward", "x"),
    [
        pytest.param(lambda a: a * a, lambda a, dy: 7.0 * a * dy, np.array(2.0), id="of one number, any factor is true"),
        pytest.param(
            # Off by 1e-11, which is what the ε does, and not by it.
            lambda x: 1 / np.sqrt(x * x + 1e-11),
            lambda x, dy: -dy * x * (x * x + 1e-11) ** -1.5 * np.linspace(1 - 1e-11, 1 + 1e-11, 18).reshape(6, 3),
            np.abs(X) + 0.5,
            id="as small as what an ε does",
        ),
        pytest.param(
            lambda x: np.tanh(x) * x,
            lambda x, dy: dy * (np.tanh(x) + x * (1 - np.tanh(x) ** 2)) * (1 + 1e-6 * np.sin(np.arange(18.0)).reshape(6, 3)),
            X,
            id="noise that float32 does not make",
        ),
    ],
)
def test_no_cause_that_leaves_something_unexplained(forward, backward, x):
    """A slip that is as large as the mistake, but another one, would be told: its author would look for it in vain."""
    (finding,) = check_gradient(forward, backward, (x,), contracts=False).findings
    assert (finding.verdict, finding.cause) == ("wrong", "")


def test_a_cause_explains_the_mistake():
    """What is only as close to the wrong numbers as the right ones are would be a cause."""
    right, radius = np.array([1.0, 2.0]), np.array([1e-3, 1e-3])
    same = Same(right, radius, 2.0**-53)
    got = np.array([1.002, 2.002])
    assert same(got, got)
    assert not same(got, np.array([1.0019, 2.0021]))  # within the radius, and 5 % of the mistake unexplained
    assert not same(got, right)


def test_a_factor_is_told_by_what_it_is_made_of():
    """A person would have to find out that 0.03125 is 1/(2·4·4)."""
    factors = Factors({"dy": (2, 5, 4, 4)}, (0.1,))
    said = {value: next(factors.near(value), (0, ""))[1] for value in (1 / 32, np.sqrt(5), 2.0, 0.9, np.log(10), 0.1234)}
    assert list(said.values()) == [
        "1/32 = 1/(2·4·4), sizes of dy", "√5, of a size of dy", "2", "1 − 0.1, with the 0.1 that stands in the code", "ln 10", "",
    ]  # fmt: skip
