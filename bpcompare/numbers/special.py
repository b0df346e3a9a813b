"""Functions of scipy.special, imported with the first that a law asks for: SciPy takes longer than all the rest."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    from scipy import special

    return getattr(special, name)
