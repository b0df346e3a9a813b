"""pytest in one forked process after the other, from one that has imported what takes longest and no sabotage is in.

A program of its own: to each line of input, a list in JSON of the file for what is said and of pytest's arguments, it answers
with the exit code. The folders of PYTHONPATH are what is tested.
"""

import contextlib
import gc
import json
import os
import signal
import sys
import warnings
from functools import partial
from importlib import import_module

PRELOADED = (
    "pytest", "hypothesis", "rich", "pydantic", "scipy.special", "scipy.linalg", "sympy", "optax", "torch", "torch.func",
    "torch._dynamo",  # torch's compiler, which the first step of an optimizer imports
)  # fmt: skip

SECONDS = 600
"""How long the tests of one sabotage may take."""


def main() -> None:
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            import_module(name)
    warnings.filterwarnings("ignore", message="os.fork")  # JAX's threads start with the first array: here there are none
    gc.freeze()
    for line in sys.stdin:
        said, *arguments = json.loads(line)
        process = os.fork()
        if process == 0:
            _tested(said, arguments)
        signal.signal(signal.SIGALRM, partial(_killed, process))
        signal.alarm(SECONDS)
        _, status = os.waitpid(process, 0)
        signal.alarm(0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _killed(process: int, *_: object) -> None:
    os.kill(process, signal.SIGKILL)


def _tested(said: str, arguments: list[str]) -> None:
    import pytest

    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    nothing, out = os.open(os.devnull, os.O_RDONLY), os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for to, number in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(to, number)
    code = 3
    try:
        code = int(pytest.main(arguments))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)  # threads of frameworks are not waited for


if __name__ == "__main__":
    main()
