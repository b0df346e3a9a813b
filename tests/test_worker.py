"""Running a backend, and checking that what comes back answers the plan."""

import re
from dataclasses import replace

import numpy as np
import pytest

from bpcompare.backend import Backend
from bpcompare.engine.worker import InProcess
from bpcompare.ops import OPS, Dense
from bpcompare.plan.draw import plan
from bpcompare.plan.record import Provenance, Record, StepRecord


def answer(plan, tamper=None):
    """A record of the right form; its numbers mean nothing."""
    network, made = plan.network, lambda shape: np.ones(shape, plan.dtype)
    steps = []
    for batch in plan.batches:
        layers = {name: (len(batch), *network.shape(name)) for name in plan.order}
        trainable = {name: plan.parameters[name].shape for name in network.trainable}
        steps.append(
            StepRecord(
                error=made(()),
                net_in={name: made(shape) for name, shape in layers.items()},
                a={name: made(shape) for name, shape in layers.items()},
                delta={name: made(shape) for name, shape in layers.items()},
                gradient={name: made(shape) for name, shape in trainable.items()},
                plain={name: made(shape) for name, shape in trainable.items()},
                parameters={name: x.copy() for name, x in plan.parameters.items()},
                state={path: x.copy() for path, x in plan.state.items()},
                slots={path: x.copy() for path, x in plan.slots.items()},
            )
        )
    record = Record(plan.digest, tuple(steps), Provenance("probe", "none", "1"))
    return tamper(record) if tamper else record


def backend(run):
    """A backend that does `run(plan)`."""

    class Probe(Backend):
        name = "probe"
        table = dict.fromkeys(OPS.values(), print)

        @classmethod
        def version(cls):
            return "1.5"

        def run(self, plan):
            return run(plan)

    return Probe


@pytest.fixture(params=["float32", "float64"])
def planned(make_network, request):
    return plan(make_network(), request.param)


def test_a_right_answer_passes(planned):
    """An honest backend would be reported as failed."""
    record = InProcess().run(backend(answer), planned)
    assert record.failure is None
    assert len(record.steps) == 2


def test_no_plain_gradient_is_an_answer(planned):
    """A backend without instrumentation could not say so."""
    record = InProcess().run(
        backend(lambda plan: answer(plan, lambda r: replace(r, steps=tuple(replace(s, plain=None) for s in r.steps)))), planned
    )
    assert record.failure is None


def test_nan_is_an_answer(planned):
    """The certificate, which names the first NaN, would never see it."""

    def tamper(record):
        record.steps[0].delta["h"][:] = np.nan
        return record

    assert InProcess().run(backend(lambda plan: answer(plan, tamper)), planned).failure is None


class UnprintableError(Exception):
    """An exception that fails while it is printed."""

    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("shapes differ\nand more"), "ValueError: shapes differ"),
        (KeyError(Dense), "KeyError: <class 'bpcompare.ops.dense.Dense'>"),
        (SystemExit(2), "SystemExit: 2"),
        (MemoryError(), "MemoryError"),
        (RecursionError("too deep"), "RecursionError: too deep"),
        (UnprintableError(), "UnprintableError"),
    ],
)
def test_whatever_is_raised_is_a_failure(planned, error, reason):
    """One backend's exception would end the comparison of all."""

    def run(plan):
        raise error

    record = InProcess().run(backend(run), planned)
    assert record.steps == ()
    assert record.plan_digest == planned.digest
    assert re.fullmatch(re.escape(reason) + r", at test_worker.py:\d+", record.failure.splitlines()[0])
    assert "Traceback" in record.failure
    assert (record.provenance.backend, record.provenance.version) == ("probe", "1.5")


def test_interrupts_pass_through(planned):
    """Ctrl-C would be reported as a fault of the backend that happened to run."""

    def run(plan):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        InProcess().run(backend(run), planned)


