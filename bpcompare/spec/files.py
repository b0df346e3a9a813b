"""Files that a spec names: what their arrays may take together, and what was meant by a name that leads nowhere."""

from __future__ import annotations

from pathlib import Path

from bpcompare.files.reading import Unreadable
from bpcompare.files.writing import is_unfinished
from bpcompare.text.words import did_you_mean, quote

LARGEST_ARRAY = 2**30
"""Bytes that one array may take in memory, where every number has eight."""
LARGEST_TOGETHER = 2 * 2**30
"""Bytes that all arrays of a spec's files may take together; one that several names ask for counts once."""


class Room:
    """The memory that the files of one spec may still take."""

    def __init__(self, most: int | None = None) -> None:
        self._most = self._left = LARGEST_TOGETHER if most is None else most

    def take(self, size: int, who: str) -> None:
        """Reserve `size` bytes. Raises Unreadable, before anything is allocated, where there are no more so many."""
        if size > LARGEST_ARRAY:
            raise Unreadable(f"{who} takes {_mebibytes(size)} in memory, the limit is {_mebibytes(LARGEST_ARRAY)}")
        if size > self._left:
            taken = self._most - self._left
            raise Unreadable(
                f"{who} takes {_mebibytes(size)} in memory, what was read before takes {_mebibytes(taken)}; "
                f"the limit for all files of a spec is {_mebibytes(self._most)}",
                "give the run fewer examples, or the network fewer weights",
            )
        self._left -= size


def missing_file(path: Path) -> str:
    """The hint for a file that does not exist: a neighbour of nearly its name."""
    try:
        if path.exists() or not path.parent.is_dir():
            return ""
        names = sorted(entry.name for entry in path.parent.iterdir() if not is_unfinished(entry))
        stems = [Path(name).stem for name in names]  # a common ".toml" makes no two names alike
        alike = [name for name, stem in zip(names, stems, strict=True) if did_you_mean(path.stem, [stem])]
        same = [name for name, stem in zip(names, stems, strict=True) if stem == path.stem]
        return f"did you mean {quote(same[0])}?" if same else did_you_mean(path.name, alike)
    except (OSError, ValueError):
        return ""


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB" if size < 2**60 else f"{size:.3g} bytes"
