"""`bpcompare repro`: a saved run, or a token of one, once more."""

from __future__ import annotations

import os
from typing import Annotated

from cyclopts import Parameter

from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.terminal import Progress, complain, say, say_exactly

USAGE = 2


def repro(
    source: Annotated[str, Parameter(name="FILE|TOKEN", help="What `run --save` wrote, or a token (bp1:…).")],
    /,
    *,
    script: Annotated[bool, Parameter(negative="", help="Print a Python file that repeats it, and run nothing.")] = False,
    token: Annotated[bool, Parameter(negative="", help="Print a token that repeats it, and run nothing.")] = False,
    trust: Annotated[
        bool, Parameter(negative="", help="Run (or print) the code it names, its interpreters too, and install its versions.")
    ] = False,
) -> int:
    """Run a saved run again, with the same numbers, and say whether it ends the same way. The exit code is that of `run`.

    A file has no say in what runs here: without --trust, only backends that are installed.
    """
    if script and token:
        complain("--script and --token are two forms of the same thing; give one of them")
        return USAGE
    keep_freed_memory()
    from bpcompare import reproduction as its
    from bpcompare.address import UnknownBackendError
    from bpcompare.archive import load_comparison
    from bpcompare.report import text
    from bpcompare.storage import StorageError

    progress = Progress(quiet=False)
    try:
        # A file may have any name; a token is never one.
        is_token = source.startswith(its.MARK) and not os.path.exists(source)  # noqa: PTH110 — a token is no path
        it = its.from_token(source) if is_token else its.reproduction(load_comparison(source))
        if wanted := () if token or trust else its.demands(it, script=script):
            complain(
                f"{_shown(source)} chose what is no backend of yours: {'; '.join(wanted)}. Look at that; --trust then does it."
            )
            return USAGE
        if script or token:
            say_exactly(its.token(it) if token else its.script(it))
            return 0
        comparison = it.run(progress)
    except (StorageError, UnknownBackendError) as error:
        complain(error)
        return USAGE
    except OSError as error:
        complain(f"{_shown(source)}: {error.strerror or error}")
        return USAGE
    finally:
        progress.done()
    say(lambda: text(comparison, command=f"bpcompare repro {source}" if len(source) < 200 else None))
    say(f"\nIt {its.ended(it, comparison)}")
    return comparison.exit_code


def _shown(source: str) -> str:
    return source if len(source) < 200 else f"{source[:40]}…"
