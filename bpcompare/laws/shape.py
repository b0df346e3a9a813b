"""Laws of ops that join, scale, reshape or mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bpcompare.arithmetic import Num, hyperparameter, total
from bpcompare.laws.law import Law, PlainLaw, Sources
from bpcompare.ops import Add, Concat, Dropout, Flatten, Op, Scale


class AddLaw(PlainLaw):
    """Σ of the sources; each receives Δ."""

    def forward(self, op: Add, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num]) -> Num:
        """One sum."""
        return total(list(xs))

    def delta(self, op: Add, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num:
        """Δ."""
        return dy


class ConcatLaw(PlainLaw):
    """Sources one after the other; each receives its slice."""

    def forward(self, op: Concat, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num]) -> Num:
        """Along the first axis of an example."""
        return np.concatenate(list(xs), axis=1)

    def delta(self, op: Concat, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num:
        """The source's slice of Δ."""
        start = xs.starts[slot] if isinstance(xs, Sources) else sum(x.shape[1] for x in xs[:slot])
        return dy[:, start : start + xs[slot].shape[1]]


class ScaleLaw(PlainLaw):
    """factor · a, factor · Δ."""

    def forward(self, op: Scale, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num]) -> Num:
        """factor · a."""
        return hyperparameter(op.factor, xs[0]) * xs[0]

    def delta(self, op: Scale, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num:
        """factor · Δ."""
        return hyperparameter(op.factor, dy) * dy


class FlattenLaw(PlainLaw):
    """One axis; Δ reshaped back."""

    def forward(self, op: Flatten, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num]) -> Num:
        """(examples, everything else)."""
        return np.reshape(xs[0], (xs[0].shape[0], -1))

    def delta(self, op: Flatten, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num:
        """The source's shape again."""
        return np.reshape(dy, xs[0].shape)


class DropoutLaw(PlainLaw):
    """a · mask / (1 − rate), and the same for Δ."""

    def forward(self, op: Dropout, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num]) -> Num:
        """Masked and scaled up."""
        return xs[0] * c["mask"] / (1.0 - hyperparameter(op.rate, xs[0]))

    def delta(self, op: Dropout, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num:
        """Δ masked and scaled alike."""
        return dy * c["mask"] / (1.0 - hyperparameter(op.rate, dy))


TABLE: Mapping[type[Op], Law] = {
    Add: AddLaw(),
    Concat: ConcatLaw(),
    Scale: ScaleLaw(),
    Flatten: FlattenLaw(),
    Dropout: DropoutLaw(),
}
