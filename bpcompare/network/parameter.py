"""Parameters and how their first values come about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bpcompare.ops.op import PenaltyOp

Array = np.ndarray[Any, Any]

Distribution = Literal[
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "normal",
    "uniform",
    "zeros",
    "ones",
]


@dataclass(frozen=True)
class Initializer:
    """A named distribution, drawn once in NumPy when the plan is made.

    Glorot and Bengio (2010), He et al. (2015) and LeCun et al. (1998) scale by the fans: variance 2/(in + out), 2/in and
    1/in. No truncation. `normal` has standard deviation `scale`, `uniform` is over [−scale, scale]; for the others `scale`
    multiplies the draw.
    """

    kind: Distribution
    scale: float = 1.0


@dataclass(frozen=True, eq=False)
class Parameter:
    """One array that layers refer to by id: its first values (or how to draw them) and whether updates may change it.

    E gains its `penalty` once, however many layers use it. Of one that updates leave alone, that is a constant.
    """

    init: Initializer | Array
    trainable: bool = True
    penalty: PenaltyOp | None = None
