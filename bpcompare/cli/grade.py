"""`bpcompare grade`: homework."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from bpcompare.cli.codes import UNMARKED, reason
from bpcompare.cli.options import switch
from bpcompare.cli.terminal import Progress, complain, laid_out, refused, say, say_exactly

if TYPE_CHECKING:
    from bpcompare.teach.grading import Grade
    from bpcompare.teach.grading.submission import Limits

SEEDS = 2**32


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
    reveal: Annotated[bool, switch("Feedback may print the right numbers.")] = False,
    timeout: Annotated[float, Parameter(help="Seconds for each step.")] = 10.0,
    memory: Annotated[str, Parameter(help="Memory for each step, such as 1G.")] = "1G",
    seed: Annotated[
        int | None, Parameter(help="Draw the hidden numbers from this seed, as the grade printed it; by default at random.")
    ] = None,
    confine: Annotated[
        Literal["auto", "required", "process"],
        Parameter(help="auto: in a sandbox of bubblewrap if it works here; required: or not at all; process: without it."),
    ] = "auto",
) -> int:
    """Grade a submission in processes of its own, and name its mistakes.

    Exit codes: 0 full score, 1 something is wrong, 2 bad input, 75 the grader failed: no mark.
    """
    import bpcompare
    from bpcompare.network import SpecError
    from bpcompare.teach.grading import Grade, GradingError
    from bpcompare.teach.grading import grade as graded
    from bpcompare.text.words import inert

    progress = Progress(quiet=False)
    try:
        limits = _limits(timeout, memory, output, seed)
        wanted = None if points is None else _points(points)
        network = bpcompare.load(spec)
    except (SpecError, ValueError) as error:
        return refused(error)
    try:
        found = graded(
            network,
            file,
            wanted,
            hidden=hidden,
            limits=limits,
            reveal=reveal,
            seed=seed,
            confine=confine,
            progress=progress,
        )
    except (SpecError, GradingError) as error:
        progress.done()
        return refused(error)
    except Exception as error:  # noqa: BLE001 — whatever breaks here, no student gets a mark for it
        from traceback import format_exc

        complain(format_exc())
        reason = f"a bug in bpcompare ({inert(f'{type(error).__name__}: {error}', 200)}); please report it"
        found = Grade(inert(spec), inert(file), (), failure=reason)
    progress.done()
    return _told(found, format, output)


def _told(found: Grade, form: str, output: str | None) -> int:
    """Print the grade, or write it, and say in the exit code what it is."""
    from bpcompare.files.writing import write
    from bpcompare.teach.grading import FORMATS

    with laid_out() if form == "text" and output is None else nullcontext():
        written = FORMATS[form](found)
    if output is not None:
        try:
            write(output, f"{written}\n".encode("utf-8", "replace"))
        except OSError as error:
            why = f"{output} was not written: {reason(error)}"
            complain(f"the grader failed: {why}. No mark: what stands there is of an earlier grading")
            return UNMARKED
        if found.failure:
            complain(f"the grader failed: {found.failure}")
    elif form == "text":
        say(written)
    else:
        say_exactly(written)
    if found.failure:
        return UNMARKED
    return 0 if found.score == found.most else 1


def _limits(timeout: float, memory: str, output: str | None, seed: int | None) -> Limits:
    """Limits on each step. Raises GradingError for options that make no sense."""
    from bpcompare.cli.apart import Apart
    from bpcompare.files.writing import unwritable
    from bpcompare.teach.grading import GradingError
    from bpcompare.teach.grading.submission import Limits

    apart = Apart(isolate=True, timeout=timeout, memory=memory)
    if apart.problem:
        raise GradingError(apart.problem)
    if output is not None and (problem := unwritable(output)):
        raise GradingError(f"--output: {problem}")
    if seed is not None and not 0 <= seed < SEEDS:
        raise GradingError(f"--seed must be a whole number from 0 to {SEEDS - 1}, is {seed}")
    return Limits(timeout, apart.options["memory"])


def _points(words: str) -> dict[str, float]:
    """`delta_hidden=4,update` as points by step."""
    from bpcompare.teach.grading import GradingError
    from bpcompare.teach.learn.views import STEPS

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
