"""The command line. One verb a file; whatever takes time to import waits inside the verbs."""

from __future__ import annotations

import gc
import shlex
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` in this process, and return its exit code.

    Without `argv` it is the process's own: then a child does the work, and this process sees how it ends.
    """
    if argv is not None:
        return _answered(list(argv))
    from bpcompare.cli.supervision import supervised
    from bpcompare.cli.terminal import occupy

    occupy()
    words = sys.argv[1:]
    own = words[:1] in (["check"], ["watch"], ["doubt"])
    if not own:
        # Importing makes a million objects that stay, and so does a graph of ten thousand nodes; looking through them again and
        # again took a seventh of a run, or a fifth.
        gc.set_threshold(200_000, 20, 20)
    return supervised(lambda: _answered(words), own=own)


def _answered(words: list[str]) -> int:
    from bpcompare.cli.terminal import settled

    return settled(_code(words))


def _code(words: list[str]) -> int:
    from bpcompare.cli.codes import BUG, INTERRUPTED, NOT_RUN, USAGE, reason
    from bpcompare.cli.terminal import complain, say

    if words == ["--version"]:
        from bpcompare import __version__

        say(__version__)
        return 0
    from cyclopts import CycloptsError, UnusedCliTokensError

    from bpcompare.cli.app import GROUPS, VERBS, app
    from bpcompare.cli.help import Help
    from bpcompare.engine.interruption import wanted

    if words[:1] == ["watch"]:
        from bpcompare.cli.watch import passed_on

        words = ["watch", *passed_on(words[1:])]
    try:
        with Help() as console:
            code = app()(words, console=console, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        said = str(error).strip()
        if isinstance(error, UnusedCliTokensError):
            said = f"more than was asked for: {shlex.join(error.unused_tokens or ())}"
        complain(f"{said}\nTry: bpcompare {f'{words[0]} ' if words[0] in (*VERBS, *GROUPS) else ''}--help")
        return USAGE
    except MemoryError:
        complain("out of memory: fewer steps, a smaller batch or --dtype float32 take less")
        return USAGE
    except BaseException as error:  # noqa: BLE001 — whatever it is, Python's own exit code for it could be a verdict's
        if wanted(error):
            complain("interrupted")
            return INTERRUPTED
        if isinstance(error, OSError) and error.filename is not None:
            complain(f"{error.filename}: {reason(error)}")
            return USAGE
        if not isinstance(error, Exception):
            complain(f"the run was ended by a {type(error).__name__} that nobody here raised: there is no verdict")
            return NOT_RUN
        from traceback import format_exc

        complain(f"{format_exc()}This is a bug in bpcompare, not a verdict about your network.")
        return BUG
    return code if isinstance(code, int) else 0
