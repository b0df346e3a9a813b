"""Stand-ins for torchvision's compiled operators, where its wheel cannot be loaded: that of PyPI wants torch with CUDA.

Models of pictures need none of them; detectors need `nms`, which chooses boxes and has no derivative. `roi_align` torchvision has
in torch's own functions, too, and takes that by itself where nothing compiled is loaded.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

_KEPT: list[Any] = []
"""What torch forgets together with the object."""


def provide() -> None:
    """Make `import torchvision` possible; nothing is done where it is possible anyway, or torchvision is not installed."""
    spec = find_spec("torchvision")
    if spec is None or spec.origin is None or _KEPT or _compiled(Path(spec.origin).parent):
        return
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.impl("nms", _nms, "CompositeExplicitAutograd")
    _KEPT.append(library)
    import torchvision.ops.boxes

    torchvision.ops.boxes._assert_has_ops = lambda: None  # of what that module calls, nms is there now


def _compiled(package: Path) -> bool:
    """Whether the wheel's own operators can be loaded; if so, they are."""
    import torch

    for file in package.glob("_C*.so"):
        try:
            torch.ops.load_library(str(file))
        except OSError:
            return False
        return True
    return False


def _nms(dets: Any, scores: Any, iou_threshold: float) -> Any:
    """Which boxes (x₁, y₁, x₂, y₂) stay: by falling score, each that overlaps with none that stays by more than the threshold."""
    import torch

    kept: list[int] = []
    area = (dets[:, 2] - dets[:, 0]) * (dets[:, 3] - dets[:, 1])
    for one in scores.argsort(descending=True, stable=True).tolist():
        low, high = torch.maximum(dets[one, :2], dets[kept, :2]), torch.minimum(dets[one, 2:], dets[kept, 2:])
        both = (high - low).clamp(min=0).prod(dim=1)
        if not bool((both / (area[one] + area[kept] - both) > iou_threshold).any()):
            kept.append(one)
    return torch.tensor(kept, dtype=torch.int64)
