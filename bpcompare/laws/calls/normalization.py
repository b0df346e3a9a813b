"""Layer, group, batch and root-mean-square normalization, and weights of a given norm."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.calls.called import Arguments, CallLaw, Rows
from bpcompare.laws.calls.reductions import last, norm
from bpcompare.laws.kernel import Node, lifted
from bpcompare.laws.kernel.standard import average
from bpcompare.laws.law import At
from bpcompare.numbers.number import Num, moments, total

rows = Rows()


def _affine(y: Node, weight: Any, bias: Any, shape: tuple[int, ...] | None = None) -> Node:
    """γ y + β, either of which may be absent, both in `shape`."""
    if weight is not None:
        y = kernel.multiply(y, weight if shape is None else kernel.reshape(weight, shape))
    if bias is not None:
        y = kernel.add(y, bias if shape is None else kernel.reshape(bias, shape))
    return y


@rows.law("native_layer_norm", "layer_norm", rearranged=True, widened=True)
def _layer_norm(a: Arguments) -> list[Node | None]:
    hat = kernel.standardized(a.input, _features(a), a.number("eps"))
    return [_affine(hat, a.get("weight"), a.get("bias")), None, None]


@rows.law("_fused_rms_norm", "rms_norm", rearranged=True, widened=True)
def _rms_norm(a: Arguments) -> list[Node | None]:
    epsilon = a.number("eps") if a.get("eps") is not None else _least_step(a)
    return [_affine(kernel.standardized(a.input, _features(a), epsilon, centred=False), a.get("weight"), None), None]


def _features(a: Arguments) -> tuple[int, ...]:
    """The last axes, as many as the call names sizes of."""
    count = len(a.normalized_shape)
    return tuple(range(a.input.ndim - count, a.input.ndim))


def _least_step(a: Arguments) -> float:
    """torch's ε where none is given: from 1 to the next number of the format."""
    fmt = getattr(a.some, "fmt", None)
    return 2.0 * fmt.u if fmt is not None else float(np.finfo(np.float64).eps)


@rows.law("native_group_norm", rearranged=True, widened=True)
def _group_norm(a: Arguments) -> list[Node | None]:
    x = lifted(a.input)
    groups, epsilon = kernel.reshape(x, (a.N, a.group, a.C // a.group, a.HxW)), a.number("eps")
    hat = kernel.reshape(kernel.standardized(groups, (2, 3), epsilon), x.shape)
    mean, (_, variance) = kernel.mean(groups, (2, 3)), kernel.moments(groups, (2, 3))
    inverse = kernel.divide(1.0, kernel.sqrt(kernel.add(kernel.reshape(variance, (a.N, a.group)), epsilon)))
    return [_affine(hat, a.get("weight"), a.get("bias"), _per_channel(x)), mean, inverse]


def _per_channel(x: Node) -> tuple[int, ...]:
    """The shape in which one number a channel broadcasts."""
    return (1, x.shape[1], *(1,) * (x.ndim - 2))


def _but_channels(x: Node) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


def by_batch(a: Arguments, *, trained: bool = False) -> list[Node | None]:
    """By this batch's mean and variance in training, by the running ones else. `trained`: always in training."""
    x = lifted(a.input)
    epsilon = a.number("eps" if "eps" in a else "epsilon")
    if trained or a.get("training", a.get("train", False)) or a.get("running_mean") is None:
        hat = kernel.standardized(x, _but_channels(x), epsilon)
    else:
        mean, variance = (kernel.reshape(a.get(name), _per_channel(x)) for name in ("running_mean", "running_var"))
        hat = kernel.multiply(kernel.subtract(x, mean), kernel.divide(1.0, kernel.sqrt(kernel.add(variance, epsilon))))
    return [_affine(hat, a.get("weight"), a.get("bias"), _per_channel(x)), None, None]


class BatchNormCall(CallLaw):
    """Batch normalization, which leaves its running statistics moved.

    `channels`: what there is of one channel is made of that channel alone; they stand along the second axis, or the only one.
    """

    channels = True

    def __init__(self, *, trained: bool = False) -> None:
        super().__init__(partial(by_batch, trained=trained), rearranged=True, widened=True)

    def state(self, at: At[Any]) -> Num:
        """(1 − momentum) running + momentum · this batch's; the variance with n − 1. Raises LookupError for one number."""
        a = Arguments(at)
        x: Num = a.input
        axes, before = _but_channels(lifted(x)), a.get(at.name)
        if at.name == "running_mean":
            batch = average(x, axes)
        else:
            n = math.prod(x.shape[axis] for axis in axes)
            if n < 2:
                raise LookupError("the variance of one number")
            batch = moments(x, axes)[1] * (n / (n - 1.0))
        momentum = a.number("momentum" if "momentum" in a else "exponential_average_factor")
        return total([(1.0 - momentum) * before, momentum * np.reshape(batch, (-1,))])


for _name in (
    "native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training",
    "_native_batch_norm_legit_functional", "_batch_norm_no_update", "cudnn_batch_norm", "miopen_batch_norm", "batch_norm",
):  # fmt: skip
    rows.table[_name] = BatchNormCall()
rows.table["_batch_norm_with_update"] = BatchNormCall(trained=True)


@rows.law("_weight_norm_interface", "_weight_norm", rearranged=True)
def _weight_norm(a: Arguments) -> list[Node | None]:
    """v g/‖v‖, with the norm over all axes but one."""
    v, axis = lifted(a.v), a.get("dim", 0)
    kept = axis % v.ndim
    over = tuple(one for one in range(v.ndim) if one != kept)
    size = kernel.reshape(norm(last(v, over), 2.0), tuple(n if one == kept else 1 for one, n in enumerate(v.shape)))
    return [kernel.multiply(v, kernel.divide(a.g, size)), size]
