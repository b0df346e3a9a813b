"""Docstrings, which are prose with `code` in it, as reStructuredText."""

import inspect
import re
from typing import Any

from bpcompare.ops import Op


def as_rst(app: Any, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    """Sphinx calls it with every docstring, and prints what `lines` are then."""
    lines[:] = [_escaped(line) for line in lines]
    _open_literals(lines)
    if inspect.isclass(obj) and issubclass(obj, Op) and "name" in vars(obj):
        lines += ["", f"In a spec: ``{obj.name}``", "", "::", "", *(f"    {equation}" for equation in obj.equations)]
        lines += ["", *(f"- Kink: {_escaped(kink)}" for kink in obj.kinks), ""]


def short_names(
    app: Any, what: str, name: str, obj: object, options: Any, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Sphinx calls it with every signature. A default that is made anew each time is shown as `...`: Sphinx reads only Python."""
    if signature and "<factory>" in signature:
        signature = re.sub(r"~(?:\w+\.)+", "", signature).replace("<factory>", "...")
    return signature, returned


def _escaped(line: str) -> str:
    """Stars, bars and underscores are themselves; only what stands in backticks is markup."""
    prose, *rest = re.split(r"(`+[^`]*`+)", line)
    parts = [prose, *rest]
    for i, part in enumerate(parts):
        parts[i] = f"``{part.strip('`')}``" if i % 2 else re.sub(r"([\\*|_])", r"\\\1", part)
        # Markup ends where a letter follows, unless an empty word is between them: `a`s.
        if i % 2 and i + 1 < len(parts) and re.match(r"\w", parts[i + 1]):
            parts[i] += "\\ "
    return "".join(parts)


def _open_literals(lines: list[str]) -> None:
    """An indented block after a colon is code."""
    for i in range(len(lines) - 2, 0, -1):
        if lines[i - 1].endswith(":") and not lines[i] and re.match(r" {4}\S", lines[i + 1]):
            lines[i - 1] += ":"
