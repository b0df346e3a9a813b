"""Plans and records as files."""

import json
import struct
import sys
from dataclasses import field, fields, make_dataclass, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from bpcompare.network import Data, Error, Layer, Network
from bpcompare.network.parameter import Parameter
from bpcompare.ops import OPS, Conv2d, Op, Sgd
from bpcompare.plan import Batch, Plan, trees, written
from bpcompare.plan.draw import plan, sealed
from bpcompare.plan.record import Provenance, Record, StepRecord
from bpcompare.plan.storage import (
    FORMAT,
    VERSION,
    StorageError,
    load_plan,
    load_record,
    pack,
    plan_bytes,
    plan_from,
    record_bytes,
    record_from,
    save_plan,
    save_record,
    unpack,
)
from bpcompare.session.reproduction import Reproduction
from bpcompare.tools.golden import Golden

ODD = {
    "zero-dim": np.array(-0.0),
    "empty": np.zeros((0, 3), np.float32),
    "nan": np.array([0x7FF8000000000123, 0xFFF0000000000000], np.uint64).view(np.float64),
    "denormal": np.array([5e-324, -5e-324]),
    "narrow": np.arange(6, dtype=np.float32).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "whole": np.array([[-(2**63), 2**63 - 1]]),
    "truth": np.array([True, False, True]),
    'name/with "quotes", ünïcode\n': np.ones(1),
}


def _same(x, y):
    return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()


def _record(**changes):
    step = StepRecord(
        error=ODD["zero-dim"],
        net_in=ODD,
        a={},
        delta={"h": ODD["narrow"]},
        gradient={"w": ODD["nan"]},
        plain=None,
        parameters={"w": ODD["fortran"]},
        state={},
        slots={},
    )
    provenance = Provenance("own", "frame", "1.0", switches={"fast": "no"}, algorithms={"conv2d": "winograd"}, seconds=0.25)
    return replace(Record("abc", (step, replace(step, plain={"w": ODD["nan"]})), provenance), **changes)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_plans_come_back(make_network, tmp_path, dtype):
    """A backend in another process would compute on other numbers, or another network, than were planned."""
    made = plan(make_network(slots="drawn", updates_done=3), dtype)
    save_plan(made, tmp_path / "plan.safetensors")
    loaded = load_plan(tmp_path / "plan.safetensors")
    before, after = dict(made.arrays()), dict(loaded.arrays())
    assert list(before) == list(after)
    assert all(_same(before[key], after[key]) for key in before)
    assert not any(x.flags.writeable for x in after.values())
    assert (loaded.dtype, loaded.digest, loaded.updates_done, loaded.exact) == (dtype, made.digest, 3, False)
    assert written.dump(loaded.network)[0] == written.dump(made.network)[0]
    assert loaded.network.layers == made.network.layers
    assert loaded.order == made.order


def test_batches_that_are_one_array_are_stored_once(make_network):
    """Ten steps over all the data would store the data ten times."""
    network = make_network(batch=None)
    grown = len(plan_bytes(plan(network, steps=20))) - len(plan_bytes(plan(network, steps=19)))
    data = sum(x.nbytes for x in network.data.inputs.values())
    assert grown < data + 7 * 4 * 8  # a step costs its mask and some text, not its examples


def test_records_come_back(tmp_path):
    """A verdict on a saved record would differ from the verdict on the record."""
    record = _record()
    save_record(record, tmp_path / "record.safetensors")
    loaded = load_record(tmp_path / "record.safetensors")
    assert loaded.provenance == record.provenance
    assert (loaded.plan_digest, loaded.failure, len(loaded.steps)) == ("abc", None, 2)
    assert loaded.steps[0].plain is None
    assert _same(loaded.steps[1].plain["w"], ODD["nan"])
    assert list(loaded.steps[0].net_in) == list(ODD)
    for name, x in ODD.items():
        assert _same(loaded.steps[0].net_in[name], x), name
    assert _same(loaded.steps[0].error, ODD["zero-dim"])


def test_failures_come_back():
    """Why a backend failed in its process would be lost on the way."""
    record = _record(steps=(), failure="ValueError: no\nTraceback …")
    assert vars(record_from(record_bytes(record))) == vars(record)


@given(npst.arrays(st.sampled_from([np.float32, np.float64, np.int64, np.bool_]), npst.array_shapes(min_dims=0, min_side=0)))
def test_any_array_comes_back(x):
    """Some shape or value would change on the way through a file."""
    content, arrays = unpack(pack("thing", {"x": "x"}, {"x": x}), "thing")
    assert content == {"x": "x"}
    assert _same(arrays["x"], x)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(data=st.data())
