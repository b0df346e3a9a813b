"""Where the modules of 0.1 stand now: they are found under their old names, too, with a DeprecationWarning."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from warnings import warn

HOMES = {
    "address": "engine.address",
    "algorithms": "ops.algorithms",
    "archive": "session.archive",
    "arguments": "text.arguments",
    "arithmetic": "numbers.number",
    "asked": "engine.asked",
    "audit": "tools.audit",
    "autodiff": "backend.autodiff",
    "ball": "numbers.ball",
    "blame": "verdict.blame",
    "certificate": "proof.certificate",
    "change": "verdict.change",
    "claims": "proof.claims",
    "comparison": "verdict.comparison",
    "diagnosis": "mistakes.diagnosis",
    "document": "plan.written",
    "draw": "plan.draw",
    "dyadic": "numbers.dyadic",
    "exact": "proof.exact",
    "finding": "proof.finding",
    "fit": "plan.fit",
    "golden": "tools.golden",
    "gradient": "tools.gradient",
    "grading": "teach.grading",
    "interruption": "engine.interruption",
    "isolation": "engine.isolation",
    "kinks": "proof.kinks",
    "latitude": "proof.latitude",
    "learn": "teach.learn",
    "movement": "verdict.distance",
    "naming": "plan.naming",
    "oracle": "proof.oracle",
    "pairs": "verdict.distance",
    "parameter": "network.parameter",
    "plain": "proof.watching",
    "power": "proof.power",
    "problems": "network.problems",
    "reading": "files.reading",
    "record": "plan.record",
    "registry": "engine.registry",
    "reproduction": "session.reproduction",
    "shown": "text.shown",
    "siblings": "engine.siblings",
    "storage": "plan.storage",
    "structure": "proof.structure",
    "surroundings": "engine.surroundings",
    "symbolic": "teach.symbolic",
    "tensors": "files.tensors",
    "transcript": "teach.transcript",
    "tree": "plan.trees",
    "values": "proof.values",
    "voice": "plan.voice",
    "words": "text.words",
    "worked": "proof.worked",
    "worker": "engine.worker",
    "writing": "files.writing",
}


class Former:
    """Finds a module of 0.1 where it stands now. Asked first: submodules would else be found by their files, a second time."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The spec of an old name; None for any other."""
        package, _, rest = name.partition(".")
        old, _, inner = rest.partition(".")
        if package != "bpcompare" or old not in HOMES:
            return None
        return ModuleSpec(name, Former(".".join(filter(None, (package, HOMES[old], inner)))))  # type: ignore[arg-type]

    def __init__(self, now: str) -> None:
        self.now = now

    def create_module(self, spec: ModuleSpec) -> None:
        """An empty module, which `exec_module` replaces."""

    def exec_module(self, module: ModuleType) -> None:
        """Put the module of today in its place: one module under two names, so that its classes are the same classes."""
        warn(f"{module.__name__} is {self.now} since bpcompare 0.2", DeprecationWarning, stacklevel=2)
        sys.modules[module.__name__] = import_module(self.now)


sys.meta_path.insert(0, Former)
