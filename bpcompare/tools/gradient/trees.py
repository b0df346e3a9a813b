"""Inputs that are dicts, lists and tuples of arrays, as the arrays in them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Given:
    """A forward and a backward as functions of the `inputs` by name, each of which is an array, or no number at all."""

    forward: Any
    backward: Any
    inputs: Mapping[str, Any]


def flattened(forward: Any, backward: Any, inputs: Sequence[Any], names: Sequence[str]) -> Given:
    """The same functions of the leaves, whose names are made of the keys that lead to them: "params.w"."""
    if not any(_is_tree(x) for x in inputs):
        return Given(forward, backward, dict(zip(names, inputs, strict=True)))
    jax = sys.modules.get("jax")
    split = _by_jax(jax) if jax is not None and not _holds_torch(inputs) else _split
    leaves: dict[str, Any] = {}
    built: list[tuple[int, Callable[[list[Any]], Any]]] = []
    for name, x in zip(names, inputs, strict=True):
        found, build = split(x) if _is_tree(x) else ([("", x)], lambda parts: parts[0])
        leaves |= {f"{name}.{key}" if key else name: leaf for key, leaf in found}
        built.append((len(found), build))

    def whole(parts: Sequence[Any]) -> list[Any]:
        args, at = [], 0
        for count, build in built:
            args.append(build(list(parts[at : at + count])))
            at += count
        return args

    def ahead(*parts: Any) -> Any:
        return forward(*whole(parts))

    def back(*parts: Any) -> Any:
        found = backward(*whole(parts[: len(leaves)]), *parts[len(leaves) :])
        found = found if isinstance(found, tuple) else (found,)
        gradients: list[Any] = []
        for (count, _), g in zip(built, found, strict=True):
            gradients += [leaf for _, leaf in split(g)[0]] if _is_tree(g) else [g] * count if g is None else [g]
        return tuple(gradients)

    ahead.__name__ = getattr(forward, "__name__", "forward")
    return Given(ahead, None if backward is None else back, leaves)


def leaves(inputs: Sequence[Any]) -> list[Any]:
    """All leaves of them."""
    return [leaf for x in inputs for leaf in ([one for _, one in _split(x)[0]] if _is_tree(x) else [x])]


def _is_tree(x: Any) -> bool:
    if isinstance(x, Mapping):
        return True
    return isinstance(x, (list, tuple)) and any(_is_tree(one) or hasattr(one, "shape") for one in x)


def _holds_torch(inputs: Sequence[Any]) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and any(isinstance(x, torch.Tensor) for x in leaves(inputs))


def _split(x: Any) -> tuple[list[tuple[str, Any]], Callable[[list[Any]], Any]]:
    """The leaves by their keys, and what builds the tree of such leaves."""
    if not isinstance(x, (Mapping, list, tuple)):
        return [("", x)], lambda parts: parts[0]
    keys = list(x) if isinstance(x, Mapping) else list(range(len(x)))
    branches = [_split(x[key]) for key in keys]
    found = [
        (f"{key}.{inner}" if inner else str(key), leaf)
        for key, (some, _) in zip(keys, branches, strict=True)
        for inner, leaf in some
    ]

    def build(parts: list[Any]) -> Any:
        values, at = [], 0
        for some, made in branches:
            values.append(made(parts[at : at + len(some)]))
            at += len(some)
        if isinstance(x, Mapping):
            return dict(zip(keys, values, strict=True))
        return type(x)(*values) if hasattr(x, "_fields") else type(x)(values)

    return found, build


def _by_jax(jax: Any) -> Callable[[Any], tuple[list[tuple[str, Any]], Callable[[list[Any]], Any]]]:
    def split(x: Any) -> tuple[list[tuple[str, Any]], Callable[[list[Any]], Any]]:
        found, structure = jax.tree_util.tree_flatten_with_path(x)
        named = [
            (".".join(str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in path), leaf)
            for path, leaf in found
        ]
        return named, lambda parts: jax.tree_util.tree_unflatten(structure, parts)

    return split
