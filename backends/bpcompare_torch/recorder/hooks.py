"""Hooks of theirs on the nodes of autograd's graph: whether they change what goes on, and whose Δ that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor

from bpcompare_torch.recorder.graph import leaf_of
from bpcompare_torch.recorder.memory import Kept, Memory

OF_MODULES = "BackwardHookFunctionBackward"
"""The node by which torch runs the backward hooks of modules: a custom function, which is followed as one."""

Delivery = list[Kept | None]
"""Gradients at one place, by the number of the output or of the input that they are of."""


def ours(hook: Any) -> bool:
    """Whether it is one of the recorder's."""
    return str(getattr(hook, "__module__", "")).startswith("bpcompare_torch")


def name(hook: Any) -> str:
    """What its author calls it."""
    hook = getattr(hook, "hook", hook)  # torch wraps those of modules
    return str(getattr(hook, "__name__", type(hook).__name__))


def hooks_of(register: Callable[[Any], Any]) -> dict[Any, Any]:
    """All hooks of a node, in their order: a handle of one shows where they stand. The node offers no other way."""
    handle = register(ours)
    found: dict[Any, Any] = handle.hooks_dict_ref()
    handle.remove()
    return found


def theirs(hooks: Mapping[Any, Any]) -> dict[Any, Any]:
    """Those that are not the recorder's."""
    return {key: hook for key, hook in hooks.items() if not ours(hook)}


def behind_ours(hooks: Any, others: Mapping[Any, Any]) -> None:
    """Put hooks behind all others. The engine takes them in the order in which a dict has them, whatever an OrderedDict says."""
    for key, hook in others.items():
        del hooks[key]
        hooks[key] = hook


@contextmanager
def hooking(found: list[Tensor]) -> Iterator[None]:
    """Find the tensors that are given hooks in here: where a checkpoint runs a forward again, inside of the engine."""
    original = Tensor.register_hook

    def register_hook(self: Tensor, hook: Any) -> Any:
        if not ours(hook):
            found.append(self)
        return original(self, hook)  # type: ignore[no-untyped-call]

    Tensor.register_hook = register_hook  # type: ignore[method-assign]
    try:
        yield
    finally:
        Tensor.register_hook = original  # type: ignore[method-assign]
        found.clear()


class Hooked:
    """A node with hooks of theirs, in one pass: what goes in before the first of them and after the last, and what comes out.

    `arrives` is called with what arrives at the node before any hook; `changed` with the node and the number of the edge of which
    hooks changed what arrives, and with their names.
    """

    def __init__(
        self,
        node: Any,
        memory: Memory,
        arrives: Callable[[Any, Any], None],
        changed: Callable[[Any, int, tuple[str, ...]], None],
    ) -> None:
        self._node, self._memory, self._arrives, self._changed = node, memory, arrives, changed
        self._before: Delivery = []
        self._made: Delivery = []
        self._names: tuple[str, ...] = ()

    def hook(self, undo: ExitStack) -> None:
        """Stand around their hooks until `undo` is closed."""
        node = self._node
        if node.name() == OF_MODULES or leaf_of(node) is not None:
            return
        before = hooks_of(node.register_prehook)
        if others := theirs(before):
            followed = {key: hook for key, hook in before.items() if key not in others}
            undo.callback(node.register_prehook(self._arrive).remove)
            behind_ours(before, others)
            behind_ours(before, followed)  # what is noted of a value is what its node works with
            undo.callback(node.register_prehook(self._enter).remove)
        self._names = tuple(map(name, others.values()))
        after = hooks_of(node.register_hook)
        if others := theirs(after):
            undo.callback(node.register_hook(self._make).remove)
            behind_ours(after, others)
            undo.callback(node.register_hook(self._leave).remove)
        self._names = tuple(dict.fromkeys((*self._names, *map(name, others.values()))))

    def hook_tensor(self, t: Tensor, undo: ExitStack) -> None:
        """Stand around their hooks on t, a result of the node, until `undo` is closed."""
        others, number = theirs(t._backward_hooks or {}), t.output_nr
        before: Delivery = []
        if not others:
            return

        def arrived(g: Tensor) -> None:
            before[:] = self._kept([g])

        def entered(gradients: Any) -> None:
            if before and different(before[0], gradients[number]):
                self._changed(self._node, number, tuple(map(name, others.values())))

        undo.callback(t.register_hook(arrived).remove)  # type: ignore[no-untyped-call]
        behind_ours(t._backward_hooks, others)
        undo.callback(self._node.register_prehook(entered).remove)

    def _arrive(self, gradients: Any) -> None:
        self._before = self._kept(gradients)
        self._arrives(self._node, gradients)

    def _enter(self, gradients: Any) -> None:
        for number, (before, g) in enumerate(zip(self._before, gradients, strict=True)):
            if different(before, g):
                self._changed(self._node, number, self._names)

    def _make(self, made: Any, _arrived: Any) -> None:
        self._made = self._kept(made)

    def _leave(self, left: Any, _arrived: Any) -> None:
        for (node, number), made, g in zip(self._node.next_functions, self._made, left, strict=False):
            if node is not None and different(made, g):
                self._changed(node, number, self._names)

    def _kept(self, gradients: Any) -> Delivery:
        return [None if g is None else self._memory.keep(g) for g in gradients]


def different(before: Kept | None, now: Tensor | None) -> bool:
    """Whether they are not the same numbers, bit by bit, in the same format."""
    if before is None or now is None:
        return (before is None) != (now is None)
    alike = before.tensor.dtype == now.dtype and before.tensor.device == now.device
    return not (alike and before.same(Kept(now.detach())))


def nearest(node: Any, number: int, known: Callable[[Any, int], bool]) -> list[tuple[Any, int]]:
    """From an edge of autograd's graph on: the first edges, on every way, that are `known`; leaves among them."""
    found: list[tuple[Any, int]] = []
    waiting, met = [(node, number)], {(node, number)}
    while waiting:
        edge = waiting.pop()
        if known(*edge):
            found.append(edge)
            continue
        for following, of in edge[0].next_functions:
            if following is not None and (following, of) not in met:
                met.add((following, of))
                waiting.append((following, of))
    return found
