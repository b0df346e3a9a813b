"""Watches one step of eager torch code as it is: every function that is called, every gradient that arrives, every optimizer."""

import torch

from bpcompare_torch.recorder.asking import asked
from bpcompare_torch.recorder.counting import Counting
from bpcompare_torch.recorder.interfaces import NotWatchableError
from bpcompare_torch.recorder.recorder import TorchRecorder
from bpcompare_torch.recorder.stepping import checked

__all__ = ["Counting", "NotWatchableError", "TorchRecorder", "asked", "checked", "counting", "recorder", "seeded"]

counting = Counting
"""What `bpcompare watch` asks for: the number of the step, and whom to tell."""

recorder = TorchRecorder
"""What `bpcompare.watch` asks for, with the models by their prefixes."""

seeded = torch.manual_seed
"""Sets the seed of torch's generators."""
