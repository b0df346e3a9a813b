"""One question: a function, a seed, a format, cancelling or not; its own gradient, and ten mutants of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.gradients.mutants import KINDS, changes, same
from benchmarks.gradients.sample import Change, Function, Sample

CANCELS = 100.0
"""Added to every input and to every output, and taken away again."""
TINY = 1e-300
EQUAL = 4.0
"""Roundings of the largest element: what is changed by less is no mutant."""


@dataclass(frozen=True)
class Key:
    """Which question it is."""

    library: str
    name: str
    dtype: str
    seed: int
    cancelling: bool

    def __str__(self) -> str:
        return f"{self.library}:{self.name} {self.dtype} seed {self.seed}{' cancelling' if self.cancelling else ''}"


def asked(function: Function, key: Key, mutants: int = len(KINDS)) -> Iterator[dict[str, str]]:
    """What was found: of the honest gradient first, then of so many mutants. Nothing where there is no such sample."""
    sample = function.sample(key.seed, key.dtype)
    if sample is None:
        return
    own = cancelling(sample) if key.cancelling else sample
    found, honest = _honest(own)
    yield found
    if honest is None or not mutants:
        return
    count = sum(_floats(x) for x in own.inputs)
    sizes = Sizes(own)
    for number, kind in _some(mutants, key.seed):
        yield _mutant(own, kind, (key.seed + number) % count, honest, sizes)


def _some(count: int, seed: int) -> Sequence[tuple[int, str]]:
    """So many of the mutants, by their numbers; others for the next seed."""
    turned = [(seed * count + k) % len(KINDS) for k in range(min(count, len(KINDS)))]
    return [(number, KINDS[number]) for number in turned]


def cancelling(sample: Sample) -> Sample:
    """The same function of x + 100 − 100, plus 100 − 100: terms cancel before it and behind."""

    def wrapped(function: Any) -> Any:
        def function_(*given: Any) -> Any:
            return _through(function(*(x + CANCELS - CANCELS if _floats(x) else x for x in given)))

        function_.__name__ = getattr(function, "__name__", "function")
        return function_

    return sample.like(wrapped(sample.function))


def _through(out: Any) -> Any:
    if isinstance(out, tuple | list):
        return tuple(map(_through, out))
    return out + CANCELS - CANCELS if _floats(out) else out


def _floats(x: Any) -> bool:
    dense = "sparse" not in str(getattr(x, "layout", ""))
    return dense and hasattr(x, "dtype") and hasattr(x, "shape") and "float" in str(x.dtype)


def _honest(sample: Sample) -> tuple[dict[str, str], Any]:
    """The verdict on the framework's own gradient; and its check as a backward, None where there are no mutants of it."""
    from bpcompare import check_gradient

    try:
        check = check_gradient(sample.function, inputs=sample.inputs)
    except ValueError as error:
        absent = "has no attribute" in str(error) or "No module named" in str(error)
        return {"what": "honest", "verdict": "not there" if absent else "refused", "told": str(error)[:200]}, None
    told = "" if check.verdict in ("certified", "convention") else _told(check)
    verdict = {"what": "honest", "verdict": check.verdict, "traced": "" if check.untraced else "whole", "told": told}
    try:
        again = check_gradient(sample.flat, sample.pulled(same, same), sample.inputs, contracts=False, causes=False)
    except ValueError as error:
        return verdict | {"told": told or f"no mutants: {error}"[:200]}, None
    if again.verdict == "wrong" and check.verdict != "wrong":
        verdict |= {"verdict": "wrong", "told": f"as a pair: {_told(again)}"}
    return verdict, again


def _mutant(sample: Sample, kind: str, at: int, honest: Any, known: Sizes) -> dict[str, str]:
    row = {"what": kind}
    sent, found = changes(kind, sample, at)
    try:
        sizes = known.of(sent, found)
        if not any(sizes):
            return row | {"verdict": "equal"}
        check = honest.with_backward(sample.pulled(sent, found))
    except ValueError as error:
        return row | {"verdict": "refused", "told": str(error)[:200]}
    if check.verdict == "wrong":
        return row | {"verdict": "caught" if honest.verdict != "wrong" else "caught, like the honest one"}
    if check.verdict == "undecided":
        return row | {"verdict": "undecided"}
    names = [f"input {i}" for i, x in enumerate(sample.inputs) if _floats(x)]
    largest = dict(zip(names, known.largest, strict=True))
    # What is 0 up to rounding states its power relative to its terms.
    powers = {
        one.name: one.power * (one.terms / max(largest[one.name], TINY) if one.terms else 1.0)
        for one in check.findings
        if one.name in largest
    }
    beyond = [
        (name, size, powers.get(name, 0.0)) for name, size in zip(names, sizes, strict=True) if size > powers.get(name, 0.0)
    ]
    if not beyond:
        return row | {"verdict": "below the power"}
    name, size, power = beyond[0]
    return row | {"verdict": "missed", "told": f"{check.verdict}; {name} is off by {size:.2g}, power {power:.2g}"}