def test_damage_is_found(make_network, data):
    """A damaged file would be computed on, or end in a traceback."""
    made = plan(make_network(), steps=1)
    whole = plan_bytes(made)
    match data.draw(st.sampled_from(["flip", "cut", "append", "swap"])):
        case "flip":
            at = data.draw(st.integers(0, len(whole) - 1))
            damaged = whole[:at] + bytes([whole[at] ^ (1 << data.draw(st.integers(0, 7)))]) + whole[at + 1 :]
        case "cut":
            damaged = whole[: data.draw(st.integers(0, len(whole) - 1))]
        case "append":
            damaged = whole + data.draw(st.binary(min_size=1, max_size=9))
        case _:
            at = data.draw(st.integers(0, len(whole) - 20))
            damaged = whole[:at] + data.draw(st.binary(min_size=8, max_size=8)) + whole[at + 8 :]
    try:
        loaded = plan_from(damaged)
    except StorageError:
        return
    # Some bytes carry nothing: blanks that pad the header.
    assert loaded.digest == made.digest
    assert all(_same(x, y) for (_, x), (_, y) in zip(made.arrays(), loaded.arrays(), strict=True))


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(data):
    """A file of another program would end in a traceback."""
    for load in (plan_from, record_from):
        with pytest.raises(StorageError):
            load(data)


def _rewritten(data, change):
    """The file with its manifest changed, as another version of bpcompare would have written it."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    manifest = json.loads(header["__metadata__"][FORMAT])
    change(manifest)
    header["__metadata__"][FORMAT] = json.dumps(manifest)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def test_newer_formats_are_refused(make_network):
    """A file of a later bpcompare would be misread instead of refused."""
    data = _rewritten(plan_bytes(plan(make_network())), lambda manifest: manifest.update(version=VERSION + 1))
    with pytest.raises(StorageError, match=r"format version 2.*install a newer bpcompare"):
        plan_from(data)


def test_edited_content_is_refused(make_network):
    """Somebody's hand-edited learning rate would run under the digest of the original."""
    data = _rewritten(plan_bytes(plan(make_network())), lambda manifest: manifest["content"]["network"]["update"].update(eta=9.0))
    with pytest.raises(StorageError, match="does not match the digest"):
        plan_from(data)


def test_kinds_are_not_mixed_up(make_network, tmp_path):
    """A record given where a plan belongs would be reported as damage."""
    save_plan(plan(make_network()), tmp_path / "p")
    with pytest.raises(StorageError, match=r"p: holds a plan, expected a record$"):
        load_record(tmp_path / "p")


def test_other_safetensors_files_are_refused():
    """A checkpoint given by mistake would be reported as damage."""
    from safetensors.numpy import save

    with pytest.raises(StorageError, match="is not a file that bpcompare wrote"):
        plan_from(save({"w": np.ones(3)}))


def test_what_cannot_be_saved_says_so():
    """Saving would fail in a library, or write what nothing can read."""
    with pytest.raises(StorageError, match="complex128"):
        pack("thing", {}, {"z": np.ones(1, complex)})
    with pytest.raises(StorageError, match="cannot be saved"):
        record_bytes(_record(provenance=Provenance("b", "f", "1", seconds=float("nan"))))


def test_unlisted_ops_are_refused(make_network):
    """A network with an op of somebody's own would be saved under the name of ours."""

    class Steeper(Sgd):
        pass

    network = make_network(update=Steeper(0.1))
    with pytest.raises(ValueError, match="Steeper is not an op that bpcompare lists"):
        written.dump(network)


def test_writing_is_whole_or_not_at_all(make_network, tmp_path, monkeypatch):
    """A crash while saving would leave half a file in place of a good one, or litter."""
    path = tmp_path / "plan"
    save_plan(plan(make_network()), path)
    before = path.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_plan(plan(make_network(), seed=1), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan"]


def test_loading_never_unpickles(tmp_path):
    """A file could run code on loading."""
    assert "pickle" not in vars(sys.modules["bpcompare.plan.storage"])
    (tmp_path / "p").write_bytes(b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.")
    with pytest.raises(StorageError):
        load_plan(tmp_path / "p")


@pytest.mark.parametrize("kind", OPS.values(), ids=lambda op: op.name)
def test_every_op_comes_back(kind):
    """An op could be run but not saved: its fields are of a type that the document does not know."""
    samples = {"int": 3, "float": 0.5, "bool": True, "tuple[int, int]": (2, 3), "tuple[int, ...]": (1, 2, 3)}
    samples |= {f"{hint} | None": value for hint, value in samples.items()}
    fields = {}
    for name, hint in trees.hints(kind).items():
        text = getattr(hint, "__name__", str(hint)) if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)
        fields[name] = hint.__args__[0] if "Literal" in text else samples[text]
    op = kind(**fields)
    assert trees.load(kind, json.loads(trees.encode(trees.dump(op))), "op") == op


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"channels": 1, "kernel": [2], "stride": [1, 1], "padding": [0, 0], "bias": True},
            "op.kernel: expected a list of 2, found 1",
        ),
        (
            {"channels": 1.0, "kernel": [2, 2], "stride": [1, 1], "padding": [0, 0], "bias": True},
            "op.channels: expected int, found float 1.0",
        ),
        (
            {"channels": True, "kernel": [2, 2], "stride": [1, 1], "padding": [0, 0], "bias": True},
            "op.channels: expected int, found bool True",
        ),
        ({"channels": 1, "stride": [1, 1], "padding": [0, 0]}, "op: kernel missing"),
        (
            {"channels": 1, "kernel": [2, 2], "stride": [1, 1], "padding": [0, 0], "bias": 1, "dilatation": 2},
            "op: unknown dilatation",
        ),
        ([], "op: expected an object, found a list"),
    ],
)
def test_reading_is_strict(fields, message):
    """A document that means something else would be read as if it meant what we expect."""
    with pytest.raises(ValueError, match=message):
        trees.load(Conv2d, fields, "op")


