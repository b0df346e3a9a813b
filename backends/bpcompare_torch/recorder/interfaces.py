"""Interfaces of torch that are its own affair, and that watching needs: what is said where one is not there."""

from __future__ import annotations

from typing import Any

import torch

TRIED = ("2.13.0", "2.14.1")
"""Versions of torch on which tests of watching were run; docs/own.md says which."""
NEEDED: tuple[tuple[str, Any, str], ...] = (
    ("torch.autograd", torch.autograd, "_engine_run_backward"),
    ("torch.autograd", torch.autograd, "_get_sequence_nr"),
    ("torch.autograd.function", torch.autograd.function, "_SingleLevelFunction"),
    ("torch._C", torch._C, "_current_graph_task_id"),
    ("torch._C", torch._C, "_current_autograd_node"),
    ("torch._C", torch._C, "_DisableTorchDispatch"),
    ("torch._C._autograd", torch._C._autograd, "_top_saved_tensors_default_hooks"),
    ("torch._C._autograd", torch._C._autograd, "_push_saved_tensors_default_hooks"),
    ("torch._C._autograd", torch._C._autograd, "_pop_saved_tensors_default_hooks"),
    ("torch.Tensor", torch.Tensor, "_backward_hooks"),
    ("torch.Tensor", torch.Tensor, "_base"),
    ("torch.Tensor", torch.Tensor, "_version"),
    ("torch.Tensor", torch.Tensor, "_is_view"),
)
"""By the name of where it stands: what watching cannot do without."""


class NotWatchableError(ImportError):
    """This torch lacks an interface that the recorder needs."""


def ensure() -> None:
    """Raises NotWatchableError, with the names, where an interface is missing."""
    lacking = [f"{name}.{attribute}" for name, where, attribute in NEEDED if not hasattr(where, attribute)]
    if lacking:
        tried = " and ".join(TRIED)
        raise NotWatchableError(
            f"torch {torch.__version__} has no {', '.join(lacking)}, which watching needs; it was tried with torch {tried}"
        )
