"""Where the quantities of a claim come from, as balls: given ones exact, recorded ones with the rounding of their format."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from copy import copy
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.numbers.ball import Ball, Format
from bpcompare.numbers.ball.format import format_of
from bpcompare.numbers.number import Num
from bpcompare.numbers.parts import parts
from bpcompare.proof.claims import Claim
from bpcompare.proof.values import StepValues


class Balls:
    """Looks quantities up as balls. Given ones are exact; recorded ones carry the rounding they were recorded with.

    `exact`: recorded ones are exact as well, for each step read what was recorded and nothing wider: code that runs eagerly.
    `whole`: factors of products are taken as they are, also where a framework may cut them (to TF32, for example).
    `quick`: numbers that need no ball to be found inside are given none; but where another algorithm than the law's widens balls.
    `random`: large products are tried along vectors drawn from it.
    """

    def __init__(
        self,
        values: StepValues,
        fmt: Format,
        algorithms: Mapping[str, str] | None = None,
        *,
        exact: bool = False,
        quick: bool = True,
        random: np.random.Generator | None = None,
    ) -> None:
        self.values = values
        self.exact = exact
        self.whole = False
        self.quick = quick and not algorithms
        self.random = random
        self.fmt = fmt
        self.algorithms = algorithms or {}
        self._wide = Widened()
        self._denormals: dict[str, bool] = {}
        self._most: dict[str, float] = {}
        self._kept: dict[tuple[Format, int], dict[str, Any]] = {}

    def lookup(self, fmt: Format) -> Any:
        """A lookup whose balls have the format `fmt`."""
        return _Lookup(self, fmt, self.kept(fmt))

    def kept(self, fmt: Format, part: int = -1) -> dict[str, Any]:
        """What laws made of the quantities in that format; of a `part` of them, by the number of its first channel."""
        return self._kept.setdefault((fmt, part), {})

    def rest(self) -> None:
        """Let go what is kept to save work. Some of it knows this lookup: its numbers would stay until garbage is collected."""
        for kept in self._kept.values():
            kept.clear()

    def ball(self, path: str, fmt: Format) -> Num:
        """A quantity as a ball of the format `fmt`."""
        x = self.number(path)
        if isinstance(x, int) or x.dtype.kind != "f":
            return x
        return Ball(self._wide.of(path, x), fmt, *self.widths(path, fmt))

    def part(self, path: str, fmt: Format, x: Array) -> Ball:
        """Entries `x` of a quantity as a ball of the format `fmt`."""
        return Ball(x.astype(np.float64, copy=False), fmt, *self.widths(path, fmt))

    def widths(self, path: str, fmt: Format) -> tuple[float, float]:
        """How far a quantity may be from what was computed with, relative to itself and as a number of the format `fmt`."""
        given = path in self.values.given
        flushed = fmt.flushes and (not given or self._denormal(path, self.values.given[path]))
        return 0.0 if given or self.exact else fmt.u, fmt.tiny if flushed else 0.0

    def number(self, path: str) -> Num:
        """A quantity as it was given or recorded."""
        return self.values.given[path] if path in self.values.given else self.values.recorded[path]

    def recorded(self, path: str) -> Array:
        """A recorded quantity in float64."""
        return self._wide[path] if path in self._wide else self._wide.of(path, self.values.recorded[path])

    def point(self, path: str) -> Num:
        """A quantity as a number without a radius, in float64: for laws of which only the value is asked."""
        x = self.number(path)
        return x if isinstance(x, int) or x.dtype.kind != "f" else self._wide.of(path, x)

    def of(self, claim: Claim) -> Balls:
        """The same lookup in the format that the claim was computed in."""
        return self.within(claim.dtype)

    def within(self, dtype: str) -> Balls:
        """The same lookup in another format."""
        if dtype == self.fmt.dtype:
            return self
        other = copy(self)
        other.fmt = format_of(dtype, self.fmt.flushes)
        return other

    def unreduced(self) -> Balls:
        """The same lookup, by which no factor of a product is off, whatever the framework was allowed."""
        other = copy(self)
        other.whole = True
        return other

    def on(self, values: StepValues) -> Balls:
        """The same lookup of other numbers."""
        other = copy(self)
        vars(other).update(values=values, _wide=Widened(), _denormals={}, _most={}, _kept={})
        return other

    def with_recorded(self, values: StepValues, others: Collection[str]) -> Balls:
        """The same lookup, with other numbers at the paths `others`, which no law reads: what laws made of the rest is kept."""
        other = copy(self)
        vars(other).update(values=values, _wide=self._wide.without(others))
        return other

    def beside(self, values: StepValues) -> Balls:
        """The same lookup, with numbers under new paths besides."""
        other = copy(self)
        vars(other).update(values=values, _kept={})
        return other

    def most(self, path: str, x: Array) -> float:
        """The largest absolute value of `x`, the array of that path; NaN where there is one."""
        if path not in self._most:
            self._most[path] = float(np.maximum(x.max(initial=0.0), -x.min(initial=0.0)))
        return self._most[path]

    def _denormal(self, path: str, x: Array) -> bool:
        """Whether a given array holds numbers that a backend which flushes takes for 0. All others are exact."""
        if path not in self._denormals:
            found = (((x[at] != 0) & (np.abs(x[at]) < self.fmt.tiny)).any() for at, _ in parts(x, PART))
            self._denormals[path] = any(found)
        return self._denormals[path]


PART = 2**15
"""So many numbers are looked at at a time."""

MOST = 32 * 2**20
"""Bytes of arrays in float64 that are kept for the next claim."""


class Widened:
    """Arrays in float64, by path; those that were asked for last, up to `MOST` bytes."""

    def __init__(self) -> None:
        self._arrays: OrderedDict[str, Array] = OrderedDict()
        self._bytes = 0

    def __contains__(self, path: str) -> bool:
        return path in self._arrays

    def __getitem__(self, path: str) -> Array:
        self._arrays.move_to_end(path)
        return self._arrays[path]

    def without(self, paths: Collection[str]) -> Widened:
        """Others of the same, without those at some paths."""
        other = Widened()
        for path, x in self._arrays.items():
            if path not in paths:
                other.of(path, x)
        return other

    def of(self, path: str, x: Array) -> Array:
        """`x`, the array of that path, in float64."""
        if path in self._arrays:
            return self[path]
        wide: Array = x.astype(np.float64, copy=False)
        self._arrays[path] = wide
        self._bytes += wide.nbytes
        while self._bytes > MOST and len(self._arrays) > 1:
            self._bytes -= self._arrays.popitem(last=False)[1].nbytes
        return wide


class _Lookup:
    """From paths to balls of one format; `kept` are what laws made of them."""

    def __init__(self, balls: Balls, fmt: Format, kept: dict[str, Any]) -> None:
        self._balls, self._fmt, self.kept = balls, fmt, kept

    def __call__(self, path: str) -> Num:
        return self._balls.ball(path, self._fmt)
