"""Somebody's own code: a training step that was watched, as a program, under the laws.

What judges several steps stands in `pair` and `ranks`: where a step is only recorded, no judge need be installed.
"""

from bpcompare.own.check import Checked, check
from bpcompare.own.law import law
from bpcompare.own.step import WatchedStep
from bpcompare.own.storage import load as load_watched
from bpcompare.own.watch import watch

__all__ = ["Checked", "WatchedStep", "check", "law", "load_watched", "watch"]
