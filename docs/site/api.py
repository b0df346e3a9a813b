"""Pages about what is imported, by the names under which it is imported; Sphinx fills in signatures and docstrings."""

from importlib import import_module
from pathlib import Path

import bpcompare
from bpcompare import ops

MODULES = ("bpcompare.network", "bpcompare.backend", "bpcompare.testing")
"""Those whose page is what they list in `__all__`."""
TOP = {name: getattr(bpcompare, name) for name in bpcompare.__all__ if not name.startswith("__")}


def write(folder: Path) -> None:
    """One page for each module whose names are public."""
    folder.mkdir()
    pages = {"bpcompare": _top(), "bpcompare.ops": _ops(), **{module: _module(module) for module in MODULES}}
    for name, text in pages.items():
        (folder / f"{name}.rst").write_text(f"{name}\n{'=' * len(name)}\n\n{text}", encoding="utf-8")


def _top() -> str:
    """Its names are imported when first asked for, so they are asked for, one by one; where they live is nobody's business."""
    lines = [".. automodule:: bpcompare\n"]
    for name, found in TOP.items():
        if isinstance(found, type):
            lines.append(f".. autoclass:: bpcompare.{name}\n   :members:\n   :inherited-members:\n")
        else:
            lines.append(f".. autofunction:: bpcompare.{name}\n")
    return "\n".join(lines)


def _module(name: str) -> str:
    """What stands at the top of bpcompare, too, is described there."""
    module = import_module(name)
    twice = [one for one in module.__all__ if getattr(module, one) in TOP.values()]
    lines = [f".. automodule:: {name}", "   :members:", f"   :exclude-members: {', '.join(twice)}", ""]
    lines += [f"- ``{one}`` is :py:obj:`bpcompare.{one}`." for one in twice]
    return "\n".join(lines)


def _ops() -> str:
    """Every op under its role."""
    lines = [".. automodule:: bpcompare.ops\n"]
    roles = {
        "Layers": ops.LAYERS,
        "Activations": ops.ACTIVATIONS,
        "Errors": ops.ERRORS,
        "Penalties": ops.PENALTIES,
        "Update rules": ops.UPDATES,
    }
    for title, found in roles.items():
        lines.append(f"{title}\n{'-' * len(title)}\n")
        lines += [f".. autoclass:: bpcompare.ops.{op.__name__}\n" for op in found]
    return "\n".join(lines)
