"""What a law is: for one op, forward and Δ side by side, written once for every arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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

    def gradient(
        self, op: Any, xs: Sequence[Num], p: Mapping[str, Num], dy: Num, c: Mapping[str, Num], role: str
    ) -> Num | Product:
        """−∂E/∂p[role], the textbook's side of the gradient, before its sign is changed."""

    def state(self, op: Any, xs: Sequence[Num], p: Mapping[str, Num], c: Mapping[str, Num], name: str) -> Num:
        """The state `name` after the step."""


class UpdateLaw(Protocol):
    """The law of an update rule. `t` counts updates from 1, `g` is +∂E/∂p, `slots` are the optimizer state before the step."""

    rearranged: bool

    def slot(self, op: Any, t: int, p: Num, g: Num, slots: Mapping[str, Num], name: str) -> Num:
        """The slot `name` after the step."""

    def parameter(self, op: Any, t: int, p: Num, g: Num, slots: Mapping[str, Num]) -> Num:
        """The parameter after the step."""


class Sources(Sequence[Num]):
    """The sources of a layer, looked up when a law asks for them: a node of thousands of sources asks for few at a time.

    `starts` are where each source's entries begin along the joined first axis.
    """

    def __init__(self, names: Sequence[str], starts: Sequence[int], get: Callable[[str], Num]) -> None:
        self._names = names
        self._get = get
        self.starts = starts

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: Any) -> Any:
        found = self._names[index]
        return self._get(found) if isinstance(found, str) else [self._get(name) for name in found]


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

    def begin(self) -> None:
        """A run begins: there is no step before."""

    def next_step(self) -> None:
        """A step is over. Right laws look at one step only; a mistake may be to look at the one before."""
