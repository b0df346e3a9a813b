"""Where in an author's own code something was raised."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

from bpcompare.engine.siblings import folder_of, raised_at


def place(error: BaseException, backend: type) -> str:
    """`file.py:25`: the innermost line of the backend's own code that `error` came through; "" where there is none.

    Its own is what lies in the folder of its file, or in its package. A path is given from there on.
    """
    return next((found for root in _roots(backend) if (found := raised_at(error, root))), "")


def _roots(backend: type) -> Iterator[Path]:
    """The folders with a backend's code: its own file's first, then those of the classes that it builds on."""
    own = Path(__file__).resolve().parents[2]
    if (folder := folder_of(backend)) is not None:
        yield folder
    for cls in backend.__mro__:
        file = getattr(sys.modules.get(cls.__module__), "__file__", None) or _file(cls)
        if file and cls.__module__.partition(".")[0] not in sys.stdlib_module_names and own not in Path(file).resolve().parents:
            yield Path(file).resolve().parent


def _file(cls: type) -> str:
    try:
        return inspect.getfile(cls)
    except (TypeError, OSError):
        return ""
