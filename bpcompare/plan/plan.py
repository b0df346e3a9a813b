"""The numbers of a run, drawn once: every backend receives these arrays and no other randomness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bpcompare.network import Dtype, Network
from bpcompare.network.parameter import Array
from bpcompare.program import Program


@dataclass(frozen=True, eq=False)
class Batch:
    """One step's examples: inputs by name, the target, and draws by path ("drop.mask"), all with a leading batch axis."""

    inputs: Mapping[str, Array]
    target: Array
    draws: Mapping[str, Array]

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True, eq=False)
class Plan:
    """A network with numbers in one dtype. All arrays are read-only and C-contiguous.

    `parameters` by id; `state` ("bn.running_mean") and `slots` ("h.weight.adam.m") by path, before the first step;
    `batches`, one a step; `updates_done` counts updates before the first step, which is step number `updates_done + 1` for
    rules that count. `exact` marks numbers drawn so that every sum is representable. `digest` names the content.
    """

    network: Network
    dtype: Dtype
    parameters: Mapping[str, Array]
    state: Mapping[str, Array]
    slots: Mapping[str, Array]
    batches: tuple[Batch, ...]
    updates_done: int = 0
    exact: bool = False
    digest: str = ""

    @property
    def order(self) -> tuple[str, ...]:
        """Layers, sources first."""
        return self.network.order

    @property
    def program(self) -> Program:
        """What a step of it computes, as steps over values."""
        return self.network.program

    @property
    def slot_paths(self) -> Mapping[str, Mapping[str, str]]:
        """For every trainable parameter: slot name to path, `h.weight` → {"m": "h.weight.adam.m", …}."""
        return self.network.slot_paths

    @property
    def state_paths(self) -> Mapping[str, Mapping[str, str]]:
        """For every layer: its state names to paths."""
        return self.network.state_paths

    @property
    def draw_paths(self) -> Mapping[str, Mapping[str, str]]:
        """For every layer: its draw names to paths."""
        return self.network.draw_paths

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Every array with a unique key, in a fixed order: what is saved, and what the digest is taken of."""
        for name, value in self.parameters.items():
            yield f"parameters/{name}", value
        for name, value in self.state.items():
            yield f"state/{name}", value
        for name, value in self.slots.items():
            yield f"slots/{name}", value
        for number, batch in enumerate(self.batches, 1):
            for name, value in batch.inputs.items():
                yield f"batch{number}/inputs/{name}", value
            yield f"batch{number}/target", batch.target
            for name, value in batch.draws.items():
                yield f"batch{number}/draws/{name}", value
