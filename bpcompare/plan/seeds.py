"""The random numbers of many paths, each from a generator of its own: NumPy's seeding, worked out for all of them at once.

A generator of NumPy takes 15 µs to be made. `SeedSequence` mixes words of 32 bits, which whole columns of words can be mixed by
alike; what it gives is put into one generator after the other's numbers are drawn. M. E. O'Neill, "Developing a seed_seq
alternative" (2015), has the mixing, and "PCG: A family of simple fast space-efficient … algorithms" (2014) the generator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

import numpy as np

from bpcompare.network.parameter import Array

FEWEST = 32
"""Paths from which on it pays to mix their words side by side."""
_POOL, _BITS, _WHOLE = 4, 32, 2**128 - 1
_FIRST, _FACTOR = 0x43B0D7E5, 0x931E8875
"""The hash of words on their way into the pool: its constant, and what that is multiplied with each time."""
_FIRST_OUT, _FACTOR_OUT = 0x8B51F9DD, 0x58F38DED
"""The same on the way out."""
_LEFT, _RIGHT = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
_MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645


def generator(seed: int, path: str) -> np.random.Generator:
    """The random numbers of one path."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *_words(path).tolist()])))


def generators(seed: int, paths: Iterable[str]) -> Iterator[np.random.Generator]:
    """As `generator`, for one path after the other. Each is to be used before the next is asked for: it may be one object."""
    paths = list(paths)
    if len(paths) < FEWEST or seed >= 2**_BITS:
        yield from (generator(seed, path) for path in paths)
        return
    bits = np.random.PCG64(0)
    one, state = np.random.Generator(bits), bits.state
    for start, increment in _states(seed, np.stack([_words(path) for path in paths], axis=1)):
        state["state"] = {"state": start, "inc": increment}
        bits.state = state
        yield one


def _words(path: str) -> Array:
    return np.frombuffer(sha256(path.encode()).digest(), "<u4")


def _states(seed: int, words: Array) -> Iterator[tuple[int, int]]:
    """State and increment of PCG64 that is seeded by (seed, a column of `words`), for every column."""
    entropy = [np.full(words.shape[1], seed, np.uint32), *words.astype(np.uint32)]
    hashed = _Hash(_FIRST, _FACTOR)
    pool = [hashed(word) for word in entropy[:_POOL]]
    for source in range(_POOL):
        for into in range(_POOL):
            if source != into:
                pool[into] = _mixed(pool[into], hashed(pool[source]))
    for word in entropy[_POOL:]:
        for into in range(_POOL):
            pool[into] = _mixed(pool[into], hashed(word))
    out = _Hash(_FIRST_OUT, _FACTOR_OUT)
    found = [out(pool[place % _POOL]).astype(np.uint64) for place in range(2 * _POOL)]
    quarters = [(low | high << np.uint64(_BITS)).tolist() for low, high in zip(found[::2], found[1::2], strict=True)]
    for seed_high, seed_low, step_high, step_low in zip(*quarters, strict=True):
        increment = ((step_high << 64 | step_low) << 1 | 1) & _WHOLE
        yield ((increment + (seed_high << 64 | seed_low)) * _MULTIPLIER + increment) & _WHOLE, increment


class _Hash:
    """Hashes one word after the other, each with the next constant."""

    def __init__(self, constant: int, factor: int) -> None:
        self._constant, self._factor = constant, factor

    def __call__(self, word: Array) -> Array:
        found: Array = word ^ np.uint32(self._constant)
        self._constant = self._constant * self._factor & 0xFFFFFFFF
        found = found * np.uint32(self._constant)
        return np.asarray(found ^ found >> np.uint32(16))


def _mixed(x: Array, y: Array) -> Array:
    found: Array = _LEFT * x - _RIGHT * y
    return np.asarray(found ^ found >> np.uint32(16))
