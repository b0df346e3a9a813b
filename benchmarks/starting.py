"""What starting costs, in CPU time: commands as processes of their own, in turn, so that a busy machine slows all of them."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

REPEATS = 5
MAZUR = str(Path(__file__).parents[1] / "examples" / "mazur.toml")


def seconds_of(command: list[str]) -> float:
    """CPU seconds, user and system, of a command and of what it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # 5 is the exit code of a run of one backend: nothing was compared.
    done = subprocess.run(command, check=False, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode in (0, 5), done.stderr.decode()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def starting() -> list[str]:
    """Importing, asking for help, and whole runs of the smallest network."""
    python, bpcompare = [sys.executable, "-c"], [sys.executable, "-m", "bpcompare"]
    commands = {
        "python -c pass": [*python, "pass"],
        "import numpy": [*python, "import numpy"],
        "import torch": [*python, "import torch"],
        "import jax, optax": [*python, "import jax, optax"],
        "import bpcompare": [*python, "import bpcompare"],
        "bpcompare --help": [*bpcompare, "--help"],
        "bpcompare run mazur.toml -b delta": [*bpcompare, "run", MAZUR, "-b", "delta"],
        "bpcompare run mazur.toml -b delta,torch": [*bpcompare, "run", MAZUR, "-b", "delta,torch"],
        "bpcompare run mazur.toml, three backends": [*bpcompare, "run", MAZUR],
    }
    found: dict[str, list[float]] = {title: [] for title in commands}
    for repeat in range(REPEATS + 1):
        for title, command in commands.items():
            seconds = seconds_of(command)
            if repeat:  # the first run writes bytecode
                found[title].append(seconds)
    lines = ["## Starting, CPU seconds", "", "| | median | least |", "|---|---|---|"]
    lines += [f"| {title} | {median(values):.2f} | {min(values):.2f} |" for title, values in found.items()]
    middle = {title: median(values) for title, values in found.items()}
    frameworks = middle["import torch"] + middle["import jax, optax"]
    whole = middle["bpcompare run mazur.toml, three backends"]
    return [*lines, "", f"Three backends: {whole:.2f} s, {whole / frameworks:.2f}× what importing both frameworks costs.", ""]
