"""Training scripts as people write them, each with `watch` or `check` around one step: what is said of each.

    python -m benchmarks.examples [--write] [NAME …]

Runs every script of examples/own in a process of its own, on one core. Seconds are the processor's, for the script with its
training, without imports. `--write` puts the table into benchmarks/examples.md. Ends with 1 if a verdict is another than the
one expected.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks.fuzz import versions

FOLDER = Path(__file__).parents[1] / "examples" / "own"
NO_SCRIPTS = ("data",)
WRONG = ("custom_function_wrong",)
"""Scripts with a planted mistake; all others are right."""
PORTS = ("flax_port",)
"""Scripts that hold two programs against each other."""


def names() -> list[str]:
    """The scripts."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NO_SCRIPTS)


def expected(name: str) -> str:
    """The verdict that a script must have."""
    return "wrong" if name in WRONG else "the same" if name in PORTS else "certified"


def ran(name: str) -> dict[str, Any]:
    """One script, run in this process: what its `step` says."""
    import torch

    import bpcompare
    from bpcompare.own import Checked
    from bpcompare.own.pair import Compared

    torch.set_num_threads(1)
    bpcompare.watch  # noqa: B018 — imports it
    path = FOLDER / f"{name}.py"
    sys.path.insert(0, str(FOLDER))
    namespace: dict[str, Any] = {"__name__": "__main__", "__file__": str(path)}
    output, code = io.StringIO(), 0
    started = process_time()
    with contextlib.redirect_stdout(output):
        try:
            exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), namespace)
        except SystemExit as end:
            code = int(end.code or 0)
    seconds = process_time() - started
    step = namespace["step"]
    runs = step.runs if isinstance(step, Checked) else step.steps if isinstance(step, Compared) else (step.step,)
    findings = [finding for run in runs for _, _, finding in run.findings]
    return {
        "verdict": step.verdict,
        "claims": len(findings),
        "holds": sum(finding.outcome in ("holds", "convention") for finding in findings),
        "power": max(run.power[0] for run in runs),
        "unexamined": list(dict.fromkeys(one.what for run in runs for one in run.unexamined)),
        "seconds": seconds,
        "exit": code,
        "output": output.getvalue(),
    }


def ran_apart(name: str) -> dict[str, Any]:
    """The same in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.examples", "--one", name],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        cwd=FOLDER.parents[1],
    )
    if done.returncode:
        raise RuntimeError(f"{name}:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def row(name: str, found: dict[str, Any]) -> str:
    """A line of the table."""
    unexamined = found["unexamined"]
    more = f" and {len(unexamined) - 3} more" if len(unexamined) > 3 else ""
    missing = ", ".join(unexamined[:3]) + more if unexamined else "nothing"
    claims = f"{found['holds']} of {found['claims']} hold"
    return f"| {name} | {found['verdict']} | {claims} | {found['power']:.1e} | {missing} | {found['seconds']:.1f} |"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="scripts; all of them unless they are given")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(ran(asked.one)))
        return 0
    lines = ["| script | verdict | claims | power | not examined | CPU s |", "|---" * 6 + "|"]
    print("\n".join(lines))
    surprised = False
    for name in asked.names or names():
        found = ran_apart(name)
        lines.append(row(name, found))
        print(lines[-1], flush=True)
        surprised |= found["verdict"] != expected(name)
    if asked.write:
        from bpcompare import __version__

        said = " ".join((__doc__ or "").partition("Runs every")[2].split())
        who = f"bpcompare {__version__}, {versions(('delta', 'torch'))}"
        head = f"# Examples of own code\n\n`make own`: {who}. Runs every {said}\n\n"
        words = "Power: the smallest relative mistake that would have shown in every claim that holds."
        Path(__file__).with_suffix(".md").write_text(head + "\n".join(lines) + f"\n\n{words}\n", encoding="utf-8")
    return int(surprised)


if __name__ == "__main__":
    sys.exit(main())
