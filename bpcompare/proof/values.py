"""The quantities of one step by path: what the plan gives, and what a backend recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bpcompare.network.parameter import Array
from bpcompare.plan import Plan
from bpcompare.plan.record import Record, StepRecord


@dataclass(frozen=True, eq=False)
class StepValues:
    """`given` stands fixed before the step (plan, or the step before it); `recorded` is the backend's answer.

    `back`: −∂E/∂a by the path of a, of which nothing is claimed.
    """

    given: Mapping[str, Any]
    recorded: Mapping[str, Array]
    back: Mapping[str, Array] = field(default_factory=dict)


def given_values(plan: Plan, number: int, previous: StepRecord | None) -> dict[str, Any]:
    """What step `number` (from 1) starts from.

    Never taken from the step's own record: otherwise a wrong value would justify itself.
    """
    batch = plan.batches[number - 1]
    parameters = plan.parameters if previous is None else previous.parameters
    state = plan.state if previous is None else previous.state
    slots = plan.slots if previous is None else previous.slots
    given: dict[str, Any] = {f"{name}.a": x for name, x in batch.inputs.items()}
    given["target"] = batch.target
    given["t"] = plan.updates_done + number
    given |= batch.draws
    given |= parameters
    given |= {f"{path}.before": x for path, x in (*state.items(), *slots.items())}
    return given


def recorded_values(step: StepRecord) -> dict[str, Array]:
    """A backend's answer, by path."""
    found: dict[str, Array] = {"error": step.error}
    found |= {f"{name}.in": x for name, x in step.net_in.items()}
    found |= {f"{name}.a": x for name, x in step.a.items()}
    found |= {f"{name}.delta": x for name, x in step.delta.items()}
    found |= {f"{name}.gradient": x for name, x in step.gradient.items()}
    found |= {f"{name}.update": x for name, x in step.parameters.items()}
    found |= step.state
    found |= step.slots
    return found


def step_values(plan: Plan, record: Record) -> list[StepValues]:
    """Every step of a record."""
    previous: StepRecord | None = None
    steps = []
    for number, step in enumerate(record.steps, 1):
        back = {f"{name}.a": x for name, x in step.back.items()}
        steps.append(StepValues(given_values(plan, number, previous), recorded_values(step), back))
        previous = step
    return steps
