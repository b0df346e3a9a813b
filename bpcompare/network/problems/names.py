"""Names: what inputs, layers and parameters may be called, for every quantity's path is made of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bpcompare.network.network import Network, Problem
from bpcompare.text.words import quote

LONGEST_NAME = 200
FORBIDDEN = frozenset("/[],")
RESERVED = frozenset({"error"})
RESERVED_PARAMETERS = frozenset({"error", "t", "target"})
"""What a claim calls E, the number of the step and the target."""
QUANTITIES = frozenset({"in", "a", "g", "delta", "gradient", "plain", "update", "before"})
"""Last parts of paths that a parameter's id must not look like."""


def name_problems(network: Network) -> tuple[Problem, ...]:
    """The network's name, names of inputs and layers, and names of their units."""
    return (*_own(network.name), *_groups(network))


def _own(name: str) -> Iterator[Problem]:
    if not name.strip():
        yield Problem(("name",), "is empty", f"1 to {LONGEST_NAME} characters, or leave it out")
    elif len(name) > LONGEST_NAME:
        yield Problem(("name",), f"has {len(name):,} characters, the limit is {LONGEST_NAME}")
    elif not name.isprintable():
        yield Problem(("name",), f"{quote(name)} contains a character that cannot be printed")


def group_name_problems(inputs: Collection[str], layers: Collection[str]) -> Iterator[Problem]:
    """Unusable names of inputs and layers, and names that both an input and a layer have."""
    for section, names in (("inputs", inputs), ("layers", layers)):
        for name in names:
            if reason := unusable(name, dots=False):
                yield Problem((section, name), f"{section[:-1]} name {quote(name)} {reason}")
            elif name in RESERVED:
                yield Problem((section, name), f"{quote(name)} is reserved: E has this path", "choose another name")
    for name in layers:
        if name in inputs:
            message = f"{quote(name)} is the name of an input as well"
            yield Problem(("layers", name), message, "names are unique over inputs and layers")


def unusable(name: str, *, dots: bool) -> str:
    """Why `name` cannot stand in a path; empty when it can."""
    if not name:
        return "is empty"
    if len(name) > LONGEST_NAME:
        return f"has {len(name)} characters, the limit is {LONGEST_NAME}"
    if " " in name or not name.isprintable():  # which other white space is not
        return "contains white space or a character that cannot be printed"
    if not FORBIDDEN.isdisjoint(name):
        return "contains one of / [ ] and comma, which have a meaning in paths"
    if "." in name and not dots:
        return "contains a dot, which separates the parts of a path"
    if dots and "" in name.split("."):
        return "has an empty part beside a dot"
    return ""


def parameter_name_problems(network: Network) -> tuple[Problem, ...]:
    """Ids of parameters: usable, and unlike the path of any other quantity."""
    found = []
    taken = {"error.data", "error.sum", *(f"{name}.penalty" for name in network.penalties)} if network.penalties else set()
    for name in network.parameters:
        reason = unusable(name, dots=True)
        if not reason and name in RESERVED_PARAMETERS:
            reason = "is reserved"
        if not reason and name in taken:
            reason = "is reserved where there are penalties"
        if not reason and name.rpartition(".")[2] in QUANTITIES:
            reason = f"ends in {quote(name.rpartition('.')[2])}, which is what another quantity's path ends in"
        if reason:
            found.append(Problem(("parameters", name), f"parameter name {quote(name)} {reason}"))
    return tuple(found)


def _groups(network: Network) -> Iterator[Problem]:
    yield from group_name_problems(network.inputs, network.layers)
    for section, groups in (("inputs", network.inputs), ("layers", network.layers)):
        for name, group in groups.items():
            seen = set()
            for index, unit in enumerate(group.units or ()):
                if reason := unusable(unit, dots=False):
                    yield Problem((section, name, "units", index), f"unit name {quote(unit)} {reason}")
                if unit in seen:
                    yield Problem((section, name, "units", index), f"unit name {quote(unit)} is given twice")
                seen.add(unit)
