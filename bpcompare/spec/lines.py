"""The line of a layer in its spec, for annotations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bpcompare.spec.positions import positions


def line_of(spec: str, layer: str) -> int:
    """The line where `layer` begins in the file `spec`, from 1; 0 where that cannot be told."""
    path = Path(spec)
    try:
        text = path.read_text(encoding="utf-8-sig")
        is_json = path.suffix.lower() == ".json" or (path.suffix.lower() != ".toml" and text.lstrip().startswith("{"))
        wanted = [("layers", layer), *_written_once(layer)]
        found = positions(text, wanted, is_json=is_json)
    except (OSError, ValueError):
        return 0
    return next((found[place].line for place in wanted if place in found), 0) if layer else 0


def _written_once(layer: str) -> Iterator[tuple[str, ...]]:
    """Where a layer may be written that is a copy in a repeat."""
    for step in re.finditer(r"_\d+(?=_)", layer):
        yield ("repeat", layer[: step.start()], "layers", layer[step.end() + 1 :])
