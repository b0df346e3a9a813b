"""`bpcompare backends`: what is installed, and whether it can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from bpcompare.cli.options import switch
from bpcompare.cli.terminal import say

if TYPE_CHECKING:
    from bpcompare.backend import Backend


def backends(*, verbose: Annotated[bool, switch("Print tracebacks.", "--verbose", "-v")] = False) -> int:
    """List the backends that are installed: ready with their version, absent with the command that installs them, or broken."""
    from bpcompare.engine.registry import Absent, Broken, statuses
    from bpcompare.report.columns import columns
    from bpcompare.report.lines import joined

    rows, tracebacks = [], []
    for status in statuses():
        if isinstance(status, Absent):
            rows.append([status.name, "absent", f"install it: {status.hint}"])
        elif isinstance(status, Broken):
            rows.append([status.name, "broken", status.reason])
            tracebacks += [f"{status.name}:", *status.traceback.splitlines()] if status.traceback else []
        else:
            rows.append([status.name, "ready", f"{status.version}   ({status.distribution}){_unheard(status.backend)}"])
    more = ["", *tracebacks] if verbose and tracebacks else []
    say(lambda: joined([*(columns(rows, titled=False) if rows else ["no backend is installed"]), *more]))
    return 0


def _unheard(backend: type[Backend]) -> str:
    """Ops that came after the backend was written."""
    from bpcompare.backend import UNHEARD, gaps_of

    names = [op.name for op, reason in gaps_of(backend).items() if reason == UNHEARD]
    return f"; it has not heard of {', '.join(names)}" if names else ""
