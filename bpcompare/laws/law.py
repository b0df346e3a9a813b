"""What a law is: for one op, forward and Δ side by side, written once for every arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from bpcompare.arithmetic import Num, Product
from bpcompare.ops.op import Op, UpdateOp


class Law(Protocol):
    """The law of a layer, activation or error. `xs` are the sources' activations, `p` parameters by role, `c` draws and state.

    `rearranged`: frameworks evaluate this op by other formulas than ours, so its balls get the grant for it.
    """

    rearranged: bool

    def forward(self, op: Any, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num]) -> Num:
        """y = op(xs)."""

    def delta(self, op: Any, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], slot: int) -> Num | Product:
        """−∂E/∂xs[slot] when dy = −∂E/∂y: the transposed Jacobian applied to dy. For an error dy is None."""

    def gradient(self, op: Any, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], role: str) -> Num | Product:
        """−∂E/∂p[role], the article's side of the gradient, before its sign is changed."""

    def state(self, op: Any, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num], name: str) -> Num:
        """The state `name` after the step."""


class UpdateLaw(Protocol):
    """The law of an update rule. `t` counts updates from 1, `g` is +∂E/∂p, `slots` are the optimizer state before the step."""

    rearranged: bool

    def slot(self, op: Any, t: int, p: Num, g: Num, slots: Mapping[str, Num], name: str) -> Num:
        """The slot `name` after the step."""

    def parameter(self, op: Any, t: int, p: Num, g: Num, slots: Mapping[str, Num]) -> Num:
        """The parameter after the step."""


class PlainLaw:
    """What most laws share: no parameters, no state, one formula that every framework evaluates alike."""

    rearranged = False

    def gradient(self, op: Any, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], role: str) -> Num:
        """No parameters."""
        raise KeyError(role)

    def state(self, op: Any, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num], name: str) -> Num:
        """No state."""
        raise KeyError(name)


class Laws:
    """The table of laws. `owner` says where in the network a law is asked for, so that a mistake can be planted at one place.

    Owners: a layer's name for its op, "NAME.g" for its activation, "error", a parameter's id for its update.
    """

    def __init__(self, ops: Mapping[type[Op], Law], updates: Mapping[type[UpdateOp], UpdateLaw]) -> None:
        self.ops = ops
        self.updates = updates

    def of(self, owner: str, op: Op) -> Law:
        """The law of `op` at `owner`."""
        return self.ops[type(op)]

    def update(self, owner: str, op: UpdateOp) -> UpdateLaw:
        """The law of the update rule for parameter `owner`."""
        return self.updates[type(op)]
