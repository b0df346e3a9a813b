"""The command line. One verb a file; whatever takes time to import waits inside the verbs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

USAGE = 2
"""Exit code of a bad spec or usage."""
INTERRUPTED = 130
BUG = 70


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own) and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words == ["--version"]:
        from bpcompare import __version__

        return _spoken(__version__)
    from cyclopts import CycloptsError

    from bpcompare.cli.app import GROUPS, VERBS, app
    from bpcompare.cli.terminal import abandon, complain

    try:
        code = app()(words, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        complain(f"{str(error).strip()}\nTry: bpcompare {f'{words[0]} ' if words[0] in (*VERBS, *GROUPS) else ''}--help")
        return USAGE
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the help has read enough
        abandon()
        return 0
    except MemoryError:
        complain("out of memory: fewer steps, a smaller batch or --dtype float32 take less")
        return USAGE
    except Exception:  # noqa: BLE001 — Python's own exit code for it would be 1, which here means "wrong"
        from traceback import format_exc

        complain(f"{format_exc()}This is a bug in bpcompare, not a verdict about your network.")
        return BUG
    return code if isinstance(code, int) else 0


def _spoken(text: str) -> int:
    from bpcompare.cli.terminal import say

    say(text)
    return 0
