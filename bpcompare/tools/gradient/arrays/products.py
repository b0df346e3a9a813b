"""Sums of products: einsum and its relatives, as products of two arrays, over axes that are summed or kept apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from bpcompare.ops.call import Read
from bpcompare.tools.gradient.arrays.array import Memory, TracedArray, bare, fresh
from bpcompare.tools.gradient.arrays.tape import Tape, UntraceableError


def einsum(tape: Tape, subscripts: Any, *operands: Any, **more: Any) -> TracedArray:
    """np.einsum of any number of arrays, without repeated letters in one of them; three and more from left to right."""
    return contracted(tape, subscripts, operands, np.einsum(subscripts, *map(bare, operands), **more), "einsum", **more)


def contracted(tape: Tape, subscripts: Any, operands: Sequence[Any], y: Any, called: str, **more: Any) -> TracedArray:
    """The sum of products that `subscripts` say; `y` is what NumPy makes of it. Raises UntraceableError for an unknown form."""
    if not isinstance(subscripts, str) or more.keys() - {"optimize"}:
        raise UntraceableError("np.einsum in this form")
    terms, result = _letters(subscripts, [np.ndim(bare(one)) for one in operands])
    if any(max(Counter(term).values(), default=0) > 1 for term in terms):
        raise UntraceableError("np.einsum along a diagonal")
    y = np.array(y)
    arrays = [one if isinstance(one, TracedArray) else fresh(tape, np.asarray(one, y.dtype)) for one in operands]
    paths, shapes = [one.path() for one in arrays], [one.shape for one in arrays]
    path, term, shape = paths[0], terms[0], shapes[0]
    for number in range(1, len(terms)):
        later = "".join(terms[number + 1 :]) + result
        path, term, shape = _pair(
            tape, (path, term, shape), (paths[number], terms[number], shapes[number]), later, y.dtype, called
        )
    gone = tuple(i for i, letter in enumerate(term) if letter not in result)
    if gone:
        shape = tuple(size for i, size in enumerate(shape) if i not in gone)
        term = "".join(letter for letter in term if letter in result)
        path = tape.opened("sum", {"self": Read(0), "dim": gone}, [path], shape, y.dtype)
    order = tuple(term.index(letter) for letter in result)
    path = tape.step("permute", {"self": Read(0), "dims": order}, [path], [y], called=called)
    return TracedArray(tape, y, Memory(y, path))


Term = tuple[str, str, tuple[int, ...]]


def _pair(tape: Tape, left: Term, right: Term, later: str, dtype: Any, called: str) -> Term:
    """The product of two, summed over letters that nobody needs later. Letters: those of both that stay, left's, right's."""
    (x, xs, x_shape), (y, ys, y_shape) = left, right
    shared = [letter for letter in xs if letter in ys]
    sizes = dict(zip(xs, x_shape, strict=True)) | dict(zip(ys, y_shape, strict=True))
    if any(x_shape[xs.index(letter)] != y_shape[ys.index(letter)] for letter in shared):
        raise UntraceableError("np.einsum that spreads an axis of length 1")
    batch, summed = [one for one in shared if one in later], [one for one in shared if one not in later]
    numbers = (
        (tuple(map(xs.index, summed)), tuple(map(ys.index, summed))),
        (tuple(map(xs.index, batch)), tuple(map(ys.index, batch))),
    )
    term = "".join([*batch, *(one for one in xs if one not in shared), *(one for one in ys if one not in shared)])
    shape = tuple(sizes[letter] for letter in term)
    arguments = {"x0": Read(0), "x1": Read(1), "dimension_numbers": numbers}
    path = tape.opened("lax.dot_general", arguments, [x, y], shape, dtype, called)
    return path, term, shape


def _letters(subscripts: str, ndims: Sequence[int]) -> tuple[list[str], str]:
    """The letters of each array and of the result; dots are capital letters nobody uses."""
    left, _, result = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise UntraceableError("np.einsum with other letters than arrays")
    spare = [letter for letter in "ZYXWVUTSRQPONMLKJIHGFEDCBA" if letter not in subscripts]
    dots = ""
    for i, term in enumerate(terms):
        if "..." in term:
            missing = "".join(spare[: ndims[i] - len(term) + 3][::-1])
            dots = max(dots, missing, key=len)
            terms[i] = term.replace("...", missing)
    if "->" not in subscripts:
        counts = Counter("".join(terms))
        result = dots + "".join(sorted(letter for letter, n in counts.items() if n == 1 and letter not in dots))
    return terms, result.replace("...", dots)


def tensordot(tape: Tape, a: Any, b: Any, axes: Any = 2) -> TracedArray:
    """np.tensordot: a product of two arrays, summed along pairs of `axes`.

    An integer stands for so many: the last ones of `a` and the first ones of `b`.
    """
    x, y = np.ndim(bare(a)), np.ndim(bare(b))
    if isinstance(axes, int):
        axes = (tuple(range(x - axes, x)), tuple(range(axes)))
    first, second = (tuple(one) if isinstance(one, (tuple, list)) else (one,) for one in axes)
    xs, ys = list("abcdefghijk"[:x]), list("lmnopqrstuv"[:y])
    for i, j in zip(first, second, strict=True):
        ys[j] = xs[i]
    summed = {xs[i] for i in first}
    result = [one for one in (*xs, *ys) if one not in summed]
    found = np.tensordot(bare(a), bare(b), axes)
    return contracted(tape, f"{''.join(xs)},{''.join(ys)}->{''.join(result)}", [a, b], found, "tensordot")


def outer(tape: Tape, a: Any, b: Any) -> TracedArray:
    """np.outer."""
    x, y = (one if isinstance(one, TracedArray) else fresh(tape, one) for one in (a, b))
    return contracted(tape, "i,j->ij", [x.reshape(-1), y.reshape(-1)], np.outer(x.x, y.x), "outer")
