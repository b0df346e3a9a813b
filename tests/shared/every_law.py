"""Every op in every form that differs, on small random numbers: places where a law can be asked."""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare import ops
from bpcompare.laws import LAWS
from bpcompare.laws.law import At
from bpcompare.numbers.ball import Ball
from bpcompare.numbers.ball.format import format_of
from bpcompare.numbers.number import total
from bpcompare.testing.cases import forms


@dataclass(frozen=True)
class Place:
    """An op and the shapes of its sources, with the axis of the examples."""

    op: Any
    shapes: tuple[tuple[int, ...], ...]

    @property
    def name(self):
        fields = "-".join(f"{key}={value}" for key, value in vars(self.op).items())
        return f"{self.op.name} {fields} {'|'.join(','.join(map(str, shape)) for shape in self.shapes)}"


def _p(op, *shapes):
    return Place(op, shapes)


E = 1e-3
LAYERS = (
    _p(ops.Dense(2), (3, 4)),
    _p(ops.Dense(2), (1, 1)),
    _p(ops.Dense(3), (2, 4), (2, 1), (2, 3)),
    _p(ops.Dense(2, bias=False), (2, 3, 4)),
    _p(ops.Dense(2), (2, 2, 3, 2), (2, 2, 3, 1)),
    _p(ops.Conv2d(2, (2, 2)), (2, 3, 3, 3)),
    _p(ops.Conv2d(1, (2, 3), (2, 1), (1, 2)), (1, 2, 5, 4)),
    _p(ops.Conv2d(2, (2, 2), (3, 2), bias=False), (2, 1, 6, 7)),
    _p(ops.Conv2d(4, (2, 2), groups=2), (2, 2, 3, 4)),
    _p(ops.Conv2d(6, (1, 2), (1, 2), groups=3), (2, 3, 2, 5)),
    _p(ops.Conv2d(2, (2, 3), dilation=(2, 1)), (2, 2, 5, 4)),
    _p(ops.Conv2d(2, (2, 2), (2, 1), (1, 1), dilation=(1, 2), groups=2, far_padding=(2, 0)), (2, 4, 3, 4)),
    _p(ops.Conv2d(1, (3, 3), far_padding=(2, 2)), (2, 1, 1, 2)),
    _p(ops.MaxPool2d((2, 2), (2, 2)), (2, 2, 4, 5)),
    _p(ops.MaxPool2d((3, 2), (1, 2), (1, 1)), (2, 1, 4, 4)),
    _p(ops.MaxPool2d((2, 2), (3, 3)), (1, 1, 6, 6)),
    _p(ops.AvgPool2d((2, 3), (1, 2)), (2, 2, 4, 5)),
    _p(ops.AvgPool2d((3, 3), (2, 2), (1, 1)), (2, 1, 4, 5)),
    _p(ops.AvgPool2d((3, 2), (2, 1), (1, 1), counts_padding=False), (2, 1, 4, 3)),
    _p(ops.AdaptiveAvgPool2d((2, 3)), (2, 2, 5, 4)),
    _p(ops.AdaptiveAvgPool2d((1, 1)), (1, 3, 2, 3)),
    _p(ops.AdaptiveAvgPool2d((4, 3)), (2, 1, 2, 3)),
    _p(ops.LayerNorm(E), (2, 4)),
    _p(ops.LayerNorm(E), (1, 2, 3, 2)),
    _p(ops.LayerNorm(E, last=1), (2, 3, 4)),
    _p(ops.LayerNorm(E, last=2), (2, 2, 3, 2)),
    _p(ops.RmsNorm(E), (2, 4)),
    _p(ops.RmsNorm(E, last=1), (2, 3, 4)),
    _p(ops.GroupNorm(2, E), (2, 4, 3)),
    _p(ops.GroupNorm(1, E), (2, 4)),
    _p(ops.GroupNorm(3, E), (1, 3, 2, 2)),
    _p(ops.GroupNorm(2, E), (2, 4, 2, 3)),
    _p(ops.BatchNorm(E, 0.1, "biased"), (4, 3)),
    _p(ops.BatchNorm(E, 0.1, "unbiased"), (3, 2, 2, 2)),
    _p(ops.Embedding(4, 2), (3, 2)),
    _p(ops.Add(), (2, 3), (2, 3), (2, 3)),
    _p(ops.Add(), (2, 3, 2), (2, 2), (2, 3, 1)),
    _p(ops.Add(), (2,), (2, 3, 2)),
    _p(ops.Add(), (1, 1, 2), (1, 3, 1)),
    _p(ops.Concat(), (2, 3), (2, 1)),
    _p(ops.Concat(axis=-1), (2, 3, 1), (2, 3, 2)),
    _p(ops.Concat(axis=1), (2, 2, 1, 2), (2, 2, 3, 2), (2, 2, 1, 2)),
    _p(ops.Scale(-0.3), (2, 3)),
    _p(ops.Flatten(), (2, 3, 2)),
    _p(ops.Flatten(), (2,)),
    _p(ops.Dropout(0.3), (2, 3)),
    _p(ops.Permute((1, 0)), (2, 3, 4)),
    _p(ops.Permute((2, -3, 1)), (2, 3, 4, 2)),
    _p(ops.Reshape((2, -1)), (3, 4, 3)),
    _p(ops.Reshape((6,)), (1, 2, 3)),
    _p(ops.Slice(1), (2, 4, 2)),
    _p(ops.Slice(-2, None, axis=-1), (2, 2, 5)),
    _p(ops.Slice(1, 6, 2), (2, 7)),
    _p(ops.Slice(0, None, 3, axis=1), (2, 2, 5, 2)),
    _p(ops.Slice(-1, None, axis=1, drop=True), (2, 3, 4)),
    _p(ops.Slice(2, 3, drop=True), (2, 3)),
    *(_p(op(), *shapes) for op in (ops.Multiply, ops.Subtract, ops.Divide) for shapes in (
        ((2, 3), (2, 3)), ((2, 3, 2), (2, 2)), ((2, 1, 2), (2, 3, 1)), ((2,), (2, 3)), ((1, 3), (1,)), ((2, 2), (2, 3, 1)),
    )),
    *(_p(op, (2, 3)) for op in (*ops.Power.forms(), ops.Power(0.3), ops.Power(1.0))),
    _p(ops.Matmul(), (2, 3, 4), (2, 4, 2)),
    _p(ops.Matmul(), (2, 1, 3, 2), (2, 2, 2, 3)),
    _p(ops.Matmul(), (2, 3, 2), (2, 3, 2, 4)),
    _p(ops.Matmul(), (1, 1, 1), (1, 1, 1)),
    _p(ops.Sum((0,)), (2, 3)),
    _p(ops.Sum((-1, 0), keep=True), (2, 3, 2, 4)),
    _p(ops.Mean((1,)), (2, 3, 4)),
    _p(ops.Mean((0, 1, 2), keep=True), (2, 3, 2, 2)),
    _p(ops.Mean((0,)), (1, 1)),
)  # fmt: skip
CONSTANTS = (_p(ops.Constant((2, 3)), (3,)), _p(ops.Constant(()), (2,)))
"""Their one shape is that of `ones`."""
BENT = (_p(ops.PRelu(), (2, 3)), _p(ops.PRelu(channels=True), (2, 3, 2)), _p(ops.PRelu(), (3,)))
NAMED = {type(place.op) for place in (*LAYERS, *CONSTANTS, *BENT)}
LAYERS += tuple(
    _p(op, *((2, *shape) for shape in shapes)) for kind in ops.LAYERS if kind not in NAMED for op, shapes in forms(kind)
)
"""Ops without rows of their own, as their conformance cases have them, with two examples."""
ACTIVATIONS = (
    *(_p(g, (2, 3, 2)) for kind in ops.ACTIVATIONS for g in kind.forms()),
    _p(ops.Softmax(axis=1), (2, 3, 2)),
    _p(ops.Softmax(axis=-2), (2, 2, 3, 2)),
    _p(ops.Softmax(), (1, 1)),
)
ERRORS = (
    _p(ops.HalfSquared("mean", 0.3), (2, 3), (2, 3)),
    _p(ops.MeanSquared("sum"), (2, 3, 2), (2, 3, 2)),
    _p(ops.SoftmaxCrossEntropy("mean", targets="classes"), (3, 4), (3,)),
    _p(ops.SoftmaxCrossEntropy("sum", targets="probabilities"), (2, 3), (2, 3)),
    _p(ops.BinaryCrossEntropyWithLogits("sum"), (2, 3), (2, 3)),
    _p(ops.Huber("mean", threshold=0.7), (2, 3), (2, 3)),
)
PENALTIES = (_p(ops.L2(0.3), (2, 3)), _p(ops.L2(2.5), (4,)))
"""Their one shape is that of the parameter."""
PLACES = (*LAYERS, *CONSTANTS, *BENT, *ACTIVATIONS, *ERRORS, *PENALTIES)


