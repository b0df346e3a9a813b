"""Data of the examples: handwritten digits, and text that every Python has with it."""

import argparse
import gzip
import inspect
from pathlib import Path

import numpy as np
import torch

DIGITS = Path(__file__).parents[1] / "data" / "digits.csv.gz"


def digits(count: int = 512) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (count, 1, 8, 8) with values from 0 to 1, and their classes."""
    with gzip.open(DIGITS, "rt") as file:
        rows = np.loadtxt(file, delimiter=",", max_rows=count)
    return torch.tensor(rows[:, :64] / 16, dtype=torch.float32).reshape(-1, 1, 8, 8), torch.tensor(rows[:, 64]).long()


def text() -> torch.Tensor:
    """The source of a module as bytes."""
    return torch.tensor(list(inspect.getsource(argparse).encode("ascii", "ignore")))
