"""What a backward returns, as a list of gradients: one, several, a dict of them, or a tree."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

Build = Callable[[list[Any]], Any]


def leaves(result: Any, names: list[str]) -> tuple[list[Any], list[str], Build]:
    """The gradients, their names, and how to put others in their place. `names`: those of the inputs, in order."""
    if isinstance(result, tuple | list):
        top = names if len(names) >= len(result) else [f"input {i + 1}" for i in range(len(result))]
        found, called, builds = [], [], []
        for one, name in zip(result, top, strict=False):
            parts, paths, build = _tree(one)
            found += parts
            called += [name + path for path in paths]
            builds.append((len(parts), build))

        def rebuilt(new: list[Any]) -> Any:
            rest = list(new)
            parts = []
            for count, build in builds:
                parts.append(build(rest[:count]))
                del rest[:count]
            return _like(result, parts)

        return found, called, rebuilt
    parts, paths, build = _tree(result)
    first = names[0] if names and not isinstance(result, Mapping) else ""
    return parts, [first + path if first else path.strip("[]'") or "x" for path in paths], build


def _tree(x: Any) -> tuple[list[Any], list[str], Build]:
    jax = sys.modules.get("jax")
    if jax is not None and not isinstance(x, Mapping | tuple | list) and x is not None and not hasattr(x, "shape"):
        return _registered(jax, x)
    if isinstance(x, Mapping):
        keys, values = [f"[{key!r}]" for key in x], list(x.values())
    elif isinstance(x, tuple | list):
        keys, values = [f"[{at}]" for at in range(len(x))], list(x)
    else:
        return [x], [""], lambda new: new[0]
    every = [_tree(value) for value in values]

    def build(new: list[Any]) -> Any:
        rest, parts = list(new), []
        for found, _, inner in every:
            parts.append(inner(rest[: len(found)]))
            del rest[: len(found)]
        return type(x)(zip(x, parts, strict=True)) if isinstance(x, Mapping) else _like(x, parts)  # type: ignore[call-arg]

    found = [leaf for parts, _, _ in every for leaf in parts]
    return found, [key + path for key, (_, paths, _) in zip(keys, every, strict=True) for path in paths], build


def _registered(jax: Any, x: Any) -> tuple[list[Any], list[str], Build]:
    """A class that somebody has registered as a pytree."""
    pairs, tree = jax.tree_util.tree_flatten_with_path(x, is_leaf=lambda one: one is None)
    paths = [jax.tree_util.keystr(path) for path, _ in pairs]
    return [leaf for _, leaf in pairs], paths, lambda new: jax.tree_util.tree_unflatten(tree, new)


def _like(x: Any, parts: list[Any]) -> Any:
    """A tuple, list or named tuple like x."""
    return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