class Sizes:
    """How far a mutant is off, in each gradient: relative to its largest element, 0.0 where it is equal.

    By the same dys that `check_gradient` draws: of the trace, and of differences; the lesser counts.
    """

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._right = [(dys, self._numbers(same, same, dys)) for dys in (_traced_dys(sample), _dys(sample))]

    def _numbers(self, sent: Change, found: Change, dys: Sequence[Any]) -> list[Any]:
        gradients = self._sample.pulled(sent, found)(*self._sample.inputs, *dys)
        floats = [g for x, g in zip(self._sample.inputs, gradients, strict=True) if _floats(x)]
        return [None if g is None else self._sample.numbers(g) for g in floats]

    @property
    def largest(self) -> list[float]:
        """The largest element of each right gradient."""
        some = [[0.0 if g is None else float(np.abs(g).max(initial=0.0)) for g in right] for _, right in self._right]
        return [min(one) for one in zip(*some, strict=True)]

    def of(self, sent: Change, found: Change) -> list[float]:
        """Of the mutant with these changes."""
        some = []
        for dys, right in self._right:
            least = max(float(np.abs(self._sample.numbers(dy)).max(initial=0.0)) for dy in dys if dy is not None)
            some.append([_size(a, b, least) for a, b in zip(right, self._numbers(sent, found, dys), strict=True)])
        return [min(one) for one in zip(*some, strict=True)]


def _size(right: Any, wrong: Any, dy: float) -> float:
    """Relative to the largest element; 0.0 for what is no more than rounding, of that element or of the largest `dy`."""
    if right is None or wrong is None:
        return 0.0
    with np.errstate(all="ignore"):
        u = np.finfo(right.dtype).eps / 2
        a, b = right.astype(np.float64), wrong.astype(np.float64)
        largest, gap = np.abs(a).max(initial=0.0), np.abs(a - b).max(initial=0.0)
    if not gap > EQUAL * u * max(largest, dy):
        return 0.0
    return float(gap / largest) if largest else float("inf")


def _outputs(sample: Sample) -> list[Any]:
    out = sample.flat(*sample.inputs)
    return list(out) if isinstance(out, tuple) else [out]


def _drawn(random: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return np.asarray(random.uniform(0.5, 1.5, shape) * random.choice([-1.0, 1.0], shape))


def _traced_dys(sample: Sample) -> list[Any]:
    """As the trace draws them: a generator for each output."""
    dys: list[Any] = []
    number = 0
    for y in _outputs(sample):
        dys.append(sample.constant(_drawn(np.random.default_rng((0, number)), tuple(y.shape)), y) if _floats(y) else None)
        number += _floats(y)
    return dys


def _dys(sample: Sample) -> list[Any]:
    """As differences draw them: for all outputs together."""
    ys = _outputs(sample)
    whole = _drawn(np.random.default_rng(0), (sum(int(np.prod(y.shape)) for y in ys if _floats(y)),))
    dys, at = [], 0
    for y in ys:
        size = int(np.prod(y.shape)) if _floats(y) else 0
        dys.append(sample.constant(whole[at : at + size].reshape(tuple(y.shape)), y) if _floats(y) else None)
        at += size
    return dys


def _told(check: Any) -> str:
    """The first finding that is like the verdict, in a line."""
    for one in check.findings:
        if one.verdict == check.verdict:
            numbers = f"{one.got:.6g}, not {one.expected:.6g}; " if one.verdict == "wrong" else ""
            return f"{one.name}{list(one.index) if one.index else ''}: {numbers}{one.note or one.cause} {check.untraced}"[:300]
    return next((f"contract {one.name}: {one.said}" for one in check.contracts if one.outcome == "broken"), "")[:300]
