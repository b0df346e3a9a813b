"""Laws that have a Δ formula of their own, against the forward program over the kernel whose Δ follows by its transposes."""

import numpy as np
import pytest

from bpcompare import ops
from bpcompare.laws import LAWS, kernel
from bpcompare.laws.composed import Composed
from bpcompare.numbers.number import hyperparameter, positive
from every_law import PLACES, asked, in_balls, questions


def axis_of(at):
    return at.op.axis % (at.x.ndim - 1) + 1


def dense(at):
    x = kernel.concat(at.xs, -1)
    y = kernel.matmul(kernel.reshape(x, (-1, x.shape[-1])), at.p["weight"])
    y = y + at.p["bias"] if "bias" in at.p else y
    return kernel.reshape(y, (*x.shape[:-1], at.op.units))


def window_numbers(size, op, far):
    """For every place of the result and every place of the window, the pixel it sees; −1 for the border."""
    dilation = getattr(op, "dilation", (1, 1))
    edges = [(near, beyond) for near, beyond in zip(op.padding, far, strict=True)]
    pixels = np.pad(np.arange(size[0] * size[1]).reshape(size), edges, constant_values=-1)
    rows, columns = (
        np.arange(0, n - d * (k - 1), s)[:, None] + d * np.arange(k)
        for n, k, s, d in zip(pixels.shape, op.kernel, op.stride, dilation, strict=True)
    )
    return pixels[rows[:, None, :, None], columns[None, :, None, :]]


def seen(at, far):
    n, channels, high, wide = at.x.shape
    return kernel.take(kernel.reshape(at.x, (n, channels, high * wide)), window_numbers((high, wide), at.op, far))


def convolution(at):
    op, g = at.op, at.op.groups
    view = seen(at, op.far)
    n, channels, high, wide, ky, kx = view.shape
    view = kernel.reshape(view, (n, g, channels // g, high, wide, ky, kx))
    view = kernel.reshape(kernel.permute(view, (0, 1, 3, 4, 2, 5, 6)), (n, g, high * wide, -1))
    weight = kernel.permute(kernel.reshape(at.p["weight"], (1, g, op.channels // g, -1)), (0, 1, 3, 2))
    y = kernel.permute(kernel.matmul(view, weight), (0, 1, 3, 2))
    y = kernel.reshape(y, (n, op.channels, high, wide))
    return y + kernel.reshape(at.p["bias"], (1, -1, 1, 1)) if "bias" in at.p else y


def max_pool(at):
    view = seen(at, at.op.padding)
    among = window_numbers(at.x.shape[2:], at.op, at.op.padding) >= 0
    flat = kernel.reshape(view, (*view.shape[:4], -1))
    return kernel.largest(flat, np.broadcast_to(among.reshape(*among.shape[:2], -1), flat.shape))


def avg_pool(at):
    there = window_numbers(at.x.shape[2:], at.op, at.op.padding) >= 0
    members = there.shape[2] * there.shape[3] if at.op.counts_padding else there.sum(axis=(2, 3)).astype(float)
    return kernel.total(seen(at, at.op.padding), (4, 5)) / members


def over_the_mean(x, axes, op):
    centred, variance = kernel.moments(x, axes)
    return centred / kernel.sqrt(variance + op.epsilon)


def features(at):
    return tuple(range(1 if at.op.last is None else at.x.ndim - at.op.last, at.x.ndim))


def layer_norm(at):
    return at.p["scale"] * over_the_mean(at.x, features(at), at.op) + at.p["shift"]


def rms_norm(at):
    square = kernel.mean(at.x * at.x, features(at), keepdims=True)
    return at.p["scale"] * (at.x / kernel.sqrt(square + at.op.epsilon))


def per_channel(at, hat):
    shape = (1, -1, *(1,) * (at.x.ndim - 2))
    return kernel.reshape(at.p["scale"], shape) * hat + kernel.reshape(at.p["shift"], shape)


def group_norm(at):
    n, channels, *positions = at.x.shape
    apart = kernel.reshape(at.x, (n, at.op.groups, channels // at.op.groups, *positions))
    return per_channel(at, kernel.reshape(over_the_mean(apart, tuple(range(2, apart.ndim)), at.op), at.x.shape))


def batch_norm(at):
    return per_channel(at, over_the_mean(at.x, (0, *range(2, at.x.ndim)), at.op))


def prelu(at):
    slope = at.p["slope"]
    slope = kernel.reshape(slope, (1, -1, *(1,) * (at.x.ndim - 2))) if at.op.channels else slope
    return kernel.where(positive(at.x.value), at.x, slope * at.x)


def add(at):
    ndim = max(x.ndim for x in at.xs)
    return kernel.add(*(kernel.aligned(x, ndim) for x in at.xs))


def activation(g):
    return lambda at: g(at.x)


PROGRAMS = {
    ops.Dense: dense,
    ops.Conv2d: convolution,
    ops.MaxPool2d: max_pool,
    ops.AvgPool2d: avg_pool,
    ops.LayerNorm: layer_norm,
    ops.RmsNorm: rms_norm,
    ops.GroupNorm: group_norm,
    ops.BatchNorm: batch_norm,
    ops.PRelu: prelu,
    ops.Add: add,
    ops.Concat: lambda at: kernel.concat(at.xs, axis_of(at)),
    ops.Scale: lambda at: at.x * hyperparameter(at.op.factor, at.x.value),
    ops.Flatten: lambda at: kernel.reshape(at.x, (at.x.shape[0], -1)),
    ops.Softmax: lambda at: kernel.softmax(at.x, axis_of(at)),
    ops.Tanh: activation(kernel.tanh),
    ops.Sigmoid: activation(lambda x: 1.0 / (1.0 + kernel.exp(-x))),
    ops.Silu: activation(lambda x: x / (1.0 + kernel.exp(-x))),
    ops.Relu: activation(lambda x: kernel.where(positive(x.value), x, 0.0)),
    ops.Softplus: activation(lambda x: kernel.log(1.0 + kernel.exp(x))),
}
BOTH = [place for place in PLACES if type(place.op) in PROGRAMS]


def pairs(place):
    """The law's own answer and the program's, of the forward law, every Δ and every gradient."""
    law, program = LAWS.ops[type(place.op)], Composed(PROGRAMS[type(place.op)])
    at = asked(place)
    yield "forward", at, law.forward, program.forward
    other = dict(LAWS.ops) | {type(place.op): program}
    for kind, which, answer in questions(place, at):
        name = {"delta": "slot", "gradient": "role"}[kind]

        def by_program(at, kind=kind, name=name, which=which):
            from every_law import closed

            return closed(getattr(other[type(at.op)], kind)(at.but(**{name: which})))

        yield f"{kind} {which}", at, answer, by_program


@pytest.mark.parametrize("place", BOTH, ids=lambda place: place.name)
def test_in_plain_numbers(place):
    """Two formulas of one law, and one of them is wrong."""
    for what, at, law, program in pairs(place):
        np.testing.assert_allclose(program(at), law(at), rtol=1e-10, atol=1e-12, err_msg=what)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("place", BOTH, ids=lambda place: place.name)
def test_in_balls(place, dtype):
    """Each ball holds the other's middle; if it did not, a backend that has the other formula would be called wrong."""
    for what, at, law, program in pairs(place):
        balls = in_balls(at, dtype, 2.0**-24 if dtype == "float32" else 2.0**-53, rearranged=LAWS.ops[type(place.op)].rearranged)
        one, other = law(balls), program(balls)
        gap = np.abs(one.mid - other.mid)
        assert (gap <= one.final_radius()).all(), what
        assert (gap <= other.final_radius()).all(), what
