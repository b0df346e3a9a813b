"""A whole spec as typed data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError, create_model

from bpcompare.network import Training
from bpcompare.spec.entries import (
    ACTIVATION_ENTRIES,
    DEFAULT_LAYER,
    INIT,
    TRANSPOSE,
    Entries,
    Entry,
    ErrorEntry,
    Init,
    InitEntry,
    LayerEntry,
    UpdateEntry,
    declared,
)
from bpcompare.spec.fields import Column, Extent, Numbers, Units, Whole


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
    layers: dict[str, LayerEntry]


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


RunEntry: type[Entry] = create_model("run", __base__=Entry, __doc__=Training.__doc__, **declared(Training))


class Document(Entry):
    """A network, its data and its training, for bpcompare."""

    schema_: str | None = Field(default=None, alias="$schema")
    name: str | None = Field(default=None, description="The file's own name unless given.")
    inputs: dict[str, InputEntry]
    layers: dict[str, LayerEntry]
    repeat: dict[str, RepeatEntry] = Field(default={}, description="Layers that are written once for several steps.")
    error: ErrorEntry
    update: UpdateEntry
    data: DataEntry
    init: Init = Field(default=INIT, description="How weights without values of their own are drawn.")
    parameters: dict[str, ParameterEntry] = Field(default={})
    freeze: list[str] = Field(default=[], description='Parameters that updates leave alone, such as "h.bias" or "o.*".')
    if TYPE_CHECKING:
        run: Entry | None
    else:
        run: RunEntry | None = Field(default=None, description="How a run goes.")


@lru_cache(maxsize=8)
def document_type(named: frozenset[str] | None = None) -> type[Document]:
    """The class of the documents that name no ops but these; of all documents, without.

    A class for few ops is made, and read with, in a fraction of the time that all of them take.
    """
    entries = ALL if named is None else Entries(named)
    repeated: Any = create_model(
        RepeatEntry.__name__, __base__=RepeatEntry, __doc__=RepeatEntry.__doc__, layers=(_by_name(entries.repeated_layer), ...)
    )
    found: type[Document] = create_model(
        Document.__name__,
        __base__=Document,
        __doc__=Document.__doc__,
        layers=(_by_name(entries.layer), ...),
        repeat=(_by_name(repeated), Document.model_fields["repeat"]),
        error=(entries.error, ...),
        update=(entries.update, ...),
    )
    return found


def _by_name(kind: Any) -> Any:
    """The type dict[str, kind], of a type that is known at run time only."""
    return GenericAlias(dict, (str, kind))


def read_as_document(raw: object) -> Document:
    """The content of a spec as a document. Raises pydantic's ValidationError."""
    try:
        return document_type(frozenset(_named(raw))).model_validate(raw)
    except ValidationError:  # what is wrong is for all ops to say: they know what else there is
        return document_type().model_validate(raw)


def _named(raw: object) -> Iterator[str]:
    """The ops that a spec names, wherever it may name one, and whatever else stands there."""
    spec = raw if isinstance(raw, dict) else {}
    tables = [spec.get("layers"), *(_of(repeat, "layers") for repeat in _tables(spec.get("repeat")))]
    layers = [layer for table in tables for layer in _tables(table)]
    said = [_of(spec.get("error"), "op"), _of(spec.get("update"), "rule")]
    said += [_of(layer, "op") or DEFAULT_LAYER for layer in layers]
    said += [_of(g, "op") or g for g in (_of(layer, "g") for layer in layers)]
    yield from (name for name in said if isinstance(name, str))


def _tables(table: object) -> Iterable[object]:
    return table.values() if isinstance(table, dict) else ()


def _of(table: object, key: str) -> object:
    return table.get(key) if isinstance(table, dict) else None


ALL = Entries()
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
    ("layers", "*"): ("op", ALL.layers),
    ("layers", "*", "g"): ("op", ACTIVATION_ENTRIES),
    ("error",): ("op", ALL.errors),
    ("update",): ("rule", ALL.updates),
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
