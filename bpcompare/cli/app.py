"""The verbs, named; a verb's module is imported when it is used."""

from __future__ import annotations

from cyclopts import App

from bpcompare import __version__
from bpcompare.cli.help import PLAIN

HELP = """Do these backends compute the same gradients and weight updates? Proved node by node, without tolerances.

Exit codes: 0 identical or certified, 1 wrong or another convention, 2 bad spec or usage, 3 a backend did not run, \
4 undecided, 5 nothing was compared (fewer than two backends), 70 bpcompare itself failed, 74 the result could not be written, \
130 interrupted."""


VERBS = {
    "check": "Check a model of your own: are its gradients those of its forward?",
    "watch": "Run a training script of your own as it is, and judge one step of it.",
    "ranks": "Judge the steps of several processes that train one model, together.",
    "doubt": "Plant mistakes into a backward of yours: which of them do your own tests notice?",
    "run": "Run network specs on every backend and judge the answers.",
    "backends": "List the backends that are installed.",
    "ops": "List the ops a spec may use, or explain one.",
    "schema": "Print the JSON Schema of specs, for editors.",
    "matrix": "Run specs on several versions of a framework: the first where something moved.",
    "diff": "Compare two saved runs: versions, values, the first divergence.",
    "repro": "Run a saved run again, or make a token or a script of it.",
    "conform": "Try a backend on everything it claims.",
    "new": "Start a package with a backend of your own.",
    "environments": "List what was made for versions of frameworks, or delete it.",
    "show": "Show every step of a run: the formula, its numbers, every backend's value.",
    "report": "Write a run as one HTML page that needs no network.",
    "audit": "Say what a spec and its data cannot show.",
    "prove": "Prove the rule for a small network, for all weights and data, on symbols.",
    "grade": "Grade homework: the four steps, each on its own, in a process of its own.",
    "transcript": "Check numbers that a person typed or printed.",
    "explain": "Explain a mistake by its code, or list all codes.",
}
"""A verb is a function in the module of its name."""

GROUPS = {
    "golden": (
        "Check or update goldens: what a version of a backend, or your own model, computed once.",
        {
            "check": """Run backends on the numbers of their goldens: the same, moved within rounding, or changed.

By default, all goldens of a spec, whatever options they were made with. Of FILE.py:NAME, make the step of your own model \
again. Exit code 0: the same bits, or moved within rounding. 1: changed, or wrong. 3: a backend, or your code, did not run. \
4: undecided. 5: no golden.""",
            "update": """Show what moved since the goldens were made, and write them anew.

By default, for every backend that is installed, and under the options of every golden of them that is there. \
A golden is written only of what is certified, or undecided: never of what is wrong. Of FILE.py:NAME, for the step of your \
own model.""",
        },
    )
}
"""Verbs that have verbs of their own: functions in the module of the group's name."""


def app() -> App:
    """The application."""
    it = App(
        name="bpcompare",
        help=HELP,
        help_format="plaintext",
        help_formatter=PLAIN,
        version=__version__,
        suppress_keyboard_interrupt=False,
    )
    for verb, words in VERBS.items():
        it.command(f"bpcompare.cli.{verb}:{verb}", name=verb, help=words)
    for group, (words, verbs) in GROUPS.items():
        inner = App(name=group, help=words, help_format="plaintext", help_formatter=PLAIN, suppress_keyboard_interrupt=False)
        for verb, what in verbs.items():
            inner.command(f"bpcompare.cli.{group}:{verb}", name=verb, help=what)
        it.command(inner)
    it.command(
        "bpcompare.cli.completion:completion", name="--install-completion", help="Complete verbs and options in your shell."
    )
    return it
