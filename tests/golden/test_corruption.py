"""Files that were damaged at random: none may be believed, none may do anything but be refused."""

import random

import numpy as np
import pytest

import bpcompare
from bpcompare.engine.worker import InProcess
from bpcompare.plan.draw import plan as draw
from bpcompare.plan.storage import StorageError, pack, plan_bytes, plan_from, record_bytes, record_from, unpack
from bpcompare.session.archive import comparison_from
from bpcompare.tools.golden import GoldenError, text, update
from bpcompare.tools.golden.golden import KIND, golden_of, parts
from bpcompare.tools.golden.seal import sealed
from bpcompare.verdict.saving import comparison_bytes
from bpcompare_delta import Delta
from places import EXAMPLES

COUNT = 1_000


def damaged(data, number):
    """`data` with one random kind of damage: bytes changed, cut, doubled, moved, inserted; or a number in the text changed."""
    chance = random.Random(number)
    kind = chance.randrange(7)
    at, length = chance.randrange(len(data)), chance.choice((1, 1, 1, 2, 8, 100))
    if kind == 0:
        return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
    if kind == 1:
        return data[:at] + chance.randbytes(length) + data[at + length :]
    if kind == 2:
        return data[:at]
    if kind == 3:
        return data[:at] + data[at + length :]
    if kind == 4:
        return data[:at] + chance.randbytes(length) + data[at:]
    if kind == 5:
        other = chance.randrange(len(data))
        return data[:at] + data[other : other + length] + data[at + length :]
    digits = [i for i, byte in enumerate(data) if 48 <= byte <= 57] or [at]
    where = chance.choice(digits)
    return data[:where] + bytes([48 + (data[where] - 48 + 1 + chance.randrange(9)) % 10]) + data[where + 1 :]


@pytest.fixture(scope="module")
def files():
    spec = EXAMPLES / "mazur.toml"
    golden = update(spec, Delta).golden
    plan = draw(bpcompare.load(EXAMPLES / "skip.toml"), "float32", 2)
    comparison = bpcompare.run(bpcompare.load(spec), ["delta"])
    return {
        "golden as text": (text.dumps(*parts(golden)), lambda data: golden_of(*text.loads(data))),
        "golden as tensors": (pack(KIND, *parts(golden)), lambda data: golden_of(*unpack(data, KIND))),
        "record": (record_bytes(InProcess().run(Delta, plan)), record_from),
        "plan": (plan_bytes(plan), plan_from),
        "saved run": (comparison_bytes(comparison), comparison_from),
    }


@pytest.mark.parametrize("kind", ["golden as text", "golden as tensors", "record", "plan", "saved run"])
def test_no_damaged_file_is_accepted_or_does_anything_but_be_refused(files, kind):
    """A flipped bit would be taken for a number that somebody computed; a hostile file would crash, hang or run something."""
    data, load = files[kind]
    load(data)
    accepted, told = [], []
    for number in range(COUNT):
        bad = damaged(data, number)
        if bad == data:
            continue
        try:
            load(bad)
        except StorageError as error:
            told.append(str(error))
        else:
            accepted.append(number)
    assert not accepted
    assert all(told)


def test_hostile_sizes_are_refused_before_anything_is_allocated():
    """A file of a hundred bytes would ask for a terabyte."""
    kinds = '{\n  "x": "float64 [999999999, 999999999]"\n }'
    body = f'{{\n "bpcompare golden": 1,\n "content": {{}},\n "arrays": {kinds},\n "values": {{\n\n }},\n'
    with pytest.raises(StorageError, match="elements"):
        text.loads(sealed(body))
    body = body.replace("float64 [999999999, 999999999]", "object []")
    with pytest.raises(StorageError):
        text.loads(sealed(body))


def test_deep_nesting_is_refused():
    """A text of brackets would overflow the stack."""
    body = '{\n "bpcompare golden": 1,\n "content": ' + "[" * 100_000 + "]" * 100_000 + ",\n"
    with pytest.raises(StorageError):
        text.loads(sealed(body))


def test_a_golden_of_another_plan_does_not_pass(files, tmp_path):
    """Whoever moves a record into another golden would have it certified against numbers it was not made of."""
    spec = EXAMPLES / "mazur.toml"
    golden, other = update(spec, Delta).golden, update(EXAMPLES / "xor.toml", Delta).golden
    content, arrays = parts(golden)
    foreign, theirs = parts(other)
    content["record"] = foreign["record"]
    mixed = {k: x for k, x in arrays.items() if k.startswith("plan/")} | {
        k: x for k, x in theirs.items() if k.startswith("record/")
    }
    with pytest.raises(StorageError, match="does not answer its plan"):
        golden_of(*text.loads(text.dumps(content, mixed)))
    assert issubclass(GoldenError, Exception)
    assert all(isinstance(x, np.ndarray) for x in arrays.values())
