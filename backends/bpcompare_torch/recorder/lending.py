"""Memory that somebody outside of torch (NumPy, a kernel) shares with a tensor: writes into it are not seen."""

from __future__ import annotations

from functools import wraps
from typing import Any, Self

import torch
from torch import Tensor

from bpcompare_torch.recorder.identity import Identity
from bpcompare_torch.recorder.mode import Mode


class Lending:
    """Notes which tensors' memory is handed out while it is entered; what is kept of it is copied before."""

    def __init__(self, identity: Identity, mode: Mode) -> None:
        self._identity, self._mode = identity, mode
        self._before: dict[str, Any] = {}

    def __enter__(self) -> Self:
        for name in LENDING:
            self._before[name] = vars(torch.Tensor).get(name)
            setattr(torch.Tensor, name, self._watched(getattr(torch.Tensor, name)))
        return self

    def _watched(self, original: Any) -> Any:
        identity, mode = self._identity, self._mode

        @wraps(original)
        def lending(t: Tensor, *args: Any, **kwargs: Any) -> Any:
            out = original(t, *args, **kwargs)
            if not mode.idle and not mode.stepping:
                with mode.unwatched(), mode.safe(original.__name__):
                    identity.lend(t)
            return out

        return lending

    def __exit__(self, *error: object) -> None:
        for name, before in self._before.items():
            if before is None:
                delattr(torch.Tensor, name)  # what stands behind it is torch's own
            else:  # it is torch's, in Python; or another watch is around this one
                setattr(torch.Tensor, name, before)


LENDING = ("numpy", "data_ptr", "__dlpack__")
"""Methods of a tensor that say where its memory is."""
