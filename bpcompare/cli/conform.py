"""`bpcompare conform`: a backend tried on everything it claims."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.terminal import Progress, complain, say, say_exactly


def conform(
    name: Annotated[str, Parameter(name="NAME", help="A backend that is installed, or path/to/file.py:Class.")],
    /,
    *,
    markdown: Annotated[bool, Parameter(negative="", help="Print the table as markdown.")] = False,
) -> int:
    """Try a backend on every op and update rule that it claims, and on every gap; print the table.

    Exit code 0: it conforms. 1: it does not. 3: it cannot be loaded.
    """
    keep_freed_memory()
    from bpcompare.address import UnknownBackendError
    from bpcompare.cli.present import present
    from bpcompare.testing.conform import conform as tried
    from bpcompare.testing.table import conformance_markdown, conformance_text

    progress = Progress(quiet=False)
    try:
        present([name])
        found = tried(name, progress)
    except UnknownBackendError as error:
        complain(error)
        return 2
    except LookupError as error:
        complain(f"{name}: {error.args[0]}")
        return 3
    finally:
        progress.done()
    if markdown:
        say_exactly(conformance_markdown(found))
    else:
        say(lambda: conformance_text(found))
    return 1 if found.complaints else 0
