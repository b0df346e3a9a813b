"""`bpcompare grade`: homework."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated, Literal

from cyclopts import Parameter

from bpcompare.cli.terminal import Progress, complain, laid_out, say, say_exactly


def grade(
    file: Annotated[str, Parameter(name="FILE", help="A Python file with some of delta_output, delta_hidden, gradient, update.")],
    /,
    *,
    spec: Annotated[str, Parameter(help="The network of the exercise.")],
    format: Annotated[  # noqa: A002
        Literal["text", "gradescope", "json", "junit"], Parameter(help="How to print the grade.")
    ] = "text",
    points: Annotated[
        str | None, Parameter(help="Steps that count: delta_hidden=4,update=1; by default all, one point each.")
    ] = None,
    output: Annotated[str | None, Parameter(name=["--output", "-o"], help="Write it to this file instead.")] = None,
    hidden: Annotated[bool, Parameter(help="Ask on other numbers as well: answers that were copied fail there.")] = True,
    reveal: Annotated[bool, Parameter(negative="", help="Feedback may print the right numbers.")] = False,
    timeout: Annotated[float, Parameter(help="Seconds for each step.")] = 10.0,
    memory: Annotated[str, Parameter(help="Memory for each step, such as 1G.")] = "1G",
) -> int:
    """Grade a submission in processes of its own, and name its mistakes.

    Exit codes: 0 full score, 1 something is wrong, 2 bad input.
    """
    import bpcompare
    from bpcompare.cli.apart import Apart
    from bpcompare.grading import FORMATS, GradingError
    from bpcompare.grading import grade as graded
    from bpcompare.grading.submission import Limits
    from bpcompare.network import SpecError
    from bpcompare.writing import unwritable, write

    progress = Progress(quiet=False)
    try:
        apart = Apart(isolate=True, timeout=timeout, memory=memory)
        if apart.problem:
            raise GradingError(apart.problem)
        if output is not None and (problem := unwritable(output)):
            raise GradingError(f"--output: {problem}")
        limits = Limits(timeout, apart.options["memory"])
        wanted = None if points is None else _points(points)
        found = graded(bpcompare.load(spec), file, wanted, hidden=hidden, limits=limits, reveal=reveal, progress=progress)
    except (SpecError, ValueError) as error:
        progress.done()
        complain(str(error))
        return 2
    progress.done()
    with laid_out() if format == "text" and output is None else nullcontext():
        written = FORMATS[format](found)
    if output is not None:
        try:
            write(output, f"{written}\n".encode("utf-8", "replace"))
        except OSError as error:
            complain(f"{output} was not written: {error.strerror or error}")
            return 2
    elif format == "text":
        say(written)
    else:
        say_exactly(written)
    return 0 if found.score == found.most else 1


def _points(words: str) -> dict[str, float]:
    """`delta_hidden=4,update` as points by step."""
    from bpcompare.grading import GradingError
    from bpcompare.learn.views import STEPS

    found = {}
    for word in words.split(","):
        step, _, number = word.strip().partition("=")
        try:
            value = float(number or 1)
        except ValueError:
            value = -1.0
        if step not in STEPS or not 0 < value < 1e6:
            raise GradingError(f"--points: {word.strip()!r} is not STEP=POINTS; steps are {', '.join(STEPS)}")
        found[step] = value
    return found
