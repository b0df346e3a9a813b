"""Functions that several laws need, analytic in every branch, so that they run on complex numbers too."""

from __future__ import annotations

import numpy as np

from bpcompare.arithmetic import Num, either, first_max, positive, total


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
    return np.where(positive(x), x, 0.0 * x) + np.log1p(np.exp(-magnitude(x)))


def softplus_prime(x: Num) -> Num:
    """σ(x). JAX differentiates softplus as e^(x − softplus(x)), which is off by |x| u: at x = 700, 6e-14."""
    return either(_logistic(x), lambda: np.exp(x - softplus(x)))


def largest(x: Num) -> Num:
    """The maximum along the last axis, which stays as an axis of length one."""
    return total(np.where(first_max(x), x, 0.0), axis=-1, keepdims=True)


def softmax(x: Num) -> Num:
    """e^x / Σ e^x along the last axis."""
    e = np.exp(x - largest(x))
    return e / total(e, axis=-1, keepdims=True)


def log_sum_exp(x: Num) -> Num:
    """ln Σ e^x along the last axis, which stays as an axis of length one."""
    top = largest(x)
    return top + np.log(total(np.exp(x - top), axis=-1, keepdims=True))
