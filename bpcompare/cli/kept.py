"""Files that an option asks for: written, or a complaint that says why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bpcompare.cli.codes import reason
from bpcompare.cli.terminal import complain


def kept(option: str, path: str, write: Callable[[], None]) -> bool:
    """Whether `write` could write the file `path`, which `option` asks for."""
    try:
        write()
    except (OSError, ValueError) as error:
        complain(f"{option}: {path} was not written: {reason(error)}")
        return False
    return True


def lines_kept(path: str, lines: Iterable[str]) -> bool:
    """Whether the lines of `--json` could be written to `path`."""
    from bpcompare.files.writing import write

    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
    return kept("--json", path, lambda: write(path, data))
