"""Where a backend's formulas come from, as far as its code shows: what it inherits from, and what its source imports.

This finds what people do: a subclass of another backend, a plugin around a framework, a copy of a file. It is no defence against
code that hides what it calls.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
import warnings
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from bpcompare.plan.voice import ARRAYS, CODE, FRAMEWORKS, LAWS

MOST_FILES = 200
"""Files that are read of one backend; what they import beyond is not followed."""
LARGEST_FILE = 2 * 2**20
"""Bytes of a file that is read."""
CONTRACT = {
    *("autodiff", "backend", "network", "ops", "parameter", "plan", "record", "testing", "__version__"),
    *("Comparison", "Network", "check_gradient", "exercise", "load", "load_comparison", "run"),
}
"""What a backend may read of bpcompare (and what a file beside it may call); everything else rests on the laws."""
QUIET = ARRAYS | {
    *("attr", "attrs", "cffi", "cloudpickle", "cython", "einops", "h5py", "joblib", "matplotlib", "ml_dtypes", "opt_einsum"),
    *("packaging", "pkg_resources", "psutil", "pydantic", "pytest", "hypothesis", "rich", "safetensors", "setuptools", "six"),
    *("sklearn", "tqdm", "typing_extensions", "yaml"),
}
"""Packages that compute no gradients: two backends that import the same one do not count as one voice for it."""
LIBRARIES = ("site-packages", "dist-packages")


@lru_cache(maxsize=256)
def voice(backend: type) -> tuple[str, ...]:
    """The sources of `backend`'s numbers, those that it declares first; what is found is added, and cannot be declared away."""
    found: dict[str, None] = {}
    for cls in backend.__mro__:
        if cls.__module__.partition(".")[0] not in ("bpcompare", "builtins", "abc", "typing"):
            declared = vars(cls).get("voice", ())
            entries = (declared,) if isinstance(declared, str) else declared if isinstance(declared, tuple) else ()
            found |= {entry.strip(): None for entry in entries if isinstance(entry, str) and entry.strip()}
    return tuple(dict.fromkeys((*found, *sorted(_seen(backend)))))


def seen(target: str) -> tuple[str, ...]:
    """The sources that the code of a class shows, without importing it; `target` is module:Class, or a file's path:Class."""
    where = target.rpartition(":")[0]
    reader = _Reader()
    if where.endswith(".py"):
        reader.file(Path(where).resolve(), first=True)
    else:
        reader.module(where)
    return tuple(sorted(reader.found))


def _seen(backend: type) -> set[str]:
    reader = _Reader()
    for cls in backend.__mro__:
        top = cls.__module__.partition(".")[0]
        if top in ("bpcompare", *sys.stdlib_module_names):
            continue
        places = _places(cls)
        for place in places:
            reader.file(place, first=True)
        if not places:  # typed at a prompt: what stands around it is all there is to see
            reader.found.add(f"module {cls.__module__}")
            for name in _held(sys.modules.get(cls.__module__)):
                reader.name(name, None)
    return reader.found


def _places(cls: type) -> list[Path]:
    """Files with the code of a class: its module's, and those of its functions, wherever they were taken from."""
    names = [getattr(sys.modules.get(cls.__module__), "__file__", None)]
    for member in vars(cls).values():
        function = getattr(member, "__func__", member)
        if isinstance(function, FunctionType):
            names.append(function.__code__.co_filename)
    paths = dict.fromkeys(Path(name).resolve() for name in names if name)
    own = Path(__file__).resolve().parents[2]
    return [path for path in paths if path.suffix == ".py" and path.is_file() and own not in path.parents]


def _held(module: ModuleType | None) -> Iterator[str]:
    """Names of the modules that a module's variables come from."""
    for value in list(vars(module).values()) if module is not None else ():
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if isinstance(name, str) and name and module is not None and name != module.__name__:
            yield name


