"""Where things stand in a spec file: key path to line and column. Asked only when there are problems to place."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

Path = tuple[str | int, ...]

LARGEST = 4 * 2**20
"""Characters of a file beyond which problems are placed by their key path only."""
_ENDLESS = 10_000


class Position(NamedTuple):
    """Line and column, from 1; the column counts characters."""

    line: int
    column: int


def positions(text: str, wanted: Iterable[Path], *, is_json: bool) -> Mapping[Path, Position]:
    """The places of those `wanted` paths, and of the tables and lists around them, that occur in `text`."""
    if len(text) > LARGEST:
        return {}
    prefixes = {path[:end] for path in wanted for end in range(1, len(path) + 1)}
    return _json(text, prefixes) if is_json else _toml(text, prefixes)


def _toml(text: str, wanted: set[Path]) -> Mapping[Path, Position]:
    import tree_sitter_toml
    from tree_sitter import Language, Parser

    lines = text.encode("utf-8", "replace").split(b"\n")
    # In an endless line, which no one reads, a column may count bytes: to count characters there takes quadratic time.
    plain = [line.isascii() or len(line) > _ENDLESS for line in lines]
    found: dict[Path, Position] = {}
    counts: dict[Path, int] = {}

    def note(path: Path, node: Any) -> None:
        if path in wanted and path not in found:
            row, column = node.start_point
            before = column if plain[row] else len(lines[row][:column].decode("utf-8", "replace"))
            found[path] = Position(row + 1, before + 1)

    pending: list[tuple[Path, Any]] = []
    for node in Parser(Language(tree_sitter_toml.language())).parse(text.encode("utf-8", "replace")).root_node.children:
        table: Path = ()
        if node.type in ("table", "table_array_element"):
            names = _key(node.children[1])
            for end, name in enumerate(names, 1):
                table = (*table, name)
                if node.type == "table_array_element" and end == len(names):
                    counts[table] = counts.get(table, -1) + 1
                note(table, node)
                if table in counts:
                    table = (*table, counts[table])
                    note(table, node)
        pending.append((table, node))
        while pending:
            pending.extend(_children(*pending.pop(), wanted, note))
    return found


def _children(path: Path, node: Any, wanted: set[Path], note: Any) -> Iterator[tuple[Path, Any]]:
    """Nodes inside `node` that hold a wanted path, with the path they stand at."""
    if node.type == "pair":
        for name in _key(node.children[0]):
            path = (*path, name)
            note(path, node)
        if path in wanted:
            yield path, node.children[-1]
    elif node.type == "array":
        items = [child for child in node.named_children if child.type != "comment"]
        for index, child in enumerate(items):
            note((*path, index), child)
            if (*path, index) in wanted:
                yield (*path, index), child
    else:
        yield from ((path, child) for child in node.named_children if child.type == "pair")


def _key(node: Any) -> list[str]:
    names: list[str] = []
    while node.type == "dotted_key":
        names.append(_name(node.children[-1]))
        node = node.children[0]
    return [*names, _name(node)][::-1]


def _name(node: Any) -> str:
    text = node.text.decode("utf-8", "replace")
    if node.type == "bare_key":
        return str(text)
    try:
        return str(tomllib.loads(f"name = {text}")["name"])
    except ValueError:
        return str(text)


_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def _json(text: str, wanted: set[Path]) -> Mapping[Path, Position]:
    """A scan by tokens with a stack of its own, for the standard parser forgets positions. `text` is known to be JSON."""
    found: dict[Path, Position] = {}
    path: list[str | int] = []
    open_: list[str] = []
    expects_key = False
    line, line_start, at = 1, 0, 0
    for token in _TOKEN.finditer(text):
        start, word = token.start(), token.group()
        line += text.count("\n", at, start)
        line_start = text.rfind("\n", at, start) + 1 or line_start
        at = start
        if word in "}]":
            open_.pop()
            path.pop()
        elif word == ",":
            last = path[-1] if path else 0
            if open_[-1:] == ["["] and isinstance(last, int):
                path[-1] = last + 1
            expects_key = open_[-1:] == ["{"]
        elif word != ":":
            if expects_key:
                path[-1] = json.loads(word)
                expects_key = False
            if tuple(path) in wanted and tuple(path) not in found:
                found[tuple(path)] = Position(line, start - line_start + 1)
            if word in "{[":
                open_.append(word)
                path.append("" if word == "{" else 0)
                expects_key = word == "{"
    return found
