"""`bpcompare conform`: a backend tried on everything it claims."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from bpcompare.cli.codes import NOT_RUN
from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.options import switch
from bpcompare.cli.terminal import Progress, complain, refused, say, say_exactly


def conform(
    name: Annotated[str, Parameter(name="NAME", help="A backend that is installed, or path/to/file.py:Class.")],
    /,
    *,
    markdown: Annotated[bool, switch("Print the table as markdown.")] = False,
) -> int:
    """Try a backend on every op and update rule that it claims, and on every gap; print the table.

    Exit code 0: it conforms. 1: it does not. 3: it cannot be loaded.
    """
    keep_freed_memory()
    from bpcompare.cli.present import present
    from bpcompare.engine.address import UnknownBackendError
    from bpcompare.testing.conform import conform as tried
    from bpcompare.testing.table import conformance_markdown, conformance_text

    progress = Progress(quiet=False)
    try:
        present([name])
        found = tried(name, progress)
    except UnknownBackendError as error:
        return refused(error)
    except LookupError as error:
        complain(f"{name}: {error.args[0]}")
        return NOT_RUN
    finally:
        progress.done()
    if markdown:
        say_exactly(conformance_markdown(found))
    else:
        say(lambda: conformance_text(found))
    return 1 if found.complaints else 0
