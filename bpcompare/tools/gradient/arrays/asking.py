"""Runs one NumPy function for `check_gradient`: its forward is written down, its backward called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.ops.call import Read
from bpcompare.program import Watched
from bpcompare.tools.gradient.arrays.array import Memory, TracedArray
from bpcompare.tools.gradient.arrays.creation import watched
from bpcompare.tools.gradient.arrays.tape import Tape, UntraceableError


def asked(function: Any, inputs: Mapping[str, Any], gradients: Mapping[str, Array], dy: Array, y: Array) -> Watched:
    """`function` as a program, with these gradients of its inputs, which a backward gave for `dy`.

    `y` is what the function gives unwatched; of several outputs, y and dy have the numbers behind each other.

    Raises UntraceableError for code that arrays cannot write down, and whatever the function raises that meets one of them.
    """
    tape = Tape()
    given: list[Any] = []
    for name, x in inputs.items():
        if isinstance(x, np.ndarray) and x.dtype.kind == "f":
            own = x.copy()
            given.append(TracedArray(tape, own, Memory(own, tape.parameter(name, own) if name in gradients else None)))
        else:
            given.append(x.copy() if isinstance(x, np.ndarray) else x)
    with watched(tape):
        out = function(*given)
        found = list(out.values() if isinstance(out, Mapping) else out if isinstance(out, (tuple, list)) else [out])
        if not all(isinstance(one, TracedArray) or np.asarray(one).dtype.kind != "f" for one in found):
            raise UntraceableError("it gives an array that was made out of sight")
        outputs = [one for one in found if isinstance(one, TracedArray)]
        if not np.array_equal(np.concatenate([one.x.ravel() for one in outputs]), y.ravel(), equal_nan=True):
            raise UntraceableError("traced, it gives other numbers")
        roots = [one.path() for one in outputs]
    root = roots[0]
    if len(roots) > 1:
        vectors = [
            tape.opened("view", {"self": Read(0)}, [path], (one.size,), y.dtype) for path, one in zip(roots, outputs, strict=True)
        ]
        root = tape.opened("cat", {"tensors": tuple(map(Read, range(len(vectors)))), "dim": 0}, vectors, (y.size,), y.dtype)
    seed = dy.reshape(-1 if len(roots) > 1 else outputs[0].shape)
    for name, g in gradients.items():
        tape.recorded[f"{name}.gradient"] = g
    recording = tape.recording("backward", root, np.asarray(seed))
    facts = {"framework": "numpy", "version": np.__version__, "device": "cpu"}
    return Watched((recording,), dict.fromkeys(gradients, ""), facts)
