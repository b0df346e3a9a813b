"""Fixtures of the pytest plugin for code of your own: `watch`, `check_gradient`, and what `golden` does with a step."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bpcompare.tools.placed import called, file_name

if TYPE_CHECKING:
    from bpcompare.own.change import Changes
    from bpcompare.own.expected import Expected

PROPERTY = "bpcompare"
"""What the summary of pytest's run tells of a test."""


def golden_of_step(request: pytest.FixtureRequest, what: Any, more: tuple[Any, ...], options: dict[str, Any]) -> Changes | None:
    """Check a step of somebody's own code against its golden, `goldens/FILE.TEST.step.json` beside the test's file.

    Raises AssertionError where it is another, TypeError for arguments that a watched step has not.
    """
    __tracebackhide__ = True
    from bpcompare.own import Checked as Runs
    from bpcompare.own import WatchedStep, check
    from bpcompare.own.expected import saved
    from bpcompare.own.step import Watching
    from bpcompare.tools.golden.own import place_of, tested

    name = called(request, options.pop("name", ""))
    if isinstance(what, (Watching, WatchedStep, Runs)):
        if more or options:
            raise TypeError("golden(step): a step that was watched has no other arguments than name=")
        runs = what.runs if isinstance(what, Runs) else (what.step if isinstance(what, Watching) else what,)
    else:
        runs = check(what, *more, **options).runs
    file = Path(request.path)
    rewrite, alone = request.config.getoption("bpcompare_update"), bool(os.environ.get("CI"))
    found = tested(f"{file.name}:{name}", runs, place_of(file, name), rewrite=rewrite, make=not alone)
    if found.note:
        request.node.user_properties.append((PROPERTY, found.note))
    if found.failure and found.changes is None:
        pytest.fail(found.failure, pytrace=False)
    if found.failure:
        folder = request.config.getoption("bpcompare_report")
        raise AssertionError(f"\n{found.failure}{saved(runs[-1], folder, file_name(request))}")
    return found.changes


@pytest.fixture
def watch(request: pytest.FixtureRequest) -> Callable[..., Expected]:
    """Watch a step of your own code, and assert at the end of the block that it is certified: `with watch(model) as step:`.

    Arguments as for `bpcompare.watch`. `accept`: the verdict, or verdicts, that pass; None: the test looks at `step` itself.
    """

    def watch_step(
        model: Any, optimizer: Any = None, *, accept: str | Sequence[str] | None = "certified", **options: Any
    ) -> Expected:
        __tracebackhide__ = True
        from bpcompare.own import watch
        from bpcompare.own.expected import Expected, kept

        return Expected(
            watch(model, optimizer, **options),
            accept,
            lambda step: kept(step, request.config.getoption("bpcompare_report"), file_name(request)),
        )

    return watch_step


@pytest.fixture
def check_gradient() -> Callable[..., Any]:
    """Try a hand-written backward, and assert that it is right: `check_gradient(forward, backward, inputs)`.

    Arguments as for `bpcompare.check_gradient`; what that found is given back.
    """

    def checked(forward: Any, backward: Any = None, inputs: Sequence[Any] = (), **options: Any) -> Any:
        __tracebackhide__ = True
        from bpcompare.tools.gradient import check_gradient

        try:
            found = check_gradient(forward, backward, inputs, **options)
        except ValueError as error:
            pytest.fail(f"check_gradient: {error}", pytrace=False)
        if not found.ok:
            pytest.fail(str(found), pytrace=False)
        return found

    return checked
