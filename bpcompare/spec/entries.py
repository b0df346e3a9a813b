"""Entries of a spec that name an op: what they may say is read off the op's own fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from functools import cache, cached_property
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from bpcompare.network.parameter import Distribution
from bpcompare.network.problems.ops import hints
from bpcompare.ops import ACTIVATIONS, ERRORS, LAYERS, UPDATES, Dense
from bpcompare.ops.op import LayerOp, Op
from bpcompare.spec.fields import Extent, Names, Numbers, Pair, Sources, SwitchOrId, Units, Weights, Whole, WholeOrIndex

DEFAULT_LAYER = "dense"
"""The op of a layer that does not say."""
T = TypeVar("T")


class Entry(BaseModel):
    """A table of a spec: no other keys, no conversions, no NaN."""

    # What stands inside of others is built with them, and by itself only where it is asked for.
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, protected_namespaces=(), defer_build=True
    )


class ByName(Mapping[str, T]):
    """What `make` gives for each of some ops, by the op's name, made when it is asked for."""

    def __init__(self, ops: Sequence[Any], make: Callable[[Any], T]) -> None:
        self._ops = {op.name: op for op in ops}
        self._make = cache(make)

    def __getitem__(self, name: str) -> T:
        return self._make(self._ops[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._ops)

    def __len__(self) -> int:
        return len(self._ops)


class OpEntry(Entry):
    """An op by name. Subclasses, one an op, add the op's fields."""

    op: str


def _spelled(hint: Any, whole: Any = Whole) -> Any:
    if tuple[int, int] in (hint, *get_args(hint)):
        return Pair | None if NoneType in get_args(hint) else Pair
    if hint == tuple[int, ...]:
        return Extent
    if int in (hint, *get_args(hint)):
        return whole | None if NoneType in get_args(hint) else whole
    return hint


def declared(kind: type, whole: Any = Whole) -> dict[str, Any]:
    """Fields of a dataclass as pydantic wants them; a pair may be given as one number, a tuple as a list."""
    defaults = {field.name: ... if field.default is MISSING else field.default for field in fields(kind)}
    return {name: (_spelled(hint, whole), defaults[name]) for name, hint in hints(kind).items()}


def _entry(op: type[Op], base: type[Entry], key: str, said: Mapping[str, Any], kind: str = "") -> type[Entry]:
    tag = {key: (Literal[op.name], op.name if op.name == DEFAULT_LAYER else ...)}
    return create_model(f"{op.name}_{kind or op.role}", __base__=base, __doc__=op.__doc__, **tag, **said)  # type: ignore[call-overload, no-any-return]


def _one_of(entries: Mapping[str, type[Entry]], key: str) -> Any:
    kinds = tuple(entries.values())
    return Annotated[Union[kinds], Field(discriminator=key)] if len(kinds) > 1 else kinds[0]  # noqa: UP007 — known at run time only


def _or_word(table: Any, key: str, words: tuple[str, ...]) -> Any:
    """The type `table`, where a word may stand for a table that says nothing but `key`."""

    def expand(value: Any) -> Any:
        return {key: value} if isinstance(value, str) else value

    return Annotated[table, BeforeValidator(expand, json_schema_input_type=Union[Literal[words], table])]  # noqa: UP007


class InitEntry(Entry):
    """How first values are drawn: a distribution, and what multiplies its draws."""

    kind: Distribution
    scale: float = 1.0


INIT = InitEntry(kind="glorot_uniform")
"""What nobody chooses: every backend receives the same draws, so that a default decides nothing."""
TRANSPOSE = Field(default=None, description="Whether the matrix is written as torch keeps it: [units, sources].")

if TYPE_CHECKING:
    Init = InitEntry
else:
    Init = _or_word(InitEntry, "kind", get_args(Distribution))


def _activation_entry(op: type[Op]) -> type[Entry]:
    return _entry(op, OpEntry, "op", declared(op))


ACTIVATION_ENTRIES = ByName(ACTIVATIONS, _activation_entry)
IDENTITY: Any = ACTIVATION_ENTRIES["identity"](op="identity")  # type: ignore[call-arg]


class LayerEntry(OpEntry):
    """A layer: in = op(from), a = g(in)."""

    from_: Sources = Field(alias="from", description="The inputs and layers it reads, in order.")
    g: Any = IDENTITY
    units: Any = None


class ErrorEntry(OpEntry):
    """The error E of a layer's activations and the target."""

    of: str = Field(description="The layer it is taken of.")
    target: str = Field(default="t", description="What the target is called in the data.")
    penalty: float | None = Field(default=None, description="E gains half of it times Σ w², for each parameter in `penalized`.")
    penalized: list[str] | None = Field(default=None, description='Parameters with this penalty, such as "*.weight".')


class UpdateEntry(Entry):
    """The rule that changes parameters."""

    rule: str


def roles(op: type[LayerOp]) -> tuple[str, ...]:
    """Names of the parameters that layers of this op can have, found by asking a small instance for its shapes."""
    sample = op(**{name: _sample(hint) for name, hint in hints(op).items()})
    for shape in ((2,), (2, 2, 2)):
        answer = sample.shapes([shape] * max(1, op.arity[0]))
        if not answer.problems:
            return tuple(answer.parameters)
    return ()


def _sample(hint: Any) -> Any:
    if get_origin(hint) is Literal:
        return get_args(hint)[0]
    if NoneType in get_args(hint):
        return None
    return (1,) * len(get_args(hint)) if get_origin(hint) is tuple else {int: 2, float: 0.5, bool: True}[hint]


ROLES = ByName(LAYERS, roles)


def counts(op: type[Op]) -> tuple[str, ...]:
    """Fields of an op that hold one whole number, which in a repeat may depend on the index. Units have names as well."""
    return tuple(name for name, hint in hints(op).items() if _spelled(hint) in (Whole, Whole | None) and name != "units")


def _dense_unless_said(value: Any) -> Any:
    return {**value, "op": DEFAULT_LAYER} if isinstance(value, dict) and "op" not in value else value


class Entries:
    """The entries of all ops, or of those that are `named` and, where of a kind none is, of that kind's all."""

    def __init__(self, named: frozenset[str] | None = None) -> None:
        def some(ops: Sequence[type[Op]]) -> list[type[Op]]:
            found = [op for op in ops if named is not None and op.name in named | {IDENTITY.op}]
            return found or [*ops]

        self._activations = ByName(some(ACTIVATIONS), lambda op: ACTIVATION_ENTRIES[op.name])
        self.layers = ByName(some(LAYERS), self._layer)
        self.repeated = ByName(some(LAYERS), self._repeated)
        self.errors = ByName(some(ERRORS), lambda op: _entry(op, ErrorEntry, "op", declared(op)))
        self.updates = ByName(some(UPDATES), lambda op: _entry(op, UpdateEntry, "rule", declared(op)))

    @cached_property
    def layer(self) -> Any:
        """The type of a layer."""
        return Annotated[_one_of(self.layers, "op"), BeforeValidator(_dense_unless_said)]

    @cached_property
    def repeated_layer(self) -> Any:
        """The type of a layer that is written once for several steps."""
        return Annotated[_one_of(self.repeated, "op"), BeforeValidator(_dense_unless_said)]

    @cached_property
    def error(self) -> Any:
        """The type of the error."""
        return _one_of(self.errors, "op")

    @cached_property
    def update(self) -> Any:
        """The type of the update rule."""
        return _one_of(self.updates, "rule")

    @cached_property
    def _activation(self) -> Any:
        return _or_word(_one_of(self._activations, "op"), "op", tuple(self._activations))

    def _repeated(self, op: type[LayerOp]) -> type[Entry]:
        return self._layer(op, repeated=True) if counts(op) else self.layers[op.name]

    def _layer(self, op: type[LayerOp], *, repeated: bool = False) -> type[Entry]:
        said = declared(op, WholeOrIndex if repeated else Whole)
        said["g"] = (self._activation, Field(default=IDENTITY, description="Its activation."))
        if op.arity == (0, 0):
            said["from_"] = (Sources, Field(default=(), alias="from", description="Nothing: it reads no input and no layer."))
        if "units" in said:
            said["units"] = (Units, Field(default=said["units"][1], description="How many units, or their names."))
        else:
            said["units"] = (Names | None, Field(default=None, description="Names of the units."))
        for role in ROLES[op.name]:
            if role not in said:
                shared = f"A parameter to use as {role}; one that others use too is shared."
                said[role] = (str | None, Field(default=None, description=shared))
            elif hints(op)[role] is bool:
                said[role] = (SwitchOrId, said[role][1])
        if "weight" in ROLES[op.name]:
            said["weights"] = (Weights | None, Field(default=None, description="First values, by unit names or as nested lists."))
            if op is Dense:
                said["transpose"] = (bool | None, TRANSPOSE)
            said["init"] = (Init | None, Field(default=None, description="How first values of its weight are drawn."))
        if "bias" in ROLES[op.name]:
            said["biases"] = (Numbers | None, Field(default=None, description="First values of the bias."))
        return _entry(op, LayerEntry, "op", said, "layer_in_repeat" if repeated else "")
