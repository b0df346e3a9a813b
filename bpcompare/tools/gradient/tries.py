"""The forward along directions of its inputs: what differences and the complex step tell of it, and how far they are trusted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.tools.gradient.budget import Budget
from bpcompare.tools.gradient.derivative import Along, Derivative
from bpcompare.tools.gradient.door import CodeUnderTest, per_input

GRANTED = 1024.0
"""u times the sum of |terms| that a backward may be off by its own rounding."""
TRUSTED = 4.0
"""Times the oracle's error estimate."""

DRAWS = 4
"""Errors of rounding are drawn so many times."""


class Try:
    """One input, and the oracle along its directions."""

    def __init__(self, code: CodeUnderTest, at: int, dy: Array, random: np.random.Generator) -> None:
        wide = [double(x) if i in code.carrying else x for i, x in enumerate(code.inputs)]
        self.x, self.random = wide[at], random
        self.u = float(np.finfo(code.inputs[at].dtype).eps) / 2
        self._known: dict[int, Derivative] = {}

        def replaced(x: Array) -> Array:
            return code.forward([*wide[:at], x, *wide[at + 1 :]])

        self.along = Along(replaced, self.x, double(dy), analytic=code.analytic)

    @property
    def slope(self) -> float:
        """How steep the output is, if it moves by its own size when the input does."""
        return self.along.size / (float(np.abs(self.x).max(initial=0.0)) or 1.0)

    def element(self, k: int) -> Derivative:
        """The derivative by one element, by its number."""
        if k not in self._known:
            self._known[k] = self.along(self._unit(k))
        return self._known[k]

    def may_be(self, g: float, k: int) -> bool:
        """Whether g is a slope of steps that the output goes in by one element, and which are not told from its derivative."""
        return self.along.may_be(g, self._unit(k), self.element(k), elsewhere=any(one.stairs for one in self._known.values()))

    def _unit(self, k: int) -> Array:
        v = np.zeros(self.x.shape)
        v.flat[k] = 1.0
        return v

    def least(self, flat: Array) -> float:
        """The relative mistake of one of its larger elements that moving all of them at once would have shown."""
        v = self.random.choice([-1.0, 1.0], flat.size)
        found = self.along(v.reshape(self.x.shape))
        return 2 * self.granted(found, flat) / float(np.abs(flat).max(initial=0.0) or np.inf)

    def granted(self, found: Derivative, flat: Array) -> float:
        """How far the gradients `flat` along a direction of signs may be away."""
        return TRUSTED * found.error + GRANTED * self.u * (found.bulk + float(np.sqrt(np.square(flat).sum())))

    def radius(self, found: Derivative, largest: float) -> float:
        """How far a right backward may be away: the oracle's error, and its own rounding."""
        return TRUSTED * found.error + GRANTED * self.u * found.bulk + 64 * self.u * largest


class Tries(dict[int, Try]):
    """The forward along directions of each input, by its number; made when it is asked for."""

    def __init__(self, code: CodeUnderTest, dy: Array, seed: int, budget: Budget | None = None, *, causes: bool = True) -> None:
        super().__init__()
        self.budget, self.causes = budget or Budget(), causes
        self._code, self._dy, self._random = code, dy, np.random.default_rng((seed, 1))
        self.inputs, self.carrying, self.pairs = code.inputs, code.carrying, code.complexes
        self._of: Tries | None = None
        self._shaken: list[dict[int, Array]] | None = None

    def of(self, code: CodeUnderTest) -> Tries:
        """Of the same forward with another backward: what is known of the forward stays known."""
        other = Tries(code, self._dy, 0, self.budget, causes=self.causes)
        other._of = self
        return other

    def noise(self, at: int, g: Array) -> Array:
        """What errors of rounding in the inputs and in dy do to the gradient `g` of input number `at`, to each element at most.

        Where nobody can tell it, there is none that excuses anything.
        """
        if self._shaken is None:
            self._shaken = list(self._draws())
        found = [np.abs(double(one[at]) - double(g)) for one in self._shaken if at in one and one[at].shape == g.shape]
        return np.asarray(np.max([np.nan_to_num(off) for off in found], axis=0) if found else np.zeros(g.shape))

    def wide(self, at: int) -> Array | None:
        """The gradient of input number `at` where all is in float64; None where it is so anyway, or cannot be."""
        code = self._code
        if code.inputs[at].dtype == np.float64:
            return None
        try:
            parts = code.backward([double(x) if i in code.carrying else x for i, x in enumerate(code.inputs)], double(self._dy))
            found = per_input(parts, code.inputs)[at]
        except Exception:  # noqa: BLE001 — the author's code
            return None
        return None if found is None or found.shape != code.inputs[at].shape else double(found)

    def _draws(self) -> Iterator[dict[int, Array]]:
        random = np.random.default_rng(1)

        def shaken(x: Any) -> Any:
            if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
                return x
            return (x * (1 + float(np.finfo(x.dtype).eps) * random.choice([-1.0, 1.0], x.shape))).astype(x.dtype)

        for _ in range(DRAWS):
            try:
                parts = self._code.backward([shaken(x) for x in self._code.inputs], shaken(self._dy))
                yield {i: g for i, g in enumerate(per_input(parts, self._code.inputs)) if g is not None}
            except Exception:  # noqa: BLE001 — the author's code
                return

    def __missing__(self, at: int) -> Try:
        self[at] = Try(self._code, at, self._dy, self._random) if self._of is None else self._of[at]
        return self[at]


def double(x: Array) -> Array:
    """In float64."""
    return np.asarray(x, np.float64)
