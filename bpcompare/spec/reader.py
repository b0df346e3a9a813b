"""Spec files and spec texts to networks. Whatever is wrong comes back as one SpecError that names everything."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bpcompare.files.reading import Unreadable, contents
from bpcompare.network import Network
from bpcompare.network.problems import structure_problems
from bpcompare.network.problems.data import data_problems
from bpcompare.spec import plain
from bpcompare.spec.build import Built, build
from bpcompare.spec.document import Document, read_as_document
from bpcompare.spec.files import missing_file
from bpcompare.spec.messages import in_plain_words, spec_error, syntax_error, unreadable
from bpcompare.spec.references import references
from bpcompare.spec.shipped import found, shipped
from bpcompare.spec.unroll import unroll
from bpcompare.text import arguments
from bpcompare.text.words import did_you_mean

Where = tuple[str | int, ...]
Hint = Callable[[str], None]

LARGEST = 64 * 2**20
"""Bytes a spec may have. Large weights belong into .safetensors or .npz files."""
MOST_IN_TOML, MOST_IN_JSON = 2_000_000, 5_000_000
"""Values and keys that it may have: so many take either parser some ten seconds."""


def read(path: str | os.PathLike[str], hint: Hint = lambda _: None) -> Network:
    """The network in a TOML or JSON file, chosen by its suffix, or the example of that name ("mazur").

    `hint` is told, in words, what the file leaves open: square weights that fit both ways, some weights given and others not.

    Raises SpecError with every problem of the file.
    """
    source = str(found(arguments.path("spec", path, ", or the name of an example,")))
    try:
        data = contents(Path(source), LARGEST, "a spec", "keep large weights and data in files of their own")
    except Unreadable as error:
        near = error.hint or missing_file(Path(source)) or did_you_mean(source, shipped())
        raise unreadable(source, str(error), near) from None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise unreadable(source, "it is UTF-16 text", "save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise unreadable(source, f"it is not UTF-8 text (byte 0x{data[error.start]:02x} in line {line})") from None
    suffix = Path(source).suffix.lower()
    is_json = suffix == ".json" or (suffix != ".toml" and text.lstrip().startswith("{"))
    return parse(text, name=source, base=Path(source).parent, json=is_json, hint=hint)


def parse(
    text: str,
    *,
    name: str = "spec",
    base: str | os.PathLike[str] = ".",
    json: bool = False,
    hint: Hint = lambda _: None,
) -> Network:
    """The network that a TOML (or JSON) text describes.

    `name` is what messages call the text; its stem is the network's name unless the text gives one. Paths in the text are
    relative to the folder `base`; `hint` as for `read`. Raises SpecError with every problem.
    """
    try:
        built = _parse(text, name, Path(base), is_json=json)
    except RecursionError:
        raise unreadable(name, "it is nested too deeply") from None
    except MemoryError:
        raise unreadable(name, "it does not fit into memory") from None
    for one in built.hints:
        hint(f"{name}: {one}")
    return built.network


def _parse(text: str, source: str, base: Path, *, is_json: bool) -> Built:
    _small_enough(text, source, is_json=is_json)
    raw = _json(text, source) if is_json else _toml(text, source)
    try:
        document = read_as_document(raw)
    except ValidationError as error:
        problems = [*in_plain_words(error, raw), *references(raw)]
        raise spec_error(source, problems, text, is_json=is_json) from None
    unrolled = unroll(document)
    if unrolled.problems:
        raise spec_error(source, [*unrolled.problems, *references(raw)], text, is_json=is_json)
    document = unrolled.document
    built = build(document, name=Path(source).stem, base=base)
    problems = [*built.problems, *structure_problems(built.network)]
    if built.has_data:
        problems += data_problems(built.network)
    if problems:
        users = {p: (layer, role) for layer, uses in built.network.layers.items() for role, p in uses.parameters.items()}
        placed = [replace(problem, where=_place(problem.where, document, built, users)) for problem in problems]
        raise spec_error(source, list(unrolled.graph.written(placed)), text, is_json=is_json)
    return replace(built, hints=list(unrolled.graph.written(built.hints)))


def _small_enough(text: str, source: str, *, is_json: bool) -> None:
    """Refuses a text of more values than can be read in some seconds; they are counted by the signs between them."""
    most, signs = (MOST_IN_JSON, ",:[") if is_json else (MOST_IN_TOML, ",=[")
    # A dotted key costs as much as its parts; a number has one dot at most, so that dots need a count of their own.
    count = max(sum(map(text.count, signs)), 0 if is_json else text.count("."))
    if count > most:
        kind, hint = "JSON" if is_json else "TOML", "keep large weights and data in .npz, .safetensors or CSV files"
        raise unreadable(source, f"it has about {count:,} values and keys, a spec in {kind} may have {most:,}", hint)


def _place(where: Where, document: Document, built: Built, users: Mapping[str, Where]) -> Where:
    """Where the file says what a problem of the network is about. `users`: a layer and role by parameter."""
    match where:
        case ("data", "target"):
            return _place(("data", document.error.target), document, built, users)
        case ("data", key) if document.data.examples and key in document.data.examples[0]:
            return ("data", "examples", 0, key)
        case ("parameters", _, "penalty"):
            return where
        case ("parameters", str(name), *_) if name in built.places:
            return built.places[name]
        case ("parameters", str(name), *_) if name not in document.parameters:
            return ("layers", *users.get(name, ()))
    return where


_PLACE = re.compile(r"^(.*) \((?:at line (\d+), column (\d+)|at end of document)\)$", re.DOTALL)
_REWORDED = (
    (re.compile(r"Cannot overwrite a value"), "this key is given twice"),
    (re.compile(r"Cannot declare \((.*?),?\) twice"), "this table is given twice"),
    (re.compile(r"Cannot mutate immutable namespace"), "this table is given in { } already and cannot be added to"),
    (re.compile(r"Expected '=' after a key in a key/value pair"), "expected = after a key"),
)


_LONGEST_KEY = 100
_KEY = r"""(?:"[^"\n]*+"|'[^'\n]*+'|[\w-]++)"""
_DOTTED = re.compile(rf"{_KEY}(?:[ \t]*+\.[ \t]*+{_KEY})*+")


