"""`bpcompare --install-completion`: lets the shell complete verbs and options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from bpcompare.cli.codes import USAGE, reason
from bpcompare.cli.terminal import complain, say


def completion(
    *,
    shell: Annotated[
        Literal["bash", "zsh", "fish", "powershell"] | None, Parameter(help="By default the one you are in.")
    ] = None,
    output: Annotated[
        str | None, Parameter(negative="", help="Write the script to this file only, and leave the shell's own files alone.")
    ] = None,
) -> int:
    """Install completion of verbs and options for your shell: a script, and for bash and zsh a line in its startup file."""
    from cyclopts.completion import ShellDetectionError

    from bpcompare.cli.app import app

    try:
        path = app().install_completion(
            shell=shell, output=None if output is None else Path(output), add_to_startup=output is None
        )
    except ShellDetectionError:
        complain("which shell you are in could not be told: say --shell bash, zsh, fish or powershell")
        return USAGE
    except OSError as error:
        complain(f"completion was not installed: {error.filename or output or 'the script'}: {reason(error)}")
        return USAGE
    say(f"{path}: completion for bpcompare; open a new shell to use it" if output is None else f"{path}: written")
    return 0
