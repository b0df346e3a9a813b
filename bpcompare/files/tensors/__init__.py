"""Arrays of .npz and .safetensors files: what they say of an array first, and of its numbers only what is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bpcompare.files.reading import Unreadable, opened, unreadable
from bpcompare.files.tensors.header import Header
from bpcompare.files.tensors.npz import Npz
from bpcompare.files.tensors.safetensors import Safetensors
from bpcompare.text.words import brief, did_you_mean, listed, quote

__all__ = ["Header", "TensorFile", "known", "tensor_file"]

TensorFile = Npz | Safetensors


@contextmanager
def tensor_file(path: Path) -> Iterator[TensorFile]:
    """The file, open; its suffix says what it is. Raises Unreadable, also for what goes wrong while it is read."""
    kinds: dict[str, type[Npz | Safetensors]] = {".npz": Npz, ".safetensors": Safetensors}
    if path.suffix not in kinds:
        raise Unreadable(f"{brief(path.name)} is neither a .npz nor a .safetensors file", "the suffix says what a file is")
    with opened(path) as file:
        try:
            yield kinds[path.suffix](path, file)
        except (OSError, MemoryError) as error:
            raise unreadable(error, path) from None


def known(file: TensorFile, key: str, path: Path) -> str:
    """`key`, if the file has an array of this name. Raises Unreadable."""
    if key not in file.names:
        hint = did_you_mean(key, file.names) or f"it has {listed(file.names)}"
        raise Unreadable(f"{brief(path.name)} has no array {quote(key)}", hint)
    return key
