"""The mistakes that are planted into a backward, one by one: the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from bpcompare.tools.doubt.arrays import copied, is_array, masked, ones, overwrite, rounded, shape
from bpcompare.tools.doubt.seen import Leaf, Seen

Change = Callable[[Any], Any]
OFF = 1.1
FACTOR = 1.001


@dataclass(frozen=True)
class Kind:
    """A kind of mistake. `gradient` changes one gradient, `dy` what the backward is given; `applies` says to which gradients.

    `about` is what a test lacks that does not see it: dy, shape, place, size, format, dtype, side effects.
    """

    title: str
    about: str
    applies: Callable[[Seen, Leaf], bool]
    gradient: Change | None = None
    dy: Change | None = None


def _always(_: Seen, __: Leaf) -> bool:
    return True


def _rows(_: Seen, leaf: Leaf) -> bool:
    return leaf.rows > 1


def _elements(_: Seen, leaf: Leaf) -> bool:
    return leaf.size > 1


def _several(seen: Seen, _: Leaf) -> bool:
    return seen.outputs > 1


def _mutable(seen: Seen, _: Leaf) -> bool:
    return seen.found is None or seen.found.kind != "jax"


def _row(at: int, to: float = 0.0) -> Change:
    def change(mask: Any) -> None:
        if mask.ndim and len(mask) > 1:
            mask[at] = to

    return lambda g: masked(g, change)


def _element(factor: float) -> Change:
    def change(mask: Any) -> None:
        mask.reshape(-1)[mask.size // 2 : mask.size // 2 + 1] = factor

    return lambda g: masked(g, change)


def _transposed(g: Any) -> Any:
    its = shape(g)
    return g.swapaxes(-1, -2) if len(its) > 1 and its[-1] == its[-2] else g


KINDS = {
    "sign": Kind("sign wrong", "compared", _always, lambda g: -g),
    "half": Kind("½ of it", "compared", _always, lambda g: g * 0.5),
    "double": Kind("2 × it", "compared", _always, lambda g: g * 2),
    "zero": Kind("zero", "compared", _always, lambda g: g * 0),
    "none": Kind("None returned", "compared", _mutable, lambda _: None),
    "transposed": Kind("transposed", "transposed", lambda _, leaf: leaf.square, _transposed),
    "dy-ignored": Kind("dy ignored", "dy", _always, dy=ones),
    "dy-absolute": Kind("|dy| for dy", "dy", _always, dy=abs),
    "dy-squared": Kind("dy² for dy", "dy", _always, dy=lambda dy: dy * dy),
    "last-row": Kind("last row forgotten", "place", _rows, _row(-1)),
    "first-row": Kind("first row forgotten", "place", _rows, _row(0)),
    "element": Kind("one element zero", "place", _elements, _element(0.0)),
    "element-off": Kind("one element 10 % too large", "place", _elements, _element(OFF)),
    "factor": Kind(f"{FACTOR} × it", "size", _always, lambda g: g * FACTOR),
    "float32": Kind("rounded to float32", "size", lambda _, leaf: "float64" in leaf.dtypes, lambda g: rounded(g, "float32")),
    "float16": Kind("rounded to float16", "size", lambda _, leaf: "float32" in leaf.dtypes, lambda g: rounded(g, "float16")),
    "broadcast-first": Kind("only the first of what was broadcast", "broadcast", lambda _, leaf: leaf.smaller),
    "broadcast-mean": Kind("mean for sum over what was broadcast", "broadcast", lambda _, leaf: leaf.smaller),
    "swapped": Kind("swapped with that of {}", "compared", lambda seen, leaf: bool(_twin(seen, leaf))),
    "output": Kind("dy of output {} forgotten", "outputs", _several),
    "in-place": Kind("dy changed in place", "side effects", _mutable),
    "term": Kind("without {}", "terms", _always),
}


@dataclass(frozen=True)
class Mutant:
    """One mistake at one place: `leaf` counts gradients; `at` is another gradient, an output or a term, by the kind. -1: none."""

    kind: str
    leaf: int = -1
    at: int = -1
    title: str = ""
    where: str = ""

    def plan(self) -> dict[str, Any]:
        """For the process that plants it."""
        return asdict(self)

    @property
    def about(self) -> str:
        """What a test lacks that does not see it."""
        return KINDS[self.kind].about


def mutants(seen: Seen) -> Iterator[Mutant]:
    """Every mutant that the gradients which were seen have a place for."""
    for name, kind in KINDS.items():
        if name == "in-place":
            places = [(-1, "")] if _mutable(seen, Leaf("")) else []
        elif name == "term":
            places = list(enumerate(seen.terms))
        elif name == "output":
            places = [(at, str(at + 1)) for at in range(seen.outputs)] if seen.outputs > 1 else []
        else:
            yield from _of_gradients(name, seen)
            continue
        yield from (Mutant(name, at=at, title=kind.title.format(words)) for at, words in places)


def _of_gradients(name: str, seen: Seen) -> Iterator[Mutant]:
    """One mutant for each gradient that it applies to."""
    kind, many = KINDS[name], sum(bool(leaf.shapes) for leaf in seen.leaves) > 1
    for at, leaf in enumerate(seen.leaves):
        if leaf.shapes and kind.applies(seen, leaf):
            twin = _twin(seen, leaf) if name == "swapped" else -1
            title = kind.title.format(seen.leaves[twin].name)
            yield Mutant(name, at, twin, title, leaf.name if many else "")


def _twin(seen: Seen, leaf: Leaf) -> int:
    """Another gradient of the same shapes, behind it; 0 for none."""
    at = seen.leaves.index(leaf)
    return next((i for i, one in enumerate(seen.leaves) if i > at and one.shapes and one.shapes == leaf.shapes), 0)


@dataclass
class Call:
    """One call of a backward: its gradients, its dys, and `again`, the same call with each dy changed."""

    gradients: list[Any]
    dys: list[Any]
    again: Callable[[Callable[[int, Any], Any]], list[Any]]


def placed(mutant: Mutant, names: list[str]) -> Mutant:
    """The mutant of the gradient of that name among these: not every call of a method keeps all that another keeps."""
    if mutant.leaf < 0 or not mutant.where or mutant.where not in names:
        return mutant if not mutant.where or mutant.leaf < 0 else replace(mutant, leaf=len(names))
    return replace(mutant, leaf=names.index(mutant.where))


def planted(mutant: Mutant, call: Call) -> list[Any]:
    """The gradients with the mistake in them. What does not fit this call is left as it is."""
    kind, new = KINDS[mutant.kind], list(call.gradients)
    if mutant.kind == "in-place":
        return _in_place(call)
    if mutant.kind == "output":
        return call.again(lambda at, dy: dy * 0 if at == mutant.at else dy)
    i = mutant.leaf
    if i >= len(new) or not is_array(new[i]):
        return new
    if mutant.kind == "swapped":
        if mutant.at < len(new) and is_array(new[mutant.at]):
            new[i], new[mutant.at] = new[mutant.at], new[i]
    elif mutant.kind.startswith("broadcast"):
        new[i] = _broadcast(mutant.kind, call, i)
    elif kind.dy is not None:
        change = kind.dy
        new[i] = call.again(lambda _, dy: change(dy))[i]
    elif kind.gradient is not None:
        new[i] = kind.gradient(new[i])
    return new


def _in_place(call: Call) -> list[Any]:
    """dy becomes the gradient of its shape, as `dy *= …` makes it; where none has its shape, twice itself."""
    dy = next((dy for dy in call.dys if is_array(dy)), None)
    if dy is not None:
        like = next((g for g in call.gradients if is_array(g) and shape(g) == shape(dy)), None)
        overwrite(dy, copied(like) if like is not None else dy * 2)
    return call.gradients


def _broadcast(kind: str, call: Call, i: int) -> Any:
    """The gradient of an input that was broadcast: of the first repetition alone, or by the number of repetitions too small."""
    g, dy = call.gradients[i], next((dy for dy in call.dys if is_array(dy)), None)
    axes = [] if dy is None else repeated(shape(g), shape(dy))
    if not axes:
        return g
    if kind == "broadcast-mean":
        count = 1
        for axis in axes:
            count *= shape(dy)[axis]
        return g / count

    def first(mask: Any) -> None:
        for axis in axes:
            mask[(slice(None),) * axis + (slice(1, None),)] = 0

    return call.again(lambda _, dy: masked(dy, first))[i]


def repeated(small: tuple[int, ...], large: tuple[int, ...]) -> list[int]:
    """The axes of `large` along which an array of shape `small` is repeated by broadcasting; none where it does not fit."""
    missing = len(large) - len(small)
    if missing < 0:
        return []
    padded = (1,) * missing + small
    if any(a not in (1, b) for a, b in zip(padded, large, strict=True)):
        return []
    return [axis for axis, (a, b) in enumerate(zip(padded, large, strict=True)) if a == 1 and b > 1]