class _Reader:
    """Reads source files and what they import, and gathers sources."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._read: set[Path] = set()

    def file(self, path: Path, *, own: bool = True, first: bool = False) -> None:
        """Read one file. `own`: it is code of the backend itself, and so one of its sources; `first`: its class stands there."""
        if path in self._read or len(self._read) >= MOST_FILES:
            return
        self._read.add(path)
        tree = _parsed(path)
        root = _root(path)
        named = [] if tree is None else list(_imports(tree))
        # A package has its name to itself only where it is imported by it; a folder beside a file may be called like another.
        package = root is not None and _origin(root.name) == root / "__init__.py"
        if own and root is not None and package:
            self.found.add(f"package {root.name}")
        if own and (tree is None or _computes(tree)) and (first or not package):
            self.found.add(f"{CODE}{_digest(tree, path)}")
        beside = path.parent if root is None else root.parent
        for level, name in named:
            if level:
                base = path.parent
                for _ in range(level - 1):
                    base = base.parent
                self._follow(base, name, own=own)
            elif root is not None and name.partition(".")[0] == root.name:
                self._follow(beside, name, own=own)
            else:
                self.name(name, beside if root is None and path.parent.name not in LIBRARIES else None)

    def module(self, name: str) -> None:
        """A module of an installed package, as code of the backend itself."""
        origin = _origin(name.partition(".")[0])
        if origin is not None:
            self._follow(origin.parent.parent if origin.name == "__init__.py" else origin.parent, name, own=True)

    def name(self, name: str, beside: Path | None) -> None:
        """A module that is imported by its full name, perhaps from a file in the folder `beside`."""
        top, _, rest = name.partition(".")
        if top == "bpcompare":
            if rest and rest.partition(".")[0] not in CONTRACT:
                self.found.add(LAWS)
        elif top in FRAMEWORKS:
            self.found.add(FRAMEWORKS[top])
        elif beside is not None and ((beside / f"{top}.py").is_file() or (beside / top).is_dir()):
            self._follow(beside, name, own=True)
        elif top and top not in QUIET and top not in sys.stdlib_module_names:
            self.found.add(f"package {top}")
            origin = _origin(top)
            if origin is not None:
                self._follow(origin.parent.parent if origin.name == "__init__.py" else origin.parent, name, own=False)

    def _follow(self, base: Path, name: str, *, own: bool) -> None:
        """Every file that importing `name` from the folder `base` runs."""
        for part in name.split(".") if name else ():
            if (base / f"{part}.py").is_file():
                self.file((base / f"{part}.py").resolve(), own=own)
                return
            base /= part
            if (base / "__init__.py").is_file():
                self.file((base / "__init__.py").resolve(), own=own)


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Modules that are named in a source, wherever in it: how many dots before the name, and the name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.level, f"{node.module}.{alias.name}" if node.module else alias.name) for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "bpcompare":
            yield 0, f"bpcompare.{node.attr}"
        elif isinstance(node, ast.Call | ast.Subscript) and (name := _called(node)):
            yield 0, name


def _called(node: ast.Call | ast.Subscript) -> str:
    """The module in `import_module("torch")`, `__import__("torch")` and `sys.modules["torch"]`."""
    function = node.func if isinstance(node, ast.Call) else node.value
    word = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    given: Any = (node.args[0] if node.args else None) if isinstance(node, ast.Call) else node.slice
    if word in ("import_module", "__import__", "modules") and isinstance(given, ast.Constant) and isinstance(given.value, str):
        return given.value.lstrip(".")
    return ""


def _parsed(path: Path) -> ast.Module | None:
    try:
        if path.stat().st_size > LARGEST_FILE:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever imports the file is warned
            return ast.parse(path.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _root(path: Path) -> Path | None:
    """The folder of the outermost package that a file belongs to."""
    root = None
    for folder in path.parents:
        if not (folder / "__init__.py").is_file():
            break
        root = folder
    return root


def _computes(tree: ast.AST) -> bool:
    """Whether there is code in a source that could make a number; an empty file is no common ground."""
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) for node in ast.walk(tree))


def _digest(tree: ast.Module | None, path: Path) -> str:
    """The same for a copy of a file under other names: texts, comments and names of classes do not count. `tree` is used up."""
    try:
        text = str(path) if tree is None else ast.dump(_Blank().visit(tree))
    except RecursionError:
        text = str(path)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class _Blank(ast.NodeTransformer):
    """A syntax tree with its texts and the names of its classes removed."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Texts are left out."""
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """So are the names of classes."""
        self.generic_visit(node)
        node.name = ""
        return node


def _origin(top: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return None
    origin = None if spec is None else spec.origin
    return Path(origin).resolve() if origin and origin.endswith(".py") else None
