"""What `check_gradient` takes, warm, in CPU time. Run as `python -m benchmarks.gradient_speed`; about a minute."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

import bpcompare

Case = tuple[str, Callable[..., Any], Any, tuple[Any, ...], int]


def layers(*sizes: int) -> nn.Module:
    """Linear layers with tanh between them."""
    parts: list[nn.Module] = []
    for one, other in pairwise(sizes):
        parts += [nn.Linear(one, other), nn.Tanh()]
    return nn.Sequential(*parts[:-1])


def cases() -> list[Case]:
    """What is tried: a small op of NumPy, and modules of 5,000 and of a million parameters; how often, for the fastest."""
    random = np.random.default_rng(3)
    x, w = random.standard_normal((4, 3)), random.standard_normal((3, 5))

    def backward(x: Any, w: Any, dy: Any) -> Any:
        d = dy * (1 - np.tanh(x @ w) ** 2)
        return d @ w.T, x.T @ d

    torch.manual_seed(0)
    return [
        ("numpy, tanh(x @ w), 4x3 and 3x5", lambda x, w: np.tanh(x @ w), backward, (x, w), 40),
        ("torch, 5,002 parameters", layers(20, 92, 30, 8, 2), None, (torch.randn(8, 20),), 8),
        ("torch, 1,051,648 parameters", layers(512, 1024, 512), None, (torch.randn(8, 512),), 1),
    ]


def main() -> None:
    """Print a row for each case: milliseconds without and with contracts."""
    print("| what | without contracts | with them |\n|---|---|---|")
    for name, forward, backward, inputs, times in cases():
        found = []
        for contracts in (False, True):
            bpcompare.check_gradient(forward, backward, inputs, contracts=contracts)  # imports, and what is made once
            taken = []
            for _ in range(times):
                start = time.process_time()
                bpcompare.check_gradient(forward, backward, inputs, contracts=contracts)
                taken.append(time.process_time() - start)
            found.append(f"{1e3 * min(taken):,.1f} ms")
        print(f"| {name} | {found[0]} | {found[1]} |")


if __name__ == "__main__":
    main()
