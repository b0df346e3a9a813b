"""A step of somebody's code under another version of the framework: made in an environment of its own, judged here."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Sequence

from bpcompare.engine.address import Address
from bpcompare.engine.isolation import answers
from bpcompare.engine.isolation.environment import EnvironmentFailure, interpreter
from bpcompare.engine.isolation.isolated import TIMEOUT, packages
from bpcompare.engine.isolation.process import Ended, Process
from bpcompare.engine.worker.bootstrap import PROTOCOL
from bpcompare.own.factory import FactoryError, FailedError, present
from bpcompare.own.ordered import ordered
from bpcompare.own.recorders import RECORDERS
from bpcompare.own.serving import SUFFIX
from bpcompare.own.step import WatchedStep
from bpcompare.own.storage import load
from bpcompare.plan.storage import StorageError
from bpcompare.text.words import inert

MOST_RUNS = 2


class ElsewhereError(FactoryError):
    """An environment, or its process, gives no step."""

    exit_code = 3


def step_of(
    framework: Address,
    of: str,
    seed: int = 0,
    *,
    as_is: bool = False,
    intended: Sequence[str] = (),
    timeout: float = TIMEOUT,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[WatchedStep, ...]:
    """The runs of FILE.py:NAME under a framework: `torch@2.12.0`, `torch@/path/to/python`; here, if it is just `torch`.

    An environment is made once for a version, and kept. The step comes from there as data, and nothing in it is executed.
    Raises FactoryError, and what it is derived to: FailedError for an error of their code, ElsewhereError for all else.
    """
    if framework.base not in RECORDERS or framework.from_file or framework.mistake:
        known = ", ".join(RECORDERS)
        raise FactoryError(f"{framework.name}: code of your own runs on {known}, or on a version of one, such as torch@2.13.0")
    present(of)
    if not framework.foreign:
        return ordered(of, seed, as_is=as_is, intended=intended).runs
    try:
        python = interpreter(framework, progress)
        progress(f"{of}: running on {framework.name}")
        with Process() as process:
            return _made(framework, python, of, process, {"seed": seed, "as_is": as_is, "intended": list(intended)}, timeout)
    except (EnvironmentFailure, OSError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ElsewhereError(inert(f"{framework.name}: {reason}")) from error


def _made(
    framework: Address, python: str, of: str, process: Process, options: dict[str, object], timeout: float
) -> tuple[WatchedStep, ...]:
    request = {
        "protocol": PROTOCOL,
        "serve": "bpcompare.own.serving",
        "address": {"of": of, **options},
        "packages": packages(framework),
        "path": [],
        "memory": 0,
    }
    (process.folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
    script = importlib.util.find_spec("bpcompare.engine.worker.bootstrap")
    assert script is not None and script.origin is not None  # noqa: PT018, S101 — it stands beside the engine
    ended = process.run([python, "-I", "-u", script.origin, str(process.folder)], timeout)
    try:
        answer = answers.outcome(process.folder, PROTOCOL)
        if answer is None:
            raise ElsewhereError(f"{framework.name}: {_ending(ended, timeout)}")
        if answer["outcome"] == "failed":
            kind = FailedError if answer.get("exit_code") == FailedError.exit_code else FactoryError
            raise kind(inert(f"{framework.name}: {answer.get('reason')}{_missing(str(answer.get('reason')), python)}"))
        runs = answer.get("runs")
        if answer["outcome"] != "made" or not isinstance(runs, int) or not 1 <= runs <= MOST_RUNS:
            reason = f"{answer.get('reason', 'its answer makes no sense')}"
            raise ElsewhereError(inert(f"{framework.name}: {reason}{_missing(reason, python)}"))
        return tuple(load(process.folder / f"{number}{SUFFIX}") for number in range(runs))
    except StorageError as error:
        raise ElsewhereError(f"{framework.name}: what came back cannot be read: {error}") from error


def _ending(ended: Ended, timeout: float) -> str:
    if ended.code is None:
        return f"did not end within {timeout:g} s, and was stopped"
    how = f"crashed with {ended.signal}" if ended.signal else f"ended with exit code {ended.code} and no answer"
    printed = inert(ended.printed.strip()[-500:])
    return f"its process {how}{f': {printed}' if printed else ''}"


def _missing(reason: str, python: str) -> str:
    """What to do where something that their code imports is not there."""
    absent = "No module named" in reason or "has no module" in reason
    return f"; what your code imports has to be installed there: {python} -m pip install …" if absent else ""
