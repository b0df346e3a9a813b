"""Templates of a package with a backend, and how they are filled in."""

from __future__ import annotations

import shutil
import tempfile
from importlib.resources import files
from pathlib import Path

LAYOUT = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "__init__.py": "@PACKAGE@/__init__.py",
    "backend.py": "@PACKAGE@/backend.py",
    "test_conformance.py": "tests/test_conformance.py",
}
"""Template to path in the new distribution."""


def scaffold(name: str, into: Path) -> Path:
    """Write the distribution of a backend called `name` into the folder `into`; its own folder.

    Raises FileExistsError where there is something of that name already, OSError from the disk. Whole or not at all.
    """
    words = {
        "@NAME@": name,
        "@PACKAGE@": f"bpcompare_{name}",
        "@CLASS@": "".join(part.capitalize() for part in name.split("_")),
    }

    def filled(text: str) -> str:
        for mark, word in words.items():
            text = text.replace(mark, word)
        return text

    target = into / f"bpcompare-{name}"
    if target.exists():
        raise FileExistsError(f"{target} exists already")
    made = Path(tempfile.mkdtemp(dir=into, prefix=f".{target.name}."))
    try:
        for template, place in LAYOUT.items():
            path = made / filled(place)
            path.parent.mkdir(parents=True, exist_ok=True)
            source = files(__package__).joinpath(f"{template}.template").read_text(encoding="utf-8")
            path.write_text(filled(source), encoding="utf-8")
        made.chmod(0o755)
        made.rename(target)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return target
