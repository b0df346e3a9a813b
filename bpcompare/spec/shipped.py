"""Example specs that come with bpcompare and are asked for by name: `bpcompare run mazur`."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
FOLDERS = (_PACKAGE / "examples", _PACKAGE.parent / "examples")
"""Where they are in a wheel, and in a checkout."""


def shipped() -> dict[str, Path]:
    """Examples by name."""
    folder = next((folder for folder in FOLDERS if (folder / "mazur.toml").is_file()), None)
    return {} if folder is None else {path.stem: path for path in sorted(folder.glob("*.toml"))}


def found(source: str) -> Path:
    """`source` as a path; the example of that name where it is a bare word and no file."""
    path = Path(source)
    try:
        if path.suffix or path.name != source or path.exists():
            return path
    except OSError:  # no name that a file could have
        return path
    return shipped().get(source, path)
