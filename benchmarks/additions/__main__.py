"""Add an op, an update rule and an activation, each to a copy of this repository: how many files and lines is that?

    python -m benchmarks.additions [--tests]

The patches beside this file are additions as somebody would write them, by the recipe in CONTRIBUTING.md. Each is applied to a
clone of what is committed here, which is deleted afterwards. With `--tests` the tests that walk all ops are run there, of the new
one and of the lists that must know it; without, the table alone is printed. A patch that does not apply any more is to be made
anew.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WALKS = (
    *(
        "tests/house/test_consumers.py",
        "tests/house/test_totality.py",
        "tests/laws",
        "tests/spec/test_reading.py",
        "tests/cli/test_pages.py",
    ),
    *(
        "tests/backends/test_lowering.py",
        "tests/property/test_no_false_alarm.py",
        "tests/test_storage.py",
        "tests/learn/test_exercise.py",
    ),
    *("tests/page/test_wrong_and_right.py", "tests/docs/test_documents.py"),
)
LISTS = "every or listed or complete or generator"
"""Tests that want each op in some list."""


def git(folder: Path, *words: str) -> str:
    """What git says."""
    return subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout


def tried(clone: Path, name: str) -> str:
    """In words: whether the tests of the new op pass in the clone."""
    places = os.pathsep.join((str(clone), str(clone / "backends")))
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow",
        "-k",
        f"{name} or {name.title()} or {LISTS}",
    ]
    done = subprocess.run(
        [*words, *WALKS], check=False, cwd=clone, env=os.environ | {"PYTHONPATH": places}, capture_output=True, text=True
    )
    print(done.stdout[-2000:] if done.returncode else "", file=sys.stderr, end="")
    return done.stdout.strip().splitlines()[-1].strip("= ")


def main() -> int:
    """0, or 1 where a test failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", action="store_true", help="run the tests, too: some minutes")
    asked = parser.parse_args()
    lines, failed = ["| added | files | lines | tests |", "|---|---|---|---|"], False
    for patch in sorted(HERE.glob("*.patch")):
        with tempfile.TemporaryDirectory(prefix="addition-") as folder:
            clone = Path(folder, "clone")
            git(ROOT, "clone", "--quiet", str(ROOT), str(clone))
            git(clone, "apply", "--3way", str(patch))
            counts = [line.split("\t") for line in git(clone, "diff", "--cached", "--numstat").splitlines()]
            said = tried(clone, patch.stem) if asked.tests else "not run"
            failed |= "failed" in said or "error" in said
            lines.append(f"| `{patch.stem}` | {len(counts)} | {sum(int(added) for added, _, _ in counts)} | {said} |")
    print("\n".join(lines))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
