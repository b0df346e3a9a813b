"""Which objects the names in the judging modules refer to: compared before and after a run, and restored."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from operator import attrgetter, is_, methodcaller
from types import FunctionType, ModuleType
from typing import Any

OURS = "bpcompare"
APART = ("bpcompare.cli", "bpcompare.pytest_plugin", "bpcompare.engine.interruption")
"""Of our modules, those that keep notes of their own, and judge nothing."""
LENT = ("builtins", "math", "numpy", "numpy.linalg", "operator")
"""Modules of others that the judgement computes with."""
_KEPT = ("_", "__warningregistry__", "__annotations__", "__import__", "__build_class__")
_GONE = object()
_OBJECTS = methodcaller("values")
_PARTS = (attrgetter("__code__"), attrgetter("__defaults__"), attrgetter("__kwdefaults__"))
_Code = tuple[str, FunctionType, tuple[Any, Any, Any]]
"""A function, its name, and its parts as they were."""
_LISTED: list[Bindings] = []
"""The last that was made: used again while it holds."""
_TURNS: list[Bindings | None] = []
"""While backends run in turn, what stood after the last of them."""


@dataclass(frozen=True)
class _Space:
    """The names of a module, a class, a table or an object, and the objects they referred to. `closed`: no name may be added.

    Of a `table`, a dictionary that some name stands for, entries are all that is known: nothing inside of them is listed.
    """

    title: str
    names: Mapping[Any, Any]
    put: Callable[[Any, Any], None]
    drop: Callable[[Any], None]
    meant: Mapping[Any, Any]
    size: int
    closed: bool
    table: bool = False

    def changed(self) -> bool:
        """Whether it has other names than it had, or they refer to other objects."""
        return len(self.names) != self.size or bool(_replaced(self))

    def gained_modules(self) -> bool:
        """Whether all that came are modules, each of which stands in its package, and Python's notes. Nothing else changed."""
        return not _replaced(self) and not list(_added(self))


def bindings() -> Bindings:
    """What every function, class and table of the judgement is now. Listing them takes longer than seeing that all stand.

    In turn, what stood after the run before stands still, where nothing came: only the judgement itself ran since.
    """
    if not _LISTED or not (_TURNS and _TURNS[-1] is _LISTED[0] and _LISTED[0].no_more()):
        last = _LISTED[0] if _LISTED else None
        _LISTED[:] = [(last and (last.still() or last.grown())) or Bindings(_modules())]
    if _TURNS:
        _TURNS[-1] = _LISTED[0]
    return _LISTED[0]


@contextmanager
def in_turn() -> Iterator[None]:
    """While several backends run, one after the other, and between them nothing but the judgement."""
    _TURNS.append(None)
    try:
        yield
    finally:
        _TURNS.pop()


@contextmanager
def someone_else() -> Iterator[None]:
    """While code runs that is not the judgement's: what runs another backend in it is looked at anew."""
    held, _TURNS[:] = _TURNS[:], []
    try:
        yield
    finally:
        _TURNS[:] = held


