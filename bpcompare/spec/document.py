"""A whole spec as typed data. What layers, activations, errors and updates may say is read off the ops' own fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from bpcompare.network import Training
from bpcompare.network.parameter import Distribution
from bpcompare.network.problems.ops import hints
from bpcompare.ops import ACTIVATIONS, ERRORS, LAYERS, UPDATES, Dense
from bpcompare.ops.op import LayerOp, Op
from bpcompare.spec.fields import Column, Extent, Names, Numbers, Pair, Sources, SwitchOrId, Units, Weights, Whole, WholeOrIndex

DEFAULT_LAYER = "dense"
"""The op of a layer that does not say."""


class Entry(BaseModel):
    """A table of a spec: no other keys, no conversions, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, protected_namespaces=())


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


def _declared(kind: type, whole: Any = Whole) -> dict[str, Any]:
    """Fields of a dataclass as pydantic wants them; a pair may be given as one number, a tuple as a list."""
    defaults = {field.name: ... if field.default is MISSING else field.default for field in fields(kind)}
    return {name: (_spelled(hint, whole), defaults[name]) for name, hint in hints(kind).items()}


def _entry(op: type[Op], base: type[Entry], key: str, declared: Mapping[str, Any], kind: str = "") -> type[Entry]:
    tag = {key: (Literal[op.name], op.name if op.name == DEFAULT_LAYER else ...)}
    return create_model(f"{op.name}_{kind or op.role}", __base__=base, __doc__=op.__doc__, **tag, **declared)  # type: ignore[call-overload, no-any-return]


def _one_of(entries: Mapping[str, type[Entry]], key: str) -> Any:
    return Annotated[Union[tuple(entries.values())], Field(discriminator=key)]  # noqa: UP007 — known at run time only


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
ACTIVATION_ENTRIES = {op.name: _entry(op, OpEntry, "op", _declared(op)) for op in ACTIVATIONS}
IDENTITY: Any = ACTIVATION_ENTRIES["identity"](op="identity")  # type: ignore[call-arg]

if TYPE_CHECKING:
    Init = InitEntry
    AnyActivation = OpEntry
else:
    Init = _or_word(InitEntry, "kind", get_args(Distribution))
    AnyActivation = _or_word(_one_of(ACTIVATION_ENTRIES, "op"), "op", tuple(ACTIVATION_ENTRIES))


class LayerEntry(OpEntry):
    """A layer: in = op(from), a = g(in)."""

    from_: Sources = Field(alias="from", description="The inputs and layers it reads, in order.")
    g: AnyActivation = Field(default=IDENTITY, description="Its activation.")
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


ROLES = {op.name: roles(op) for op in LAYERS}


def counts(op: type[Op]) -> tuple[str, ...]:
    """Fields of an op that hold one whole number, which in a repeat may depend on the index. Units have names as well."""
    return tuple(name for name, hint in hints(op).items() if _spelled(hint) in (Whole, Whole | None) and name != "units")


def _layer_entry(op: type[LayerOp], *, repeated: bool = False) -> type[Entry]:
    """`repeated`: of a layer that is written once for several steps."""
    if repeated and not counts(op):
        return LAYER_ENTRIES[op.name]
    declared = _declared(op, WholeOrIndex if repeated else Whole)
    if op.arity == (0, 0):
        declared["from_"] = (Sources, Field(default=(), alias="from", description="Nothing: it reads no input and no layer."))
    if "units" in declared:
        declared["units"] = (Units, Field(default=declared["units"][1], description="How many units, or their names."))
    else:
        declared["units"] = (Names | None, Field(default=None, description="Names of the units."))
    for role in ROLES[op.name]:
        if role not in declared:
            shared = f"A parameter to use as {role}; one that others use too is shared."
            declared[role] = (str | None, Field(default=None, description=shared))
        elif hints(op)[role] is bool:
            declared[role] = (SwitchOrId, declared[role][1])
    if "weight" in ROLES[op.name]:
        declared["weights"] = (Weights | None, Field(default=None, description="First values, by unit names or as nested lists."))
        if op is Dense:
            declared["transpose"] = (bool | None, TRANSPOSE)
        declared["init"] = (Init | None, Field(default=None, description="How first values of its weight are drawn."))
    if "bias" in ROLES[op.name]:
        declared["biases"] = (Numbers | None, Field(default=None, description="First values of the bias."))
    return _entry(op, LayerEntry, "op", declared, "layer_in_repeat" if repeated else "")


def _dense_unless_said(value: Any) -> Any:
    return {**value, "op": DEFAULT_LAYER} if isinstance(value, dict) and "op" not in value else value


LAYER_ENTRIES = {op.name: _layer_entry(op) for op in LAYERS}
REPEATED_ENTRIES = {op.name: _layer_entry(op, repeated=True) for op in LAYERS}
ERROR_ENTRIES = {op.name: _entry(op, ErrorEntry, "op", _declared(op)) for op in ERRORS}
UPDATE_ENTRIES = {op.name: _entry(op, UpdateEntry, "rule", _declared(op)) for op in UPDATES}

if TYPE_CHECKING:
    AnyLayer = LayerEntry
    AnyRepeatedLayer = LayerEntry
    AnyError = ErrorEntry
    AnyUpdate = UpdateEntry
