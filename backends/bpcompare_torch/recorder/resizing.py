"""Memory that is given up and taken again while tensors still name it: parameters that are gathered for one call (FSDP)."""

from __future__ import annotations

from typing import Any, Self

import torch

from bpcompare_torch.recorder.identity import Identity
from bpcompare_torch.recorder.mode import Mode

RESIZE = "resize_"


class Resizing:
    """While it is entered, what is kept of a memory is copied before that has another size."""

    def __init__(self, identity: Identity, mode: Mode) -> None:
        self._memory, self._mode = identity.memory, mode
        self._before: Any = None

    def __enter__(self) -> Self:
        original = getattr(torch.UntypedStorage, RESIZE)
        self._before = vars(torch.UntypedStorage).get(RESIZE)

        def resized(storage: torch.UntypedStorage, size: Any) -> Any:
            with self._mode.unwatched(), self._mode.safe("resize"):
                self._memory.leaving(storage._cdata)
            return original(storage, size)

        setattr(torch.UntypedStorage, RESIZE, resized)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is None:
            delattr(torch.UntypedStorage, RESIZE)  # what stands behind it is torch's own
        else:  # another watch is around this one
            setattr(torch.UntypedStorage, RESIZE, self._before)
