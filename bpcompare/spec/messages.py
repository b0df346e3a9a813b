"""Problems as text: each at its line, with what the user wrote there; and pydantic's errors in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from rich.cells import cell_len

from bpcompare.network import Problem, SpecError
from bpcompare.spec.document import default_tag, entry_type, outside, tag_of
from bpcompare.spec.positions import Path, positions
from bpcompare.text.cells import cut, padded
from bpcompare.text.folding import wrapped
from bpcompare.text.medium import medium
from bpcompare.text.words import did_you_mean, inert, listed, printable, quote

CODE = "BP002"
WIDTH = 120
SHOWN = 50
"""Problems that are listed, and that suggestions are made for; the others are counted."""
MOST = 20_000
"""Findings beyond which a file is no spec with mistakes but something else."""
_SNIPPET = 32
NARROW = 40
"""Columns that a message needs at least beside the text it is about."""

WHY_REQUIRED = {
    ("inputs", "inputs"): ("such as [inputs.x] with units = 2", ""),
    ("layers", "layers"): ("such as [layers.h] with from, units and g", ""),
    ("error", "error"): ("[error] with op, of and reduce", ""),
    ("update", "update"): ('[update] with rule, such as "sgd" with eta', ""),
    ("data", "data"): ("[data] with examples, or with a file", ""),
    ("repeat", "times"): ("how many steps", ""),
    ("repeat", "share"): (
        "true for one set of parameters in all steps, false for one a step",
        "There is no default because a recurrent network shares them and a stack of blocks does not.",
    ),
    ("repeat", "layers"): ("such as [repeat.NAME.layers.h] with from, units and g", ""),
    ("layers", "from"): ("the inputs or layers it reads", ""),
    ("error", "reduce"): (
        '"sum" or "mean" over examples',
        "There is no default because frameworks disagree (torch MSELoss also divides by the number of outputs).",
    ),
    ("error", "targets"): ('"classes" (numbers from 0) or "probabilities"', ""),
    ("layers", "epsilon"): ("a small positive number", "There is no default because frameworks disagree (1e-5, 1e-6, 1e-3)."),
    ("layers", "momentum"): (
        "the weight of the new batch in the running statistics",
        "There is no default because frameworks mean opposite things by it.",
    ),
    ("layers", "running_variance"): ('"unbiased" (torch) or "biased" (Flax)', ""),
}
"""What to say about a required key, and why it has no default: by section and key."""

_NOUN = {"layers": "a layer op", "g": "an activation", "error": "an error", "update": "an update rule"}
_KINDS = {
    "string_type": "text",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "list_type": "a list",
}


def spec_error(source: str, problems: Sequence[Problem], text: str = "", *, is_json: bool = False) -> SpecError:
    """The error that shows every problem at its line of `text`, the content of `source`; without `text`, by its path."""
    unique = list(dict.fromkeys(problems))
    places = [_in_file(problem.where) for problem in unique]
    known = positions(text, places, is_json=is_json) if text else {}
    lines = text.split("\n")
    found = []
    for problem, place in zip(unique, places, strict=True):
        position = next((known[place[:end]] for end in range(len(place), 0, -1) if place[:end] in known), None)
        found.append((position.line if position else len(lines) + 1 if place else 0, position, place, problem))
    found.sort(key=lambda entry: entry[0])
    rows = []
    # A line may be the whole file: no snippet is made that is not shown.
    for line, position, place, problem in found[:SHOWN]:
        left = (str(line), _snippet(lines[line - 1], position.column)) if position else ("", _path(place))
        rows.append((*left, _sentence(problem)))
    head = f"{CODE}  {len(found)} problem{'s' * (len(found) != 1)} in {inert(source)}"
    more = [f"    … and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return SpecError(lambda: "\n".join([head, *_table(rows), *more]), tuple(unique))


def syntax_error(source: str, line: int, column: int, message: str, text: str) -> SpecError:
    """The error for a text that is not TOML or JSON at all."""
    lines = text.split("\n")
    shown = _snippet(lines[line - 1], max(1, column)) if 0 < line <= len(lines) else ""
    rows = [(str(line) if line else "", shown, inert(message))]
    head = f"{CODE}  1 problem in {inert(source)}"
    return SpecError(lambda: "\n".join([head, *_table(rows)]), (Problem((), message),))


def unreadable(source: str, message: str, hint: str = "") -> SpecError:
    """The error for a file that could not be read as text."""
    problem = Problem((), message, hint)
    return SpecError(f"{CODE}  cannot read {inert(source)}: {_sentence(problem)}", (problem,))


def in_plain_words(error: ValidationError, raw: object) -> Iterator[Problem]:
    """pydantic's findings as problems of the document `raw`."""
    if error.error_count() > MOST:
        yield Problem((), f"{error.error_count():,} keys or values are not those of a spec")
        return
    for index, finding in enumerate(error.errors(include_url=False)):
        where = _without_tags(finding["loc"], raw)
        if finding["type"] == "union_tag_invalid":
            where = (*where, str(tag_of(where)))
        message, hint = _words(finding["type"], where, finding["input"], finding.get("ctx", {}), raw, hinted=index < SHOWN)
        yield Problem(where, message, hint)


