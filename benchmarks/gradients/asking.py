"""Asks a share of the questions, in a process of its own: python -m benchmarks.gradients.asking '{…}'."""

from __future__ import annotations

import json
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, process_time
from typing import Any

from benchmarks.gradients.answers import BEGUN, Answers
from benchmarks.gradients.question import Key, asked
from benchmarks.gradients.sample import Function


class OutOfTimeError(BaseException):
    """A function's budget is spent. No Exception, so that nobody on the way takes it for an error of the code under test."""


def functions(libraries: list[str], only: list[str]) -> Iterator[Function]:
    """All that are asked for, in an order that is always the same."""
    from benchmarks.gradients import jax_functions, torch_functions

    for library, module in (("torch", torch_functions), ("jax", jax_functions)):
        if library in libraries:
            yield from (one for one in module.functions() if not only or one.name in only)


def rounds(seeds: int) -> Iterator[tuple[int, str, bool]]:
    """Seed, format and cancelling or not: every function is asked in each of these, one after the other."""
    for seed in range(seeds):
        for dtype, cancelling in (("float64", False), ("float32", True), ("float32", False), ("float64", True)):
            yield seed, dtype, cancelling


def main(given: dict[str, Any]) -> None:
    """Ask what is not answered yet, until the time is over."""
    warnings.simplefilter("ignore")
    answers, until = Answers(Path(given["answers"])), monotonic() + given["seconds"]
    known = set(answers.read())
    for path in given["known"]:
        known |= {key for key, found in Answers(Path(path)).read().items() if found != BEGUN}  # it may have been interrupted
    signal.signal(signal.SIGPROF, _out_of_time)
    mine = list(functions(given["libraries"], given["only"]))[given["share"] :: given["shares"]]
    left = dict.fromkeys(mine, given["budget"])
    for seed, dtype, cancelling in rounds(given["seeds"]):
        for function in mine:
            key = Key(function.library, function.name, dtype, seed, cancelling)
            if key in known:
                continue
            if monotonic() > until:
                return
            begun = process_time()
            answers.begin(key)
            answers.put(key, _found(function, key, max(left[function], 1.0)))
            left[function] -= process_time() - begun


def _found(function: Function, key: Key, seconds: float) -> list[dict[str, str]]:
    """The answer to one question, in so many seconds of the processor at most."""
    found: list[dict[str, str]] = []
    if key.library == "jax":
        import jax

        jax.config.update("jax_enable_x64", key.dtype == "float64")
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        found.extend(one for one in asked(function, key))
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
    main(json.loads(sys.argv[1]))