def random_of(place, more=0):
    return np.random.default_rng([zlib.crc32(place.name.encode()), more])


def asked(place, more=0):
    """`place` as an `At` of random numbers, all of an ordinary size, with Δ where there is one."""
    op, random = place.op, random_of(place, more)
    xs = [random.standard_normal(shape) for shape in place.shapes]
    c, p = {}, {}
    if op.role == "penalty":
        return At(op, [], {"w": xs[0]})
    if op.role == "error":
        if op.integer_target:
            xs[1] = random.integers(0, place.shapes[0][-1], place.shapes[1])
        elif op.name != "half_squared":
            xs[1] = random.uniform(0.1, 0.9, place.shapes[1])
        return At(op, xs)
    if isinstance(op, ops.Embedding):
        xs = [random.integers(0, op.rows, place.shapes[0])]
    for slot, numbers in op.domain.items() if op.role == "layer" else ():
        x = xs[slot]
        xs[slot] = np.exp(x) if numbers == "positive" else np.sign(x) * (0.3 + np.abs(x))
    if isinstance(op, ops.Constant):
        c, xs = {"ones": np.ones(place.shapes[0])}, []
    if op.role == "layer":
        needed = op.shapes([shape[1:] for shape in place.shapes] if xs else [])
        assert not needed.problems, needed.problems
        p = {role: random.standard_normal(one.shape) for role, one in needed.parameters.items()}
        c |= {name: (random.random((place.shapes[0][0], *shape)) < 0.6) * 1.0 for name, shape in needed.draws.items() if xs}
        c |= {name: np.abs(random.standard_normal(shape)) for name, shape in needed.state.items()}
    at = At(op, xs, p, c)
    return at.but(dy=random.standard_normal(closed(LAWS.ops[type(op)].forward(at)).shape))


