"""What the contracts of a backward cost: calls of it, and milliseconds. Run as `python -m benchmarks.contracts`."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import bpcompare

TIMES = 40


def main() -> None:
    """Print a line without contracts, and one with them: the fastest of 40 checks of tanh(x @ w), 4x3 and 3x5, in NumPy."""
    random = np.random.default_rng(3)
    inputs = random.standard_normal((4, 3)), random.standard_normal((3, 5))
    calls = 0

    def forward(x: Any, w: Any) -> Any:
        return np.tanh(x @ w)

    def backward(x: Any, w: Any, dy: Any) -> Any:
        nonlocal calls
        calls += 1
        d = dy * (1 - np.tanh(x @ w) ** 2)
        return d @ w.T, x.T @ d

    for contracts in (False, True):
        found = []
        for _ in range(TIMES):
            calls, start = 0, time.perf_counter()
            bpcompare.check_gradient(forward, backward, inputs, contracts=contracts)
            found.append(time.perf_counter() - start)
        print(f"{'with' if contracts else 'without'} contracts: {1e3 * min(found):.1f} ms, {calls} calls of the backward")


if __name__ == "__main__":
    main()
