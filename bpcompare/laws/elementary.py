"""Functions that several laws need, analytic in every branch, so that they run on complex numbers too."""

from __future__ import annotations

import numpy as np

from bpcompare.numbers.number import Num, either, excluded, first_max, masked, named, positive, total


def magnitude(x: Num) -> Num:
    """|x|, without the function that drops the imaginary part."""
    return np.where(positive(x), x, -x)


def sigmoid(x: Num) -> Num:
    """1/(1 + e^−x), without overflow on either side; or ½ + ½ tanh(x/2), which far below 0 is off by more than σ."""
    return either(_logistic(x), lambda: 0.5 + 0.5 * np.tanh(0.5 * x))


def _logistic(x: Num) -> Num:
    e = np.exp(-magnitude(x))
    small = e / (1.0 + e)
    return np.where(positive(x), 1.0 / (1.0 + e), small)


def softplus(x: Num) -> Num:
    """ln(1 + e^x) = max(x, 0) + ln(1 + e^−|x|)."""
    return masked(positive(x), x) + np.log1p(np.exp(-magnitude(x)))


def softplus_prime(x: Num) -> Num:
    """σ(x). JAX differentiates softplus as e^(x − softplus(x)), which is off by |x| u: at x = 700, 6e-14."""
    return either(_logistic(x), lambda: np.exp(x - softplus(x)))


def largest(x: Num) -> Num:
    """The maximum along the last axis, which stays as an axis of length one."""
    return total(np.where(first_max(x), x, 0.0), axis=-1, keepdims=True)


def softmax(x: Num) -> Num:
    """e^x / Σ e^x along the last axis. Scores that a mask has excluded count as exact zeros, unless all of a row are."""
    e, _ = _above_top(x)
    return e / total(e, axis=-1, keepdims=True)


def log_sum_exp(x: Num) -> Num:
    """ln Σ e^x along the last axis, which stays as an axis of length one. Excluded scores count as exact zeros likewise."""
    e, top = _above_top(x)
    return top + np.log(total(e, axis=-1, keepdims=True))


def _above_top(x: Num) -> tuple[Num, Num]:
    """e^(x − max) along the last axis, and the maximum."""
    off = excluded(x)
    off &= ~off.all(axis=-1, keepdims=True)
    if not off.any():
        top = named("max", largest(x))
        return np.exp(x - top), top
    top = total(masked(first_max(x, ~off), x), axis=-1, keepdims=True)
    return masked(~off, np.exp(masked(~off, masked(~off, x) - top))), top
