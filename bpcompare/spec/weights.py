"""First values of parameters: inline by unit names or as lists, from files, or drawn by a named initializer."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from fnmatch import translate
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from bpcompare.files.reading import Unreadable
from bpcompare.files.tensors import TensorFile, known, tensor_file
from bpcompare.network import Network, Problem
from bpcompare.network.parameter import Array, Distribution, Initializer, Parameter
from bpcompare.network.problems.parameters import Use, shape_problem
from bpcompare.ops import L2, Dense
from bpcompare.ops.op import Shapes
from bpcompare.spec.document import Document, ParameterEntry
from bpcompare.spec.edges import by_name
from bpcompare.spec.entries import ROLES, InitEntry, LayerEntry
from bpcompare.spec.files import Room, missing_file
from bpcompare.text.words import Suggestions, listed, quote

DEFAULTS = {"bias": Initializer("zeros"), "shift": Initializer("zeros"), "scale": Initializer("ones")}
"""Roles that start the same everywhere; every other role has values, or is drawn."""
_WILD = frozenset("*?[")
_GLOBS = 1000
"""Patterns with wildcards in one list: each is compared with every parameter."""
_FAULTS = 50
"""Parameters of one faulty file that are reported one by one."""


class Weights:
    """Collects the parameters of a document for a network whose layers do not refer to any yet."""

    def __init__(self, document: Document, network: Network, shapes: Mapping[str, Shapes], base: Path, room: Room) -> None:
        self.document, self.network, self.shapes, self.base, self.room = document, network, shapes, base, room
        self.problems: list[Problem] = []
        self.hints: list[Problem] = []
        self.roles: dict[str, dict[str, str]] = {}
        self.places: dict[str, tuple[str, ...]] = {}
        self._values: dict[str, Array] = {}
        self._inits: dict[str, Initializer] = {}
        self._read: dict[str, Array] = {}
        for name, entry in document.layers.items():
            self._layer(name, entry)

    def parameters(self) -> dict[str, Parameter]:
        """Parameters by id, in the order of the layers that use them first."""
        declared = self.document.parameters
        used = dict.fromkeys(p for roles in self.roles.values() for p in roles.values())
        # What no layer uses is kept, for that is a problem to report.
        names = [*used, *(name for name in declared if name not in used)]
        frozen = self._met(self.document.freeze, names, ("freeze",))
        penalties = self._penalties(names)
        self._read_files()
        found, silent = {}, ParameterEntry()
        for name in names:
            entry = declared.get(name, silent)
            trainable = entry.trainable and name not in frozen
            found[name] = Parameter(self._init(name, entry), trainable, penalties.get(name))
        self._forgotten(found)
        return found

    def _forgotten(self, found: Mapping[str, Parameter]) -> None:
        """Notes weights that nothing is said of, where others have values: they may have been forgotten."""
        entries = self.document.parameters
        silent = [
            name
            for name, parameter in found.items()
            if isinstance(parameter.init, Initializer) and name not in self._inits and name not in entries
        ]
        given = any(not isinstance(parameter.init, Initializer) for parameter in found.values())
        if silent and given and "init" not in self.document.model_fields_set:
            words = f"no first values for {listed(silent, 4)}, while others have some: they are drawn ({self.document.init.kind})"
            self.hints.append(Problem(("parameters",), words, "say init to choose how, and to silence this"))

    def _layer(self, name: str, entry: LayerEntry) -> None:
        known = self.shapes.get(name)
        fits = known is not None and not known.problems
        possible = tuple(known.parameters) if known is not None and fits else _possible(entry)
        asked = {role: getattr(entry, role, None) for role in ROLES[entry.op]}
        self.roles[name] = {role: _shared(asked[role]) or f"{name}.{role}" for role in possible}
        init = getattr(entry, "init", None)
        for role, parameter in self.roles[name].items():
            if role in DEFAULTS:
                self._inits.setdefault(parameter, DEFAULTS[role])
            elif init is not None:
                self._inits[parameter] = _initializer(init)
        for role, (array, key) in self._given(name, entry).items():
            self._give(name, role, array, key)

    def _give(self, layer: str, role: str, array: Array, key: str) -> None:
        where = ("layers", layer, key)
        if role not in self.roles[layer]:
            message = f"{layer} has no {role}" + (": it says bias = false" if role == "bias" else "")
            self.problems.append(Problem(where, message, f"remove {key}"))
            return
        parameter = self.roles[layer][role]
        if parameter in self._values:
            self._report(where, f"parameter {quote(parameter)} already has values, from {'.'.join(self.places[parameter])}")
        self._values.setdefault(parameter, array)
        self.places.setdefault(parameter, where)

    def _given(self, name: str, entry: LayerEntry) -> dict[str, tuple[Array, str]]:
        weights, biases, transpose = (getattr(entry, key, None) for key in ("weights", "biases", "transpose"))
        given: dict[str, tuple[Array, str]] = {}
        if isinstance(weights, dict):
            arrays, problems = by_name(self.network, self.shapes, name, weights)
            self.problems += problems
            given = {role: (array, "weights") for role, array in arrays.items()}
            if transpose is not None:
                where = ("layers", name, "transpose")
                self._report(where, "weights by unit names are not written as a matrix", "remove transpose")
        elif weights is not None:
            given["weight"] = (self._turned(_real(weights), transpose, ("layers", name, "weights")), "weights")
            if entry.op == Dense.name:
                self._ambiguous(name, given["weight"][0], transpose)
        elif transpose is not None:
            message = "transpose says how weights are written, and none are written here"
            self._report(("layers", name, "transpose"), message, f'for those of [parameters], say it there: ["{name}.weight"]')
        if biases is not None:
            if "bias" in given:
                self.problems.append(Problem(("layers", name, "biases"), "the bias is given in weights as well"))
            given["bias"] = (_real(biases), "biases")
        return given

    def _turned(self, array: Array, transpose: bool | None, where: tuple[str | int, ...]) -> Array:
        """A matrix as its layer reads it; `transpose`: it is written as [units, sources]."""
        if not transpose:
            return array
        if array.ndim != 2:
            self._report(where, f"transpose = true turns a matrix, and this has shape {quote(array.shape)}")
            return array
        return np.ascontiguousarray(array.T)

    def _ambiguous(self, layer: str, array: Array, transpose: bool | None) -> None:
        """Notes a square matrix of a dense layer that fits both ways, where nothing says which is meant."""
        square = array.ndim == 2 and array.shape[0] == array.shape[1] and not np.array_equal(array, array.T)
        if square and transpose is None:
            words = f"the weights of {layer} are square and fit both ways; rows are read as sources, columns as units"
            hint = "torch keeps them the other way round: say transpose = true for those, or transpose = false"
            self.hints.append(Problem(("layers", layer, "weights"), words, hint))

    def _init(self, name: str, entry: ParameterEntry) -> Initializer | Array:
        where = ("parameters", name)
        value = self._values.get(name)
        spoken = [key for key in ("value", "file", "init") if getattr(entry, key) is not None]
        if len(spoken) > 1:
            self._report((*where, spoken[1]), f"only one of {listed(spoken)} can be given")
        if spoken and value is not None:
            self._report((*where, spoken[0]), f"parameter {quote(name)} already has values, from {'.'.join(self.places[name])}")
        if entry.key is not None and entry.file is None:
            self._report((*where, "key"), "key says what a file calls the parameter, but no file is given")
        if entry.transpose is not None and entry.value is None and entry.file is None:
            self._report((*where, "transpose"), "transpose says how values are written, and none are written here")
        if entry.value is not None:
            return self._own(name, entry, self._turned(_real(entry.value), entry.transpose, (*where, "transpose")))
        if entry.file is not None:
            # Where it could not be read, anything that causes no second problem.
            return self._own(name, entry, self._read[name]) if name in self._read else Initializer("zeros")
        if value is not None:
            return value
        if entry.init is not None:
            return _initializer(entry.init)
        return self._inits.get(name) or _initializer(self.document.init)

    def _own(self, name: str, entry: ParameterEntry, array: Array) -> Array:
        """Values that stand under [parameters], as the layer reads them; what they may not mean is noted."""
        for layer, roles in self.roles.items():
            if roles.get("weight") == name and self.document.layers[layer].op == Dense.name:
                self._ambiguous(layer, array, entry.transpose)
                break
        return array

    def _read_files(self) -> None:
        """Opens every file once. An array that several parameters ask for is read once; one that does not fit is not read."""
        wanted: dict[str, dict[str, str]] = {}
        for name, entry in self.document.parameters.items():
            if entry.file is not None and entry.value is None:
                wanted.setdefault(_one_spelling(self.base / entry.file), {})[name] = entry.key or name
        uses = self._uses() if wanted else {}
        for keys in wanted.values():
            path = self.base / str(self.document.parameters[next(iter(keys))].file)
            try:
                with tensor_file(path) as file:
                    self._from_file(file, path, keys, uses)
            except Unreadable as error:
                for name in islice(keys, _FAULTS):
                    self._report(("parameters", name, "file"), str(error), error.hint or missing_file(path))

    def _from_file(self, file: TensorFile, path: Path, keys: Mapping[str, str], uses: Mapping[str, Use]) -> None:
        found: dict[tuple[str, bool], Array] = {}
        faults = 0
        for name, key in keys.items():
            where, transpose = ("parameters", name, "transpose"), bool(self.document.parameters[name].transpose)
            try:
                header = file.header(known(file, key, path))
                if name not in uses:
                    continue
                if transpose and len(header.shape) != 2:
                    self._report(where, f"transpose = true turns a matrix, and this has shape {quote(header.shape)}")
                elif misfit := shape_problem(name, header.shape[::-1] if transpose else header.shape, uses[name]):
                    self.problems.append(misfit)
                else:
                    if (key, transpose) not in found:
                        self.room.take(header.taken, header.who)
                        array = self._turned(file.array(key, real=True), transpose, where)
                        array.setflags(write=False)  # several parameters may have it
                        found[key, transpose] = array
                    self._read[name] = found[key, transpose]
            except Unreadable as error:
                faults += 1
                if faults <= _FAULTS:
                    self._report(("parameters", name, "file"), str(error), error.hint)

    def _uses(self) -> dict[str, Use]:
        """For every parameter whose shape is known: a layer and a role that use it, and what they need."""
        found: dict[str, Use] = {}
        for layer, roles in self.roles.items():
            shapes = self.shapes.get(layer)
            for role, name in roles.items():
                if shapes is not None and not shapes.problems and role in shapes.parameters:
                    found.setdefault(name, (layer, role, shapes.parameters[role]))
        return found

    def _penalties(self, names: Sequence[str]) -> dict[str, L2]:
        """The penalties that [error] gives to all that its patterns meet, and those that [parameters] give to one."""
        error, found = self.document.error, dict[str, L2]()
        if error.penalty is None and error.penalized is not None:
            self._report(
                ("error", "penalized"), "penalized says what has the penalty, but penalty is not given", "penalty = 0.01"
            )
        elif error.penalty is not None and not error.penalized:
            why = "there is no default because frameworks disagree about biases and the scales of normalizations"
            hint = 'penalized = ["*.weight"], or ["*"] for every parameter'
            self._report(("error", "penalty"), f"penalized must say which parameters have this penalty: {why}", hint)
        elif error.penalty is not None and error.penalized is not None:
            met = self._met(error.penalized, names, ("error", "penalized"))
            penalty = self._l2(error.penalty, ("error", "penalty"))
            found = {name: penalty for name in names if name in met and penalty is not None}
        for name, entry in self.document.parameters.items():
            where = ("parameters", name, "penalty")
            if entry.penalty is None:
                continue
            if name in found:
                message = f"{quote(name)} has a penalty from [error] already, by a pattern of penalized"
                self._report(where, message, "remove it here, or let the pattern leave it out")
            elif own := self._l2(entry.penalty, where):
                found[name] = own
        return found

    def _l2(self, factor: float, where: tuple[str | int, ...]) -> L2 | None:
        penalty = L2(factor)
        for problem in penalty.problems():
            self._report(where, problem.partition(": ")[2], "leave it out where there is no penalty" if factor == 0 else "")
        return None if penalty.problems() else penalty

    def _met(self, patterns: Sequence[str], names: Sequence[str], where: tuple[str, ...]) -> set[str]:
        """The parameters that a list of patterns meets; each must meet one."""
        found: set[str] = set()
        suggest = Suggestions()
        globs = sum(not _WILD.isdisjoint(pattern) for pattern in patterns)
        if globs > _GLOBS:
            self._report(where, f"has {globs:,} patterns, the limit is {_GLOBS:,}", "name the parameters instead")
            return found
        known = dict.fromkeys(names)
        for index, pattern in enumerate(patterns):
            if _WILD.isdisjoint(pattern):
                met = {pattern} & known.keys()
            else:
                matches = re.compile(translate(pattern)).match
                met = {name for name in names if matches(name)}
            if not met:
                hint = suggest(pattern, known) or f"the parameters are {listed(names)}"
                self._report((*where, index), f"{quote(pattern)} matches no parameter", hint)
            found |= met
        return found

    def _report(self, where: tuple[str | int, ...], message: str, hint: str = "") -> None:
        self.problems.append(Problem(where, message, hint))


def _possible(entry: LayerEntry) -> tuple[str, ...]:
    return tuple(role for role in ROLES[entry.op] if getattr(entry, role, None) is not False)


def _shared(asked: Any) -> str | None:
    return asked if isinstance(asked, str) else None


def _initializer(entry: InitEntry) -> Initializer:
    return _shared_initializer(entry.kind, repr(entry.scale), entry.scale)


@lru_cache(maxsize=1024)
def _shared_initializer(kind: Distribution, _written: str, scale: float) -> Initializer:
    """One object for all nodes that are drawn alike; by the text of its number, for 0.0 and −0.0 are equal."""
    return Initializer(kind, scale)


def _one_spelling(path: Path) -> str:
    """The same for every spelling of one file's path."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return str(path)


def _real(array: Array) -> Array:
    return np.asarray(array, np.float64)
