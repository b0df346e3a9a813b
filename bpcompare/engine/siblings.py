"""Modules beside a backend's file: imported as if the file were run as a script, and kept from everybody else.

Two files in two folders may each have a `helper.py` beside them: while one is imported or runs, `helper` is its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from weakref import WeakKeyDictionary

from bpcompare.plan.voice import ARRAYS, FRAMEWORKS

_KNOWN: dict[Path, dict[str, ModuleType]] = {}
"""For each folder, the modules of it that its backends have imported."""
_FOLDERS: WeakKeyDictionary[type, Path] = WeakKeyDictionary()


def settle(backend: type, folder: Path) -> None:
    """Remember that `backend` came from a file in `folder`."""
    _FOLDERS[backend] = folder.resolve()


def folder_of(backend: type) -> Path | None:
    """The folder of the file that `backend`, or a class it builds on, came from; None where it came from none."""
    return next((_FOLDERS[cls] for cls in backend.__mro__ if cls in _FOLDERS), None)


def at_home(backend: type) -> AbstractContextManager[None]:
    """While it lasts, imports find what stands beside the file of `backend`, if it came from one."""
    folder = folder_of(backend)
    return nullcontext() if folder is None else beside(folder)


@contextmanager
def beside(folder: Path, *, anew: bool = False) -> Iterator[None]:
    """While it lasts, imports find modules in `folder` first; `anew` as they are on the disk now, not as they were imported.

    Not those called like the standard library, bpcompare, or a framework: what a backend is said to compute with is that.
    """
    folder = folder.resolve()
    names = _names(folder)
    strangers = {
        name: module for name, module in list(sys.modules.items()) if _top(name) in names and not _within(module, folder)
    }
    for name in strangers:
        del sys.modules[name]
    before = set(sys.modules)
    sys.modules.update({} if anew else _KNOWN.get(folder, {}))
    finder = _Beside(folder, names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path[:] = [one for one in sys.meta_path if one is not finder]
        own = {name: module for name, module in list(sys.modules.items()) if _top(name) in names and name not in before}
        for name in own:
            del sys.modules[name]
        known = _KNOWN.setdefault(folder, {})  # the same table stays: another one would be somebody's doing
        known.clear()
        known.update(own)
        sys.modules.update(strangers)


def raised_at(error: BaseException, folder: Path) -> str:
    """`file.py:25`: the innermost line of a file in `folder` that `error` came through; "" where there is none."""
    for frame, line in reversed(list(walk_tb(error.__traceback__))):
        file = Path(frame.f_code.co_filename)
        if folder in file.parents or folder in file.resolve().parents:
            return f"{file.resolve().relative_to(folder).as_posix()}:{line}"
    return ""


class _Beside:
    """Finds modules of one folder by their full names."""

    def __init__(self, folder: Path, names: frozenset[str]) -> None:
        self._folder, self._names = folder, names

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The spec of a module in the folder; packages find their own submodules."""
        return PathFinder.find_spec(name, [str(self._folder)]) if path is None and name in self._names else None


def _names(folder: Path) -> frozenset[str]:
    try:
        entries = list(folder.iterdir())
    except OSError:
        return frozenset()
    files = {path.stem for path in entries if path.suffix == ".py"}
    packages = {path.name for path in entries if os.path.isfile(path / "__init__.py")}  # noqa: PTH113 — false where it may not look
    reserved = sys.stdlib_module_names | FRAMEWORKS.keys() | ARRAYS | {"__init__", "__main__"}
    return frozenset(name for name in files | packages if name not in reserved and not name.startswith("bpcompare"))


def _top(name: str) -> str:
    return name.partition(".")[0]


def _within(module: ModuleType | None, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and folder in Path(file).resolve().parents
