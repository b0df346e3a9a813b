"""The process of a submission: reads one step's questions, answers on its standard output. Run as `python -I child.py FOLDER`.

It has the inputs of one step and nothing else: no expected value, no checker, nothing that a submission could alter to pass.
The first byte that it answers says that it has begun: what happened before is the machine's doing, and what happens afterwards
the submission's.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from math import ceil
from pathlib import Path
from typing import Any

DISK = {errno.EIO, errno.ENFILE, errno.EROFS}
FULL = {errno.ENOSPC, errno.EDQUOT}
"""What the system says when it fails, and when a disk is full: the grader's, unless the submission has a small one of its own."""


def main(folder: Path) -> None:
    """Answer the questions in `folder`."""
    # What a submission prints is not its answer.
    answer = os.dup(1)
    os.dup2(2, 1)
    me = os.getpid()
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    _limit("RLIMIT_DATA", request["memory"])
    _limit("RLIMIT_FSIZE", request["file"])
    _limit("RLIMIT_CORE", 0)
    sys.path.append(str(Path(__file__).parents[3]))  # bpcompare, if it is not installed
    from bpcompare.teach.learn.answering import raised

    file = str(folder / "submission.py")
    source = Path(file).read_bytes()
    _limit("RLIMIT_CPU", ceil(_cpu() + request["seconds"]) + 1, 2)
    os.write(answer, b"\n")
    failures: list[OSError] = []
    try:
        content = _answered(source, file, request, failures)
    except BaseException as error:  # noqa: BLE001 — a submission may raise anything, SystemExit included
        content = {"problem": raised(error, file)}
        failures += [error] if isinstance(error, OSError) else []
    for failure in failures:
        if failure.errno in (DISK if request["confined"] else DISK | FULL):
            content["failed"] = raised(failure, file)
    if os.getpid() == me:  # and not a copy that the submission forked and let return
        _say(answer, content)


def _answered(source: bytes, file: str, request: dict[str, Any], failures: list[OSError]) -> dict[str, Any]:
    """The submission's answers to every sheet, by running it as a module of its own; `failures` gets what the system refused."""
    from bpcompare.teach.learn.answering import answers

    module: dict[str, Any] = {"__name__": "submission", "__file__": file}
    exec(compile(source, file, "exec", dont_inherit=True), module)  # noqa: S102 — that is what grading a program means
    function, vectorized = module.get(request["step"]), module.get("STYLE") == "vectorized"
    if not callable(function):
        return {"problem": "not written", "vectorized": vectorized}

    def noted(given: Any) -> Any:
        try:
            return function(given)
        except OSError as error:
            failures.append(error)
            raise

    found = []
    for questions in request["vectorized" if vectorized else "node"]:
        answer = answers(noted, questions, vectorized=vectorized, file=file, most=request["numbers"])
        found.append({"numbers": list(answer.numbers), "problem": answer.problem, "beyond": answer.beyond})
    return {"found": found, "problem": "", "vectorized": vectorized}


def _limit(kind: str, most: int, more: int = 0) -> None:
    """Set the system's limits: what exceeds a limit gets an error or a signal, and the process is killed after so much `more`."""
    try:
        import resource

        number = getattr(resource, kind)
        hard = resource.getrlimit(number)[1]
        allowed = most + more if hard == resource.RLIM_INFINITY else min(most + more, hard)
        resource.setrlimit(number, (min(most, allowed), allowed))
    except (ImportError, AttributeError, ValueError, OSError):  # Windows, or a system that cannot: the guard's clock remains
        pass


def _cpu() -> float:
    return sum(os.times()[:2])


def _say(number: int, content: dict[str, Any]) -> None:
    data = json.dumps(content).encode()
    while data:
        data = data[os.write(number, data) :]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stdout.flush()
    # What a submission left running, or registered for the end, is nobody's business any more.
    os._exit(0)
