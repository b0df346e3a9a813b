"""The process of a submission: reads one step's questions, writes its answers. Run as `python -I child.py FOLDER`.

It has the inputs of one step and nothing else: no expected value, no checker, nothing that a submission could alter to pass.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def main(folder: Path) -> int:
    """Answer the questions in `folder`."""
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    _limit(request["memory"], request["seconds"])
    file = str(folder / "submission.py")
    from bpcompare.learn.answering import answers, raised

    problem, found, vectorized = "", [], False
    try:
        content = _run(file)
        function = content.get(request["step"])
        vectorized = content.get("STYLE") == "vectorized"
        if not callable(function):
            problem = "not written"
        else:
            for questions in request["vectorized" if vectorized else "node"]:
                answer = answers(function, questions, vectorized=vectorized, file=file)
                found.append({"numbers": list(answer.numbers), "problem": answer.problem})
    except BaseException as error:  # noqa: BLE001 — a submission may raise anything, SystemExit included
        problem = raised(error, file)
    _write(folder / "answers.json", {"found": found, "problem": problem, "vectorized": vectorized})
    return 0


def _run(file: str) -> dict[str, Any]:
    """The submission's names, by running it as a module of its own."""
    source = Path(file).read_bytes()
    content: dict[str, Any] = {"__name__": "submission", "__file__": file}
    exec(compile(source, file, "exec", dont_inherit=True), content)  # noqa: S102 — that is what grading a program means
    return content


def _limit(memory: int, seconds: float) -> None:
    """Let the system stop what takes too much: memory, processor time, files."""
    try:
        import resource
    except ImportError:  # Windows: the parent's clock remains
        return
    for kind, most in (
        ("RLIMIT_DATA", memory),
        ("RLIMIT_CPU", int(seconds) + 1),
        ("RLIMIT_FSIZE", 64 * 2**20),
        ("RLIMIT_CORE", 0),
    ):
        if not hasattr(resource, kind):
            continue
        number = getattr(resource, kind)
        try:
            _, hard = resource.getrlimit(number)
            allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(number, (allowed, allowed))
        except (ValueError, OSError):  # a system that cannot: the parent's clock remains
            continue


def _write(path: Path, content: Any) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content), encoding="utf-8")
    part.replace(path)


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    # What a submission left running, or registered for the end, is nobody's business any more.
    os._exit(code)
