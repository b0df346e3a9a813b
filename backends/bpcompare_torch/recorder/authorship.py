"""Whether torch's own code is all that runs: in a node of autograd's graph, and in an optimizer's step."""

from __future__ import annotations

import re
import sys
import typing
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bpcompare_torch.recorder.geometry import strided
from bpcompare_torch.recorder.memory import PLAIN

BUILT_IN = re.compile(r"\w+Backward\d+|CopyBackwards|AccumulateGrad")
"""Nodes of autograd that torch generates. They write into nothing but what they make, and into `.grad`."""

TORCH, PYTHON = Path(torch.__file__).parent, Path(typing.__file__).parent
TYPES = ("builtins", "types", "typing", "collections.abc")
"""Where that is defined by which types are named."""
NAMED = ("torch", "builtins", "typing", "collections", "abc")
"""Where types are from that an optimizer's module names."""
NUMBERS = frozenset((int, float, bool, str, type(None), *PLAIN))
"""Of what types settings and states are, that have no operators of somebody else's."""


def built_in(node: Any) -> bool:
    """Whether torch generates nodes of this type, so that no code of others runs in it."""
    kind: Any = type(node)
    return _generated(kind)


@cache
def _generated(kind: type) -> bool:
    theirs = issubclass(kind, torch._C._FunctionBase)  # of torch.autograd.Function, whatever they are called
    return not theirs and kind.__module__ == "builtins" and BUILT_IN.fullmatch(kind.__name__) is not None


def plain(p: Any) -> bool:
    """Whether a parameter and its gradient are tensors of torch's own."""
    return type(p) in PLAIN and type(p.grad) in PLAIN and strided(p) and strided(p.grad)


def simple(optimizer: Any) -> bool:
    """Whether its settings and its state are numbers and tensors, kept as torch keeps them: others have their own operators."""
    state, groups = optimizer.state, optimizer.param_groups
    if type(groups) is not list or type(state) not in (dict, defaultdict) or getattr(state, "default_factory", dict) is not dict:
        return False
    if not all(type(kept) is dict for kept in (*groups, *state.values())):
        return False
    found = (x for kept in (*groups, *state.values()) for name, x in kept.items() if name != "params")
    return all(type(x) in NUMBERS or _number(x) for x in found)


def _number(value: Any) -> bool:
    kind = type(value)
    if kind in (tuple, list):
        return all(map(_number, value))
    return kind in NUMBERS or (isinstance(value, np.generic) and kind.__module__ == "numpy")


def as_made(optimizer: Any) -> bool:
    """Whether the functions by which it steps are torch's, and those that they call: somebody may have put others there."""
    kinds: Any = tuple(kind for kind in type(optimizer).__mro__ if issubclass(kind, torch.optim.Optimizer))[:-1]
    held = (optimizer, *(one for kind in kinds for one in (kind, sys.modules[kind.__module__])))
    if not all(_of_torch(one) for where in held for one in vars(where).values() if callable(one)):
        return False
    called = _called(kinds)
    operators = (vars(where)[name] for where in (torch, Tensor) for name in vars(where).keys() & called)
    return all(_of_torch(one) for one in operators if callable(one))


def _of_torch(one: Any) -> bool:
    """Whether a function, and all that it stands around, is torch's or Python's own; so is what only names types."""
    while isinstance(one, MethodType):
        one = one.__func__
    if isinstance(one, FunctionType):
        return _known(one.__code__) and _of_torch(getattr(one, "__wrapped__", type))
    if isinstance(one, type):
        return one.__module__.partition(".")[0] in NAMED
    return type(one).__module__ in TYPES


@cache
def _known(code: CodeType) -> bool:
    path = Path(code.co_filename)
    return path.is_relative_to(TORCH) or path.parent == PYTHON


@cache
def _called(kinds: tuple[type, ...]) -> frozenset[str]:
    """All names by which the functions of some classes of optimizers, and of their modules, find others."""
    held = (one for kind in kinds for where in (kind, sys.modules[kind.__module__]) for one in vars(where).values())
    return frozenset(name for one in held if isinstance(one, FunctionType) for name in _names(one))


def _names(function: Any) -> Iterator[str]:
    waiting = [function.__code__]
    while isinstance(function := getattr(function, "__wrapped__", None), FunctionType):
        waiting.append(function.__code__)
    for code in waiting:
        yield from code.co_names
        waiting += [one for one in code.co_consts if isinstance(one, CodeType)]
