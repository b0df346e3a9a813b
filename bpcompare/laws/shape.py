"""Laws of ops that join, scale, reshape or mask."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bpcompare.laws import kernel
from bpcompare.laws.composed import Composed
from bpcompare.laws.kernel import Node
from bpcompare.laws.kernel.moves import along, summed_to
from bpcompare.laws.law import At, Law, PlainLaw, Sources
from bpcompare.numbers.number import Num, hyperparameter, total
from bpcompare.ops import Add, Concat, Dropout, Flatten, Op, Permute, Reshape, Scale, Slice


class AddLaw(PlainLaw):
    """Σ of the sources, which broadcast example by example; each receives Δ, summed over what was repeated."""

    def forward(self, at: At[Add]) -> Num:
        """One sum."""
        xs = list(at.xs)
        if len({x.shape for x in xs}) == 1:
            return total(xs)
        ndim = max(x.ndim for x in xs)
        return kernel.add(*(kernel.aligned(x, ndim) for x in xs)).value

    def delta(self, at: At[Add]) -> Num:
        """Δ."""
        own = at.xs[at.slot].shape
        if own == at.dy.shape:
            return at.dy
        return np.reshape(summed_to(at.dy, (own[0], *(1,) * (at.dy.ndim - len(own)), *own[1:])), own)


class ConcatLaw(PlainLaw):
    """Sources one after the other; each receives its slice."""

    def axis(self, at: At[Concat], ndim: int) -> int:
        """The op's axis, counted with that of the examples."""
        return at.op.axis % (ndim - 1) + 1

    def forward(self, at: At[Concat]) -> Num:
        """Along an axis of an example."""
        xs = list(at.xs)
        return np.concatenate(xs, axis=self.axis(at, xs[0].ndim))

    def delta(self, at: At[Concat]) -> Num:
        """The source's slice of Δ."""
        axis = self.axis(at, at.dy.ndim)
        start = at.xs.starts[at.slot] if isinstance(at.xs, Sources) else sum(x.shape[axis] for x in at.xs[: at.slot])
        return at.dy[along(axis, slice(start, start + at.xs[at.slot].shape[axis]))]


class ScaleLaw(PlainLaw):
    """factor · a, factor · Δ."""

    def forward(self, at: At[Scale]) -> Num:
        """factor · a."""
        return hyperparameter(at.op.factor, at.x) * at.x

    def delta(self, at: At[Scale]) -> Num:
        """factor · Δ."""
        return hyperparameter(at.op.factor, at.dy) * at.dy


class FlattenLaw(PlainLaw):
    """One axis; Δ reshaped back."""

    by_example = True

    def forward(self, at: At[Flatten]) -> Num:
        """(examples, everything else)."""
        return np.reshape(at.x, (at.x.shape[0], -1))

    def delta(self, at: At[Flatten]) -> Num:
        """The source's shape again."""
        return np.reshape(at.dy, at.x.shape)


class DropoutLaw(PlainLaw):
    """a · mask / (1 − rate), and the same for Δ."""

    def forward(self, at: At[Dropout]) -> Num:
        """Masked and scaled up."""
        return at.x * at.c["mask"] / (1.0 - hyperparameter(at.op.rate, at.x))

    def delta(self, at: At[Dropout]) -> Num:
        """Δ masked and scaled alike."""
        return at.dy * at.c["mask"] / (1.0 - hyperparameter(at.op.rate, at.dy))


def _sliced(at: At[Slice]) -> Node:
    axis = at.op.axis % (at.x.ndim - 1) + 1
    part = kernel.cut(at.x, axis, at.op.positions(at.x.shape[axis]))
    return kernel.reshape(part, (*part.shape[:axis], *part.shape[axis + 1 :])) if at.op.drop else part


TABLE: Mapping[type[Op], Law] = {
    Add: AddLaw(),
    Concat: ConcatLaw(),
    Scale: ScaleLaw(),
    Flatten: FlattenLaw(),
    Dropout: DropoutLaw(),
    Permute: Composed(lambda at: kernel.permute(at.x, (0, *(axis % (at.x.ndim - 1) + 1 for axis in at.op.axes)))),
    Reshape: Composed(lambda at: kernel.reshape(at.x, (at.x.shape[0], *at.op.shapes([at.x.shape[1:]]).out))),
    Slice: Composed(_sliced),
}