else:
    AnyLayer = Annotated[_one_of(LAYER_ENTRIES, "op"), BeforeValidator(_dense_unless_said)]
    AnyRepeatedLayer = Annotated[_one_of(REPEATED_ENTRIES, "op"), BeforeValidator(_dense_unless_said)]
    AnyError = _one_of(ERROR_ENTRIES, "op")
    AnyUpdate = _one_of(UPDATE_ENTRIES, "rule")


class InputEntry(Entry):
    """A group of nodes whose activations are data: how many units, their names, or a shape."""

    units: Units | None = None
    shape: Extent | None = Field(default=None, description="Per example, such as [channels, height, width].")


class RepeatEntry(Entry):
    """Layers that are written once and stand in the network several times: a recurrent network, a stack of blocks."""

    times: Whole = Field(description="How many steps, counted from 0.")
    share: bool = Field(description="Whether all steps have one set of parameters, or each its own.")
    index: str = Field(default="t", description='What the number of the step is called in braces, as in "{t}".')
    start: dict[str, str] = Field(default={}, description='What "previous.LAYER" is in the first step.')
    layers: dict[str, AnyRepeatedLayer]


class ParameterEntry(Entry):
    """A parameter by its id, LAYER.ROLE or a name of its own: its first values, and whether updates may change it."""

    init: Init | None = None
    value: Numbers | None = None
    file: str | None = Field(default=None, description="A .npz or .safetensors file.")
    key: str | None = Field(default=None, description="What the file calls it; its id unless given.")
    transpose: bool | None = TRANSPOSE
    trainable: bool = True
    penalty: float | None = Field(default=None, description="E gains half of it times Σ w² over this parameter.")


class DataEntry(Entry):
    """Examples, written here or in a file. Inputs go by their names, the target by the error's `target`."""

    examples: list[dict[str, Numbers]] | None = None
    file: str | None = Field(default=None, description="A .csv, .csv.gz, .npz or .safetensors file.")
    columns: dict[str, Column] = Field(default={}, description="CSV: a column, or a range [first, end] without its end, from 0.")
    header: bool = Field(default=False, description="CSV: whether the first line names the columns.")
    keys: dict[str, str] = Field(default={}, description="npz, safetensors: what the file calls an input or the target.")
    scale: dict[str, float] = Field(default={}, description="Factors the numbers are multiplied with.")
    one_hot: dict[str, Whole] = Field(default={}, description="Class numbers to turn into vectors of this length.")


RunEntry: type[Entry] = create_model("run", __base__=Entry, __doc__=Training.__doc__, **_declared(Training))


class Document(Entry):
    """A network, its data and its training, for bpcompare."""

    schema_: str | None = Field(default=None, alias="$schema")
    name: str | None = Field(default=None, description="The file's own name unless given.")
    inputs: dict[str, InputEntry]
    layers: dict[str, AnyLayer]
    repeat: dict[str, RepeatEntry] = Field(default={}, description="Layers that are written once for several steps.")
    error: AnyError
    update: AnyUpdate
    data: DataEntry
    init: Init = Field(default=INIT, description="How weights without values of their own are drawn.")
    parameters: dict[str, ParameterEntry] = {}
    freeze: list[str] = Field(default=[], description='Parameters that updates leave alone, such as "h.bias" or "o.*".')
    if TYPE_CHECKING:
        run: Entry | None
    else:
        run: RunEntry | None = Field(default=None, description="How a run goes.")


_FIXED: dict[Any, type[Entry]] = {
    (): Document,
    ("init",): InitEntry,
    ("data",): DataEntry,
    ("run",): RunEntry,
    ("inputs", "*"): InputEntry,
    ("repeat", "*"): RepeatEntry,
    ("parameters", "*"): ParameterEntry,
    ("layers", "*", "init"): InitEntry,
    ("parameters", "*", "init"): InitEntry,
}
_TAGGED: dict[Any, tuple[str, Mapping[str, type[Entry]]]] = {
    ("layers", "*"): ("op", LAYER_ENTRIES),
    ("layers", "*", "g"): ("op", ACTIVATION_ENTRIES),
    ("error",): ("op", ERROR_ENTRIES),
    ("update",): ("rule", UPDATE_ENTRIES),
}


def entry_type(path: tuple[str | int, ...], tag: object) -> type[Entry] | None:
    """The type of the table at `path` of a spec, given what it says its op (or rule) is; None where that is unknown."""
    kind = _kind(path)
    return _TAGGED[kind][1].get(str(tag)) if kind in _TAGGED else _FIXED.get(kind)


def tag_of(path: tuple[str | int, ...]) -> str | None:
    """The key that says which op (or rule) the table at `path` is, where it is one of several."""
    kind = _kind(path)
    return _TAGGED[kind][0] if kind in _TAGGED else None


def default_tag(path: tuple[str | int, ...]) -> str | None:
    """The op of the table at `path` when it does not say, if it may leave that out."""
    return DEFAULT_LAYER if _kind(path) == ("layers", "*") else None


def outside(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """A path into a layer of a repeat as that of a layer outside; any other as it is."""
    return path[2:] if path[:1] == ("repeat",) and len(path) > 3 and path[2] == "layers" else path


def _kind(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    path = outside(path)
    return (*path[:1], "*", *path[2:]) if len(path) > 1 else path
