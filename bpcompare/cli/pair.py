"""`bpcompare check A B`: two programs, held against each other."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from typing import TYPE_CHECKING

from bpcompare.cli.codes import USAGE
from bpcompare.cli.kept import lines_kept
from bpcompare.cli.terminal import Progress, complain, refused, say, say_exactly

if TYPE_CHECKING:
    from bpcompare.own.pair import Compared


def pair(
    first: str,
    second: str,
    seed: int,
    *,
    as_is: bool,
    intended: Sequence[str],
    tree: bool,
    json: str | None,
    given: Sequence[str],
) -> int:
    """Check both, compare them, print and write it; the exit code. Both are made with the same seed."""
    from bpcompare.own.factory import FactoryError
    from bpcompare.own.ordered import ordered
    from bpcompare.own.pair import MapError, compare

    progress = Progress(quiet=json == "-")
    mapped = {one.strip(): _parts(other) for one, _, other in (entry.partition("=") for entry in given)}
    try:
        checks = []
        for address in (first, second):
            progress(f"{address}: running")
            checks.append(ordered(address, seed, as_is=as_is, intended=intended, wake=False))
        progress("comparing")
        found = compare(*checks, map=mapped, names=(first, second))
        found.again = f"bpcompare check {quote(first)} {quote(second)}{' --as-is' if as_is else ''}"
        str(found)
    except FactoryError as error:
        progress.done()
        return refused(error)
    except MapError as error:
        progress.done()
        complain(f"--map: {error}")
        return USAGE
    finally:
        progress.done()
    return _told(found, tree=tree, json=json)


def _parts(names: str) -> str | list[str]:
    parts = [part.strip() for part in names.split(",")]
    return parts[0] if len(parts) == 1 else parts


def _told(found: Compared, *, tree: bool, json: str | None) -> int:
    from bpcompare.own.pair.summary import to_json

    if json == "-":
        say_exactly(to_json(found))
        return found.exit_code
    say(lambda: str(found))
    for name, step in zip(found.names, found.steps, strict=True) if tree else ():
        say(f"\n{name}")
        say(step.tree)
    if json is not None:
        return found.exit_code if lines_kept(json, [to_json(found)]) else USAGE
    return found.exit_code
