"""Voices: backends that share the code behind their numbers count as one voice, and so have one vote.

A voice is a set of sources: frameworks that differentiate ("torch"), the laws ("laws"), a package ("package mine") or the code
of a file ("code 1f3a…"). Two backends with a source in common may be wrong together for one reason, so they are one voice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bpcompare.plan.record import Provenance

LAWS = "laws"
"""The source of a backend that computes from bpcompare's own formulas: it counts as the law itself."""
CODE = "code "
"""Begins the source of those whose code is in a file, with a digest of it."""
ARRAYS = frozenset({"", "none", "python", "numpy", "scipy", "numba", "cupy", "dask", "pandas", "polars", "math"})
"""Libraries that carry numbers and differentiate nothing: two backends on them have nothing in common yet."""
FRAMEWORKS: Mapping[str, str] = {
    **{name: name for name in ("autograd", "chainer", "dynet", "keras", "mindspore", "mlx", "mxnet", "paddle", "tinygrad")},
    **dict.fromkeys(("torch", "pytorch", "functorch", "torchvision", "torch_xla", "lightning", "pytorch_lightning"), "torch"),
    **dict.fromkeys(("jax", "jaxlib", "flax", "haiku", "dm-haiku", "equinox", "optax", "diffrax", "objax", "trax"), "jax"),
    **dict.fromkeys(("tensorflow", "tensorflow-cpu", "tf_keras", "sonnet"), "tensorflow"),
    **dict.fromkeys(("theano", "aesara", "pytensor"), "theano"),
    **dict.fromkeys(("paddlepaddle",), "paddle"),
}
"""Frameworks that differentiate, and what is built on one, by the name of a module or of a package."""


@dataclass(frozen=True)
class Voice:
    """Backends that count as one, and the source that they share ("" for a single backend)."""

    members: tuple[str, ...]
    shared: str = ""

    def __str__(self) -> str:
        together = listed(self.members)
        return f"{together} (one voice: {self.shared})" if self.shared else together


def source(framework: str) -> str:
    """The source that a framework's name stands for, "" for a library that differentiates nothing."""
    name = framework.strip().casefold()
    return "" if name in ARRAYS else FRAMEWORKS.get(name, name)


def sources(name: str, provenance: Provenance) -> frozenset[str]:
    """Everything that made the numbers of the backend called `name`; itself where nothing is known."""
    found = set(provenance.voice)
    if not found and (provenance.backend.partition("!")[0] == "delta" or provenance.updater.startswith("bpcompare.laws")):
        found.add(LAWS)  # a record of a time when voices were not written down
    found |= {source(provenance.framework)} - {""}
    return frozenset(found or {f"backend {name}"})


def voices(names: Sequence[str], heard: Mapping[str, frozenset[str]]) -> tuple[Voice, ...]:
    """`names` as voices that have no source in common, as many as there are; `heard` gives each one's sources.

    Who has a part in two voices, as a backend on two frameworks has, adds none.
    """
    founders: list[str] = []
    for name in sorted(names, key=lambda name: len(heard[name])):
        if not any(heard[name] & heard[other] for other in founders):
            founders.append(name)
    members: dict[str, list[str]] = {founder: [] for founder in sorted(founders, key=list(names).index)}
    for name in names:
        members[next(founder for founder in members if heard[name] & heard[founder])].append(name)
    return tuple(Voice(tuple(those), _shared(those, heard)) for those in members.values())


def _shared(names: Sequence[str], heard: Mapping[str, frozenset[str]]) -> str:
    if len(names) < 2:
        return ""
    common = frozenset.intersection(*(heard[name] for name in names)) or heard[names[0]]
    known = sorted(common & {LAWS, *FRAMEWORKS.values()})
    other = sorted(one for one in common if not one.startswith((CODE, "package ")))
    package = sorted(one for one in common if one.startswith("package "))
    return next(iter((*known, *other, *package)), "the same code")


def listed(names: Sequence[object]) -> str:
    """a, b and c."""
    words = [str(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
