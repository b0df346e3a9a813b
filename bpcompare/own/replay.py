"""Replay: a whole recorded step computed again in another framework's arithmetic, and differentiated by that framework.

Nothing recorded is used but what was given: parameters, data, constants. So this is a voice about the whole gradient, where a
claim is about one step. It is no proof: where rounding turns a branch, honest gradients differ, so it accuses nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from bpcompare.laws.law import At
from bpcompare.network.parameter import Array
from bpcompare.numbers.number import Num
from bpcompare.own.judged import Judged
from bpcompare.proof.oracle import Lent


@dataclass(frozen=True)
class Replay:
    """The gradients of one pass as another framework has them, in float64, and how far the recorded ones are apart.

    `apart`: the largest difference of each parameter, relative to the largest element of its gradient; of one that is 0 up to
    rounding, relative to the terms that cancel. `failed`: why there is none; `lacking`: the calls that it has no function for, or
    that have no law, each with the module that makes it. `title`: which backward pass it is of.
    """

    framework: str
    gradients: Mapping[str, Array]
    apart: Mapping[str, float]
    failed: str = ""
    lacking: tuple[str, ...] = ()
    title: str = ""

    @property
    def farthest(self) -> tuple[float, str]:
        """The largest distance and its parameter."""
        return max(((distance, path) for path, distance in self.apart.items()), default=(0.0, ""))


def passes(found: Sequence[Judged]) -> list[Judged]:
    """Those of recordings that are a backward pass: what can be replayed."""
    return [one for one in found if one.covered.program.end and _paths(one)]


def _paths(judged: Judged) -> list[str]:
    """The parameters with a recorded gradient."""
    return [value.path for value in judged.covered.program.values.values() if value.parameter and value.delta]


def replayed(judged: Judged, lent: Lent) -> Replay:
    """Replay one backward pass. Where a law is missing, or the framework lends no such function, it says so by name."""
    given, title, paths = judged.recording.given, judged.recording.title, _paths(judged)
    if not paths:
        return Replay(lent.source, {}, {}, "no parameter has a gradient here", title=title)
    if judged.covered.hidden:
        lacking = tuple(_called(judged, steps[0].name) for steps in judged.covered.hidden.values())
        return Replay(lent.source, {}, {}, "there are calls without a law", lacking, title)
    shapes = [np.shape(given[path]) for path in paths]
    flat = np.concatenate([np.asarray(given[path], np.float64).ravel() for path in paths])
    lacking_: dict[str, None] = {}

    def error(x: Num) -> Num:
        known: dict[str, Any] = {}
        start = 0
        for path, shape in zip(paths, shapes, strict=True):
            size = prod(shape)
            known[path] = np.reshape(x[start : start + size], shape)
            start += size
        return _end(judged, known, lacking_)

    try:
        whole = lent.gradient(error, flat)
    except Exception as error_:  # noqa: BLE001 — what a framework cannot do is no fault of those who are judged
        words = f"{type(error_).__name__}: {error_}".rstrip(": ").splitlines()[0]
        return Replay(lent.source, {}, {}, words, tuple(lacking_), title)
    if lacking_:
        return Replay(lent.source, {}, {}, f"{lent.source}'s arithmetic lacks functions", tuple(lacking_), title)
    gradients: dict[str, Array] = {}
    start = 0
    for path, shape in zip(paths, shapes, strict=True):
        gradients[path] = whole[start : start + prod(shape)].reshape(shape)
        start += prod(shape)
    recorded = judged.recording.recorded
    terms = {claim.path: finding.terms for claim, finding in judged.findings}
    apart = {
        path: _distance(np.asarray(recorded[f"{path}.gradient"], np.float64), g, terms.get(f"{path}.gradient", 0.0))
        for path, g in gradients.items()
    }
    return Replay(lent.source, gradients, apart, title=title)


def _end(judged: Judged, known: dict[str, Any], lacking: dict[str, None]) -> Num:
    """E, from what is given and `known`: the steps in their order.

    A step that the arithmetic has no function for joins those that are `lacking`, and what was recorded of it stands in for it.
    """
    program, given, laws = judged.covered.program, judged.recording.given, judged.laws

    def number(path: str) -> Any:
        if path not in known:
            known[path] = _wide(given[path])
        return known[path]

    for step in program.steps:
        xs = [number(path) for path in step.reads]
        at: At[Any] = At(step.op, xs, {}, {name: number(path) for name, path in step.constants.items()})
        try:
            known[step.writes] = laws.of(step.name, step.op).forward(at)
        except Exception:
            if step.writes not in judged.recording.recorded:
                raise
            lacking[_called(judged, step.name)] = None
            known[step.writes] = _wide(judged.recording.recorded[step.writes])
    return known[program.end]


def _wide(x: Any) -> Any:
    return np.asarray(x, np.float64) if getattr(x, "dtype", None) is not None and x.dtype.kind == "f" else x


def _called(judged: Judged, step: str) -> str:
    """A call in words: its function, and the module that makes it."""
    place = judged.recording.places.get(step)
    if place is None:
        return step
    return f"{place.function} in {place.module}" if place.module else place.function


def _distance(recorded: Array, replayed: Array, terms: float) -> float:
    largest = max(float(np.abs(replayed).max(initial=0.0)), terms)
    gap = float(np.abs(recorded - replayed).max(initial=0.0))
    return gap / largest if largest else (0.0 if gap == 0 else float("inf"))
