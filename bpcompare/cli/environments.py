"""`bpcompare environments`: what was made for versions of frameworks, and how to be rid of it."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from bpcompare.cli.terminal import complain, say


def environments(
    *, remove: Annotated[str | None, Parameter(help="Delete the environment of this name, or `all`.", negative="")] = None
) -> int:
    """List the environments that `-b jax@0.4.35` and the like have made, or delete them."""
    from bpcompare.isolation import environment
    from bpcompare.report.lines import columns, joined

    found = {one.folder.name: one for one in environment.environments()}
    if remove is None:
        rows = [[name, f"{one.bytes / 2**20:,.0f} MiB", " ".join(one.requirements)] for name, one in found.items()]
        say(joined([*columns(rows), "", f"in {environment.cache()}; delete with --remove NAME, or --remove all"] if rows else
                   [f"none in {environment.cache()}"]))  # fmt: skip
        return 0
    if remove != "all" and remove not in found:
        complain(f"there is no environment {remove!r} in {environment.cache()}; `bpcompare environments` lists them")
        return 2
    for name in found if remove == "all" else [remove]:
        try:
            environment.remove(found[name])
        except OSError as error:
            complain(f"{name} was not deleted: {error}")
            return 2
        say(f"deleted {name}")
    return 0
