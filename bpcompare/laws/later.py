"""A table of laws that is imported when somebody first looks into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Generic, TypeVar

T = TypeVar("T")


class Later(Mapping[str, T], Generic[T]):
    """The table `name` of a module, as it is there: what is added to it later, is here as well."""

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    def _table(self) -> Mapping[str, T]:
        table: Mapping[str, T] = getattr(import_module(self._module), self._name)
        return table

    def __getitem__(self, key: str) -> T:
        return self._table()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table())

    def __len__(self) -> int:
        return len(self._table())
