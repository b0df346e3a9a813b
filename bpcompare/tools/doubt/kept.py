"""The gradients that a method keeps in its object: arrays in attributes, and in dicts and lists of these, that a call changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bpcompare.tools.doubt import arrays

Place = tuple[str, Any]
"""An attribute, and the key or the number of an entry in it; None for the attribute itself."""


class Kept:
    """What an object keeps, as it was before a call; None keeps nothing."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._before = {place: (x, arrays.copied(x)) for place, x in self._places()}

    def changed(self, given: Sequence[Any]) -> list[Place]:
        """What a call has put there or changed, but for what was `given` to it; in an order that is always the same."""
        found = [
            place
            for place, x in self._places()
            if not any(x is one for one in given) and not (place in self._before and self._is_as_before(place, x))
        ]
        return sorted(found, key=str)

    def read(self, places: Sequence[Place]) -> list[Any]:
        """What stands there now; None for nothing."""
        now = dict(self._places())
        return [now.get(place) for place in places]

    def put(self, places: Sequence[Place], new: Sequence[Any]) -> None:
        """Others in the places of these."""
        for (name, key), x in zip(places, new, strict=True):
            if key is None:
                setattr(self._owner, name, x)
            else:
                getattr(self._owner, name)[key] = x

    def restore(self) -> None:
        """All as it was before the call, so that another may follow: what it adds to is what it would have added to."""
        for (name, key), (x, numbers) in self._before.items():
            if not self._same(x, numbers):
                arrays.overwrite(x, numbers)
            self.put([(name, key)], [x])

    def _is_as_before(self, place: Place, x: Any) -> bool:
        was, numbers = self._before[place]
        return x is was and self._same(x, numbers)

    def _same(self, x: Any, numbers: Any) -> bool:
        import numpy as np

        return arrays.is_traced(x) or np.array_equal(arrays.numbers(x), arrays.numbers(numbers), equal_nan=True)

    def _places(self) -> Iterator[tuple[Place, Any]]:
        for name, x in list(getattr(self._owner, "__dict__", {}).items()):
            inside = list(x.items()) if isinstance(x, dict) else list(enumerate(x)) if isinstance(x, list) else []
            for key, one in ((None, x), *inside):
                if arrays.is_array(one) and not isinstance(one, float):
                    yield (name, key), one


def title(place: Place) -> str:
    """As it is written in the class."""
    name, key = place
    return f"self.{name}" if key is None else f"self.{name}[{key!r}]"
