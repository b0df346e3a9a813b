"""Puts back what a step changes: models, with whatever they keep in attributes; the optimizer; data; random generators."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from inspect import ismethod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from bpcompare_torch.recorder.memory import Kept, tensors

COLLECTIONS = (dict, OrderedDict, list, set)
"""Attributes of a module that are put back by what they hold."""


@contextmanager
def restored(model: nn.Module, optimizer: Any, loss: Any = None, data: Any = ()) -> Iterator[None]:
    """Everything as it was, afterwards, also after an error.

    Of modules, all attributes are put back, and what stands in their dicts, lists and sets; of tensors the numbers, the memory,
    the gradient, and whether they ask for one. `loss` may be, belong to, or close over other models.
    """
    undo = [*_generators()]
    modules = list(dict.fromkeys(module for one in (model, *held(loss)) for module in one.modules()))
    undo += [again for module in modules for again in _attributes(module)]
    groups = [p for group in optimizer.param_groups for p in group["params"]] if optimizer is not None else []
    theirs = [t for module in modules for t in (*module._parameters.values(), *module._buffers.values()) if t is not None]
    if optimizer is not None:
        undo += _settings(optimizer)
        theirs += [t for state in optimizer.state.values() for t in tensors(list(state.values()))]
        theirs += [t for group in optimizer.param_groups for t in tensors([v for k, v in group.items() if k != "params"])]
    known = {id(t): t for t in (*theirs, *groups, *_within(data)) if not is_lazy(t)}
    undo += [_tensor(t) for t in known.values()]
    try:
        yield
    finally:
        for again in undo:
            again()


def held(function: Any) -> list[nn.Module]:
    """The models that a loss is, belongs to, is given beforehand, or closes over."""
    if isinstance(function, nn.Module):
        return [function]
    if isinstance(function, partial):
        return [one for part in (function.func, *function.args, *function.keywords.values()) for one in held(part)]
    if ismethod(function):
        return held(function.__self__)
    found = []
    for cell in getattr(function, "__closure__", None) or ():
        try:
            inside = cell.cell_contents
        except ValueError:  # not filled yet
            continue
        found += [inside] if isinstance(inside, nn.Module) else []
    return found


def _attributes(module: nn.Module) -> Iterator[Callable[[], None]]:
    before = dict(vars(module))

    def put() -> None:
        vars(module).clear()
        vars(module).update(before)

    yield put
    for value in before.values():
        if type(value) in COLLECTIONS:
            yield _collection(value)


def _collection(value: Any) -> Callable[[], None]:
    copy = value.copy()

    def put() -> None:
        value.clear()
        (value.extend if isinstance(value, list) else value.update)(copy)

    return put


def _settings(optimizer: Any) -> list[Callable[[], None]]:
    """An optimizer's state and its groups: the same objects, with what they held."""
    state, groups = optimizer.state, optimizer.param_groups
    undo = [_collection(group) for group in groups]
    before = {p: (one, dict(one)) for p, one in state.items()}

    def put() -> None:
        state.clear()
        for p, (one, held_before) in before.items():
            one.clear()
            one.update(held_before)
            state[p] = one

    return [*undo, put]


def _tensor(t: Tensor) -> Callable[[], None]:
    memory, value, grad, asks = t.detach(), t.detach().clone(), t.grad if t.is_leaf else None, t.requires_grad
    numbers = None if grad is None else grad.detach().clone()

    def put() -> None:
        with torch.no_grad():
            if t.is_leaf and t.data_ptr() != memory.data_ptr():
                t.data = memory
            _copied(t, value)
            if not t.is_leaf:
                return
            t.grad = grad
            if grad is not None and numbers is not None:
                _copied(grad, numbers)
            if t.requires_grad != asks:
                t.requires_grad_(asks)

    return put


def _copied(t: Tensor, value: Tensor) -> None:
    """Nothing is written where nothing changed: numbers that stand several times in one memory, or may not be written into."""
    if t.layout != torch.strided or not Kept(t.detach()).same(Kept(value)):
        t.copy_(value)


def _within(data: Any) -> Iterable[Tensor]:
    if isinstance(data, Tensor):
        yield data
    elif isinstance(data, dict):
        for one in data.values():
            yield from _within(one)
    elif isinstance(data, (list, tuple)):
        for one in data:
            yield from _within(one)


def _generators() -> Iterator[Callable[[], None]]:
    yield partial(torch.set_rng_state, torch.get_rng_state())
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        yield partial(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())
    yield partial(np.random.set_state, np.random.get_state())  # noqa: NPY002 — theirs may be the old one
    yield partial(random.setstate, random.getstate())
