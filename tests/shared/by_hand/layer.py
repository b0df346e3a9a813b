"""A row of numbers about a layer op."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bpcompare import ops

NONE: Mapping[str, Any] = {}


class Numbers(NamedTuple):
    """What an op makes of the sources `xs` of all examples, and of the Δ of the result.

    `deltas` are those of the sources, `gradients` (−∂E/∂p) and `state` after the step go by their names; `c` are draws, and the
    state before.
    """

    op: ops.LayerOp
    xs: Sequence[Any]
    y: Any
    delta: Any
    deltas: Sequence[Any] = ()
    p: Mapping[str, Any] = NONE
    gradients: Mapping[str, Any] = NONE
    c: Mapping[str, Any] = NONE
    state: Mapping[str, Any] = NONE
