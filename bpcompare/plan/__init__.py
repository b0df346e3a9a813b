"""The numbers of one run before anything is computed (how they are drawn, named and stored), and the record of an answer."""

from bpcompare.plan.path import Path, step_prefix
from bpcompare.plan.plan import Batch, Plan

__all__ = ["Batch", "Path", "Plan", "step_prefix"]
