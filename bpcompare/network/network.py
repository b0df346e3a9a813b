"""The meaning of a spec: a directed acyclic graph of layers, an error, an update rule, and data to run it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import ClassVar, Literal

from bpcompare.network.nodes import Nodes
from bpcompare.network.parameter import Array, Parameter
from bpcompare.network.steps import program_of
from bpcompare.ops import Identity
from bpcompare.ops.op import Activation, ErrorOp, LayerOp, Op, PenaltyOp, Shape, Shapes, UpdateOp
from bpcompare.program import Program
from bpcompare.text.shown import Shown

Dtype = Literal["float32", "float64"]


@dataclass(frozen=True)
class Input:
    """A group of nodes whose activations are data. `shape` is per example; `units` names them where they have names."""

    shape: Shape
    units: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Layer:
    """A group of nodes: in = op(sources), a = g(in). `parameters` maps the op's roles to parameter ids; equal ids are shared."""

    op: LayerOp
    sources: tuple[str, ...]
    g: Activation = field(default_factory=Identity)
    parameters: Mapping[str, str] = field(default_factory=dict)
    units: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Error:
    """The last consumer: E = op(a of layer `of`, target), and the penalties on parameters, if there are any."""

    op: ErrorOp
    of: str


@dataclass(frozen=True, eq=False)
class Data:
    """Examples: one array per input with a leading example axis, and the target likewise."""

    inputs: Mapping[str, Array]
    target: Array

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True)
class Training:
    """How a run goes unless the caller says otherwise.

    `batch`: examples a step, in order, wrapping around; None takes all. `first` is the first example used. `updates_done`
    and `slots` let a run start in the middle of training: `slots="drawn"` draws nonzero optimizer state.
    """

    dtype: Dtype = "float64"
    steps: int = 1
    batch: int | None = None
    first: int = 0
    seed: int = 0
    updates_done: int = 0
    slots: Literal["zero", "drawn"] = "zero"


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a network: where (keys from the top of the spec), what, and what to do about it."""

    where: tuple[str | int, ...]
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = ".".join(_cut(str(key)) for key in self.where)
        return f"{place}: {_cut(self.message)}" + (f" ({_cut(self.hint)})" if self.hint else "")


def _cut(text: str, most: int = 1_000) -> str:
    """A spec may hold a key of megabytes; nobody reads it."""
    return text if len(text) <= most else f"{text[:most]} …"


class SpecError(ValueError):
    """A network, its file or its data that cannot be run; carries every problem found, not the first.

    `text` may be a function: it is asked whenever the error is printed, and lays it out for the width there is then.
    """

    def __init__(self, text: str | Callable[[], str], problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(text if isinstance(text, str) else text())
        self._text = text
        self.problems = problems

    def __str__(self) -> str:
        return self._text if isinstance(self._text, str) else self._text()


@dataclass(frozen=True, eq=False)
class Network(Shown):
    """Inputs, layers, parameters, error, update, data. Names are unique over inputs and layers."""

    bundle: ClassVar[str] = "network_bundle"

    name: str
    inputs: Mapping[str, Input]
    layers: Mapping[str, Layer]
    parameters: Mapping[str, Parameter]
    error: Error
    update: UpdateOp
    data: Data
    training: Training = field(default_factory=Training)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Layer names, every layer after its sources; layers on a cycle, or behind one, are missing."""
        waiting = {name: len({s for s in layer.sources if s in self.layers}) for name, layer in self.layers.items()}
        consumers: dict[str, list[str]] = {name: [] for name in self.layers}
        for name, layer in self.layers.items():
            for source in dict.fromkeys(layer.sources):
                if source in consumers:
                    consumers[source].append(name)
        ready = [name for name, count in waiting.items() if not count]
        for name in ready:
            for consumer in consumers[name]:
                waiting[consumer] -= 1
                if not waiting[consumer]:
                    ready.append(consumer)
        return tuple(ready)

    @cached_property
    def kinds(self) -> frozenset[type[Op]]:
        """The classes of its layers' ops and activations: few, however many layers there are."""
        return frozenset(type(op) for layer in self.layers.values() for op in (layer.op, layer.g))

    @cached_property
    def shapes(self) -> Mapping[str, Shapes]:
        """Shapes by layer, as far as they can be known."""
        known: dict[str, Shape] = {name: group.shape for name, group in self.inputs.items()}
        found: dict[str, Shapes] = {}
        alike: dict[tuple[int, tuple[Shape, ...]], Shapes] = {}
        for name in self.order:
            layer = self.layers[name]
            if all(map(known.__contains__, layer.sources)) and _arity_fits(layer.op, len(layer.sources)):
                sources = tuple(map(known.__getitem__, layer.sources))
                key = id(layer.op), sources  # thousands of layers may have one op
                if key not in alike:
                    alike[key] = layer.op.shapes(sources)
                found[name] = alike[key]
                # Sizes that no memory holds are reported where they arise; handed on, they could double with every layer.
                if not found[name].problems and max(found[name].out, default=1) < 2**63:
                    known[name] = found[name].out
        return found

    def shape(self, group: str) -> Shape:
        """Per-example shape of an input or layer."""
        return self.inputs[group].shape if group in self.inputs else self.shapes[group].out

    def parameter_shape(self, parameter: str) -> Shape:
        """Shape of a parameter that some layer uses."""
        layer, role = self.uses[parameter][0]
        return self.shapes[layer].parameters[role].shape

    @cached_property
    def starts(self) -> Mapping[str, tuple[int, ...]]:
        """For every layer: where each source begins when all are joined along the axis that its op joins them in."""
        shapes = {name: group.shape for name, group in self.inputs.items()} | {name: it.out for name, it in self.shapes.items()}
        found, along = {}, dict[int | None, dict[str, int]]()
        for name, layer in self.layers.items():
            axis = layer.op.joins
            if axis not in along:
                along[axis] = {source: _width(shape, axis) for source, shape in shapes.items()}
            found[name] = tuple(accumulate(map(along[axis].__getitem__, layer.sources[:-1]), initial=0))
        return found

    @cached_property
    def consumers(self) -> Mapping[str, tuple[tuple[str, int], ...]]:
        """For every input and layer: the (layer, source slot) pairs it feeds, the error excluded."""
        found: dict[str, list[tuple[str, int]]] = {name: [] for name in (*self.inputs, *self.layers)}
        for name in self.order:
            for slot, source in enumerate(self.layers[name].sources):
                found[source].append((name, slot))
        return {name: tuple(pairs) for name, pairs in found.items()}

    @cached_property
    def uses(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """For every parameter: the (layer, role) pairs that use it. More than one: it is shared, and its gradients add up."""
        found: dict[str, list[tuple[str, str]]] = {name: [] for name in self.parameters}
        for name in self.order:
            for role, parameter in self.layers[name].parameters.items():
                found[parameter].append((name, role))
        return {name: tuple(pairs) for name, pairs in found.items()}

    @cached_property
    def integer_inputs(self) -> frozenset[str]:
        """Inputs that some op reads as integers."""
        return frozenset(
            layer.sources[slot]
            for layer in self.layers.values()
            for slot in layer.op.integer
            if slot < len(layer.sources) and layer.sources[slot] in self.inputs
        )

    @cached_property
    def trainable(self) -> tuple[str, ...]:
        """Parameters that updates may change, in the order of declaration."""
        return tuple(name for name, parameter in self.parameters.items() if parameter.trainable)

    @cached_property
    def penalties(self) -> Mapping[str, PenaltyOp]:
        """What E gains for parameters, by their ids; of frozen ones, too."""
        return {name: parameter.penalty for name, parameter in self.parameters.items() if parameter.penalty is not None}

    @cached_property
    def slot_paths(self) -> dict[str, dict[str, str]]:
        """For every trainable parameter: slot name to path, `h.weight` → {"m": "h.weight.adam.m", …}."""
        return {p: {slot: f"{p}.{self.update.name}.{slot}" for slot in self.update.slots} for p in self.trainable}

    @cached_property
    def state_paths(self) -> dict[str, dict[str, str]]:
        """For every layer: its state names to paths."""
        return {name: {key: f"{name}.{key}" for key in self.shapes[name].state} for name in self.order}

    @cached_property
    def draw_paths(self) -> dict[str, dict[str, str]]:
        """For every layer: its draw names to paths."""
        return {name: {key: f"{name}.{key}" for key in self.shapes[name].draws} for name in self.order}

    @cached_property
    def nodes(self) -> Nodes:
        """Its layers of one unit each."""
        return Nodes(self)

    @cached_property
    def program(self) -> Program:
        """What a step of it computes, as steps over values."""
        return program_of(self)

    def filled(self, roles: Mapping[str, Mapping[str, str]], parameters: Mapping[str, Parameter], data: Data) -> Network:
        """The same graph with parameters (for every layer: ids by role) and data. What is known of the graph stays known."""
        layers = {name: replace(layer, parameters=roles[name]) for name, layer in self.layers.items()}
        found = replace(self, layers=layers, parameters=parameters, data=data)
        vars(found).update({name: known for name, known in vars(self).items() if name in ("order", "shapes")})
        return found

    def problems(self) -> tuple[Problem, ...]:
        """Everything wrong with this network, whether it was parsed or built in Python; empty when it can be run."""
        from bpcompare.network.problems import problems_of  # the checks are a file of their own

        return problems_of(self)


def _width(shape: Shape, axis: int | None) -> int:
    """How much of the joined axis a source of this shape takes."""
    return shape[axis] if axis is not None and -len(shape) <= axis < len(shape) else 0


def _arity_fits(op: Op, count: int) -> bool:
    low, high = op.arity
    return count >= low and (high is None or count <= high)
