"""Backends that go wrong, each in one way."""

import ctypes
import os
import subprocess
import sys
import time

import numpy as np

from bpcompare_delta import Delta


class Segfaults(Delta):
    name = "segfaults"

    def run(self, plan):
        ctypes.string_at(0)


class Hangs(Delta):
    """Leaves a child behind, too."""

    name = "hangs"

    def run(self, plan):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "left by hangs"])
        while True:
            time.sleep(1)


class Chatters(Delta):
    """Prints what looks like an answer of the protocol, and megabytes of bytes that are no text."""

    name = "chatters"

    def run(self, plan):
        print("hello \x1b[31m there")
        os.write(1, b'\xff\x00{"protocol": 1, "outcome": "broken", "reason": "ha"}' * 50_000)
        return super().run(plan)


class Allocates(Delta):
    name = "allocates"

    def run(self, plan):
        kept = []
        while True:
            kept.append(np.empty(10_000_000))  # counted as it is asked for, whether or not it is touched


class Nan(Delta):
    name = "nan"

    def run(self, plan):
        record = super().run(plan)
        next(iter(record.steps[0].delta.values()))[...] = np.nan
        return record


class Garbage(Delta):
    name = "garbage"

    def run(self, plan):
        return b"\x00 garbage"


class Leaves(Delta):
    """Ends its process, with the exit code of success."""

    name = "leaves"

    def run(self, plan):
        os._exit(0)


class Aborts(Delta):
    name = "aborts"

    def run(self, plan):
        os.abort()


class Changes(Delta):
    """Changes where it runs, which must not matter to others."""

    name = "changes"

    def run(self, plan):
        np.seterr(all="raise")
        os.chdir("/")
        sys.path.clear()
        return super().run(plan)
