"""A lookup for laws, right and wrong, whose balls have no radius where the proof says that nothing rounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare.laws import Laws
from bpcompare.network import Dtype
from bpcompare.numbers.ball import Ball, Format
from bpcompare.numbers.dyadic import InexactError, Precision
from bpcompare.numbers.number import Side
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.evaluation import evaluate as evaluate_balls
from bpcompare.proof.exact.reference import exact_value
from bpcompare.proof.values import StepValues


class Exactly(Balls):
    """The numbers of one step of an exact run. What is recorded is what was used: nothing was rounded on the way."""

    def __init__(self, values: StepValues, fmt: Format, dtype: Dtype) -> None:
        super().__init__(values, fmt, quick=False)
        self.dtype = dtype

    def lookup(self, fmt: Format) -> Any:
        """A lookup of balls without a radius, for formulas that round."""

        def get(path: str) -> Any:
            x = self.number(path)
            return Ball(np.asarray(x, np.float64), fmt) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x

        return get

    def number(self, path: str) -> Any:
        """A quantity as it was given or recorded."""
        return self.values.given[path] if path in self.values.given else self.values.recorded[path]


def evaluate(claim: Claim, balls: Balls, laws: Laws, side: Side = None, ties: Side = None) -> Ball:
    """As `bpcompare.proof.certificate.evaluate`; in an exact run the ball has radius 0 if the formula does not round."""
    if isinstance(balls, Exactly):
        try:
            point = exact_value(claim, balls.number, Precision(balls.dtype, side, ties), laws)
            return Ball(point, balls.fmt)
        except InexactError:
            pass
    return evaluate_balls(claim, balls, laws, side, ties)
