"""Records that have no room in memory: in a file the verdict is the same, and nothing is left of it."""

import gc
import json
import os
import subprocess
import sys
import tempfile
import weakref

import numpy as np
import pytest

import bpcompare
from bpcompare.engine.asked import located
from bpcompare.engine.isolation import Isolated
from bpcompare.files.chunks import Chunks
from bpcompare.laws import LAWS
from bpcompare.plan.draw import plan as draw
from bpcompare.plan.spilled import arrays_of, spilled
from bpcompare.session import answers, arrivals, judge
from bpcompare.spec import read
from bpcompare_delta import Delta

SAME = ("verdict", "exit_code", "power", "first", "pairs", "exact", "blind_spots")


def told(monkeypatch, room, *backends, spec="mazur", **options):
    """What a run says of itself, with so much room for records in memory."""
    monkeypatch.setenv("BPCOMPARE_MEMORY", room)
    found = bpcompare.run(spec, list(backends), certificate="full", **options)
    return found, {key: value for key, value in found.summary().items() if key in SAME}


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("backends", "options"),
    [(("delta", "delta!BP204"), {}), (("delta", "delta!BP301"), {"steps": 3}), (("delta",), {"spec": "exact", "exact": True})],
    ids=["wrong", "several steps", "exact"],
)
def test_the_verdict_is_the_same(monkeypatch, backends, options):
    """Large networks would be judged by other numbers than their backends gave."""
    _, kept = told(monkeypatch, "1G", *backends, **options)
    found, apart = told(monkeypatch, "0", *backends, **options)
    assert kept == apart
    arrays = [x for record in found.records.values() for x in arrays_of(record)]
    assert arrays
    assert not any(x.flags.owndata or x.flags.writeable for x in arrays), "they stand in a file, and nobody can change them"


class Columns(Delta):
    """Answers arrays that lie column by column, one of them twice, and one without dimensions."""

    name = "columns"

    def run(self, plan):
        """The honest record, laid out otherwise."""
        record = super().run(plan)
        for step in record.steps:
            for name, x in step.gradient.items():
                step.gradient[name] = np.array(x, order="F") if x.ndim == 2 else x
        return record


def test_every_array_comes_back():
    """Numbers of one array would be read as those of another, and an honest backend be accused."""
    plan = draw(read("mazur"), "float32")
    record = Columns().run(plan)
    back = spilled(record, Chunks())
    pairs = list(zip(arrays_of(record), arrays_of(back), strict=True))
    assert len(pairs) > 10
    for x, y in pairs:
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        assert x.tobytes() == y.tobytes()
        assert x.flags.f_contiguous == y.flags.f_contiguous
    assert judge("columns", plan, {"columns": back}).verdict == "certified"
    step = back.steps[0]
    assert step.plain is None
    assert step.error.shape == ()


def test_pieces_do_not_touch_one_another():
    """What stands in the file would be overwritten by what comes after it."""
    chunks, parts = Chunks(), [bytes([number]) * size for number, size in enumerate((1, 63, 64, 0, 65, 5_000))]
    first = chunks.put([memoryview(part) for part in parts])
    second = chunks.put([memoryview(part) for part in reversed(parts)])
    chunks.rest()
    assert [bytes(piece) for piece in first] == parts
    assert [bytes(piece) for piece in second] == parts[::-1]
    assert chunks.put([memoryview(b"")]) == [b""]


@pytest.mark.slow
def test_each_record_is_judged_when_it_arrives():
    """All records would have to be in memory together, for the judge and for every backend after the first."""
    plan, said = draw(read("mazur"), "float32", None, None), []
    originals = []

    class Watched(arrivals.Arrivals):
        def kept(self, record):
            originals.extend(weakref.ref(x) for x in arrays_of(record))
            return super().kept(record)

        def judge(self, record):
            gc.collect()
            said.append(sum(one() is not None for one in originals))
            super().judge(record)

    asked = located(["delta", "delta!BP204"])
    one = Watched(plan, LAWS, "full", room=0)
    records = answers(plan, asked, Isolated(), arrivals=one, progress=said.append)
    assert said == ["running delta", "judging delta", 0, "running delta!BP204", "judging delta!BP204", 0]
    comparison = judge("mazur", plan, records, arrivals=one)
    assert [certificate.verdict for certificate in comparison.certificates.values()] == ["certified", "wrong"]


def test_the_first_ones_stay_in_memory(monkeypatch):
    """Small runs would pay for a file that they do not need."""
    monkeypatch.setattr(Chunks, "put", lambda *_: pytest.fail("there is room"))
    monkeypatch.delenv("BPCOMPARE_MEMORY", raising=False)
    assert bpcompare.run("mazur", ["delta"]).records["delta"].steps


def test_nothing_is_left(monkeypatch, tmp_path):
    """Temporary folders would fill with every large run, and with those that were killed first of all."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found, _ = told(monkeypatch, "0", "delta")
    assert not list(tmp_path.iterdir()), "even now, nobody else sees it"
    descriptors = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH112, PTH208
    del found
    gc.collect()
    assert not descriptors or len(os.listdir("/proc/self/fd")) < descriptors  # noqa: PTH208


def test_ctrl_c_leaves_no_file(tmp_path):
    """Disks would fill with what interrupted runs have written."""
    code = (
        "import sys, time\nimport bpcompare.session.arrivals as its\nfrom bpcompare.cli import main\n"
        "def certificate(*_):\n    print('ready', file=sys.stderr, flush=True)\n    time.sleep(60)\n"
        "its.certificate = certificate\nsys.argv = ['bpcompare', 'run', 'mazur', '-b', 'delta']\nsys.exit(main())\n"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path), "BPCOMPARE_MEMORY": "0"}
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr.readline() == "ready\n"
        assert not list(tmp_path.iterdir())
        process.send_signal(2)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "interrupted\n")
    assert not list(tmp_path.iterdir())


def test_json_is_the_same_line(monkeypatch):
    """Tools would see other numbers as soon as a network is large."""
    (one, _), (other, _) = (told(monkeypatch, room, "delta", "delta!BP204") for room in ("1G", "0"))
    a, b = (json.loads(found.to_json()) for found in (one, other))
    for found in (a, b):
        found.pop("certificate_seconds")
        for backend in found["backends"].values():
            backend.pop("seconds")
    assert a == b
