"""All models of the table."""

from __future__ import annotations

from benchmarks.models import (
    assemblies,
    backbones,
    cameras,
    diffusion,
    families,  # noqa: F401 — adds its models to those of text
    films,
    graphs,
    likelihoods,  # noqa: F401 — adds its models to those of packages
    packages,
    sound,
    text,
    vision,
)
from benchmarks.models.real import Real

REAL: dict[str, Real] = {
    one.name: one
    for room in (text, vision, sound, diffusion, films, graphs, assemblies, cameras, backbones, packages)
    for models in room.MODELS
    for one in models.found
}
"""By name, in the order of the table."""
