"""From an evaluation to a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.extend import core

from bpcompare.ops.call import Call, Fixed, Read
from bpcompare.program import CUT_OFF, Place, Program, Recording, Step, Unexamined, Value
from bpcompare_jax.recorder.calling import called, chosen_of, rule_name
from bpcompare_jax.recorder.copies import Copies, each
from bpcompare_jax.recorder.evaluation import (
    CUSTOM,
    INLINE,
    Followed,
    Key,
    floating,
    inner,
    is_complex,
    loop,
    scanned,
    stacks,
    times,
    unrolled,
)
from bpcompare_jax.recorder.inside import definition, foreign, searches
from bpcompare_jax.recorder.names import line_in, place, within
from bpcompare_jax.recorder.numbers import array, conjugate, format_of, shape_of
from bpcompare_jax.recorder.precision import factors
from bpcompare_jax.recorder.seen import Seen
from bpcompare_jax.recorder.shards import split_up
from bpcompare_jax.recorder.together import evaluated


class Draft:
    """A program in the making, from the taps of an evaluation and what arrived at them; nothing, where none goes back."""

    def __init__(self, taps: Mapping[Key, Any], chosen: Mapping[Key, int], arrived: Mapping[Key, Any] | None = None) -> None:
        self.values: dict[str, Value] = {}
        self.steps: list[Step] = []
        self.places: dict[str, Place] = {}
        self.given: dict[str, Any] = {}
        self.recorded: dict[str, Any] = {}
        self.unexamined: list[Unexamined] = []
        self._taps, self._chosen, self._arrived = taps, dict(chosen), arrived
        self._inside: dict[Key, Any] = {}
        self._names: Counter[str] = Counter()
        self._line = ""
        self._copies: Copies | None = None

    def unique(self, name: str) -> str:
        """The name, with a number from its second use on."""
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name} ({self._names[name]})"

    def leaf(self, name: str, x: Any, gradient: Any, *, followed: bool = False) -> Seen:
        """A leaf of what a function is called with; with a gradient, a parameter. `followed`: what is made of it is recorded."""
        path = self.unique(name)
        self.given[path] = array(x)
        delta = None if gradient is None else f"{path}.gradient"
        if delta is not None:
            self.recorded[delta] = array(conjugate(gradient))
        self.values[path] = Value(path, path, given=True, delta=delta, parameter=delta is not None, dtype=format_of(x))
        return Seen(path, x, depends=delta is not None or followed)

    def constant(self, x: Any, name: str = "constant") -> Seen:
        """A number that stands in the code, or comes of no parameter."""
        x = x if hasattr(x, "dtype") else np.asarray(x)
        path = self.unique(name)
        self.given[path] = array(x)
        self.values[path] = Value(path, path, given=True, dtype=format_of(x))
        return Seen(path, x, depends=False)

    def run(self, closed: Any, args: Sequence[Any], at: Key = (), scope: str = "", custom: str = "") -> list[Any]:
        """The steps of a jaxpr. Inside of a `custom` function no number is recorded: its values are open."""
        jaxpr = closed.jaxpr
        known: dict[Any, Any] = {v: self.constant(c) for v, c in zip(jaxpr.constvars, closed.consts, strict=True)}
        known |= dict(zip(jaxpr.invars, args, strict=True))

        def read(v: Any) -> Any:
            return self.constant(v.val) if isinstance(v, core.Literal) else known[v]

        for number, equation in enumerate(jaxpr.eqns):
            outs = self._equation(equation, [read(v) for v in equation.invars], (*at, number), scope, custom)
            known |= dict(zip(equation.outvars, outs, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def _equation(self, equation: Any, args: list[Any], at: Key, scope: str, custom: str) -> list[Any]:
        name = equation.primitive.name
        if name in INLINE:
            return self._inlined(equation, args, at, scope, custom)
        if name == "scan":
            return self._scan(equation, args, at, scope, custom)
        if self._copies is not None:
            return self._copies.equation(equation, args, at, scope, custom)
        if name == "shard_map" and split_up(equation):
            return self._sharded(equation, args, at, scope, custom)
        return self.alone(equation, args, at, scope, custom)

    def alone(self, equation: Any, args: list[Seen], at: Key, scope: str, custom: str) -> list[Seen]:
        """The steps of an equation of one device: what they give, a value for each result.

        `args` are what it reads, `at` is where it stands in the jaxprs around it; `scope` and `custom` are the names under which
        its steps are told: the path of scopes, and the function with a rule of its own that it stands in, "" for none.
        """
        name = equation.primitive.name
        if name == "while" and unrolled(equation) and any(arg.depends for arg in args):
            return self._while(equation, args, at, scope, custom)
        if name == "cond":
            chosen = self._chosen[at]
            return self.run(equation.params["branches"][chosen], args[1:], (*at, ("branch", chosen)), scope, custom)
        if name == "stop_gradient" or not any(arg.depends for arg in args):
            return [self.still(args, (*at, i)) for i in range(len(equation.outvars))]
        if name in CUSTOM:
            return self._custom(equation, inner(equation), args, at, scope, custom)
        if foreign(equation) and (defined := self._defined(equation)) is not None:
            return self._custom(equation, defined, args, at, scope, custom)
        if name == "select_n" and self._arrived is None and (taken := chosen_of(args[0].number)) is not None:
            return [self._taken(equation, args[1 + taken], at, scope, custom)]
        return self._call(equation, args, at, scope, custom)

    def _taken(self, equation: Any, source: Seen, at: Key, scope: str, custom: str) -> Seen:
        """What is chosen everywhere is all that is read, where nothing goes back: the others may be no numbers."""
        where, number = place(equation, "select_n", scope, custom, self._line), self.number((*at, 0))
        if not source.depends:
            return self.constant(number)
        return self.step("identity", {"self": Read(0)}, [source], (shape_of(number),), 0, where, number, (*at, 0))

    def not_asked(self, what: str, why: str) -> None:
        """Names something that nobody examines."""
        if all(one.what != what for one in self.unexamined):
            self.unexamined.append(Unexamined(what, why))

    def still(self, args: Sequence[Seen], key: Key) -> Seen:
        """A result that no parameter reaches; whether one was cut off is said."""
        cut = any(arg.depends or arg.path.startswith(CUT_OFF) for arg in args)
        return self.constant(self.number(key), CUT_OFF if cut else "constant")

    def _sharded(self, equation: Any, args: list[Seen], at: Key, scope: str, custom: str) -> list[Seen]:
        """The steps of a function that runs on many devices."""
        copies = Copies(self, equation, at, scope, custom, self._line)
        with self._among(copies):
            outs = self.run(inner(equation), copies.entering(args), at, copies.scope, custom)
        return copies.leaving(outs, [v.aval for v in equation.outvars])

    @contextmanager
    def _among(self, copies: Copies | None) -> Iterator[None]:
        before, self._copies = self._copies, copies
        try:
            yield
        finally:
            self._copies = before

    def one(self) -> AbstractContextManager[None]:
        """While it lasts, the steps are those of one device."""
        return self._among(None)

    def _inlined(self, equation: Any, args: list[Any], at: Key, scope: str, custom: str) -> list[Any]:
        """The steps of a function that was called whole: where it was called is where its own equations say nothing else."""
        before, self._line = self._line, line_in(equation) or self._line
        try:
            return self.run(inner(equation), args, at, within(scope, equation), custom)
        finally:
            self._line = before

    def number(self, key: Key) -> Any:
        """What was recorded of a result; inside of a custom function, what JAX makes of what the function read."""
        return self._taps[key] if key in self._taps else self._inside[key]

    def _call(self, equation: Any, args: list[Seen], at: Key, scope: str, custom: str, *, function: str = "") -> list[Seen]:
        """The steps of one equation, a result each. `function` is the name of one that has no law, if it is known."""
        where = place(equation, function or equation.primitive.name, scope, custom, self._line)
        outs = []
        shapes = tuple(shape_of(v.aval) for v in equation.outvars)
        for i, v in enumerate(equation.outvars):
            number = self.number((*at, i))
            if not floating(v.aval) and not is_complex(v.aval):
                outs.append(Seen(self.unique("integers"), number, depends=False))
                self.given[outs[-1].path] = array(number)
                self.values[outs[-1].path] = Value(outs[-1].path, outs[-1].path, given=True)
                continue
            nameless = function, {f"x{k}": Read(k) for k in range(len(args))}, args
            name, arguments, sources = nameless if function else called(equation, args, i, partial(self._result, at))
            outs.append(self.step(name, arguments, sources, shapes, i, where, number, (*at, i), factors(equation, number)))
        return outs

    def _result(self, at: Key, number: int) -> Any:
        """What was recorded of a result of an equation."""
        return array(self.number((*at, number)))

    def step(
        self,
        function: str,
        arguments: Mapping[str, Any],
        sources: Sequence[Seen],
        shapes: tuple[tuple[int, ...], ...],
        output: int,
        where: Place,
        number: Any,
        key: Key | None,
        off: float = 0.0,
    ) -> Seen:
        """A step that writes one result; open where nothing was recorded under the key. Factors of its products may be `off`."""
        name = self.unique(f"{where.module}:{where.function}" if where.module else where.function)
        constants: dict[str, str] = {}
        reads: list[str] = []
        placed = {i: self._placed(source, i, name, reads, constants) for i, source in enumerate(sources)}
        slots = ((placed[i], source) for i, source in enumerate(sources))
        pairs = tuple(one.slot for one, source in slots if isinstance(one, Read) and is_complex(source.number))

        def argument(value: Any) -> Any:
            if isinstance(value, Read):
                return placed[value.slot]
            if isinstance(value, np.ndarray):
                called = "index"
                constants[called] = f"{name}.{called}"
                self.given[f"{name}.{called}"] = value
                return Fixed(called)
            return tuple(map(argument, value)) if isinstance(value, tuple) else value

        arguments = {key: argument(value) for key, value in arguments.items()}
        if pairs or is_complex(number):
            function = f"complex.{function}"
            arguments |= {"pairs": pairs, "to_pairs": is_complex(number)}
        writes = f"{name}.y"
        known = key is not None and key in self._taps
        delta = None
        if known:
            self.recorded[writes] = array(number)
            arrived = self._arrived.get(key) if key is not None and self._arrived is not None else None
            if arrived is not None:
                delta = f"{writes}.delta"
                self.recorded[delta] = -array(conjugate(arrived))
        self.values[writes] = Value(writes, name, open=not known, delta=delta, dtype=format_of(number))
        self.steps.append(Step(name, Call(function, arguments, shapes, output, off), tuple(reads), writes, constants=constants))
        self.places[name] = where
        return Seen(writes, number, depends=True)

    def _placed(self, source: Seen, i: int, name: str, reads: list[str], constants: dict[str, str]) -> Read | Fixed:
        """What stands in a call for what it reads: floats are read, integers are constants of the step."""
        if floating(source.number) or is_complex(source.number):
            reads.append(source.path)
            return Read(len(reads) - 1)
        constants[f"x{i}"] = f"{name}.x{i}"
        self.given[f"{name}.x{i}"] = array(source.number)
        return Fixed(f"x{i}")

    def _defined(self, equation: Any) -> Any:
        try:
            return definition(equation)
        except Exception:  # noqa: BLE001 — it is somebody's function: what cannot be traced is named
            return None

    def _custom(self, equation: Any, closed: Any, args: list[Seen], at: Key, scope: str, custom: str) -> list[Seen]:
        """A function with a rule of its own: its inner program, `closed`, is its law, whose values are nobody's.

        Its results are recorded.
        """
        name = custom or rule_name(equation)
        evaluation = evaluated(closed, [Followed(arg.number, arg.depends) for arg in args], (*at, "inside"))
        if evaluation.hid or searches(equation, closed):
            return self._call(equation, args, at, scope, name, function=name)
        self._inside |= evaluation.taps
        self._chosen |= evaluation.chosen
        inside = self.run(closed, args, (*at, "inside"), scope, name)
        where = place(equation, name, scope, name, self._line)
        outs = []
        for i, (v, seen) in enumerate(zip(equation.outvars, inside, strict=True)):
            if not (floating(v.aval) or is_complex(v.aval)) or not seen.depends:
                outs.append(seen)
                continue
            shapes = (shape_of(v.aval),)
            outs.append(self.step("identity", {"self": Read(0)}, [seen], shapes, 0, where, self.number((*at, i)), (*at, i)))
        return outs

    def _scan(self, equation: Any, args: list[Any], at: Key, scope: str, custom: str) -> list[Any]:
        p = equation.params
        consts, carry, xs = scanned(equation, args)
        carried = len(carry)
        rows: dict[int, list[Seen]] = {}
        where = place(equation, "scan", scope, custom, self._line)
        for t in times(p):
            along = [each(lambda parts, t=t: self._row(parts[0], t, where), [x]) for x in xs]  # type: ignore[misc]
            step = f"{scope}/scan[{t}]" if scope else f"scan[{t}]"
            outs = self.run(p["jaxpr"], [*consts, *carry, *along], (*at, ("t", t)), step, custom)
            carry, rows[t] = outs[:carried], outs[carried:]
        stacked = [
            each(lambda parts, v=v: self._stacked(v, parts, where), [row[i] for _, row in sorted(rows.items())])  # type: ignore[misc]
            for i, v in stacks(equation, len(carry))
        ]
        return [*carry, *stacked]

    def _stacked(self, v: Any, parts: Sequence[Seen], where: Place) -> Seen:
        if not parts:
            return self.constant(jnp.zeros(v.aval.shape, v.aval.dtype))
        number = jnp.stack([part.number for part in parts])
        if not any(part.depends for part in parts):
            return self.constant(number)
        arguments = {"tensors": tuple(Read(k) for k in range(len(parts))), "dim": 0}
        return self.step("stack", arguments, parts, (shape_of(v.aval),), 0, where, number, None)

    def _while(self, equation: Any, args: list[Seen], at: Key, scope: str, custom: str) -> list[Seen]:
        _, consts, carry = loop(equation, args)
        for t in range(self._chosen[at]):
            step = f"{scope}/while[{t}]" if scope else f"while[{t}]"
            carry = self.run(equation.params["body_jaxpr"], [*consts, *carry], (*at, ("t", t)), step, custom)
        return carry

    def _row(self, x: Seen, t: int, where: Place) -> Seen:
        """One step of time of what a scan runs along."""
        if not x.depends:
            return self.constant(x.number[t])
        return self.step(
            "select", {"self": Read(0), "dim": 0, "index": t}, [x], (shape_of(x.number[t]),), 0, where, x.number[t], None
        )


def recording(draft: Draft, title: str, root: Seen, where: Place) -> Recording:
    """The program of the way back from `root`, the scalar that is differentiated; `where` it was, and the `title` for people.

    Only what leads to `root` is kept of the draft, with all of its numbers.
    """
    draft.given["error.seed"] = np.ones(())
    draft.values["error.seed"] = Value("error.seed", "error", given=True)
    draft.values["error"] = Value("error", "error", open=True)
    if root.depends:
        op = Call("backward", {"self": Read(0), "seed": Read(1)}, ((),))
        draft.steps.append(Step("backward", op, (root.path, "error.seed"), "error"))
        draft.places["backward"] = where
    program = Program(draft.values, tuple(draft.steps), (), "error", ("error",))
    return Recording(title, needed(program, [program.end]), draft.given, draft.recorded, draft.places, tuple(draft.unexamined))


def forward(draft: Draft, title: str, results: Mapping[str, Seen]) -> Recording:
    """The program of what was computed forward alone; results by name."""
    program = Program(draft.values, tuple(draft.steps), (), "", ())
    ends = {name: seen.path for name, seen in results.items()}
    part, kept = needed(program, [*ends.values()]), {name: path for name, path in ends.items() if path in draft.recorded}
    return Recording(title, part, draft.given, draft.recorded, draft.places, tuple(draft.unexamined), kept)


def needed(program: Program, ends: Sequence[str]) -> Program:
    """The part that leads to what stands at the ends."""
    wanted, kept = set(ends), []
    for step in reversed(program.steps):
        if step.writes in wanted:
            kept.append(step)
            wanted |= set(step.reads)
    values = {path: value for path, value in program.values.items() if path in wanted}
    return Program(values, tuple(reversed(kept)), (), program.end, program.addends)
