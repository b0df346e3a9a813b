"""One process that answers questions, and is ended where it does not come back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

ALONE = {
    "CUDA_VISIBLE_DEVICES": "",
    "JAX_PLATFORMS": "cpu",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}
"""It has one core, and no other device than that."""
EVERY = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}
"""Every program that JAX compiles is kept: seeds share theirs, and compiling is most of what a question costs."""


class EndedError(Exception):
    """The process is no more, or was ended."""


class Worker:
    """`benchmarks.gradients.asking`, started. `told` is its first line. Raises EndedError where there is none before `until`.

    `compiled` is a folder where JAX keeps what it compiled, for processes that come after.
    """

    def __init__(self, libraries: Sequence[str], until: float, compiled: str | None = None) -> None:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "encoding": "utf-8"}
        command = [sys.executable, "-m", "benchmarks.gradients.asking", *libraries]
        kept = {"JAX_COMPILATION_CACHE_DIR": compiled, **EVERY} if compiled else {}
        self._process = subprocess.Popen(command, env=os.environ | ALONE | kept, **pipes)
        self._end = until
        self.late = False

    def told(self) -> dict[str, Any]:
        """Its first line."""
        return self._line()

    def answer(self, row: Mapping[str, Any], until: float) -> dict[str, Any]:
        """What it says to this, by then. Raises EndedError."""
        self._end = until
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(row) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise EndedError from error
        return self._line()

    def watch(self, last: float) -> None:
        """End it, if it is later than what it was given, or than `last`; by the monotonic clock."""
        if monotonic() > min(self._end, last):
            self.late = True
            self._process.kill()

    def end(self) -> None:
        """Nothing more is asked."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith("\n"):
            raise EndedError
        found: dict[str, Any] = json.loads(line)
        return found
