"""Names of quantities as people write them: the one place where they are resolved, to a step, paths and elements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bpcompare.network import Network
from bpcompare.text.words import Suggestions, brief, listed

_NAME = re.compile(
    r"(?:step(?P<step>\d{1,7})/)?(?P<path>[^\[\]]+?)(?:\[(?P<index>[^\[\]]*)\])?(?P<after>(?:\.[^\[\].]+)*)", re.DOTALL
)
_OF_NODES = ("in", "a", "delta")
LONGEST_NAME = 2_000
"""Characters of a name; looking through a longer one takes quadratic time."""
_Index = tuple[int, ...]
_Pattern = tuple[int | None, ...]


class UnknownNameError(ValueError):
    """A name that means nothing in this network, with the nearest one that does."""


@dataclass(frozen=True)
class Place:
    """One element of one quantity of step number `step`. `path` is a claim's, or that of a number that the step starts from."""

    step: int
    path: str
    index: _Index


@dataclass(frozen=True)
class Chosen:
    """All elements that a name means, of step number `step` if the name says one.

    `patterns` by path: leading indices, None for any; an element is meant if it agrees with one of them.
    """

    step: int | None
    patterns: Mapping[str, tuple[_Pattern, ...]]

    def holds(self, path: str, index: _Index) -> bool:
        """Whether the element at `index` of the quantity `path` is meant."""
        return any(
            all(want in (None, have) for want, have in zip(pattern, index, strict=False))
            for pattern in self.patterns.get(path, ())
        )


