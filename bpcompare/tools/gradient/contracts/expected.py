"""What gradients should be that are asked for in other circumstances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bpcompare.tools.gradient.contracts.asked import Dys, Gradients


@dataclass(frozen=True, eq=False)
class Expected:
    """These `gradients`, which are `scale` times those for `dys`.

    `inputs`: where the code is asked at others than its own. `exactly`: the same is computed twice, so errors in the inputs are
    no excuse.
    """

    gradients: Gradients
    dys: Dys
    inputs: Sequence[Any] | None = None
    scale: float = 1.0
    exactly: bool = False
