"""Parameters that hold one number again and again, matched by what else is known of them: their gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.own.pair.parameters import Names
from bpcompare.own.pair.prints import apart


def fitting(first: Mapping[str, Array], second: Mapping[str, Array], allowed: float) -> list[Names] | None:
    """Match arrays whose numbers are the same up to `allowed`, relative to the largest; in parts, if need be.

    None where one of them is left over.
    """
    scale = max((float(np.abs(x[np.isfinite(x)]).max(initial=0.0)) for x in (*first.values(), *second.values())), default=0.0)
    left = {name: np.sort(x.ravel()) for name, x in first.items()}, {name: np.sort(x.ravel()) for name, x in second.items()}
    found: list[Names] = []
    for name in list(left[0]):
        other = next((one for one in left[1] if apart(left[0][name], left[1][one]) <= allowed * scale), None)
        if other is not None:
            left[0].pop(name)
            left[1].pop(other)
            found.append(((name,), (other,)))
    found += [((whole,), parts) for whole, parts in _parted(left[0], left[1], allowed * scale)]
    found += [(parts, (whole,)) for whole, parts in _parted(left[1], left[0], allowed * scale)]
    return None if left[0] or left[1] else found


def _parted(wholes: dict[str, Array], others: dict[str, Array], radius: float) -> list[tuple[str, tuple[str, ...]]]:
    """Arrays that the other program keeps in parts; what is matched is taken out of both."""
    found = []
    for name, x in list(wholes.items()):
        parts: list[str] = []
        for other, y in others.items():
            if _inside(y, x, radius) and sum(others[one].size for one in (*parts, other)) <= x.size:
                parts.append(other)
        if len(parts) > 1 and apart(x, _together([others[one] for one in parts])) <= radius:
            wholes.pop(name)
            for one in parts:
                others.pop(one)
            found.append((name, tuple(parts)))
    return found


def _inside(y: Array, x: Array, radius: float) -> bool:
    """Whether every number of y is one of x's, which are in order."""
    at = np.searchsorted(x, y)
    near = np.minimum(np.abs(x[np.clip(at, 0, x.size - 1)] - y), np.abs(x[np.clip(at - 1, 0, x.size - 1)] - y))
    return y.size < x.size and bool((near <= radius).all())


def _together(parts: Sequence[Array]) -> Array:
    return np.sort(np.concatenate(parts))
