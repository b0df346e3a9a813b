"""`bpcompare environments`: lists the environments made for versions of frameworks, and removes them."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from bpcompare.cli.codes import USAGE, reason
from bpcompare.cli.options import switch
from bpcompare.cli.terminal import Progress, complain, refused, say


def environments(
    *,
    remove: Annotated[str | None, Parameter(help="Delete the environment of this name, or `all`.", negative="")] = None,
    make: Annotated[
        str | None, Parameter(help="Make the environment of a backend's version now: jax@0.4.35.", negative="")
    ] = None,
    source: Annotated[
        bool,
        switch("With --make: build packages that have no binaries, which runs code of theirs on this machine."),
    ] = False,
) -> int:
    """List the environments that `-b jax@0.4.35` and the like have made, and those that failed; delete them, or make one."""
    from bpcompare.engine.isolation import environment
    from bpcompare.report.columns import columns
    from bpcompare.report.lines import clipped, joined

    if (remove is not None and make is not None) or (source and make is None):
        complain("--remove and --make are two commands; --source belongs to --make")
        return USAGE
    if make is not None:
        return _made(make, source=source)
    found = {one.folder.name: one for one in environment.environments()}
    if remove is None:
        rows = [
            [name, "failed", clipped(one.failure, 300)]
            if one.failure
            else [name, f"{one.bytes / 2**20:,.0f} MiB", " ".join(one.requirements)]
            for name, one in found.items()
        ]
        where = f"in {environment.cache()}; delete with --remove NAME, or --remove all"
        say(lambda: joined([*columns(rows, titled=False), "", where] if rows else [f"none in {environment.cache()}"]))
        return 0
    if remove != "all" and remove not in found:
        complain(f"there is no environment {remove!r} in {environment.cache()}; `bpcompare environments` lists them")
        return USAGE
    for name in found if remove == "all" else [remove]:
        try:
            environment.remove(found[name])
        except OSError as error:
            complain(f"{name} was not deleted: {reason(error)}")
            return USAGE
        say(f"deleted {name}")
    return 0


def _made(name: str, *, source: bool) -> int:
    from bpcompare.engine.address import UnknownBackendError, locate
    from bpcompare.engine.isolation.environment import EnvironmentFailure, interpreter

    progress = Progress(quiet=False)
    try:
        address = locate(name)
        if not address.version:
            complain(f"{name} asks for no version of a framework, so it needs no environment: name@VERSION does")
            return USAGE
        python = interpreter(address, progress, source=source)
    except (UnknownBackendError, EnvironmentFailure) as error:
        progress.done()
        return refused(error)
    progress.done()
    say(python, fold=False)
    return 0