class Bindings:
    """The functions, classes and tables of the judging modules, as they were when this was made."""

    def __init__(self, modules: Mapping[str, ModuleType]) -> None:
        self._modules: dict[str, ModuleType] = {}
        self._spaces: list[_Space] = []
        self._codes: list[_Code] = []
        self._known: set[int] = set()
        """Values of names, which live as long as these: each is looked into under the first of its names."""
        self._list(modules)

    def _list(self, modules: Mapping[str, ModuleType]) -> None:
        """Add what the names of these modules refer to."""
        self._modules |= modules
        for name, module in modules.items():
            ours = name not in LENT
            self._add(name, module, vars(module), closed=ours)
            for key, value in list(vars(module).items()) if ours else ():
                if id(value) not in self._known:
                    self._known.add(id(value))
                    self._inside(f"{name}.{key}", value)
        self._listed = _imports()
        self._names = [space.names for space in self._spaces]
        self._look()
        self._functions = [function for _, function, _ in self._codes]
        self._parts = [[parts[at] for _, _, parts in self._codes] for at in range(len(_PARTS))]

    def _look(self) -> None:
        """Keep all names as they stand now, for `_untouched`."""
        self._sizes = [space.size for space in self._spaces]
        self._keys, self._values = list(chain.from_iterable(self._names)), list(chain.from_iterable(map(_OBJECTS, self._names)))

    def _imported(self) -> bool:
        """Whether modules of the judgement came or went, or are others. There are thousands of others: they are named once."""
        now = names, modules = _imports()
        if names == self._listed[0] and all(map(is_, modules, self._listed[1])):
            return False
        if self._modules != _modules():
            return True
        self._listed = now
        return False

    def _untouched(self) -> bool:
        """Whether the very same names stand for the very same objects, in their order: told in one go, not which do not."""
        with suppress(RuntimeError):  # a thread that adds a name just now
            return (
                list(map(len, self._names)) == self._sizes
                and list(chain.from_iterable(self._names)) == self._keys
                and all(map(is_, chain.from_iterable(map(_OBJECTS, self._names)), self._values))
            )
        return False

    def no_more(self) -> bool:
        """Whether there are as many names as there were, and no other modules."""
        return not self._imported() and list(map(len, self._names)) == self._sizes

    def still(self) -> Bindings | None:
        """What stands now, if everything is still what it was, and nothing came; entries of tables may have. None if not.

        Another one where tables have moved: a run that is not over puts back what it found, not what came while it ran.
        """
        if self._imported() or self._recoded():
            return None
        if self._untouched():
            return self
        moved = [at for at, space in enumerate(self._spaces) if space.changed()]
        if not all(self._spaces[at].table for at in moved):
            return None
        other = copy(self)
        other.take_over(moved)
        return other

    def grown(self) -> Bindings | None:
        """What stands now, if all that changed is what was imported, and entries of tables. None if anything else did."""
        now = _modules()
        came = {name: module for name, module in now.items() if name not in self._modules}
        if any(now.get(name) is not module for name, module in self._modules.items()) or self._recoded():
            return None
        moved = [at for at, space in enumerate(self._spaces) if space.changed()]
        if not all(self._spaces[at].table or self._spaces[at].gained_modules() for at in moved):
            return None
        other = copy(self)
        other.take_in(moved, came)
        return other

    def take_in(self, moved: Sequence[int], came: Mapping[str, ModuleType]) -> None:
        """Modules that came, beside spaces that are as they are now. What another has listed stays as it is."""
        self._modules, self._codes, self._known = dict(self._modules), list(self._codes), set(self._known)
        self.take_over(moved)
        self._list(came)

    def take_over(self, moved: Sequence[int]) -> None:
        """Spaces, by their places, stand as they are now: tables, what the judgement remembers from one run to the next."""
        self._spaces = list(self._spaces)
        for at in moved:
            now = self._spaces[at].names
            self._spaces[at] = replace(self._spaces[at], meant=_meant(now, table=self._spaces[at].table), size=len(now))
        self._look()  # what else moved is a note that libraries keep: the next look need not find that out again

    def restore(self) -> list[str]:
        """Put everything back; the names of what had been replaced, removed or added."""
        found = []
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module:
                sys.modules[name] = module
                found.append(name)
        for space in () if self._untouched() else self._spaces:
            for key in _replaced(space):
                space.put(key, space.meant[key])
                found.append(f"{space.title}.{key}")
            for key in list(_added(space)) if space.closed and len(space.names) > len(space.meant) else ():
                space.drop(key)
                found.append(f"{space.title}.{key}")
        for title, function, meant in self._recoded():
            function.__code__, function.__defaults__, function.__kwdefaults__ = meant
            found.append(title)
        return list(dict.fromkeys(found))

    def _recoded(self) -> list[_Code]:
        """The functions that have another code, or other defaults."""
        if all(all(map(is_, map(part, self._functions), meant)) for part, meant in zip(_PARTS, self._parts, strict=True)):
            return []
        return [one for one in self._codes if not all(map(is_, _code(one[1]), one[2]))]

    def _add(self, title: str, owner: Any, names: Mapping[Any, Any], *, closed: bool) -> None:
        def put(key: str, value: Any) -> None:
            setter = type.__setattr__ if isinstance(owner, type) else object.__setattr__
            setter(owner, key, value)

        def drop(key: str) -> None:
            (type.__delattr__ if isinstance(owner, type) else object.__delattr__)(owner, key)

        self._spaces.append(_Space(title, names, put, drop, _meant(names), len(names), closed))

    def _inside(self, title: str, value: Any) -> None:
        """What can be changed inside the value of a name."""
        if isinstance(value, FunctionType):
            self._code(title, value)
        elif isinstance(value, dict):
            put, drop = value.__setitem__, value.__delitem__
            self._spaces.append(_Space(title, value, put, drop, dict(value), len(value), closed=False, table=True))
        elif isinstance(value, type) and _ours(value.__module__):
            self._add(title, value, vars(value), closed=True)
            for key, member in list(vars(value).items()):
                for function in _functions(member):
                    self._code(f"{title}.{key}", function)
        elif _ours(type(value).__module__) and hasattr(value, "__dict__"):
            self._add(title, value, vars(value), closed=True)
            for key, entry in list(vars(value).items()):
                if isinstance(entry, dict):
                    self._inside(f"{title}.{key}", entry)

    def _code(self, title: str, function: FunctionType) -> None:
        if _ours(function.__module__):
            self._codes.append((title, function, _code(function)))


def _meant(names: Mapping[Any, Any], *, table: bool = False) -> dict[Any, Any]:
    """The names that are to stay as they are, and what they refer to: of a table all of them."""
    return dict(names) if table else {key: value for key, value in names.items() if not _notes(key)}


def _imports() -> tuple[list[str], list[ModuleType]]:
    """All modules, and their names: each list is made in one go, whatever threads import meanwhile."""
    return list(sys.modules), list(sys.modules.values())


def _modules() -> dict[str, ModuleType]:
    return {name: module for name, module in list(sys.modules.items()) if _judges(name)}


def _replaced(space: _Space) -> list[Any]:
    now = space.names.get
    return [key for key, value in space.meant.items() if now(key, _GONE) is not value]


def _code(function: FunctionType) -> tuple[Any, Any, Any]:
    return function.__code__, function.__defaults__, function.__kwdefaults__


def _judges(name: str | None) -> bool:
    return name in LENT or _ours(name)


def _ours(name: str | None) -> bool:
    return isinstance(name, str) and (name == OURS or name.startswith(f"{OURS}.")) and not name.startswith(APART)


def _notes(key: Any) -> bool:
    """Names under which Python, a debugger, or a library that makes classes keeps notes."""
    return isinstance(key, str) and (key in _KEPT or key.startswith("__pydantic"))


def _added(space: _Space) -> Iterator[Any]:
    for key, value in list(space.names.items()):
        # A module that was imported meanwhile stands in its package; notes of Python's begin with two underscores.
        if key not in space.meant and not isinstance(value, ModuleType) and not str(key).startswith("__"):
            yield key


def _functions(member: Any) -> Iterator[FunctionType]:
    inner = member
    if isinstance(member, staticmethod | classmethod):
        inner = member.__func__
    elif isinstance(member, property):
        inner = member.fget
    elif isinstance(member, cached_property):
        inner = member.func
    if isinstance(inner, FunctionType):
        yield inner
