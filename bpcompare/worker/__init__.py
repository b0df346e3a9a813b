"""Where backends run: the Runner seam. In this process now, in one of their own later; the answer is checked either way."""

from bpcompare.worker.in_process import InProcess
from bpcompare.worker.runner import Runner

__all__ = ["InProcess", "Runner"]