def test_gaps_are_named_before_anything_runs(planned):
    """A declared gap would be a KeyError in the middle of a run."""
    probe = backend(answer)
    probe.table = {op: print for op in probe.table if op is not Dense}
    probe.gaps = {Dense: "no matrices here"}
    assert InProcess().run(probe, planned).failure == "does not support dense (no matrices here)"


def test_prints_do_not_reach_standard_output(planned, capsys):
    """A backend's print would stand in the middle of the JSON that a script reads."""

    def run(plan):
        print("hello")  # noqa: T201
        return answer(plan)

    InProcess().run(backend(run), planned)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "hello\n"


def test_the_plan_cannot_be_written_to(planned):
    """The next backend would compute on numbers this one has changed."""

    def run(plan):
        plan.parameters["shared"][0, 0] = 9
        return answer(plan)

    assert "read-only" in InProcess().run(backend(run), planned).failure


@pytest.mark.parametrize("key", ["parameters/shared", "state/n.running_mean", "slots/shared.adamw.m", "batch2/inputs/word"])
def test_force_is_noticed_and_does_not_reach_others(planned, key):
    """A backend that makes arrays writable would change what the others compute, and nobody would know who."""
    before = dict(planned.arrays())[key].copy()

    def run(plan):
        x = dict(plan.arrays())[key]
        x.setflags(write=True)
        x.flat[0] += 1
        return answer(plan)

    assert InProcess().run(backend(run), planned).failure == f"changed the plan it was given: {key}"
    assert np.array_equal(dict(planned.arrays())[key], before)


def test_swapped_arrays_are_noticed(planned):
    """A backend could put other arrays into the mappings of the plan."""

    def run(plan):
        plan.parameters["shared"] = np.zeros(1)
        del plan.state["n.running_var"]
        return answer(planned)

    failure = InProcess().run(backend(run), planned).failure
    assert failure == "changed the plan it was given: parameters/shared, state/n.running_var"
    assert "n.running_var" in planned.state


def first(record, **changes):
    return replace(record, steps=(replace(record.steps[0], **changes), *record.steps[1:]))


def second(record, **changes):
    return replace(record, steps=(record.steps[0], replace(record.steps[1], **changes)))


def put(group, name, x):
    """Replaces one array of the second step."""
    return lambda plan, record: second(record, **{group: {**getattr(record.steps[1], group), name: x(plan)}})


def ones(*shape, dtype=None):
    """An array of the plan's dtype unless another is asked for."""
    return lambda plan: np.ones(shape, dtype or plan.dtype)


def lent(plan, record):
    return first(record, parameters={**record.steps[0].parameters, "shared": plan.parameters["shared"]})


