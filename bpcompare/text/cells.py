"""Texts by the cells that they take in a terminal."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size


def padded(text: str, cells: int) -> str:
    """`text` with spaces after it, so that it takes so many cells."""
    return text + " " * (cells - cell_len(text))


def cut(text: str, cells: int) -> str:
    """As much of `text` as fits into so many cells."""
    return text if cell_len(text) <= cells else set_cell_size(text, cells).rstrip(" ")
