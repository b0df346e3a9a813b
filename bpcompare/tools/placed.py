"""Where the files of a test are, and what files that it leaves are called."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any


def place(request: Any, spec: Any) -> Path:
    """The path of a spec, or of a file with a backend: beside the test, or from the root of the tests, or from here.

    `request`: pytest's fixture request, or an item.
    """
    places = (Path(request.path).parent / spec, request.config.rootpath / spec, Path(spec))
    return next((one for one in places if one.exists()), places[0])


def placed(request: Any, backend: Any) -> Any:
    """A backend in a file: looked for where specs are, too."""
    if not isinstance(backend, str) or not re.search(r"\.py:", backend):
        return backend
    path, _, rest = backend.rpartition(".py:")
    return f"{place(request, f'{path}.py').absolute()}:{rest}"


def file_name(request: Any) -> str:
    """A file's name from the name of the test."""
    return re.sub(r"[^\w.\[\]-]+", "_", request.node.nodeid)[-150:]


def called(request: Any, more: str = "") -> str:
    """What a golden of a test is called: its class and function, its parameters, and `more`."""
    _, *parts = request.node.nodeid.split("::")
    return re.sub(r"[^\w.\[\]-]+", "_", ".".join([*parts, *([more] if more else [])]))[-150:]
