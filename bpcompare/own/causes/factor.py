"""Factors that people forget or write twice, in words: what of the code's own shapes and numbers gives this one?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import e, isclose, log, pi, prod, sqrt

NEAR = 1e-5
"""Relative distance at which a factor is looked at more closely: whoever asks then holds the exact one against the numbers."""
CONSTANTS: Mapping[str, float] = {
    "ln 2": log(2),
    "ln 10": log(10),
    "π": pi,
    "2π": 2 * pi,
    "√π": sqrt(pi),
    "√(2π)": sqrt(2 * pi),
    "e": e,
}
PLAIN: Mapping[float, str] = {-1.0: "−1", 0.5: "½", 2.0: "2", -0.5: "−½", -2.0: "−2", 4.0: "4", 0.25: "¼", 3.0: "3", 1 / 3: "1/3"}


@dataclass(frozen=True)
class Factors:
    """What factors may be made of: the `sizes` of arrays by what these are called, and `numbers` that stand in the code.

    `ddof`: whether means are taken of something in it, whose divisor may be n or n − 1.
    """

    sizes: Mapping[str, tuple[int, ...]]
    numbers: Sequence[float] = ()
    ddof: bool = True

    def near(self, factor: float) -> Iterator[tuple[float, str]]:
        """Exact factors beside this one, each in words; those that explain the most come first."""
        known = [*((value, PLAIN[value]) for value in (-1.0, 0.5, 2.0)), *self._made(), *PLAIN.items()]
        seen = set()
        for value, words in known:
            if value not in (0.0, 1.0) and value not in seen and isclose(value, factor, rel_tol=NEAR):
                seen.add(value)
                yield value, words

    def _made(self) -> Iterator[tuple[float, str]]:
        for x in self.numbers:
            for value, words in _of(x):
                yield (
                    value,
                    f"{words}, with the {x:g} that stands in the code"
                    if words != f"{x:g}"
                    else f"{words}, which stands in the code",
                )
        for of, shape in self.sizes.items():
            dims = [size for size in shape if size > 1]
            for many in range(1, len(dims) + 1):
                for some in combinations(dims, many):
                    n, words = prod(some), "·".join(map(str, some))
                    shown = f"{n} = {words}" if many > 1 else f"{n}"
                    alone = f"1/{n} = 1/({words})" if many > 1 else f"1/{n}"
                    whose = (
                        f"the size of {of}"
                        if many == len(dims) and many > 1
                        else f"a size of {of}"
                        if many == 1
                        else f"sizes of {of}"
                    )
                    for sign, mark in ((1.0, ""), (-1.0, "−")):
                        yield sign * n, f"{mark}{shown}, {whose}"
                        yield sign / n, f"{mark}{alone}, {whose}"
                    yield sqrt(n), f"√{n}, of {whose}"
                    yield 1 / sqrt(n), f"1/√{n}, of {whose}"
        for words, x in CONSTANTS.items():
            yield x, words
            yield 1 / x, f"1/({words})" if " " in words else f"1/{words}"
        for n in sorted(
            set() if not self.ddof else {size for shape in self.sizes.values() for size in (*shape, prod(shape)) if size > 1}
        ):
            yield n / (n - 1), f"{n}/{n - 1}: n/(n−1), as with ddof"
            yield (n - 1) / n, f"{n - 1}/{n}: (n−1)/n, as with ddof"


def _of(x: float) -> Iterator[tuple[float, str]]:
    """What is made of one number."""
    name = f"{x:g}"
    yield x, name
    yield -x, f"−{name}"
    if x:
        yield 1 / x, f"1/{name}"
        yield -1 / x, f"−1/{name}"
    yield x * x, f"{name}²"
    if x:
        yield 1 / (x * x), f"1/{name}²"
    if 0 < x < 1:
        yield 1 - x, f"1 − {name}"
        yield 1 / (1 - x), f"1/(1 − {name})"
        yield x / (1 - x), f"{name}/(1 − {name})"
        yield (1 - x) / x, f"(1 − {name})/{name}"
