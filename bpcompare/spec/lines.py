"""The line of a layer in its spec, for annotations."""

from __future__ import annotations

from pathlib import Path

from bpcompare.spec.positions import positions


def line_of(spec: str, layer: str) -> int:
    """The line where `layer` begins in the file `spec`, from 1; 0 where that cannot be told."""
    path = Path(spec)
    try:
        text = path.read_text(encoding="utf-8-sig")
        is_json = path.suffix.lower() == ".json" or (path.suffix.lower() != ".toml" and text.lstrip().startswith("{"))
        found = positions(text, [("layers", layer)], is_json=is_json)
    except (OSError, ValueError):
        return 0
    place = found.get(("layers", layer)) if layer else None
    return place.line if place else 0
