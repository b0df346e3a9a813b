"""The slip that gives exactly the wrong numbers is named, with its line; and none where no single one does."""

import numpy as np
import pytest

from bpcompare import check_gradient

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
        lambda x: np.exp(x).mean(0), lambda x, dy: dy * np.exp(x), (X,), "sum instead of mean",
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
