"""Running a backend in a process of its own: whatever happens there, the others' results stand."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any

from bpcompare.backend import Backend
from bpcompare.engine.address import Address, address_of, offered
from bpcompare.engine.isolation import answers
from bpcompare.engine.isolation.process import Ended, Process
from bpcompare.engine.worker.answer import problems
from bpcompare.engine.worker.bootstrap import PROTOCOL
from bpcompare.engine.worker.origin import seen
from bpcompare.engine.worker.runner import AbsentError, legible, unanswered
from bpcompare.plan import Plan
from bpcompare.plan.record import Provenance, Record
from bpcompare.plan.storage import StorageError, save_plan
from bpcompare.text.words import inert

TIMEOUT = 600.0
"""Seconds a backend may take unless told otherwise: nothing hangs for ever."""
SHOWN = 500
"""Characters of a backend's chatter that a record keeps."""
FACTS = 100
"""Entries of each table of a provenance that are kept."""
FILE = 4 * 2**30
"""Bytes, besides those of its answer, of any file that a worker writes: an endless one is to end before the disk does."""
EXHAUSTED = ("MemoryError", "bad_alloc", "can't allocate memory", "Cannot allocate memory", "out of memory", "RESOURCE_EXHAUSTED")
"""How Python, C++, torch, the system and XLA say that there is no memory left."""


@dataclass(frozen=True)
class Isolated:
    """A backend gets the plan as a file, in a process that may crash, hang or allocate without harm to others.

    `timeout` in seconds; `memory` in bytes, by default what is free now. Both end the process, and the record says so.
    """

    timeout: float = TIMEOUT
    memory: int | None = None
    progress: Callable[[str], None] = lambda _: None

    def run(self, backend: Address | type[Backend], plan: Plan) -> Record:
        """The record of `plan`, or a failure."""
        # What makes environments needs packages that nothing else does.
        from bpcompare.engine.isolation.environment import EnvironmentFailure, interpreter

        address = backend if isinstance(backend, Address) else address_of(backend)
        if address is None:
            reason = "cannot run in a process of its own: its class stands in no file or module that another process can import"
            return unanswered(str(getattr(backend, "name", backend)), plan, reason)
        try:
            python = interpreter(address, self.progress) if address.foreign else sys.executable
            with Process() as apart:
                return self._run(address, python, plan, apart)
        except (EnvironmentFailure, StorageError, OSError) as error:
            return unanswered(address.name, plan, str(error) or type(error).__name__)

    def _run(self, address: Address, python: str, plan: Plan, apart: Process) -> Record:
        memory = self.memory or _free()
        request = {
            "protocol": PROTOCOL,
            "address": {**asdict(address), "version": "", "interpreter": ""},
            "packages": packages(address) if address.foreign else {},
            "path": [] if address.foreign else [entry or str(Path.cwd()) for entry in sys.path],
            "memory": memory,
            "file": FILE + answers.largest(plan),
        }
        save_plan(plan, apart.folder / "plan.safetensors")
        (apart.folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        script = importlib.util.find_spec("bpcompare.engine.worker.bootstrap")
        assert script is not None and script.origin is not None  # noqa: PT018, S101 — it stands beside this file
        # -I: nothing of this Python's environment; -P: not the folder of the script; -u: last words are not lost.
        flags = ["-I", "-u"] if address.foreign else ["-P", "-u"]
        ended = apart.run([python, *flags, script.origin, str(apart.folder)], self.timeout)
        answer = answers.outcome(apart.folder, PROTOCOL)
        if answer is None:
            return unanswered(address.name, plan, _ending(ended, self.timeout, memory))
        if answer["outcome"] == "absent":
            raise AbsentError(inert(answer.get("hint", "")))
        if answer["outcome"] != "answered":
            return unanswered(address.name, plan, f"{answer.get('reason')}{_install(address, python)}")
        record = _checked(plan, answers.record(apart.folder, plan), ended, memory)
        # What its code shows stands, whatever was said over there.
        voice = tuple(dict.fromkeys((*record.provenance.voice, *seen(address.target))))
        return replace(record, provenance=replace(record.provenance, voice=voice))


def _checked(plan: Plan, record: Record, ended: Ended, memory: int) -> Record:
    """The record, if it answers the plan; that it was checked over there is not taken on trust."""
    record = replace(record, provenance=_legible(record.provenance, ended))
    if record.failure is not None:
        exhausted = any(sign in record.failure for sign in EXHAUSTED)
        first, line, rest = legible(record.failure).partition("\n")
        return replace(record, failure=f"{first}{_allowed(memory) if exhausted else ''}{line}{rest}", steps=())
    if found := list(islice(problems(plan, record, owned=False), 1)):
        return unanswered(record.provenance.backend, plan, f"its record does not answer the plan: {found[0]}")
    return record


def _legible(provenance: Provenance, ended: Ended) -> Provenance:
    """Provenance whose every word can be shown, and in it the last that was printed."""
    last = ended.printed[-SHOWN:]
    more = "… " if last.strip() and ended.characters > len(last.encode()) else ""
    kept: dict[str, Any] = {}
    for field in fields(Provenance):
        value = getattr(provenance, field.name)
        if isinstance(value, str):
            kept[field.name] = inert(value)
        elif isinstance(value, tuple):
            kept[field.name] = tuple(inert(words) for words in value[:FACTS])
        elif isinstance(value, Mapping):
            kept[field.name] = {inert(key): inert(words) for key, words in islice(value.items(), FACTS)}
    return replace(provenance, **(kept | {"printed": inert(f"{more}{last.strip()}")}))


def _ending(ended: Ended, timeout: float, memory: int) -> str:
    """Why there is no answer; then, as a traceback would stand, the last words."""
    exhausted = _allowed(memory) if any(sign in ended.printed for sign in EXHAUSTED) else ""
    if ended.code is None:
        reason = f"did not answer within {timeout:g} s, and was stopped; --timeout gives it longer"
    elif ended.signal:
        meaning = {"SIGSEGV": ", a memory error in native code", "SIGKILL": ", perhaps by the system for lack of memory"}
        reason = f"its process crashed with {ended.signal}{meaning.get(ended.signal, '')}{exhausted}"
    else:
        reason = f"its process ended with exit code {ended.code} and no answer{exhausted}"
    printed = ended.printed.strip()
    return f"{reason}\nlast output:\n{printed}" if printed else reason


def _allowed(memory: int) -> str:
    return f" (it was allowed {memory / 2**30:.3g} GiB; --memory says how much)"


def _install(address: Address, python: str) -> str:
    return f": the framework, numpy and safetensors must be installed for {python}" if address.interpreter else ""


def packages(address: Address) -> dict[str, str]:
    """Where this Python has bpcompare and the backend: another Python is to see these, and nothing else of this one."""
    found = {}
    # A class in a file may build on any backend that is installed here.
    targets = offered() if address.from_file else (address.target,)
    for name in ("bpcompare", *(target.partition(":")[0].partition(".")[0] for target in targets)):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            found[name] = str(Path(spec.origin).parent) if spec.submodule_search_locations else spec.origin
    return found


def _free() -> int:
    """Bytes of memory that are free now; 0 where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