def test_equal_networks_have_one_spelling(make_network):
    """`eta = 1` and `eta = 1.0` would have different digests."""
    assert written.dump(make_network(update=Sgd(1)))[0] == written.dump(make_network(update=Sgd(np.float64(1.0))))[0]
    assert isinstance(Sgd(1), Op)


WRITTEN = {
    Network: {"name", "inputs", "layers", "parameters", "error", "update", "data", "training"},
    Layer: {"op", "sources", "g", "parameters", "units"},
    Error: {"op", "of"},
    Data: {"inputs", "target"},
    Parameter: {"init", "trainable", "penalty"},
    Plan: {"network", "dtype", "parameters", "state", "slots", "batches", "updates_done", "exact", "digest"},
    Batch: {"inputs", "target", "draws"},
    Record: {"plan_digest", "steps", "provenance", "failure"},
    Golden: {"spec", "backend", "plan", "record", "verdict"},
    Reproduction: {"spec", "plan", "backends", "oracle", "verdict", "first", "versions"},
}
"""What is written by hand; all other dataclasses are written by their fields."""


@pytest.mark.parametrize("kind", WRITTEN, ids=lambda kind: kind.__name__)
def test_every_field_is_written(kind):
    """A new field would be lost on the way through a file: write it where it is not its default, read it as `optional`."""
    assert {field.name for field in fields(kind)} == WRITTEN[kind]


def test_a_default_of_a_new_field_is_no_part_of_a_file_or_digest():
    """Adding a field would change every digest, and make every kept answer one to another plan."""
    later = make_dataclass(
        "Dense", [("units", int), ("bias", bool, True), ("later", float, 0.0), ("more", tuple, field(default=()))]
    )
    later.__module__ = __name__
    assert trees.dump(later(3)) == {"units": 3, "bias": True}
    assert trees.dump(later(3, later=-0.0, more=("x",))) == {"units": 3, "bias": True, "later": -0.0, "more": ["x"]}


@pytest.mark.parametrize("version", [0, -1, True, 1.0, "1", None, [1]])
def test_what_is_no_version_is_damage(make_network, version):
    """A format that nobody defined would be read as if it were ours."""
    data = _rewritten(plan_bytes(plan(make_network())), lambda manifest: manifest.update(version=version))
    with pytest.raises(StorageError, match="is no version of a format"):
        plan_from(data)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: replace(p, parameters={k: v * np.nan for k, v in p.parameters.items()}), "must be finite"),
        (lambda p: replace(p, parameters={k: v[:-1] for k, v in p.parameters.items()}), "expected float64 of shape"),
        (lambda p: replace(p, slots={}), "slots: missing"),
        (lambda p: replace(p, state={**p.state, "x.running_mean": np.zeros(1)}), "state: unknown x.running_mean"),
        (lambda p: replace(p, batches=()), "batches: there are none"),
        (lambda p: replace(p, updates_done=-1), "updates_done"),
        (lambda p: replace(p, batches=tuple(replace(b, target=b.target + 3) for b in p.batches)), "is out of range"),
        (lambda p: replace(p, batches=tuple(replace(b, inputs={"x": b.inputs["x"]}) for b in p.batches)), "no numbers for input"),
        (lambda p: replace(p, batches=tuple(replace(b, target=b.target[:-1]) for b in p.batches)), "numbers of examples differ"),
        (lambda p: replace(p, batches=tuple(replace(b, draws={}) for b in p.batches)), "draws: missing d.mask"),
        (lambda p: replace(p, network=replace(p.network, layers={})), "does not make sense: the plan"),
    ],
)
def test_a_plan_that_nobody_can_have_drawn_is_refused(make_network, change, said):
    """A file with a right checksum and numbers that fit no network would stop whoever judges it with a traceback."""
    with pytest.raises(StorageError, match=said):
        plan_from(plan_bytes(sealed(change(plan(make_network())))))


@pytest.mark.parametrize("key", ["parameters/h.weight", 'a"b\\c', "η\n\t\x00\x7f\u2028", "", "😀"])
@pytest.mark.parametrize("shape", [(), (1,), (10, 1), (0, 3), (2, 3, 4)])
def test_the_digest_of_an_entry_is_what_it_always_was(key, shape):
    """Plans and goldens of earlier versions would be refused as other ones."""
    assert trees.encode_entry(key, "<f4", shape) == trees.encode([key, "<f4", shape])
