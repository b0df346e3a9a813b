"""The options that several verbs have: one declaration each, so that they say the same everywhere."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

Spec = Annotated[str, Parameter(name="SPEC", help="A TOML or JSON file that describes a network.")]
Specs = Annotated[str, Parameter(name="SPEC", help="TOML or JSON files that describe a network.", negative="")]
Backends = Annotated[
    list[str] | None,
    Parameter(name=["--backend", "-b"], negative="", help="A backend, as for `bpcompare run`. Repeat it, or use commas."),
]
Dtype = Annotated[Literal["float64", "float32"] | None, Parameter(help="Precision; by default the spec's.")]
Steps = Annotated[int | None, Parameter(help="Update steps; by default the spec's.")]
Seed = Annotated[int | None, Parameter(help="Seed of everything drawn; by default the spec's.")]

Intended = Annotated[
    list[str] | None,
    Parameter(
        negative="",
        help="A custom autograd.Function whose backward is meant to be no derivative of its forward, by its name. Repeat it.",
    ),
]
Sampled = Annotated[
    str | None,
    Parameter(
        name="--sample",
        negative="",
        help="Judge for so long at most, as in 30s or 2min: all gradients first, then by risk. What is left is named, and the "
        "verdict is `certified in part` at best.",
    ),
]
Json = Annotated[
    str | None,
    Parameter(
        negative="",
        allow_leading_hyphen=True,
        help="Write one line of JSON to this file; - for standard output, without text.",
    ),
]

Html = Annotated[
    str | None,
    Parameter(negative="", help="Write it as one HTML page to this file: modules, calls, every claim with formula and numbers."),
]


def unlimited(sample: str | None) -> str:
    """What is wrong with --sample, or with the memory that the environment allows; or nothing."""
    import os

    from bpcompare.text.duration import seconds_of
    from bpcompare.text.size import bytes_of

    of = "--sample"
    try:
        if sample is not None:
            seconds_of(sample)
        of = "BPCOMPARE_MEMORY"
        if os.environ.get(of):
            bytes_of(os.environ[of])
    except ValueError as error:
        return f"{of}: {error}"
    return ""


def switch(words: str, *names: str) -> Parameter:
    """A switch that is off unless it is given; no `--no-` form of it."""
    return Parameter(name=names or None, negative="", help=words)


Replayed = Annotated[
    bool,
    switch("Also compute the step again, whole, in another framework's arithmetic, and say how far its gradients are apart."),
]


def out_of_range(steps: int | None, seed: int | None = None) -> str:
    """What is wrong with --steps and --seed, or nothing."""
    if steps is not None and steps < 1:
        return f"--steps must be at least 1, is {steps}"
    return f"--seed must not be negative, is {seed}" if seed is not None and seed < 0 else ""
