"""What one process of pytest saw of the backward under doubt, as it tells it to the process that started it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

VARIABLE = "BPCOMPARE_DOUBT"
"""The environment variable that names the file with what such a process is to do."""


@dataclass
class Leaf:
    """One gradient that the backward returns. `square` and `smaller` (than dy, by broadcasting) hold for some call at least."""

    name: str
    dtypes: list[str] = field(default_factory=list)
    shapes: list[list[int]] = field(default_factory=list)
    square: bool = False
    smaller: bool = False

    @property
    def rows(self) -> int:
        """The most entries along the first axis in any call."""
        return max((shape[0] for shape in self.shapes if shape), default=0)

    @property
    def size(self) -> int:
        """The most elements in any call."""
        sizes = [0]
        for shape in self.shapes:
            size = 1
            for length in shape:
                size *= length
            sizes.append(size)
        return max(sizes)


@dataclass
class Found:
    """The target: `kind` is torch, jax or plain; `call` how a test writes it, `forward` its forward's name, "" if unknown.

    `arguments` are those of the forward, `dy` the place of dy among those of a plain backward.
    """

    kind: str
    call: str
    forward: str = ""
    arguments: list[str] = field(default_factory=list)
    dy: str = ""
    last: bool = True


@dataclass
class Seen:
    """Calls of the backward, by test; what its dy and its gradients were; what failed; and what became of a planted mutant.

    `everywhere`: it was called outside of any test. `traced`: by JAX under jit. `ones`, `flat`, `negative`: dy was 1 in all
    calls, 0 or 1 in all, below 0 in some. `forward`: what torch differentiates it by, for it is no backward then. `differed`: a
    planted gradient was another than the true one, by `largest` of that one's largest element; `unsure`: calls in which that
    could not be told.
    """

    found: Found | None = None
    problem: str = ""
    calls: int = 0
    tests: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    collected: int = 0
    everywhere: bool = False
    traced: bool = False
    leaves: list[Leaf] = field(default_factory=list)
    outputs: int = 1
    looked: int = 0
    ones: bool = True
    flat: bool = True
    negative: bool = False
    terms: list[str] = field(default_factory=list)
    forward: str = ""
    failures: list[str] = field(default_factory=list)
    plugins: list[str] = field(default_factory=list)
    differed: bool = False
    largest: float = 0.0
    unsure: int = 0
    error: str = ""

    def write(self, folder: Path, name: str) -> None:
        """Keep it as a file, whole or not at all."""
        path = folder / f"{name}.part"
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")
        path.replace(folder / f"{name}.json")


def read(folder: Path) -> Seen | None:
    """What all processes of one run saw together (pytest-xdist has several); None where none told anything."""
    every = [_one(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.json"))]
    if not every:
        return None
    most = max(every, key=lambda seen: (len(seen.leaves), seen.found is not None, seen.calls))
    most.problem = "" if any(seen.found for seen in every) else next((seen.problem for seen in every if seen.problem), "")
    most.collected = max(seen.collected for seen in every)
    most.calls, most.looked, most.unsure = (sum(getattr(seen, name) for seen in every) for name in ("calls", "looked", "unsure"))
    for name in ("tests", "files", "failures", "plugins"):
        setattr(most, name, _union(every, name))
    for name in ("everywhere", "traced", "negative", "differed"):
        setattr(most, name, any(getattr(seen, name) for seen in every))
    most.ones, most.flat = all(seen.ones for seen in every), all(seen.flat for seen in every)
    most.largest = max(seen.largest for seen in every)
    most.forward = next((seen.forward for seen in every if seen.forward), "")
    most.error = next((seen.error for seen in every if seen.error), "")
    for seen in every:
        _merge(most.leaves, seen.leaves)
    return most


def _union(every: Iterable[Seen], name: str) -> list[str]:
    return list(dict.fromkeys(one for seen in every for one in getattr(seen, name)))


def _merge(into: list[Leaf], others: list[Leaf]) -> None:
    for leaf, other in zip(into, others, strict=False):
        leaf.dtypes = list(dict.fromkeys([*leaf.dtypes, *other.dtypes]))
        leaf.shapes += [shape for shape in other.shapes if shape not in leaf.shapes]
        leaf.square, leaf.smaller = leaf.square or other.square, leaf.smaller or other.smaller


def _one(content: dict[str, Any]) -> Seen:
    found = content["found"]
    return Seen(
        **content | {"found": Found(**found) if found else None, "leaves": [Leaf(**leaf) for leaf in content["leaves"]]},
    )
