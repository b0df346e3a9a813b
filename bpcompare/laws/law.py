"""What a law is: for one op, forward and Δ side by side, written once for every arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, Self, TypeVar, cast

from bpcompare.numbers.number import Num, Product
from bpcompare.ops.call import Call
from bpcompare.ops.op import Op, UpdateOp
from bpcompare.ops.rule import Rule

O_co = TypeVar("O_co", covariant=True)


@dataclass(slots=True, eq=False)  # not frozen: one is made for every evaluation, and a frozen one takes three times as long
class At(Generic[O_co]):
    """Where a law is asked: the op with its attributes, and the numbers that it reads there."""

    op: O_co
    xs: Sequence[Num]
    """The sources' activations; an error's are a and t."""
    p: Mapping[str, Num] = field(default_factory=dict)
    """Parameters by role."""
    c: Mapping[str, Num] = field(default_factory=dict)
    """Draws and state by name."""
    dy: Num = None
    """−∂E/∂y on the way back; None for an error and a penalty, which E is the sum of."""
    slot: int = 0
    """The source whose Δ is asked for."""
    role: str = ""
    """The parameter whose gradient is asked for."""
    name: str = ""
    """The state whose next value is asked for."""

    @property
    def x(self) -> Num:
        """The first source, most often the only one."""
        return self.xs[0]

    kept: dict[str, Any] | None = None
    """What was evaluated on the same numbers already, by its owner: two layers may have the very same op."""
    owner: str = ""
    """The step that it is asked for, where something is kept."""
    sent: str = ""
    """The path that `dy` was looked up by: under it, what became of `dy` inside is kept, too. "" for another number."""

    def but(self, **changes: Any) -> Self:
        """The same place with some of its numbers changed. Another `dy` was looked up by no path."""
        return replace(self, **(changes | {"sent": ""} if "dy" in changes else changes))


@dataclass(slots=True, eq=False)
class UpdateAt(Generic[O_co]):
    """Where the law of an update rule is asked: update `t`, counted from 1, of one parameter."""

    op: O_co
    t: int
    w: Num
    """The parameter before the step."""
    g: Num
    """+∂E/∂w."""
    slots: Mapping[str, Num] = field(default_factory=dict)
    """The optimizer state before the step."""
    name: str = ""
    """The slot whose next value is asked for."""
    after: Mapping[str, Num] = field(default_factory=dict)
    """Numbers as the step left them, by name, where it reads them itself: of the state, and the stages of its way so far."""

    def but(self, **changes: Any) -> Self:
        """The same place with some of its numbers changed."""
        return replace(self, **changes)


class Law(Protocol):
    """The law of a layer, activation, error or penalty.

    Shapes: xs[i] is (examples, *shape of source i), y and dy are (examples, *shape of the layer), a parameter and its gradient
    have the parameter's shape.

    `rearranged`: frameworks evaluate this op by other formulas than ours, so the radius of its balls is widened by 8u.
    """

    rearranged: bool

    def forward(self, at: At[Any]) -> Num:
        """y = op(xs): (examples, *shape of the layer); the E of an error is one number, and so is a penalty."""

    def delta(self, at: At[Any]) -> Num | Product:
        """−∂E/∂xs[slot] when dy = −∂E/∂y: the transposed Jacobian applied to dy, in the shape of xs[slot].

        An error has no dy: its Δ is the base case.
        """

    def gradient(self, at: At[Any]) -> Num | Product:
        """−∂E/∂p[role], in the shape of p[role]: the textbook's side of the gradient, before its sign is changed.

        A penalty has no dy: it gives its part of −∂E/∂p itself.
        """

    def state(self, at: At[Any]) -> Num:
        """The state `name` after the step, in the shape of c[name]."""


class UpdateLaw(Protocol):
    """The law of an update rule. All numbers have the parameter's shape."""

    rearranged: bool

    def slot(self, at: UpdateAt[Any]) -> Num:
        """The slot `name` after the step."""

    def parameter(self, at: UpdateAt[Any]) -> Num:
        """The parameter after the step."""


class Sources(Sequence[Num]):
    """The sources of a layer, looked up when a law asks for them: a node of thousands of sources asks for few at a time.

    `starts` are where each source's entries begin along the axis in which an op joins them.
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
    """What most laws share: no parameters, no state, one formula that every framework evaluates alike.

    `side_by_side`: whether layers alike may be asked at once, by a leading axis of all numbers. `by_example`: whether it speaks
    of each example by itself, and has no parameters.
    """

    rearranged = False
    side_by_side = False
    by_example = False

    def gradient(self, at: At[Any]) -> Num:
        """Raises KeyError: there are no parameters."""
        raise KeyError(at.role)

    def state(self, at: At[Any]) -> Num:
        """Raises KeyError: there is no state."""
        raise KeyError(at.name)

    def stacked(self, steps: int) -> Law:  # noqa: ARG002 — others have parameters
        """The law of so many steps at once: their examples below one another, their parameters along a new first axis.

        Raises LookupError if steps cannot be asked at once.
        """
        if not self.by_example:
            raise LookupError("it does not speak of each example by itself")
        return cast(Law, self)


class Laws:
    """The table of laws. `owner` says where in the network a law is asked for, so that a mistake can be planted at one place.

    Owners: a layer's name for its op, "NAME.g" for its activation, "error", a parameter's id for its update,
    "ID.penalty" for its penalty.
    """

    def __init__(
        self,
        ops: Mapping[type[Op], Law],
        updates: Mapping[type[UpdateOp], UpdateLaw],
        calls: Mapping[str, Law] | None = None,
        rules: Mapping[str, UpdateLaw] | None = None,
    ) -> None:
        self.ops = ops
        self.updates = updates
        self.calls = {} if calls is None else calls
        self.rules = {} if rules is None else rules

    def of(self, owner: str, op: Op) -> Law:  # noqa: ARG002 — a mistake may be planted at one owner alone
        """The law of `op` at `owner`."""
        return self.calls[op.function] if isinstance(op, Call) else self.ops[type(op)]

    def update(self, owner: str, op: UpdateOp) -> UpdateLaw:  # noqa: ARG002 — likewise
        """The law of the update rule for parameter `owner`."""
        return self.rules[op.function] if isinstance(op, Rule) else self.updates[type(op)]

    def begin(self) -> None:
        """A run begins: there is no step before."""

    def next_step(self) -> None:
        """A step is over. Right laws look at one step only; a mistake may be to look at the one before."""
