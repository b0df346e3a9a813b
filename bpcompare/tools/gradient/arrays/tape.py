"""The program in the making: values, steps, and the numbers that NumPy gave."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bpcompare.network.parameter import Array
from bpcompare.ops.call import Call, Fixed, Read
from bpcompare.program import Place, Program, Recording, Step, Value

OURS = str(Path(__file__).parents[3])
NUMPY = str(Path(np.__file__).parent)


PARTS: Mapping[str, str] = {"complex64": "float32", "complex128": "float64"}
"""The format of the parts of complex numbers."""


def paired(x: Array) -> Array:
    """A copy; of complex numbers as pairs along a last axis."""
    return np.stack([x.real, x.imag], -1) if x.dtype.kind == "c" else x.copy()


class UntraceableError(Exception):
    """The code does something that its arrays cannot write down."""


class Tape:
    """What was done so far. A path names the numbers of one moment: a write into an array gives it another one."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.given: dict[str, Any] = {}
        self.recorded: dict[str, Any] = {}
        self._complex: set[str] = set()
        """Paths of complex numbers, which stand in a program as pairs along a last axis."""
        self._steps: list[Step] = []
        self._places: dict[str, Place] = {}
        self._names: Counter[str] = Counter()

    def unique(self, name: str) -> str:
        """The name, with a number from its second use on."""
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name} ({self._names[name]})"

    def parameter(self, name: str, x: Array) -> str:
        """The path of an input that is asked for a gradient; its number is recorded later."""
        path = self.unique(name)
        self.given[path] = x.copy()
        self.values[path] = Value(path, path, given=True, delta=f"{path}.gradient", parameter=True, dtype=str(x.dtype))
        return path

    def constant(self, x: Array) -> str:
        """The path of numbers that no input reaches."""
        path = self.unique("constant")
        self.given[path] = paired(x)
        self.values[path] = Value(path, path, given=True, dtype=self._format(path, x.dtype))
        return path

    def _format(self, path: str, dtype: Any) -> str:
        """The format of the numbers at a path, of complex ones that of their parts."""
        if np.dtype(dtype).kind == "c":
            self._complex.add(path)
        return PARTS.get(str(dtype), str(dtype))

    def _call(
        self, function: str, arguments: Mapping[str, Any], reads: Sequence[str], results: Sequence[Any], output: int
    ) -> Call:
        """A function of these `reads`; of complex numbers, by its law for pairs. `results`: shape and format of each."""
        pairs = tuple(slot for slot, path in enumerate(reads) if path in self._complex)
        made = [np.dtype(dtype).kind == "c" for _, dtype in results]
        if pairs or any(made):
            function = f"complex.{function}"
            arguments = {**arguments, "pairs": pairs, "to_pairs": all(made)}
        shapes = tuple((*shape, 2) if double else tuple(shape) for (shape, _), double in zip(results, made, strict=True))
        return Call(function, dict(arguments), shapes, output)

    def step(
        self,
        function: str,
        arguments: Mapping[str, Any],
        reads: Sequence[str],
        results: Sequence[Array],
        output: int = 0,
        called: str = "",
    ) -> str:
        """The path of result number `output` of a function, which NumPy calls `called`.

        Among the arguments, `Read` stands for what is read; arrays of whole numbers or truth values stand for themselves.
        """
        called = called or function
        name = self.unique(called)
        constants: dict[str, str] = {}

        def placed(key: str, value: Any) -> Any:
            if isinstance(value, np.ndarray):
                constants[key] = f"{name}.{key}"
                self.given[f"{name}.{key}"] = value.copy()
                return Fixed(key)
            if isinstance(value, tuple):
                return tuple(placed(f"{key}{i}", one) for i, one in enumerate(value))
            return value

        arguments = {key: placed(key, value) for key, value in arguments.items()}
        writes, x = f"{name}.y", results[output]
        self.recorded[writes] = paired(x)
        self.values[writes] = Value(writes, name, dtype=self._format(writes, x.dtype))
        op = self._call(function, arguments, reads, [(one.shape, one.dtype) for one in results], output)
        self._steps.append(Step(name, op, tuple(reads), writes, constants=constants))
        self._places[name] = Place("", called, line())
        return writes

    def opened(
        self,
        function: str,
        arguments: Mapping[str, Any],
        reads: Sequence[str],
        shape: tuple[int, ...],
        dtype: Any,
        called: str = "",
    ) -> str:
        """The path of what nobody computed by itself: a part of what NumPy calls `called`, which has no law as a whole."""
        name = self.unique(f"{function} inside")
        writes = f"{name}.y"
        self.values[writes] = Value(writes, name, open=True, dtype=self._format(writes, dtype))
        self._steps.append(Step(name, self._call(function, arguments, reads, [(shape, dtype)], 0), tuple(reads), writes))
        self._places[name] = Place("", called or function, line())
        return writes

    def recording(self, title: str, root: str, seed: Array) -> Recording:
        """The program whose E is Σ seed · root."""
        self.given["error.seed"] = seed
        values = self.values | {
            "error.seed": Value("error.seed", "error", given=True),
            "error": Value("error", "error", open=True),
        }
        op = Call("backward", {"self": Read(0), "seed": Read(1)}, ((),))
        steps = [*self._steps, Step("backward", op, (root, "error.seed"), "error")]
        places = self._places | {"backward": Place("", "backward")}
        wanted, kept = {"error"}, []
        for step in reversed(steps):
            if step.writes in wanted:
                kept.append(step)
                wanted |= set(step.reads)
        found = {path: value for path, value in values.items() if path in wanted or value.parameter}
        program = Program(found, tuple(reversed(kept)), (), "error", ("error",))
        return Recording(title, program, self.given, self.recorded, places)


def line() -> str:
    """FILE:LINE of the innermost frame that is neither NumPy's nor ours."""
    frame = sys._getframe(2)  # noqa: SLF001 — as the standard library's own callers do
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((OURS, NUMPY, "<")):
            path = Path(name)
            parts = path.relative_to(Path.cwd()).parts if path.is_relative_to(Path.cwd()) else path.parts
            return f"{'/'.join(parts[-2:])}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
