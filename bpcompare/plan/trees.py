"""Typed values as JSON-able trees and back; reading is strict and says where it stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, fields
from functools import lru_cache
from json.encoder import encode_basestring
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

Tree = dict[str, Any]
T = TypeVar("T")
LONGEST_NAME = 1_000
"""Characters of a name."""
_HINTS: dict[type, Mapping[str, Any]] = {}
_DEFAULTS: dict[type, Mapping[str, Any]] = {}
ALWAYS: Mapping[str, Collection[str]] = {
    "Input": ("units",),
    "Training": ("dtype", "steps", "batch", "first", "seed", "updates_done", "slots"),
    "Initializer": ("scale",),
    "Provenance": (
        "device", "mode", "flushes", "switches", "algorithms", "updater", "seconds", "environment", "address", "printed",
    ),
    "Dense": ("bias",),
    "Conv2d": ("stride", "padding", "bias"),
    "LeakyRelu": ("slope",),
    "Elu": ("alpha",),
    "HalfSquared": ("scale",),
    "MeanSquared": ("scale",),
    "SoftmaxCrossEntropy": ("scale",),
    "BinaryCrossEntropyWithLogits": ("scale",),
    "Huber": ("scale", "threshold"),
    "Sgd": ("momentum", "nesterov", "weight_decay"),
    "Adam": ("beta1", "beta2", "epsilon"),
    "AdamW": ("beta1", "beta2", "epsilon", "weight_decay"),
}  # fmt: skip
"""Fields with a default that are written all the same, because 0.1.0 wrote them: the digest of a network stays what it was.

Never add to it. A field that came later is written only where it is not its default, and its default never changes.
"""


def encode(tree: object) -> bytes:
    """Compact JSON in UTF-8. Raises ValueError for NaN, infinity and text that is not Unicode."""
    return json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def encode_entry(key: str, dtype: str, shape: tuple[int, ...]) -> bytes:
    """`encode([key, dtype, shape])`: ten thousand nodes have twenty thousand of these, and no two much alike."""
    return f"[{encode_basestring(key)},{_rest(dtype, shape)}".encode()


@lru_cache(maxsize=1024)
def _rest(dtype: str, shape: tuple[int, ...]) -> str:
    return encode([dtype, shape]).decode()[1:]


def dump(value: Any) -> Tree:
    """The fields of a dataclass instance whose fields are numbers, text, tuples, mappings or None.

    Equal values have one spelling, whatever number types an instance built in Python holds: digests depend on it. Defaults are
    left out, but for those that are `ALWAYS` written.
    """
    spelled = {name: _plain(hint, getattr(value, name)) for name, hint in hints(type(value)).items()}
    always, known = ALWAYS.get(type(value).__name__, ()), defaults(type(value))
    return {name: x for name, x in spelled.items() if name in always or name not in known or repr(x) != repr(known[name])}


def load(kind: type[T], tree: object, place: str) -> T:
    """The reverse of `dump`; what is missing takes its default.

    Raises ValueError, naming the place, for a field that is unknown, mistyped, or missing without a default.
    """
    optional = defaults(kind)
    found = entries(tree, place, *(name for name in hints(kind) if name not in optional), optional=optional)
    return kind(**{name: value(hint, found[name], f"{place}.{name}") for name, hint in hints(kind).items() if name in found})


def entries(tree: object, place: str, *names: str, optional: Collection[str] = ()) -> Tree:
    """`tree` as an object with all keys of `names`, any of `optional`, and no other.

    `place` is where `tree` is in the file, for messages. Raises ValueError.
    """
    if not isinstance(tree, dict):
        raise ValueError(f"{place}: expected an object, found {_kind(tree)}")
    if missing := [name for name in names if name not in tree]:
        raise ValueError(f"{place}: {', '.join(missing)} missing")
    if unknown := [str(name) for name in tree if name not in names and name not in optional]:
        raise ValueError(f"{place}: unknown {', '.join(unknown)[:100]}; if a newer bpcompare wrote it, install a newer bpcompare")
    return tree


def each(tree: object, place: str, read: Callable[[Any, str], T]) -> dict[str, T]:
    """Every entry of an object with any keys, read by `read(entry, its place)`. Raises ValueError where `tree` is no object."""
    if not isinstance(tree, dict):
        raise ValueError(f"{place}: expected an object, found {_kind(tree)}")
    return {name: read(entry, f"{place}.{name}") for name, entry in tree.items()}


def items(tree: object, place: str, read: Callable[[Any, str], T]) -> tuple[T, ...]:
    """Every entry of a list, read by `read(entry, its place)`. Raises ValueError where `tree` is no list."""
    if not isinstance(tree, list):
        raise ValueError(f"{place}: expected a list, found {_kind(tree)}")
    return tuple(read(entry, f"{place}.{index}") for index, entry in enumerate(tree))


def value(hint: Any, found: Any, place: str) -> Any:
    """`found` if it is what the type `hint` asks for (lists become tuples), else ValueError."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType) and NoneType in args:
        return None if found is None else value(next(arg for arg in args if arg is not NoneType), found, place)
    if origin is Literal:
        if not isinstance(found, str) or found not in args:
            raise ValueError(f"{place}: expected one of {', '.join(map(str, args))}, found {found!r}")
        return found
    if origin is Mapping:
        return each(found, place, lambda entry, where: value(args[1], entry, where))
    if origin is tuple:
        entry = items(found, place, lambda entry, where: value(args[0], entry, where))
        if args[1] is not Ellipsis and len(entry) != len(args):
            raise ValueError(f"{place}: expected a list of {len(args)}, found {len(entry)}")
        return entry
    if hint is float and type(found) is int:
        return float(found)
    if type(found) is not hint:
        raise ValueError(f"{place}: expected {hint.__name__}, found {_kind(found)}")
    return found


def name(found: object, place: str) -> str:
    """`found` if it is a text that can be shown as a name: of printable characters, not empty, not endless; else ValueError."""
    text: str = value(str, found, place)
    if not text or not text.isprintable() or len(text) > LONGEST_NAME:
        raise ValueError(f"{place}: a name of printable characters is expected, found {text[:40]!r}")
    return text


def _plain(hint: Any, found: Any) -> Any:
    if hint in (float, int, bool, str):
        return hint(found)
    if isinstance(found, Mapping):
        return {str(key): str(entry) for key, entry in found.items()}
    if isinstance(found, tuple | list):
        return [_plain(type(entry), entry) for entry in found]
    return found.item() if isinstance(found, np.generic) else found


def defaults(kind: type) -> Mapping[str, Any]:
    """The fields of a dataclass that have a default, with it as `dump` spells it."""
    if kind in _DEFAULTS:
        return _DEFAULTS[kind]
    found: dict[str, Any] = {}
    for field in fields(kind):
        if field.default is not MISSING:
            found[field.name] = _plain(hints(kind)[field.name], field.default)
        elif field.default_factory is not MISSING:
            found[field.name] = _plain(hints(kind)[field.name], field.default_factory())
    _DEFAULTS[kind] = found
    return found


def hints(kind: type) -> Mapping[str, Any]:
    """Field names of a dataclass and their types."""
    if kind not in _HINTS:
        found = get_type_hints(kind)
        _HINTS[kind] = {field.name: found[field.name] for field in fields(kind)}
    return _HINTS[kind]


def _kind(found: object) -> str:
    return {dict: "an object", list: "a list", NoneType: "null"}.get(type(found), f"{type(found).__name__} {found!r}")
