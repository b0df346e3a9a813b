"""`bpcompare repro`: a saved run, or a token of one, once more."""

from __future__ import annotations

import os
from typing import Annotated

from cyclopts import Parameter

from bpcompare.cli.codes import USAGE, reason
from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.options import switch
from bpcompare.cli.terminal import Progress, complain, refused, say, say_exactly


def repro(
    source: Annotated[str, Parameter(name="FILE|TOKEN", help="What `run --save` wrote, or a token (bp1:…).")],
    /,
    *,
    script: Annotated[bool, switch("Print a Python file that repeats it, and run nothing.")] = False,
    token: Annotated[bool, switch("Print a token that repeats it, and run nothing.")] = False,
    trust: Annotated[bool, switch("Run (or print) the code it names, its interpreters too, and install its versions.")] = False,
) -> int:
    """Run a saved run again, with the same numbers, and say whether it ends the same way. The exit code is that of `run`.

    A file has no say in what runs here: without --trust, only backends that are installed.
    """
    if script and token:
        complain("--script and --token are two forms of the same thing; give one of them")
        return USAGE
    keep_freed_memory()
    from bpcompare.engine.address import UnknownBackendError
    from bpcompare.plan.storage import StorageError
    from bpcompare.report import text
    from bpcompare.session import reproduction
    from bpcompare.session.archive import load_comparison

    progress = Progress(quiet=False)
    try:
        # A file may have any name; a token is never one.
        is_token = source.startswith(reproduction.MARK) and not os.path.exists(source)  # noqa: PTH110 — a token is no path
        it = reproduction.from_token(source) if is_token else reproduction.reproduction(load_comparison(source))
        if wanted := () if token or trust else reproduction.demands(it, script=script):
            complain(
                f"{_shown(source)} chose what is no backend of yours: {'; '.join(wanted)}. Look at that; --trust then does it."
            )
            return USAGE
        if script or token:
            say_exactly(reproduction.token(it) if token else reproduction.script(it))
            return 0
        comparison = it.run(progress)
    except (StorageError, UnknownBackendError) as error:
        return refused(error)
    except OSError as error:
        complain(f"{_shown(source)}: {reason(error)}")
        return USAGE
    finally:
        progress.done()
    say(lambda: text(comparison, command=f"bpcompare repro {source}" if len(source) < 200 else None))
    say(f"\nIt {reproduction.ended(it, comparison)}")
    return comparison.exit_code


def _shown(source: str) -> str:
    return source if len(source) < 200 else f"{source[:40]}…"
