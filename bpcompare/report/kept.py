"""A failure as files: text, JSON, page, and the saved run."""

from __future__ import annotations

from pathlib import Path

from bpcompare.files.writing import write
from bpcompare.plan.storage import StorageError
from bpcompare.verdict.comparison import Comparison


def kept(comparison: Comparison, message: str, folder: Path, name: str) -> str:
    """Write name.txt (`message`), .json, .html and .bpz into `folder`, which is made. Returns the names, or why not, in words."""
    stem = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write(f"{stem}.txt", f"{message}\n".encode("utf-8", "replace"))
        write(f"{stem}.json", f"{comparison.to_json()}\n".encode("utf-8", "replace"))
        comparison.save(f"{stem}.bpz")
        write(f"{stem}.html", comparison.to_html().encode("utf-8", "replace"))
    except (OSError, StorageError) as error:
        return f"was not written: {error}"
    return f"{stem}.txt, .json, .html, and .bpz for `bpcompare repro`"