VIOLATIONS = {
    "nothing": (lambda plan, record: None, "run must return a Record, returned NoneType"),
    "other plan": (lambda plan, record: replace(record, plan_digest="x"), "got x: the answer is to another plan"),
    "too few steps": (lambda plan, record: replace(record, steps=record.steps[:1]), "steps: wanted 2, got 1"),
    "no steps": (lambda plan, record: replace(record, steps=()), "steps: wanted 2, got 0"),
    "no step": (lambda plan, record: replace(record, steps=(1, 2)), "steps: wanted a StepRecord, got int"),
    "no provenance": (lambda plan, record: replace(record, provenance="me"), "provenance: wanted a Provenance, got str"),
    "no mapping": (lambda plan, record: second(record, delta=[]), "step2/delta: wanted a mapping from names to arrays, got list"),
    "broadcast": (put("delta", "h", ones(1, 4)), "step2/h.delta: wanted {dtype} of shape [5, 4], got {dtype} of shape [1, 4]"),
    "flat": (
        put("gradient", "shared", ones(16)),
        "step2/shared.gradient: wanted {dtype} of shape [4, 4], got {dtype} of shape [16]",
    ),
    "half": (
        put("a", "h", ones(5, 4, dtype="float16")),
        "step2/h.a: wanted {dtype} of shape [5, 4], got float16 of shape [5, 4]",
    ),
    "whole": (put("net_in", "h", ones(5, 4, dtype="int64")), "step2/h.in: wanted {dtype} of shape [5, 4], got int64"),
    "weights": (put("parameters", "o.bias", ones(3, 1)), "step2/o.bias.update: wanted {dtype} of shape [3]"),
    "state": (put("state", "n.running_var", ones(1, 4)), "step2/n.running_var: wanted {dtype} of shape [4]"),
    "slot": (put("slots", "shared.adamw.v", ones()), "step2/shared.adamw.v: wanted {dtype} of shape [4, 4]"),
    "unknown layer": (put("a", "ghost", ones(1)), "step2/a: wanted 7 entries, got 8: unknown ghost"),
    "missing layer": (lambda plan, record: first(record, a={}), "a: wanted 7 entries, got 0: missing d, e, f and 4 more"),
    "frozen": (put("gradient", "o.bias", ones(3)), "step2/gradient: wanted 6 entries, got 7: unknown o.bias"),
    "plain": (lambda plan, record: first(record, plain={}), "plain: wanted 6 entries, got 0"),
    "scalar": (lambda plan, record: first(record, error=1.0), "error: wanted a NumPy array, got builtins.float"),
    "matrix": (put("delta", "h", lambda plan: np.ma.ones((5, 4))), "step2/h.delta: wanted a NumPy array, got numpy.ma"),
    "one-element error": (lambda plan, record: first(record, error=ones(1)(plan)), "error: wanted {dtype} of shape [], got"),
    "the plan's": (lent, "shared.update: wanted an array of its own, got the plan's"),
    "a view": (
        put("delta", "h", lambda plan: ones(5, 8)(plan)[:, :4]),
        "step2/h.delta: wanted an array that owns its memory, got a view of another array of shape [5, 8]",
    ),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_wrong_forms_are_failures(planned, name):
    """A wrong shape would broadcast, a missing tensor would go unjudged, a view would change after it was handed in."""
    tamper, message = VIOLATIONS[name]
    record = InProcess().run(backend(lambda plan: tamper(plan, answer(plan))), planned)
    assert record.steps == ()
    assert record.failure.startswith("its record does not answer the plan: ")
    assert message.format(dtype=planned.dtype) in record.failure


def test_long_lists_are_cut(planned):
    """A thousand violations would drown the first."""

    def tamper(record):
        return replace(record, steps=tuple(replace(s, delta={n: x[:1] for n, x in s.delta.items()}) for s in record.steps))

    failure = InProcess().run(backend(lambda plan: answer(plan, tamper)), planned).failure
    assert failure.count("wanted") == 5
    assert failure.endswith("; and more")


def test_a_declared_failure_is_kept(planned):
    """A backend that says why it could not run would be blamed for an empty record."""
    record = Record(planned.digest, (), Provenance("probe", "none", "1"), "no such device")
    assert InProcess().run(backend(lambda plan: record), planned).failure == "no such device"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        *((field, None) for field in ("framework", "version", "device", "mode", "updater", "flushes", "seconds")),
        *((field, None) for field in ("switches", "algorithms", "voice")),
        *(("framework", 3), ("framework", "x" * 1_000_000), ("flushes", "yes"), ("seconds", float("nan")), ("seconds", "1")),
        *(
            ("switches", ["fast"]),
            ("switches", {str(n): "" for n in range(10_000)}),
            ("voice", "torch"),
            ("voice", ("x" * 1_000,)),
        ),
    ],
    ids=lambda x: x if isinstance(x, str) and len(x) < 20 else type(x).__name__,
)
def test_a_provenance_is_what_it_should_be(planned, field, wrong):
    """The report, or the saved run, would fail on it, and the run end with a traceback of ours."""

    def tamper(record):
        return replace(record, provenance=replace(record.provenance, **{field: wrong}))

    record = InProcess().run(backend(lambda plan: answer(plan, tamper)), planned)
    assert f"provenance.{field}: wanted " in record.failure
