"""Whether anybody but the recorder hooks a node of autograd's graph: nodes offer no way to ask them."""

from __future__ import annotations

from typing import Any, Self

import torch

from bpcompare_torch.recorder.hooks import ours

REGISTER = "_register_hook"
"""The method of torch.autograd.Function by which hooks of every node are noted: an interface of torch's own, not promised."""


class Registered:
    """While it is entered: `theirs`, whether somebody has hooked a node. Where this torch does not tell, they may have."""

    def __init__(self) -> None:
        self.theirs = True
        self._before: Any = None

    def __enter__(self) -> Self:
        function = torch.autograd.Function
        self._before = vars(function).get(REGISTER)
        original = getattr(function, REGISTER, None)
        if original is None:
            return self

        def register(hooks: Any, hook: Any) -> Any:
            self.theirs = self.theirs or not ours(hook)
            return original(hooks, hook)

        setattr(function, REGISTER, staticmethod(register))
        self.theirs = not self._tells()
        return self

    def _tells(self) -> bool:
        """Whether hooks of nodes, before and behind, go through that method."""
        with torch.enable_grad(), torch._C._DisableTorchDispatch():
            node: Any = torch.empty((), requires_grad=True).clone().grad_fn
        found = []
        for method in (node.register_prehook, node.register_hook):
            self.theirs = False
            method(_somebodys).remove()
            found.append(self.theirs)
        return all(found)

    def __exit__(self, *error: object) -> None:
        function = torch.autograd.Function
        if self._before is not None:  # another watch is around this one
            setattr(function, REGISTER, self._before)
        elif REGISTER in vars(function):
            delattr(function, REGISTER)  # what stands behind it is torch's own


def _somebodys(*_gradients: Any) -> None:
    """A hook to try with."""


_somebodys.__module__ = "nobody"
