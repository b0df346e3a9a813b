"""Where backends run, and the check of their answers. A worker's process imports this: standard library, NumPy, safetensors."""

from bpcompare.engine.worker.in_process import InProcess
from bpcompare.engine.worker.runner import AbsentError, Runner, unanswered

__all__ = ["AbsentError", "InProcess", "Runner", "unanswered"]
