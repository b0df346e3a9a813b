"""`bpcompare doubt`: are somebody's tests of a backward able to notice that it is wrong?"""

from __future__ import annotations

from math import isfinite
from typing import Annotated

from cyclopts import Parameter

from bpcompare.cli.codes import USAGE
from bpcompare.cli.kept import lines_kept
from bpcompare.cli.options import Json, switch
from bpcompare.cli.terminal import Progress, complain, refused, say, say_exactly


def doubt(
    *tests: Annotated[
        str,
        Parameter(
            name="TESTS",
            negative="",
            help="What you give to pytest: files, folders; options of pytest behind --.",
        ),
    ],
    of: Annotated[
        str,
        Parameter(
            negative="",
            help="The backward, package.module:NAME: a torch.autograd.Function, a jax.custom_vjp, or a plain function of "
            "(*inputs, dy), also a method, Layer.backward.",
        ),
    ],
    dy: Annotated[
        str,
        Parameter(
            negative="", help="The argument of a plain backward that is dy; by default it is told by its name, or the last."
        ),
    ] = "",
    workers: Annotated[
        int, Parameter(name=["--workers", "-n"], help="So many mutants at a time, each in a process of its own.")
    ] = 1,
    every: Annotated[bool, switch("Run all tests for each mutant, not only those that run the backward.", "--all")] = False,
    only: Annotated[
        list[str] | None, Parameter(negative="", help="Only this kind of mutant, such as dy-ignored. Repeat it.")
    ] = None,
    without: Annotated[list[str] | None, Parameter(negative="", help="Not this kind of mutant. Repeat it.")] = None,
    timeout: Annotated[
        float | None,
        Parameter(
            help="Seconds that your tests may take with a mutant, which is killed then; by default 5 times their own and 20 more."
        ),
    ] = None,
    budget: Annotated[float | None, Parameter(help="Seconds for everything; what is not reached by then is not tried.")] = None,
    json: Json = None,
) -> int:
    """Plant mistakes into a backward, one by one, and run your own pytest suite with each: which of them do your tests notice?

    Nothing is written into your files: a mistake is planted in the memory of the process that runs your tests. Exit codes: 0 all
    were noticed, 1 some were not, 2 usage, 3 your suite fails without any, 4 some were not tried or could not be judged.
    """
    if problem := _misused(workers, timeout, budget, json):
        complain(f"{problem}\nTry: bpcompare doubt --help")
        return USAGE
    from bpcompare.tools.doubt.doubt import DoubtError, Options
    from bpcompare.tools.doubt.doubt import doubt as doubted
    from bpcompare.tools.doubt.text import text, to_json

    progress = Progress(quiet=json == "-")
    try:
        options = Options(workers, timeout, budget, every, tuple(only or ()), tuple(without or ()), dy)
        found = doubted(tests, of, options, lambda words: progress(f"{of}: {words}"))
    except DoubtError as error:
        progress.done()
        return refused(error)
    finally:
        progress.done()
    if json == "-":
        say_exactly(to_json(found))
        return found.exit_code
    say(lambda: text(found))
    if json is not None:
        return found.exit_code if lines_kept(json, [to_json(found)]) else USAGE
    return found.exit_code


def _misused(workers: int, timeout: float | None, budget: float | None, json: str | None) -> str:
    from bpcompare.files.writing import unwritable

    if workers < 1:
        return f"-n must be at least 1, is {workers}"
    for option, seconds in (("--timeout", timeout), ("--budget", budget)):
        if seconds is not None and not (seconds > 0 and isfinite(seconds)):
            return f"{option} must be a positive number of seconds, is {seconds:g}"
    problem = unwritable(json) if json not in (None, "-") else ""
    return f"--json: {problem}" if problem else ""
