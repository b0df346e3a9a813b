"""`bpcompare new`: the beginning of a backend."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from bpcompare.cli.codes import USAGE, reason
from bpcompare.cli.terminal import complain, say

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST_NAME = 40


def new(
    name: Annotated[str, Parameter(name="NAME", help="What people will call it: small letters, digits, single underscores.")],
    /,
    *,
    into: Annotated[str, Parameter(help="The folder to put it in.")] = ".",
) -> int:
    """Start an installable package with a backend, `bpcompare-NAME`: it runs, and passes its tests, from the first minute."""
    from bpcompare.engine.address import names
    from bpcompare.testing.scaffold import scaffold

    problem = ""
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        problem = (
            f"{name[:LONGEST_NAME]!r} is no name for a backend: small letters, digits and single underscores, a letter first"
        )
    elif name in names():
        problem = f"there is a backend called {name!r} already; `bpcompare backends` lists them"
    elif not Path(into).is_dir():
        problem = f"there is no folder {into}"
    if problem:
        complain(problem)
        return USAGE
    try:
        made = scaffold(name, Path(into))
    except OSError as error:
        complain(f"nothing was written: {reason(error)}")
        return USAGE
    say(f"{made}\n\n  cd {made}\n  pip install -e . pytest\n  python -m pytest\n  bpcompare conform {name}")
    return 0
