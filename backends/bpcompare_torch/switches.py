"""torch's process-wide switches that can change a number: set for one run, put back after it, read for the provenance."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

REDUCED = ("tf32", "bf16")


@contextmanager
def pinned() -> Iterator[None]:
    """Autograd on, autocast off, float32 in full, denormals kept, and convolution as a direct sum.

    NNPACK would take convolutions by Winograd's algorithm or an FFT: where oneDNN leaves them to it, a 3×3 kernel is then off by
    5e-5 Σ|w||a| in float32, against 2e-7 from oneDNN's and torch's own direct sums (torch 2.13).
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autocast("cpu", enabled=False))
        stack.enter_context(torch.backends.nnpack.flags(enabled=False))
        stack.enter_context(_full_float32())
        stack.enter_context(_denormals())
        yield


def switches() -> dict[str, str]:
    """Name → setting, as it is now."""
    return {
        "threads": str(torch.get_num_threads()),
        "deterministic_algorithms": str(torch.are_deterministic_algorithms_enabled()),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "mkldnn": str(_onednn().enabled),
        "nnpack": str(torch._C._get_nnpack_enabled()),  # noqa: SLF001 — torch has no public getter
        "reduced_float32": ", ".join(sorted({p for p in _precisions().values() if p in REDUCED})) or "none",
    }


def flushes(dtype: torch.dtype) -> bool:
    """Whether this thread turns results below the smallest normal number of `dtype` into 0; tried, for torch has no getter."""
    smallest = torch.tensor(torch.finfo(dtype).tiny, dtype=dtype, device="cpu")
    return bool(smallest * 0.5 == 0)


@contextmanager
def _denormals() -> Iterator[None]:
    if not flushes(torch.float32):
        yield
        return
    torch.set_flush_denormal(False)
    try:
        yield
    finally:
        torch.set_flush_denormal(True)


def _onednn() -> Any:
    return torch.backends.mkldnn  # its switches are properties that torch's types do not know


def _precisions() -> dict[str, str]:
    """In what precision oneDNN multiplies float32, by kind of product; empty in a torch that has no such switches yet."""
    kinds = {kind: getattr(_onednn(), kind, None) for kind in ("matmul", "conv")}
    return {kind: own.fp32_precision for kind, own in kinds.items() if own is not None}


@contextmanager
def _full_float32() -> Iterator[None]:
    # A switch is touched only where it has to be: setting one to what it inherited would cut it off from its parent.
    before = {kind: precision for kind, precision in _precisions().items() if precision in REDUCED}
    matmul = None if _precisions() else torch.get_float32_matmul_precision()
    try:
        for kind in before:
            getattr(_onednn(), kind).fp32_precision = "ieee"
        if matmul not in (None, "highest"):
            torch.set_float32_matmul_precision("highest")
        yield
    finally:
        for kind, precision in before.items():
            getattr(_onednn(), kind).fp32_precision = precision
        if matmul not in (None, "highest"):
            torch.set_float32_matmul_precision(matmul)
