"""Where goldens lie, and in which of two forms: text for small nets, safetensors for large ones."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpcompare.files.writing import write as write_file
from bpcompare.network import Dtype
from bpcompare.plan.storage import StorageError, pack, unpack
from bpcompare.plan.storage import read as read_file
from bpcompare.tools.golden import text
from bpcompare.tools.golden.golden import KIND, Golden, golden_of, parts
from bpcompare.verdict.comparison import BAD_SPEC

FOLDER = "goldens"
TEXT, TENSORS = ".golden.json", ".golden.safetensors"
REVIEWABLE = 5_000
"""Up to so many numbers, a golden is text."""
_NAME = re.compile(
    r"(?P<backend>.+?)(?:\.(?P<dtype>float64|float32))?(?:\.steps(?P<steps>\d{1,9}))?(?:\.seed(?P<seed>\d{1,19}))?"
)


class GoldenError(Exception):
    """A golden that is not there, cannot be read or does not fit: which file, why, and what to do.

    `exit_code`: 2 for a file that is of no use, 3 for a backend that does not run, 5 where there is no golden.
    """

    def __init__(self, message: str, exit_code: int = BAD_SPEC) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Entry:
    """The file of a golden, and what its name says: whose it is, and under which options ("" and None: the spec's own)."""

    path: Path
    backend: str
    dtype: Dtype | None = None
    steps: int | None = None
    seed: int | None = None

    @property
    def named(self) -> dict[str, Any]:
        """The options in its name."""
        return {"dtype": self.dtype, "steps": self.steps, "seed": self.seed}


def listed(spec: str | os.PathLike[str]) -> tuple[Entry, ...]:
    """Every golden of `spec`, by its name."""
    path = Path(spec)
    folder = path.parent / FOLDER
    entries: dict[str, Entry] = {}
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        ending = next((one for one in (TEXT, TENSORS) if file.name.endswith(one)), "")
        name = _NAME.fullmatch(file.name.removeprefix(f"{path.stem}.").removesuffix(ending))
        if not ending or not file.name.startswith(f"{path.stem}.") or name is None or _of_another(path, name["backend"]):
            continue
        steps, seed = (None if name[key] is None else int(name[key]) for key in ("steps", "seed"))
        dtype: Any = name["dtype"]
        entries.setdefault(file.name.removesuffix(ending), Entry(file, name["backend"], dtype, steps, seed))
    return tuple(entries.values())


def _of_another(spec: Path, backend: str) -> bool:
    """Whether a golden that seems to be of `spec` and `backend` belongs to a spec with a longer name: `mlp.v2.toml`."""
    parts = backend.split(".")
    names = (".".join((spec.stem, *parts[:count])) for count in range(1, len(parts)))
    return any((spec.parent / f"{name}{ending}").exists() for name in names for ending in (".toml", ".json"))


def stem_of(spec: str | os.PathLike[str], backend: str, **options: object) -> Path:
    """The path of a golden without its ending: `goldens/SPEC.BACKEND` beside the spec; options that are set follow."""
    path = Path(spec)
    asked = [f"{key}{value}" if key != "dtype" else str(value) for key, value in options.items() if value is not None]
    return path.parent / FOLDER / ".".join([path.stem, backend, *asked])


def found(stem: Path) -> Path | None:
    """The file of a golden, if there is one. Raises GoldenError if there are two."""
    there = [path for ending in (TEXT, TENSORS) if (path := stem.with_name(stem.name + ending)).exists()]
    if len(there) > 1:
        raise GoldenError(f"{there[0]} and {there[1].name} are the same golden twice; delete the one that is wrong")
    return there[0] if there else None


def read(path: Path) -> Golden:
    """The golden in `path`. Raises GoldenError; the file is never changed."""
    try:
        return read_file(path, _read_text if path.name.endswith(TEXT) else _read_tensors)
    except StorageError as error:
        advice = "restore it from version control, or make it anew with `bpcompare golden update SPEC --force`"
        raise GoldenError(f"{error}; {advice}" if "newer bpcompare" not in str(error) else str(error)) from error
    except OSError as error:
        raise GoldenError(f"{path}: {error.strerror or error}") from error


def _read_text(data: bytes) -> Golden:
    return golden_of(*text.loads(data))


def _read_tensors(data: bytes) -> Golden:
    return golden_of(*unpack(data, KIND))


def write(golden: Golden, stem: Path) -> Path:
    """Write `golden`, whole or not at all, in place of what was there; the path it has now. Raises GoldenError."""
    content, arrays = parts(golden)
    small = golden.numbers <= REVIEWABLE
    path = stem.with_name(stem.name + (TEXT if small else TENSORS))
    other = stem.with_name(stem.name + (TENSORS if small else TEXT))
    try:
        path.parent.mkdir(exist_ok=True)
        write_file(path, text.dumps(content, arrays) if small else pack(KIND, content, arrays))
        other.unlink(missing_ok=True)
    except (OSError, StorageError) as error:
        raise GoldenError(f"{path} was not written: {getattr(error, 'strerror', None) or error}") from error
    return path
