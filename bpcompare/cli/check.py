"""`bpcompare check`: does a model's step compute the gradients of its own forward?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Annotated

from cyclopts import Parameter

from bpcompare.cli.codes import USAGE
from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.options import Html, Intended, Json, Replayed, Sampled, switch, unlimited
from bpcompare.cli.own import Report
from bpcompare.cli.terminal import Progress, complain, refused
from bpcompare.cli.wishes import Wishes


def check(
    *makes: Annotated[
        str,
        Parameter(
            name="FILE.py:NAME",
            negative="",
            help="A function of your file, without arguments, that returns model, inputs, and if you have them target, loss and "
            "optimizer: as a tuple, as a dict by these names, or as an object with these attributes. For JAX, model is the "
            "loss, and inputs are its parameters and its data. Two of them are compared.",
        ),
    ],
    as_is: Annotated[bool, switch("Only as the model is, without the copy of it in float64.")] = False,
    intended: Intended = None,
    tree: Annotated[bool, switch("Show the model as a tree: the verdict and the power of every module.")] = False,
    sample: Sampled = None,
    replay: Replayed = False,
    json: Json = None,
    html: Html = None,
    seed: Annotated[int, Parameter(help="Seed of the random generators, set before your function is called.")] = 0,
    map: Annotated[  # noqa: A002
        list[str] | None,
        Parameter(
            name="--map", negative="", help="FIRST=SECOND, or FIRST=PART,PART: a parameter of the first is this of the second."
        ),
    ] = None,
    backend: Annotated[
        list[str] | None,
        Parameter(
            name=["--backend", "-b"],
            negative="",
            help="Versions of the framework, each in an environment of its own: torch@2.13.0,torch@2.12.0, or torch@/path/to/"
            "python. Each is judged, and compared with the one before it. Repeat it, or use commas.",
        ),
    ] = None,
    inputs: Annotated[
        str | None,
        Parameter(
            help="NAME is one function, and its backward is tried on drawn inputs of these shapes: 4x3,3x2 or 4x3:float32,8:int5 "
            "(whole numbers below 5), 4x3:complex64, 8:bool, scalar. A torch.autograd.Function, a module, a jax.custom_vjp, or a "
            "NumPy function with --backward.",
        ),
    ] = None,
    backward: Annotated[str | None, Parameter(help="With --inputs: the function of the same file that is its backward.")] = None,
    meant_for: Annotated[
        str | None,
        Parameter(help="With --inputs: the function of the same file that the backward is meant to be the derivative of."),
    ] = None,
    names: Annotated[str | None, Parameter(help="With --inputs: what the inputs are called, such as x,w,b.")] = None,
    convention: Annotated[
        str | None,
        Parameter(help="With --inputs: whose gradient of complex numbers it is, torch or jax."),
    ] = None,
    contracts: Annotated[
        str | None,
        Parameter(negative="", help="With --inputs: of what a backward owes besides its numbers, these alone: linear,layouts."),
    ] = None,
    no_contracts: Annotated[bool, switch("With --inputs: none of them.")] = False,
    batch: Annotated[
        str | None,
        Parameter(
            help="With --inputs: the axis that examples lie along, or the names of inputs that have them; two halves are tried."
        ),
    ] = None,
    shapes: Annotated[
        str | None,
        Parameter(help="With --inputs: numbers of rows to try as well, such as 1,33; usual: those around the sizes of blocks."),
    ] = None,
    order: Annotated[int | None, Parameter(help="With --inputs: 2 differentiates the gradient again.")] = None,
    budget: Annotated[
        str | None,
        Parameter(help="With --inputs: the time for all of it, as in 30s or 2min; what is left is named."),
    ] = None,
) -> int:
    """Check a model of your own: does its step compute the gradients, and the updates, of the function that its forward is?

    The step is made twice: with a copy of the model in float64, which shows whether the logic is right, and with the model as it
    is. Exit codes: 0 certified, 1 wrong, 2 usage, 3 your code failed, 4 certified in part, or undecided.

    Two of them (a model and its port, before and after a change, eager and compiled): do they compute the same, and where do they
    part? Exit codes: 0 the same, 1 they differ, or one is wrong, 2 usage, or not comparable, 3 your code failed, 4 the same in
    part, or undecided.
    """
    alone = {"--html": html is not None, "--sample": sample is not None, "--replay": replay}
    several = "two are compared here" if len(makes) > 1 else "versions are compared here" if backend is not None else ""
    if inputs is not None:
        several = "one function is asked about with --inputs"
        alone |= {"--tree": tree, "--as-is": as_is, "--intended": bool(intended), "-b": backend is not None}
    wishes = Wishes(names, convention, contracts, no_contracts, batch, shapes, order, budget)
    asked = {"--backward": backward, "--meant-for": meant_for, **wishes.written()}
    problem = _misused(makes, json, html, seed, map) or unlimited(sample) or _for_one(several, alone) or wishes.problem()
    if problem := problem or _for_a_function(inputs, makes, asked):
        complain(f"{problem}\nTry: bpcompare check --help")
        return USAGE
    if inputs is not None:
        from bpcompare.cli.gradient import gradient

        return gradient(makes[0], inputs.split(","), backward=backward, meant_for=meant_for, wishes=wishes, seed=seed, json=json)
    keep_freed_memory()
    if len(makes) > 1 and backend is not None:
        complain("-b is for one FILE.py:NAME: its versions are compared with each other")
        return USAGE
    if len(makes) == 2:
        from bpcompare.cli.pair import pair

        return pair(makes[0], makes[1], seed, as_is=as_is, intended=intended or (), tree=tree, json=json, given=map or ())
    from bpcompare.own.factory import FactoryError
    from bpcompare.own.ordered import ordered

    (address,) = makes
    if backend is not None:
        from bpcompare.cli.versions import Asked, versions
        from bpcompare.engine.address import separated

        return versions(address, separated(backend), Asked(seed, as_is, intended or ()), tree=tree, json=json)
    progress = Progress(quiet=json == "-")
    progress(f"{address}: running")
    try:
        found = ordered(address, seed, as_is=as_is, intended=intended or (), sample=sample)
        switches = [word for word, on in (("--as-is", as_is), ("--replay", replay)) if on]
        flags = "".join(f" {word}" for word in (*switches, *(f"--intended {quote(name)}" for name in intended or ())))
        flags += f" --sample {quote(sample)}" if sample else ""
        again = f"bpcompare check {quote(address)}{flags}{f' --seed {seed}' if seed else ''}"
        report = Report("check", address, found.runs, again, replay)
        progress(f"{address}: judging")
        report.work_out(quiet=json == "-")
    except FactoryError as error:
        progress.done()
        return refused(error)
    finally:
        progress.done()
    return report.told(tree=tree, json=json, html=html)


def _for_one(several: str, given: Mapping[str, bool]) -> str:
    """What is said of options that a comparison has not."""
    names = [name for name, there in given.items() if there]
    return f"{names[0]} is of one run; {several}" if names and several else ""


def _for_a_function(inputs: str | None, makes: tuple[str, ...], asked: Mapping[str, object]) -> str:
    """What is said of options about one function, where none is asked about."""
    given = [name for name, value in asked.items() if value is not None]
    if inputs is None:
        return f"{given[0]} is for one function: give it with --inputs" if given else ""
    return "--inputs is for one FILE.py:NAME" if len(makes) > 1 else ""


def _misused(makes: tuple[str, ...], json: str | None, html: str | None, seed: int, given: Sequence[str] | None) -> str:
    from bpcompare.files.writing import unwritable

    if not makes:
        return "check needs FILE.py:NAME, a function that makes the model and its inputs"
    if len(makes) > 2:
        return f"check judges one FILE.py:NAME, or compares two; {len(makes)} are given"
    if given and len(makes) < 2:
        return "--map is for two FILE.py:NAME: it says which parameter of the first is which of the second"
    if wrong := [one for one in given or () if not all(part.strip() for part in one.partition("=")[::2])]:
        return f"--map {wrong[0]}: write FIRST=SECOND, or FIRST=PART,PART"
    if not 0 <= seed < 2**32:
        return f"--seed must be a whole number from 0 to {2**32 - 1}, is {seed}"
    for option, path in (("--json", None if json == "-" else json), ("--html", html)):
        if path is not None and (problem := unwritable(path)):
            return f"{option}: {problem}"
    return ""
