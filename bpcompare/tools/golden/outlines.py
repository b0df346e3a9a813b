"""A golden of somebody's own code as text: a call a line, and marks of its numbers. Reading executes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bpcompare.own.change import Outline, Part
from bpcompare.own.change.mark import Mark
from bpcompare.own.verdict import Verdict
from bpcompare.own.written import PROGRAM, fields_of, program_of, program_tree
from bpcompare.plan import trees
from bpcompare.plan.storage import StorageError
from bpcompare.plan.trees import Tree
from bpcompare.program import Place
from bpcompare.tools.golden.seal import sealed, unsealed

TITLE = "bpcompare golden of a step"
VERSION = 1
UNFOLDED = 6
"""Levels of the tree that have lines of their own: what is below them, a call or a mark, is one line."""
RUN = ("title", "verdict", "facts", "parameters", "parts")
PART = ("title", *PROGRAM, "places", "given", "recorded", "unproved")


@dataclass(frozen=True, eq=False)
class StepGolden:
    """What a step of somebody's code did once: `of` whom, and its runs."""

    of: str
    runs: tuple[Outline, ...]

    @property
    def made_by(self) -> str:
        """The framework and its version."""
        return self.runs[0].made_by if self.runs else ""

    @property
    def verdict(self) -> Verdict:
        """The worst of its runs."""
        order: tuple[Verdict, ...] = ("wrong", "undecided", "certified in part", "certified")
        return min((run.verdict for run in self.runs), key=order.index)


def dumps(golden: StepGolden) -> bytes:
    """The text, in UTF-8: first what a person reviews, then everything. Raises StorageError for what has no place in it."""
    content = {
        TITLE: VERSION,
        "of": golden.of,
        "made by": golden.made_by,
        "verdict": golden.verdict,
        "summary": [_summary(run) for run in golden.runs],
        "runs": [_run(run) for run in golden.runs],
    }
    try:
        return sealed(_text(content, 0).removesuffix("\n}") + ",\n")
    except ValueError as error:
        raise StorageError(f"it holds what no text can: {error}") from error


def loads(data: bytes) -> StepGolden:
    """The golden that `dumps` wrote. Raises StorageError for anything else, be it one character."""
    found = unsealed(data, TITLE, VERSION)
    try:
        top = trees.entries(found, "golden", TITLE, "of", "made by", "verdict", "summary", "runs", "sha256")
        golden = StepGolden(trees.value(str, top["of"], "of"), trees.items(top["runs"], "runs", _run_of))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        why = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        raise StorageError(f"does not make sense: {why}") from error
    if not golden.runs:
        raise StorageError("does not make sense: it has no runs")
    return golden


def _summary(run: Outline) -> str:
    calls = sum(len(part.program.steps) for part in run.parts)
    arrays = sum(len(part.recorded) for part in run.parts)
    parts = ", ".join(part.title for part in run.parts)
    counts = f"{calls:,} calls, {arrays:,} arrays, {len(run.parameters):,} parameters"
    return f"{run.title or 'as it ran'}: {run.verdict}; {parts}; {counts}"


def _text(tree: Any, depth: int) -> str:
    """JSON whose upper levels have a line for each entry."""
    if depth >= UNFOLDED or not isinstance(tree, (dict, list)) or not tree:
        return json.dumps(tree, ensure_ascii=False, allow_nan=False)
    pad = " " * (depth + 1)
    if isinstance(tree, dict):
        rows = [f"{pad}{json.dumps(key, ensure_ascii=False)}: {_text(value, depth + 1)}" for key, value in tree.items()]
    else:
        rows = [f"{pad}{_text(value, depth + 1)}" for value in tree]
    first, last = "{}" if isinstance(tree, dict) else "[]"
    return "\n".join([first, ",\n".join(rows), f"{' ' * depth}{last}"])


def _run(run: Outline) -> Tree:
    return {
        "title": run.title,
        "verdict": run.verdict,
        "facts": dict(run.facts),
        "parameters": dict(run.parameters),
        "parts": [_part(part) for part in run.parts],
    }


def _part(part: Part) -> Tree:
    return {
        "title": part.title,
        **program_tree(part.program),
        "places": {name: fields_of(place) for name, place in part.places.items()},
        "given": _marks(part.given),
        "recorded": _marks(part.recorded),
        "unproved": sorted(part.unproved),
    }


def _marks(marks: Mapping[str, Mark]) -> Tree:
    return {path: [one.digest, list(one.shape), one.norm, list(one.probes)] for path, one in marks.items()}


def _run_of(content: Any, place: str) -> Outline:
    top = trees.entries(content, place, *RUN)
    return Outline(
        trees.value(str, top["title"], f"{place}.title"),
        trees.value(Verdict, top["verdict"], f"{place}.verdict"),
        trees.value(Mapping[str, str], top["facts"], f"{place}.facts"),
        trees.value(Mapping[str, str], top["parameters"], f"{place}.parameters"),
        trees.items(top["parts"], f"{place}.parts", _part_of),
    )


def _part_of(content: Any, place: str) -> Part:
    top = trees.entries(content, place, *PART)
    place_of: Callable[[Any, str], Place] = lambda entry, where: trees.load(Place, entry, where)  # noqa: E731
    return Part(
        trees.value(str, top["title"], f"{place}.title"),
        program_of({name: top[name] for name in PROGRAM}, place),
        trees.each(top["places"], f"{place}.places", place_of),
        trees.each(top["given"], f"{place}.given", _mark_of),
        trees.each(top["recorded"], f"{place}.recorded", _mark_of),
        frozenset(trees.value(tuple[str, ...], top["unproved"], f"{place}.unproved")),
    )


def _mark_of(entry: Any, place: str) -> Mark:
    digest, shape, norm, probes = trees.items(entry, place, lambda one, _: one)
    return Mark(
        trees.value(str, digest, place),
        trees.value(tuple[int, ...], shape, place),
        trees.value(float | None, norm, place),
        trees.value(tuple[float, ...], probes, place),
    )
