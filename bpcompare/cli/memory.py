"""A setting of glibc's allocator, for the command's own process."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3


def keep_freed_memory() -> None:
    """Let glibc keep what is freed instead of returning it to the system; elsewhere, nothing.

    A certificate makes and drops arrays of megabytes, and each new one would pay for fresh pages: half of its time
    (`python -m benchmarks.speed`). Only the command does this; a library has no business with its caller's allocator.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_TOP_PAD, 64 * 2**20)
        mallopt(_MMAP_THRESHOLD, 32 * 2**20)
