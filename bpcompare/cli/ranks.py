"""`bpcompare ranks`: the steps of all processes that train one model, judged together."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from bpcompare.cli.codes import USAGE, reason
from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.terminal import Progress, complain, refused, say


def ranks(
    *steps: Annotated[
        str, Parameter(name="FILE", negative="", help="The step of each rank, as `bpcompare watch --save` keeps it.")
    ],
    intended: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            help="A custom autograd.Function whose backward is meant to be no derivative, or a communication hook whose result "
            "is not meant to be the mean, by its name. Repeat it.",
        ),
    ] = None,
) -> int:
    """Judge the steps of all ranks of a DistributedDataParallel: are gradients averaged, and do the ranks stay one model?

    Exit codes: 0 certified, 1 wrong, 2 usage, 4 certified in part, or undecided.
    """
    from bpcompare.own.ranks import ranks as judged_together
    from bpcompare.plan.storage import StorageError

    keep_freed_memory()
    progress = Progress(quiet=False)
    try:
        progress(f"reading {len(steps)} steps")
        found = judged_together(steps, intended=intended or ())
        progress("judging")
        _ = str(found)
    except OSError as error:
        progress.done()
        complain(f"{error.filename or 'a step'}: {reason(error)}")
        return USAGE
    except StorageError as error:
        progress.done()
        return refused(error)
    except ValueError as error:
        progress.done()
        complain(f"{error}\nTry: bpcompare ranks --help")
        return USAGE
    finally:
        progress.done()
    say(lambda: str(found))
    return found.exit_code
