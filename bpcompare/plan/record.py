"""What a backend answers: every quantity of every step, and how it was computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bpcompare.network.parameter import Array


@dataclass(frozen=True, eq=False)
class StepRecord:
    """One step. Arrays have a leading batch axis, except parameters, state, slots and the scalar error.

    `net_in`, `a`, `delta` by layer (Δ = −∂E/∂in, scaling and reduction of E included); `gradient` and `plain` by trainable
    parameter (+∂E/∂p; plain: computed without the instrumentation that reads the Δ, None where it was not:
    no instrumentation, one that only looks on, or a step after the first);
    `parameters`, `state` and `slots` as they are after the step. Keys of `state` and `slots` are paths
    ("bn.running_mean", "h.weight.adam.m"). `back` may have −∂E/∂a of any layers, and need not: nothing is claimed of it. It
    spares the certificate work (`bpcompare.plan.back`), and is not kept.
    """

    error: Array
    net_in: Mapping[str, Array]
    a: Mapping[str, Array]
    delta: Mapping[str, Array]
    gradient: Mapping[str, Array]
    plain: Mapping[str, Array] | None
    parameters: Mapping[str, Array]
    state: Mapping[str, Array]
    slots: Mapping[str, Array]
    back: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Provenance:
    """Who computed it and how. `mode`: eager, jit …; `flushes`: whether results below the smallest normal number may become 0.

    `algorithms` names algorithms with weaker rounding bounds than a direct sum ("conv2d": "winograd";
    `bpcompare.ops.algorithms`). `voice` names what made the numbers: a framework that differentiates, "laws", the code of a
    package or file; backends with an entry in common have one vote (`bpcompare.plan.voice`). The code that ran the backend adds
    to `voice` what can be seen of it, and fills in `environment` (Python, NumPy, machine), `address` (the name by which it can
    be run again, "" for a class without one) and `printed` (the end of what it wrote to its output).
    """

    backend: str
    framework: str
    version: str
    device: str = "cpu"
    mode: str = "eager"
    flushes: bool = False
    switches: Mapping[str, str] = field(default_factory=dict)
    algorithms: Mapping[str, str] = field(default_factory=dict)
    updater: str = ""
    seconds: float = 0.0
    environment: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    printed: str = ""
    voice: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Record:
    """A backend's whole answer to one plan. `failure` says, in words for people, why there are no steps."""

    plan_digest: str
    steps: tuple[StepRecord, ...]
    provenance: Provenance
    failure: str | None = None

    def lasting(self) -> Record:
        """The same without what only spares work while it is judged."""
        return replace(self, steps=tuple(replace(step, back={}) if step.back else step for step in self.steps))