_DIGITS = re.compile(r"\b0(?:x[0-9a-f_]{3500,}|o[0-7_]{4700,}|b[01_]{14000,})", re.IGNORECASE)
"""Numbers too long to be printed: Python refuses such decimals itself, for it would take quadratic time."""


def overlong_key(text: str) -> int:
    """The first line with a dotted key of too many parts, or 0."""
    for number, row in enumerate(text.split("\n"), 1):
        if row.count(".") > _LONGEST_KEY and any(key.group().count(".") > _LONGEST_KEY for key in _DOTTED.finditer(row)):
            return number
    return 0


def _toml(text: str, source: str) -> Any:
    # The parser takes quadratic time over the parts of a dotted key.
    if number := overlong_key(text):
        raise syntax_error(source, number, 1, f"a key of more than {_LONGEST_KEY} parts", text)
    if long := _DIGITS.search(text):
        line_of = text.count("\n", 0, long.start()) + 1
        raise syntax_error(source, line_of, 1, "not valid TOML: a whole number has too many digits", text)
    try:
        return plain.loads(text)
    except tomllib.TOMLDecodeError as error:
        placed = _PLACE.match(str(error))
        message, line, column = placed.groups() if placed else (str(error), None, None)
        for pattern, words in _REWORDED:
            if pattern.match(message):
                message = words
        if line is None:
            message, line, column = f"{message} at the end of the file", str(text.rstrip("\n").count("\n") + 1), "1"
        in_text = "string" in message or "escape" in message
        advice = "" if in_text else _quoted(text.split("\n")[int(line) - 1], int(column or 1))
        raise syntax_error(source, int(line), int(column or 1), f"not valid TOML: {message}{advice}", text) from None
    except ValueError as error:
        raise unreadable(source, f"not valid TOML: {_short(error)}") from None


def _quoted(row: str, column: int) -> str:
    """What to do about a name with η or ü in it, where TOML wants quotes; "" for any other mistake."""
    word = next((word for word in re.finditer(r"[\w-]+", row) if word.start() < column <= word.end()), None)
    if word is None or row[column - 1].isascii():
        return ""
    return f'; other letters than A to Z stand in quotes: "{word.group()[:60]}"'


def _json(text: str, source: str) -> Any:
    try:
        raw = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise syntax_error(source, error.lineno, error.colno, f"not valid JSON: {error.msg}", text) from None
    except ValueError as error:
        raise unreadable(source, f"not valid JSON: {_short(error)}") from None
    if not isinstance(raw, dict):
        raise unreadable(source, "a JSON spec must be an object")
    return raw


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f'key "{twice[:60]}" is given twice')
    return table


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a number of a spec: numbers must be finite")


def _short(error: ValueError) -> str:
    """The reason, with the interpreter's own remark about digits in words for people."""
    return "a whole number has too many digits" if "int_max_str_digits" in str(error) else str(error)[:200]
