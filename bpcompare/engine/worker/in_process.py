"""Running a backend in this process: nothing it raises gets out, and what it changes by accident is put back.

This guards against accidents, not against malice: code in one process can change everything in it, the judging code included.
A replaced part of that is noticed if it is still so when the backend has answered (`bpcompare.engine.surroundings`). A backend
that is not trusted is run in a process of its own (`--isolate`), which nothing it changes can leave.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from itertools import islice
from traceback import format_exc
from typing import Any

import numpy as np

from bpcompare.backend import Backend, unsupported
from bpcompare.engine.address import Address
from bpcompare.engine.interruption import pass_on
from bpcompare.engine.registry import Absent, Broken, arrive
from bpcompare.engine.siblings import at_home
from bpcompare.engine.surroundings import Kept, surroundings
from bpcompare.engine.worker.answer import problems, with_arrays
from bpcompare.engine.worker.origin import voice
from bpcompare.engine.worker.place import place
from bpcompare.engine.worker.runner import AbsentError, legible, unanswered
from bpcompare.network.parameter import Array
from bpcompare.plan import Batch, Plan
from bpcompare.plan.record import Record

REPORTED = 5
"""How many violations a failure lists."""
SMALL, BLOCK = 4096, 2**16
"""Bytes: arrays of fewer are compared as copies, which cost less than views; others so many at a time."""
_RUNNING: list[list[str]] = []
"""For every backend that is running, outermost first, the sources of the backends that it has run in turn."""


class InProcess:
    """A backend gets a copy of the plan, as it would across a process boundary, and its answer is checked on the way back.

    A failed run is a Record without steps. The first line of its `failure` is the reason; a traceback may follow.
    """

    def run(self, backend: Address | type[Backend], plan: Plan) -> Record:
        """The record of `plan`, or one with a failure. What the backend raises is a failure, except the user's KeyboardInterrupt.

        Raises AbsentError where the backend's framework is not installed.
        """
        if isinstance(backend, Address):
            status = arrive(backend)
            if isinstance(status, Absent):
                raise AbsentError(status.hint)
            if isinstance(status, Broken):
                return unanswered(backend.name, plan, f"{status.reason} ({status.distribution})\n{status.traceback}".rstrip())
            backend = status.backend
        if lacking := unsupported(backend, plan.network):
            return _failed(backend, plan, "does not support " + ", ".join(f"{op} ({why})" for op, why in lacking.items()))
        lent, asked = _copied(plan), list[str]()
        try:
            record, kept = _answer(backend, lent, asked)
        except BaseException as error:
            pass_on(error)
            where = place(error, backend)
            return _failed(backend, plan, f"{_reason(error)}{f', at {where}' if where else ''}", format_exc())
        if kept.problem:
            return _failed(backend, plan, kept.problem)
        if changed := _changed(plan, lent):
            return _failed(backend, plan, f"changed the plan it was given: {', '.join(changed[:REPORTED])}")
        if isinstance(record, Record) and record.failure is not None:
            return replace(record, steps=(), failure=legible(str(record.failure)))
        found = list(islice(problems(lent, record), REPORTED + 1))
        if found:
            more = "; and more" if len(found) > REPORTED else ""
            return _failed(backend, plan, f"its record does not answer the plan: {'; '.join(found[:REPORTED])}{more}")
        answer: Record = record
        provenance = answer.provenance
        heard = tuple(dict.fromkeys((*voice(backend), *provenance.voice, *asked)))
        return replace(answer, provenance=replace(provenance, backend=backend.name, environment=environment(), voice=heard))


def _answer(backend: type[Backend], plan: Plan, asked: list[str]) -> tuple[Any, Kept]:
    """What `backend` returns, whatever it is, and what it changed; the sources of backends that it runs in turn go to `asked`."""
    _RUNNING.append(asked)
    try:
        # Standard output belongs to the results; whether a NaN or infinity is wrong is for the certificate to say.
        with at_home(backend), surroundings() as kept, redirect_stdout(sys.stderr), np.errstate(all="ignore"):
            return with_arrays(backend().run(plan)), kept
    finally:
        _RUNNING.pop()
        for outer in _RUNNING:
            outer.extend(voice(backend))


def environment() -> dict[str, str]:
    """What surrounds a backend and can change a number: Python, NumPy, the machine."""
    return {"python": platform.python_version(), "numpy": np.__version__, "machine": f"{platform.system()} {platform.machine()}"}


def _failed(backend: type[Backend], plan: Plan, reason: str, traceback: str = "") -> Record:
    try:
        version = str(backend.version())
    except BaseException as error:
        pass_on(error)
        version = "unknown"
    return unanswered(backend.name, plan, f"{reason}\n{traceback}".rstrip(), version)


def _reason(error: BaseException) -> str:
    try:
        message = str(error).strip().partition("\n")[0]
    except Exception:
        message = ""
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _copied(plan: Plan) -> Plan:
    copies: dict[int, Array] = {}

    def one(x: Array) -> Array:
        if id(x) not in copies:
            copies[id(x)] = x.copy()
            copies[id(x)].setflags(write=False)
        return copies[id(x)]

    def every(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: one(x) for name, x in arrays.items()}

    return replace(
        plan,
        parameters=every(plan.parameters),
        state=every(plan.state),
        slots=every(plan.slots),
        batches=tuple(Batch(every(batch.inputs), one(batch.target), every(batch.draws)) for batch in plan.batches),
    )


def _changed(plan: Plan, lent: Plan) -> list[str]:
    before, after = dict(plan.arrays()), dict(lent.arrays())
    same = {key for key, x in after.items() if key in before and _equal(before[key], x)}
    return sorted(key for key in before.keys() | after.keys() if key not in same)


def _equal(x: Array, y: Array) -> bool:
    # Bytes, not values: NaN is equal to itself here, and 0 differs from −0.
    if x.dtype != y.dtype or x.shape != y.shape:
        return False
    if x.nbytes < SMALL:
        return x.tobytes() == y.tobytes()
    a, b = _bytes(x), _bytes(y)
    return all(np.array_equal(a[at : at + BLOCK], b[at : at + BLOCK]) for at in range(0, a.size, BLOCK))


def _bytes(x: Array) -> Array:
    return x.reshape(-1).view(np.uint8)
