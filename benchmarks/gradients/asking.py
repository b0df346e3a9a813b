"""Answers questions that come in by a line each, in a process of its own: python -m benchmarks.gradients.asking LIBRARY …

Its first line names the functions that there are, what is not there, and the versions; then an answer to each question.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
import warnings
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks.gradients.question import Key, asked
from benchmarks.gradients.sample import Function


class OutOfTimeError(BaseException):
    """The time for a question is spent. No Exception, so that nobody on the way takes it for an error of the code under test."""


def functions(libraries: list[str]) -> tuple[list[Function], list[str]]:
    """All that there are, and what these versions do not have, each with the reason."""
    from benchmarks.gradients import jax_functions, torch_functions

    found, absent = [], []
    for library, module in (("torch", torch_functions), ("jax", jax_functions)):
        if library in libraries:
            try:
                some, none = module.functions()
            except ImportError as error:
                some, none = [], [f"{library}: {error}"]
            found += some
            absent += none
    return found, absent


def main(libraries: list[str]) -> None:
    """Until nobody asks any more."""
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a function prints is no answer
    found, absent = functions(libraries)
    by_name = {(one.library, one.name): one for one in found}
    names = [[one.library, one.name] for one in found]
    print(json.dumps({"names": names, "with": _with(libraries) | {"absent": absent}}), file=answers, flush=True)
    signal.signal(signal.SIGPROF, _out_of_time)
    for line in sys.stdin:
        row = json.loads(line)
        key, begun = Key(**row["key"]), process_time()
        told = _found(by_name[key.library, key.name], key, row["seconds"], row["mutants"])
        print(json.dumps({"found": told, "seconds": process_time() - begun}), file=answers, flush=True)


def _with(libraries: list[str]) -> dict[str, Any]:
    """Versions, and a digest of the package, so that a table says whether its answers are all of one state of the code."""
    import bpcompare

    digest = sha256()
    for path in sorted(Path(bpcompare.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    known = ["numpy", "scipy", *libraries, *(["jaxlib", "optax", "flax"] if "jax" in libraries else [])]
    versions = {}
    for name in known:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    python = f"Python {platform.python_version()}, {platform.machine()}"
    return {"versions": versions, "python": python, "state": digest.hexdigest()[:8]}


def _found(function: Function, key: Key, seconds: float, mutants: int) -> list[dict[str, str]]:
    """The answer to one question, in so many seconds of the processor at most."""
    found: list[dict[str, str]] = []
    if key.library == "jax":
        import jax

        jax.config.update("jax_enable_x64", key.dtype == "float64")
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        found.extend(one for one in asked(function, key, mutants))
    except OutOfTimeError:
        found.append(_instead(found, "out of time"))
    except Exception as error:  # noqa: BLE001 — check_gradient raises nothing but ValueError: anything else is a finding
        found.append(_instead(found, "raised", f"{type(error).__name__}: {error}"))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return found


def _instead(found: list[dict[str, str]], verdict: str, told: str = "") -> dict[str, str]:
    return {"what": "a mutant" if found else "honest", "verdict": verdict, "told": told[:300]}


def _out_of_time(*_: Any) -> None:
    raise OutOfTimeError


if __name__ == "__main__":
    main(sys.argv[1:])
