"""An array that writes down what is done with it, and is computed by NumPy all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from bpcompare.network.parameter import Array
from bpcompare.ops.call import Read
from bpcompare.tools.gradient.arrays.tape import Tape, UntraceableError


class Memory:
    """Numbers that may be written into: their path now, and how often that has changed."""

    def __init__(self, x: Array, path: str | None) -> None:
        self.x, self.path, self.version = x, path, 0


class TracedArray(NDArrayOperatorsMixin):
    """`x` holds the numbers; of a view, `entries` are their numbers in the memory, in row order.

    A memory without a path holds numbers that no input reaches. `__array__` refuses: what NumPy computes with the bare numbers
    would be out of sight.
    """

    __array_priority__ = 1000.0

    def __init__(self, tape: Tape, x: Array, memory: Memory, entries: Array | None = None) -> None:
        self.tape, self.x, self.memory, self.entries = tape, x, memory, entries
        self._read: tuple[int, str] | None = None

    # what it is

    shape = property(lambda self: self.x.shape)
    dtype = property(lambda self: self.x.dtype)
    ndim = property(lambda self: self.x.ndim)
    size = property(lambda self: self.x.size)
    itemsize = property(lambda self: self.x.itemsize)
    nbytes = property(lambda self: self.x.nbytes)

    @property
    def depends(self) -> bool:
        """Whether an input reaches it."""
        return self.memory.path is not None

    def path(self) -> str:
        """The path of its numbers as they are now."""
        memory = self.memory
        if memory.path is None:
            memory.path = self.tape.constant(memory.x)
        if self.entries is None:
            return memory.path
        if self._read is None or self._read[0] != memory.version:
            read = self.tape.step("take", {"self": Read(0), "index": self.entries}, [memory.path], [self.x])
            self._read = memory.version, read
        return self._read[1]

    def places(self) -> Array:
        """The numbers of its entries in its memory."""
        return np.arange(self.x.size).reshape(self.x.shape) if self.entries is None else self.entries

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return repr(self.x)

    def __iter__(self) -> Iterator[TracedArray]:
        return (self[i] for i in range(len(self.x)))

    def __array__(self, *_args: Any, **_kwargs: Any) -> Array:
        raise UntraceableError(
            "its bare numbers are taken (np.asarray, a scipy function, float(…)): what follows is out of sight"
        )

    def _bare(self) -> Any:
        raise UntraceableError(
            "a number is taken out of an array (float(…), int(…), .item(), .tolist()): what follows is out of sight"
        )

    def __float__(self) -> float:
        if self.depends:
            self._bare()
        return float(self.x)

    def __int__(self) -> int:
        if self.depends:
            self._bare()
        return int(self.x)

    __index__ = __int__

    def __complex__(self) -> complex:
        if self.depends:
            self._bare()
        return complex(self.x)

    def __bool__(self) -> bool:
        return bool(self.x)

    def item(self, *args: Any) -> Any:
        """A number of Python's, where no input reaches it."""
        return self._bare() if self.depends else self.x.item(*args)

    def tolist(self) -> Any:
        """Python's own lists, where no input reaches it."""
        return self._bare() if self.depends else self.x.tolist()

    # complex numbers

    def as_complex(self) -> TracedArray:
        """Pairs along the last axis as complex numbers."""
        x = np.asarray(self.x, order="C").view(np.result_type(self.dtype, np.complex64))[..., 0].copy()
        path = self.tape.step("view_as_complex", {"self": Read(0)}, [self.path()], [x]) if self.depends else None
        return TracedArray(self.tape, x, Memory(x, path))

    def as_pairs(self) -> TracedArray:
        """Complex numbers as pairs along a last axis."""
        x = np.stack([self.x.real, self.x.imag], -1)
        path = self.tape.step("view_as_real", {"self": Read(0)}, [self.path()], [x]) if self.depends else None
        return TracedArray(self.tape, x, Memory(x, path))

    @property
    def real(self) -> TracedArray:
        """The real parts; of real numbers, they themselves."""
        return self.as_pairs()[..., 0] if self.dtype.kind == "c" else self

    @property
    def imag(self) -> TracedArray:
        """The imaginary parts. Raises UntraceableError for real numbers, of which they are 0."""
        if self.dtype.kind != "c":
            raise UntraceableError(".imag of an array of real numbers")
        return self.as_pairs()[..., 1]

    # what moves

    def moved(self, how: Callable[[Array], Array], called: str) -> TracedArray:
        """The array that `how` makes of it by moving entries: a view of the same memory, where NumPy makes one."""
        x, entries = how(self.x), how(self.places())
        x = np.asarray(x)
        if x.size and np.shares_memory(x, self.memory.x):
            return TracedArray(self.tape, x, self.memory, np.asarray(entries))
        x = x.copy()
        if not self.depends:
            return TracedArray(self.tape, x, Memory(x, None))
        local = np.asarray(how(np.arange(self.x.size).reshape(self.x.shape)))
        path = self.tape.step("take", {"self": Read(0), "index": local}, [self.path()], [x], called=called)
        return TracedArray(self.tape, x, Memory(x, path))

    def __getitem__(self, key: Any) -> TracedArray:
        key = plain(key)
        return self.moved(lambda ids: ids[key], "getitem")

    def __setitem__(self, key: Any, value: Any) -> None:
        self.written(plain(key), value)

    def written(self, key: Any, value: Any, called: str = "setitem") -> None:
        """Write `value`, spread as NumPy spreads it, into the entries at `key`. Raises UntraceableError where two meet at one."""
        target = np.asarray(self.places()[key])
        source = value if isinstance(value, TracedArray) else None
        number = np.array(value.x if source is not None else value)  # now: it may be a view of what is written into
        wrote = source.path() if source is not None and source.depends else None
        memory = self.memory
        before = memory.x.copy()
        if memory.path is None and source is not None and source.depends:
            memory.path = self.tape.constant(before)
        self.x[key] = number
        if memory.path is None:
            return
        flat = np.broadcast_to(np.arange(max(number.size, 1)).reshape(number.shape), target.shape)
        index = np.full(memory.x.size, -1)
        index[target.ravel()] = flat.ravel()
        index = index.reshape(memory.x.shape)
        expected = np.where(index < 0, before, number.ravel()[np.maximum(index, 0)].astype(before.dtype))
        if not np.array_equal(expected, memory.x, equal_nan=True):
            raise UntraceableError("a place is written twice at once")
        old = memory.path
        wrote = wrote or self.tape.constant(np.asarray(number, before.dtype))
        arguments = {"self": Read(0), "written": Read(1), "index": index}
        if number.dtype != before.dtype and source is not None and source.depends:
            cast = number.astype(before.dtype)
            wrote = self.tape.step("_to_copy", {"self": Read(0)}, [wrote], [cast], called="astype")
        memory.path = self.tape.step("overlay", arguments, [old, wrote], [memory.x], called=called)
        memory.version += 1

    # what NumPy asks

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from bpcompare.tools.gradient.arrays.ufuncs import applied

        return applied(self.tape, ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from bpcompare.tools.gradient.arrays.functions import called

        return called(self.tape, function, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        from bpcompare.tools.gradient.arrays.functions import method

        if name.startswith("__"):
            raise AttributeError(name)
        return method(self, name)


def plain(value: Any) -> Any:
    """A key or an argument in which arrays that no input reaches are bare. Raises UntraceableError where one depends on one."""
    if isinstance(value, TracedArray):
        if value.depends:
            raise UntraceableError("an index depends on an input")
        return value.x
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, slice):
        return slice(plain(value.start), plain(value.stop), plain(value.step))
    return value


def bare(value: Any) -> Any:
    """Its numbers, for NumPy to compute with."""
    if isinstance(value, TracedArray):
        return value.x
    if isinstance(value, (tuple, list)):
        return type(value)(map(bare, value))
    return value


def fresh(tape: Tape, x: Any, path: str | None = None) -> TracedArray:
    """An array of its own memory."""
    x = np.array(x)
    return TracedArray(tape, x, Memory(x, path))


def reaching(values: Sequence[Any]) -> bool:
    """Whether an input reaches one of them."""
    return any(
        value.depends if isinstance(value, TracedArray) else reaching(value) if isinstance(value, (tuple, list)) else False
        for value in values
    )