class Names:
    """What can be named in `network`. Needs no numbers, so that a name is known before anything runs."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._suggest = Suggestions()

    @cached_property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of every quantity by path, examples first."""
        network = self.network
        rows = network.training.batch or len(network.data)
        found: dict[str, tuple[int, ...]] = {"error": ()}
        found |= {f"{name}.a": (rows, *group.shape) for name, group in network.inputs.items()}
        for name in network.order:
            found |= {f"{name}.{kind}": (rows, *network.shape(name)) for kind in _OF_NODES}
            found |= {f"{name}.{key}": shape for key, shape in network.shapes[name].state.items()}
        for name, uses in network.uses.items():
            layer, role = uses[0]
            shape = network.shapes[layer].parameters[role].shape
            found |= {name: shape, f"{name}.update": shape}
            if network.parameters[name].trainable:
                slots = (f"{network.update.name}.{slot}" for slot in network.update.slots)
                found |= {f"{name}.{after}": shape for after in ("gradient", *slots)}
        return found

    @cached_property
    def _named(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the units of every layer and input."""
        layers = {group: it.units or () for group, it in self.network.layers.items()}
        return layers | {group: it.units or () for group, it in self.network.inputs.items()}

    def place(self, name: str) -> Place:
        """The one number that `name` means: `E`, `h1.delta`, `w[x1,h1].update`, `step2/h.a[0,1]`. Raises UnknownNameError."""
        step, path, index, after = self._parts(name)
        found = list(self._single(path, index, after))
        if not found and self._is_group(path + after):
            raise UnknownNameError(f"is no single number: write {path}.in, {path}.a or {path}.delta")
        if not found:
            raise self._unknown(path + after, "quantity")
        at, pattern = found[0]
        if any(path != at for path, _ in found):
            groups = [path.rpartition(".")[0] for path, _ in found]
            raise UnknownNameError(f"could be of {listed(groups, 4)}: write {groups[0]}.{name.rpartition('/')[2]}")
        return Place(step or 1, at, self._element(name, at, pattern))

    def chosen(self, name: str) -> Chosen:
        """Everything that `name` means: as `place`, and whole layers, units, inputs, weights, paths. Raises UnknownNameError."""
        step, path, index, after = self._parts(name)
        found: dict[str, tuple[_Pattern, ...]] = {}
        for at, pattern in self._several(path, index, after):
            self._within(at, pattern)
            found[at] = (*found.get(at, ()), pattern)
        if not found:
            raise self._unknown(path + after, "layer, unit, parameter or path")
        return Chosen(step, found)

    def _parts(self, name: str) -> tuple[int | None, str, str | None, str]:
        if len(name) > LONGEST_NAME:
            raise UnknownNameError(f"is no name of a quantity: it has {len(name):,} characters")
        match = _NAME.fullmatch(name.strip())
        if match is None:
            raise UnknownNameError("is no name of a quantity; write E, h1.in, h1.delta, w[x1,h1], w[x1,h1].update …")
        step = int(match["step"]) if match["step"] else None
        if step is not None and step < 1:
            raise UnknownNameError("names step 0; steps count from 1")
        path = "error" if match["path"] == "E" and not self._is_group("E") else match["path"]
        if match["index"] is None and (kept := path + match["after"]):
            return step, kept, None, ""
        return step, path, match["index"], match["after"]

    def _single(self, path: str, index: str | None, after: str) -> Iterator[tuple[str, _Pattern]]:
        """One quantity, with leading indices."""
        if self._is_edge(path, index):
            parameter, at = self._edge(path, str(index))
            if parameter + after in self.shapes:
                yield parameter + after, at
            return
        full = path + after
        if full in self.shapes:
            yield full, self._numbers(full, index)
            return
        unit, _, kind = full.rpartition(".")
        if kind in _OF_NODES:
            for group, at in self._units(unit):
                if f"{group}.{kind}" in self.shapes:
                    yield f"{group}.{kind}", (self._example(group, index), *at)
        for group, at in self._units(full):
            if group in self.network.inputs:  # an input has nothing but its activation
                yield f"{group}.a", (self._example(group, index), *at)

    def _several(self, path: str, index: str | None, after: str) -> Iterator[tuple[str, _Pattern]]:
        """All quantities that are meant, with leading indices: a number of the data stands for what is made of it."""
        full = path + after
        if self._is_edge(path, index) and not after:
            parameter, edge = self._edge(path, str(index))
            yield from ((one, edge) for one in self._of(parameter))
            return
        if full in self.network.parameters:
            yield from ((one, self._numbers(full, index)) for one in self._of(full))
            return
        for one, pattern in self._single(path, index, after):
            group = one.removesuffix(".a")
            if group in self.network.inputs:
                self._within(one, pattern)
                row, *at = pattern or (None,)
                yield from self._around(group, tuple(i for i in at if i is not None), None if index is None else row)
            else:
                yield one, pattern
        for group, unit in self._units(full):
            if group in self.network.layers:
                yield from self._around(group, unit, None if index is None else self._example(group, index))
        if index is None:
            yield from self._groups(full)

    def _groups(self, name: str) -> Iterator[tuple[str, _Pattern]]:
        """What a layer, an input, a parameter or the beginning of a path means."""
        network = self.network
        if name in network.inputs:
            yield from self._around(name, (), None)
        if name in network.layers:
            for parameter in network.layers[name].parameters.values():
                yield from ((path, ()) for path in self._of(parameter))
        yield from ((path, ()) for path in self.shapes if path.startswith(f"{name}."))

    def _around(self, group: str, at: _Index, row: int | None) -> Iterator[tuple[str, _Pattern]]:
        """A unit (or a whole input, `at` = ()): its own numbers and the weights into it; of an input, the weights out of it."""
        network = self.network
        if group in network.layers:
            yield from ((f"{group}.{kind}", (row, *at)) for kind in _OF_NODES)
            if row is None and network.layers[group].op.connects == "units":
                for role, parameter in network.layers[group].parameters.items():
                    pattern: _Pattern = (None, *at) if role == "weight" else at
                    yield from ((path, pattern) for path in self._of(parameter))
            return
        yield f"{group}.a", (row, *at)
        for layer, slot in network.consumers[group]:
            yield f"{layer}.in", (row,)
            if row is None and network.layers[layer].op.connects == "units":
                start, size = network.starts[layer][slot], network.shape(group)[0]
                rows = [start + at[0]] if at else range(start, start + size)
                weight = network.layers[layer].parameters["weight"]
                yield from ((path, (one,)) for path in self._of(weight) for one in rows)

    def _of(self, parameter: str) -> list[str]:
        """A parameter's quantities: itself, its gradient, its optimizer state, what it is after the step."""
        slots = (f"{parameter}.{self.network.update.name}.{slot}" for slot in self.network.update.slots)
        return [path for path in (parameter, f"{parameter}.gradient", *slots, f"{parameter}.update") if path in self.shapes]

    def _units(self, name: str) -> Sequence[tuple[str, _Index]]:
        """The input or layer and the index of a unit: by its name, by GROUP.NAME, or by its group where it is the only one."""
        return self._by_unit.get(name, ())

    @cached_property
    def _by_unit(self) -> Mapping[str, Sequence[tuple[str, _Index]]]:
        found: dict[str, list[tuple[str, _Index]]] = {}
        for group, units in self._named.items():
            for at, unit in enumerate(units):
                for name in (unit, f"{group}.{unit}"):
                    found.setdefault(name, []).append((group, (at,)))
            if group not in units and self.network.shape(group) == (1,):
                found.setdefault(group, []).append((group, (0,)))
        return found

    def _is_group(self, name: str) -> bool:
        network = self.network
        return name in network.inputs or name in network.layers or bool(self._units(name))

    def _is_edge(self, path: str, index: str | None) -> bool:
        """Whether this is w[x1,h1] or b[h1], and no element of a parameter that is called w or b."""
        if path not in ("w", "b") or index is None:
            return False
        return path not in self.shapes or not all(word.strip().isdecimal() for word in index.split(","))

    def _edge(self, role: str, index: str) -> tuple[str, _Index]:
        """`w[x1,h1]` → ("h.weight", (0, 0)); `b[h1]` → ("h.bias", (0,))."""
        units = [word.strip() for word in index.split(",")]
        if len(units) != (2 if role == "w" else 1):
            raise UnknownNameError("needs the two ends of an edge: w[x1,h1]" if role == "w" else "needs one unit: b[h1]")
        found = list(dict.fromkeys(self._edges(role, units)))
        if len(found) > 1:
            example = self._written(units)
            raise UnknownNameError(f"could be any of {len(found)} edges: name the units as GROUP.UNIT, such as {example}")
        if found:
            return found[0]
        what = "weight" if role == "w" else "bias"
        unknown = [unit for unit in units if not self._is_group(unit)]
        hint = "write the unit that it comes from, then the one that it leads to"
        if unknown:
            known = self._unit_names
            hint = self._suggest(unknown[0], known) or f"the units are {listed(known, 8)}"
        raise UnknownNameError(f"names no {what} with these ends; {hint}")

    def _edges(self, role: str, units: Sequence[str]) -> Iterator[tuple[str, _Index]]:
        network = self.network
        for group, column in self._units(units[-1]):
            layer = network.layers.get(group)
            if layer is None or layer.op.connects != "units":
                continue
            if role == "b":
                if "bias" in layer.parameters:
                    yield layer.parameters["bias"], column
                continue
            for source, start in zip(layer.sources, network.starts[group], strict=True):
                yield from (
                    (layer.parameters["weight"], (start + row, *column)) for one, (row,) in self._units(units[0]) if one == source
                )

    def _written(self, units: Sequence[str]) -> str:
        """An edge with the groups of its ends, as an example."""
        ends = [f"{self._units(unit)[-1][0]}.{unit}" if "." not in unit else unit for unit in units]
        return f"{'w' if len(ends) > 1 else 'b'}[{','.join(ends)}]"

    @cached_property
    def _unit_names(self) -> list[str]:
        """Units first: of two names that are as near, the unit is meant."""
        return [unit for group, units in self._named.items() for unit in units or (group,)]

    def _example(self, group: str, index: str | None) -> int | None:
        rows = self.shapes[f"{group}.a"][0]
        if index is None:
            return None if rows > 1 else 0
        (row,) = _numbers(index, 1, 1)
        if row >= rows:
            raise UnknownNameError(f"has no example {row}; there are {rows}, counted from 0")
        return row

    def _numbers(self, path: str, index: str | None) -> _Pattern:
        if index is None:
            return ()
        return _numbers(index, 1, len(self.shapes[path]))

    def _within(self, path: str, pattern: _Pattern) -> None:
        shape = self.shapes[path]
        if not all(at is None or at < size for at, size in zip(pattern, shape, strict=False)):
            shown = ",".join(map(str, pattern))
            raise UnknownNameError(f"has no element [{shown}]; its shape is {list(shape)}, counted from 0")

    def _element(self, name: str, path: str, pattern: _Pattern) -> _Index:
        """The one index that a pattern means: axes of size 1 need not be written."""
        shape = self.shapes[path]
        if pattern and pattern[0] is None:
            raise UnknownNameError(f"could be any of {shape[0]} examples: write {name}[0] for the first one")
        self._within(path, pattern)
        rest = shape[len(pattern) :]
        if any(size != 1 for size in rest):
            if pattern:
                shown = ",".join(map(str, pattern))
                raise UnknownNameError(f"needs {len(shape)} numbers in brackets, has [{shown}]")
            raise UnknownNameError(f"has shape {list(shape)}: write {path}[{','.join('0' for _ in shape)}] for its first element")
        return (*(at for at in pattern if at is not None), *(0 for _ in rest))

    @cached_property
    def _known(self) -> list[str]:
        """Everything that can be suggested."""
        units = [unit for layer in self.network.layers.values() for unit in layer.units or ()]
        known = [*self._unit_names, *self.network.layers, *self.network.inputs, *self.shapes]
        return list(dict.fromkeys([*known, *(f"{unit}.{kind}" for unit in units for kind in _OF_NODES), "E"]))

    def _unknown(self, name: str, what: str) -> UnknownNameError:
        hint = self._suggest(name, self._known) or f"there are {listed([*self.network.inputs, *self.network.layers], 12)}"
        return UnknownNameError(f"is no {what} of this network; {hint}")


def _numbers(index: str, least: int, most: int) -> _Index:
    words = [word.strip() for word in index.split(",")] if index.strip() else []
    if not least <= len(words) <= most or not all(re.fullmatch(r"\d{1,9}", word) for word in words):
        raise UnknownNameError(f"needs {most} {'number' if most == 1 else 'numbers'} in brackets, has [{brief(index)}]")
    return tuple(map(int, words))