def closed(value):
    """A law's answer as one number."""
    return total([value])


def questions(place, at):
    """Whose Δ and gradient can be asked for: (kind, slot or role, the law's own answer as a function of `at`)."""
    law = LAWS.ops[type(place.op)]
    for slot, x in enumerate(at.xs):
        if x.dtype.kind == "f" and not (place.op.role == "error" and slot):
            yield "delta", slot, lambda at, slot=slot: closed(law.delta(at.but(slot=slot)))
    for role in at.p:
        yield "gradient", role, lambda at, role=role: closed(law.gradient(at.but(role=role)))


def moved(at, kind, which, change):
    """`at` with one of its sources or parameters changed."""
    if kind == "delta":
        return at.but(xs=[change(x) if slot == which else x for slot, x in enumerate(at.xs)])
    return at.but(p={**at.p, which: change(at.p[which])})


def in_balls(at, dtype="float64", rel=0.0, *, rearranged=False):
    """The same numbers as balls of a relative radius."""
    fmt = format_of(dtype)(rearranged=rearranged)

    def ball(x):
        return Ball(x, fmt, rel) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x

    parts = {key: {name: ball(x) for name, x in getattr(at, key).items()} for key in ("p", "c")}
    return at.but(xs=[ball(x) for x in at.xs], dy=ball(at.dy), **parts)
