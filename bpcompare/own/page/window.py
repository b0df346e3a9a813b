"""A part of an array as a table, and all of it as a picture: the darker, the nearer to the bound of its ball."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.page.heat import COLOURS, LEVELS, WRONG

ROWS, COLUMNS = 3, 5
"""Of a window."""
TALL, WIDE = 12, 40
"""Cells of a picture; in a larger array a cell stands for several elements, and shows the worst of them."""


@dataclass(frozen=True)
class Window:
    """Numbers of the last two axes around one element. `corner` says which; `marked` is the place of the element."""

    corner: str
    columns: tuple[int, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    marked: tuple[int, int]


@dataclass(frozen=True)
class Picture:
    """Paths of an SVG, one a colour; `crosses` are drawn over what is wrong. `words` say what it shows."""

    width: int
    height: int
    cells: tuple[tuple[str, str], ...]
    crosses: str
    words: str


def window(x: Array, index: tuple[int, ...]) -> Window:
    """The numbers around `index`, at most 3 rows of 5. `x` has at least one axis."""
    flat = x.reshape(1, -1) if x.ndim == 1 else x[index[:-2]]
    row, column = (0, index[0]) if x.ndim == 1 else index[-2:]
    top, left = _first(row, ROWS, flat.shape[0]), _first(column, COLUMNS, flat.shape[1])
    part = flat[top : top + ROWS, left : left + COLUMNS]
    names = [""] if x.ndim == 1 else [str(top + at) for at in range(len(part))]
    rows = tuple((name, tuple(map(_number, numbers))) for name, numbers in zip(names, part, strict=True))
    lead = "".join(f"{at}, " for at in index[:-2])
    corner = f"[{lead}row, column]" if x.ndim > 1 else "[column]"
    return Window(corner, tuple(range(left, left + part.shape[1])), rows, (row - top, column - left))


def _first(at: int, room: int, size: int) -> int:
    return max(0, min(at - room // 2, size - room))


def _number(x: object) -> str:
    return f"{float(np.float64(x)) + 0.0:.6g}".replace("-", "−")  # type: ignore[arg-type]


def sample(x: object) -> str:
    """The first numbers of an array, on one line."""
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        return ""
    first = array.reshape(-1)[:COLUMNS]
    return ", ".join(map(_number, first)) + (", …" if array.size > len(first) else "")


def picture(recorded: Array, law: Array, radius: Array) -> Picture:
    """How much of its ball every element takes: the last axis to the right, all others downwards."""
    with np.errstate(all="ignore"):
        share = np.abs(recorded.astype(np.float64) - law) / (radius + 1e-300)
    share = np.nan_to_num(share, nan=np.inf)
    flat = share.reshape(-1, share.shape[-1])
    rows, columns = (
        np.array_split(np.arange(size), min(size, most)) for size, most in zip(flat.shape, (TALL, WIDE), strict=True)
    )
    cells = np.array([[flat[np.ix_(row, column)].max() for column in columns] for row in rows])
    wrong = cells > 1
    colours = np.searchsorted(LEVELS, cells)
    found = []
    for at, colour in enumerate(COLOURS):
        if (path := "".join(_boxes((colours == at) & ~wrong))) != "":
            found.append((colour, path))
    if wrong.any():
        found.append((WRONG, "".join(_boxes(wrong))))
    crosses = "".join(f"M{12 * c + 2} {12 * r + 2}l7 7m0-7l-7 7" for r, c in np.argwhere(wrong))
    count = int((share > 1).sum())
    worst = f"{share.max():.3g} times its ball" if isfinite(share.max()) else "without bound"
    words = f"{count:,} of {share.size:,} elements outside of their balls; the worst {worst}"
    return Picture(12 * len(columns), 12 * len(rows), tuple(found), crosses, words)


def _boxes(where: Array) -> Iterator[str]:
    """Boxes of cells that are of one colour, side by side in one."""
    for r, row in enumerate(where):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], row.astype(np.int8), [0]))))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            yield f"M{12 * start} {12 * r}h{12 * (end - start) - 1}v11h-{12 * (end - start) - 1}z"