def _words(kind: str, where: Path, value: object, ctx: Mapping[str, Any], raw: object, *, hinted: bool) -> tuple[str, str]:
    key = where[-1] if where else ""
    if kind == "extra_forbidden":
        return _unknown_key(where, raw, hinted=hinted)
    if kind == "missing":
        what, why = WHY_REQUIRED.get((str(outside(where)[0]), str(key)), ("", ""))
        return f"{quote(key)} is required" + (f": {what}" if what else "") + (f". {why}" if why else ""), ""
    if kind == "union_tag_not_found":
        noun = _noun(where)
        return f'"{tag_of(where)}" is required: the name of {noun}', ""
    if kind in ("union_tag_invalid", "literal_error"):
        return _choice(where, ctx["tag"] if kind == "union_tag_invalid" else value, ctx, hinted=hinted)
    if kind == "worded":
        return str(ctx["reason"]), ""
    if kind == "string_unicode":
        return "holds half of a surrogate pair, which is not Unicode text", ""
    if kind == "finite_number":
        return f"must be a finite number, is {quote(value)}", ""
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}, is {quote(value)}", ""
    return f"is not usable here: {quote(value)}", ""


def _unknown_key(where: Path, raw: object, *, hinted: bool) -> tuple[str, str]:
    if where[:1] == ("repeat",) and where[2:] == ("repeat",):
        return "a repeat cannot stand in another", 'side by side they may read each other, as "NAME.{t}.LAYER"'
    if not hinted:
        return "unknown key", ""
    entry = entry_type(where[:-1], _tag(where[:-1], raw))
    known = [field.alias or name for name, field in entry.model_fields.items()] if entry else []
    return "unknown key", did_you_mean(where[-1], known) or (f"known keys: {listed(known, 12)}" if known else "")


def _choice(where: Path, wrong: object, ctx: Mapping[str, Any], *, hinted: bool) -> tuple[str, str]:
    """What to say about a word that is not among those that pydantic expected."""
    expected = str(ctx.get("expected_tags") or ctx["expected"]).replace(" or ", ",")
    choices = [choice.strip("' ") for choice in expected.split(",")]
    suggestion = did_you_mean(wrong, choices) if hinted else ""
    noun = _noun(where) if "expected_tags" in ctx else "an initializer" if where[-1] == "kind" else ""
    if not noun:
        return f"{quote(wrong)} is not one of {listed(choices)}", suggestion
    return f"{quote(wrong)} is not {noun}", suggestion or f"choose one of {listed(choices, 16)}"


def _noun(where: Path) -> str:
    where = outside(where)
    return _NOUN["g"] if where[2:3] == ("g",) else _NOUN[str(where[0])]


def _without_tags(loc: tuple[str | int, ...], raw: object) -> Path:
    """A place in the user's document from pydantic's, which has the op's name after every table that is one of several."""
    where: Path = ()
    skip = False
    for part in loc:
        if skip:
            skip = False
            continue
        where = (*where, part)
        skip = tag_of(where) is not None and isinstance(_tag(where, raw), str)
    return where


def _tag(where: Path, raw: object) -> object:
    for part in where:
        raw = raw.get(part) if isinstance(raw, dict) else None
    return raw if isinstance(raw, str) else raw.get(str(tag_of(where)), default_tag(where)) if isinstance(raw, dict) else None


def _in_file(where: Path) -> Path:
    return ("run", *where[1:]) if where[:1] == ("training",) else where


def _sentence(problem: Problem) -> str:
    message = inert(problem.message)
    return f"{message} - {inert(problem.hint)}" if problem.hint else message


def _path(where: Path) -> str:
    return printable(".".join(str(key)[:_SNIPPET] for key in where)[:_SNIPPET])[:_SNIPPET]


def _snippet(line: str, column: int) -> str:
    """The user's line, or as much as fits from where the problem starts."""
    bare = line.strip()
    if len(bare) <= _SNIPPET and len(whole := printable(bare.replace("\t", " "))) <= _SNIPPET:
        return whole
    part = printable(line[column - 1 : column + _SNIPPET].strip().replace("\t", " "))
    return part if len(part) <= _SNIPPET else part[: _SNIPPET - 2] + " …"


def _table(rows: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Line, snippet and message side by side; the message below the snippet where side by side there is no room for it."""
    it = medium()
    digits = max(3, *(len(number) for number, _, _ in rows))
    width = max(cell_len(shown) for _, shown, _ in rows)
    room = (it.width if it.fit else WIDTH) - digits - width - 6
    below = room < NARROW and it.fit
    for number, shown, message in rows:
        left = f"{number:>{digits}} | {padded(shown, width)}   "
        if below:
            yield f"{number:>{digits}} | {cut(shown, it.width - digits - 3)}".rstrip()
            left = " " * digits + " |   "
        first, *rest = wrapped(message, it.width - digits - 5 if below else max(NARROW, room), whole=not it.fit)
        yield (left + first).rstrip()
        yield from (" " * cell_len(left) + line for line in rest)
