"""Files that are small and claim to be large, or are large: each in a process that would be ended if it took the memory."""

import gzip
import io
import json
import os
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bpcompare.files.reading import Unreadable, contents
from bpcompare.network import SpecError
from bpcompare.plan.draw import plan
from bpcompare.spec import parse, read
from specs import refused

SPEC = """\
inputs.x.units = 2
layers.o = { op = "dense", from = "x", units = 1 }
error = { op = "half_squared", of = "o", reduce = "sum" }
update = { rule = "sgd", eta = 0.5 }
init = "glorot_uniform"
"""
DATA = "data = { examples = [{ x = [1, 2], t = 3 }] }\n"
GIB = 2**30
ROOM = 96 * 2**20
"""Bytes that a reader may take beyond what Python and its libraries take anyway."""

READER = """
import resource, sys
import numpy, pydantic, safetensors, tree_sitter_toml
from bpcompare.spec import read
import bpcompare.spec.document
with open("/proc/self/status") as status:
    used = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (used + int(sys.argv[2]), used + int(sys.argv[2])))
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
try:
    read(sys.argv[1])
except ValueError as error:
    print(" ".join(str(error).split()))
else:
    print("read")
"""


def said(folder, text, room=ROOM):
    """What is said of a spec by a process that may take `room` bytes."""
    if not sys.platform.startswith("linux"):
        pytest.skip("memory is limited on Linux only")
    (folder / "spec.toml").write_text(text)
    command = [sys.executable, "-c", READER, str(folder / "spec.toml"), str(room)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def npy(shape, dtype="<f8", in_columns=False):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": in_columns, "shape": shape})
    return file.getvalue()


def sparse_npz(path, name, shape, dtype="<f8"):
    """A .npz whose array is a hole in the file."""
    head, member = npy(shape, dtype), f"{name}.npy".encode()
    size = len(head) + int(np.prod(shape)) * np.dtype(dtype).itemsize
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 0, 0, 0, 0, size, size, len(member), 0) + member
    entry = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 0, 0, 0, 0, size, size, len(member), *[0] * 6) + member
    with path.open("wb") as file:
        file.write(local + head)
        file.seek(len(local) + size)
        file.write(entry + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(entry), len(local) + size, 0))


def sparse_safetensors(path, **arrays):
    meta, at = {}, 0
    for name, (dtype, shape) in arrays.items():
        size = int(np.prod(shape)) * {"F64": 8, "F32": 4, "I8": 1}[dtype]
        meta[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(meta).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + at)


def tensor(meta, data=b""):
    text = meta if isinstance(meta, bytes) else json.dumps(meta).encode()
    return len(text).to_bytes(8, "little") + text + data


def weight(file, key="x"):
    return SPEC + DATA + f'parameters."o.weight" = {{ file = "{file}", key = "{key}" }}\n'


@pytest.mark.slow
def test_a_shape_that_does_not_fit_is_not_read(tmp_path):
    """A file of 4 kB, or a zip bomb, would take gigabytes and half a minute before its shape is looked at."""
    sparse_npz(tmp_path / "a.npz", "x", (10**8, 2))
    sparse_safetensors(tmp_path / "a.safetensors", x=("F64", (10**8, 2)), t=("F64", (3, 1)))
    with zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("x.npy", "w") as file:
            file.write(npy((2**22, 2)) + bytes(2**26))
        archive.writestr("t.npy", npy((3, 1)) + bytes(24))
    for name in ("a.npz", "a.safetensors", "b.npz"):
        assert "needs [2, 1] for its weight" in said(tmp_path, weight(name)), name
    differ = "the numbers of examples differ"
    assert differ in said(tmp_path, SPEC + 'data = { file = "a.safetensors" }\n')
    assert differ in said(tmp_path, SPEC + 'data = { file = "b.npz" }\n')
    assert "expected [2]" in said(tmp_path, SPEC + 'data = { file = "b.npz", keys = { t = "x", x = "t" } }\n')


def test_what_fits_but_is_too_large_is_refused_by_its_header(tmp_path):
    """A gigabyte of int8 would become eight in memory."""
    sparse_safetensors(tmp_path / "a.safetensors", x=("I8", (2**28, 2)), t=("I8", (2**28, 1)))
    text = SPEC + 'data = { file = "a.safetensors" }\n'
    assert "takes 4,096 MiB in memory, the limit is 1,024 MiB" in said(tmp_path, text)


def test_all_files_of_a_spec_have_one_limit(tmp_path, monkeypatch):
    """Ten files of a gigabyte each would pass where each alone is allowed."""
    monkeypatch.setattr("bpcompare.spec.files.LARGEST_TOGETHER", 3 * 2**20)
    text = "".join(f'layers.l{i} = {{ from = "{f"l{i - 1}" if i else "x"}", units = 300, bias = false }}\n' for i in range(6))
    text += (
        'inputs.x.units = 300\nerror = { op = "half_squared", of = "l5", reduce = "sum" }\nupdate = { rule = "sgd", eta = 1.0 }\n'
    )
    text += "".join(f'parameters."l{i}.weight" = {{ file = "w.safetensors", key = "w{i}" }}\n' for i in range(6))
    sparse_safetensors(tmp_path / "w.safetensors", **{f"w{i}": ("F32", (300, 300)) for i in range(6)})
    sparse_safetensors(tmp_path / "d.safetensors", x=("F32", (1, 300)), t=("F32", (1, 300)))
    shown = refused(text + 'data = { file = "d.safetensors" }\n', tmp_path)
    assert (
        '"w4" in w.safetensors takes 1 MiB in memory, what was read before takes 3 MiB; the limit for all files of a spec'
        in shown
    )


def test_one_array_under_several_names_is_read_once(tmp_path):
    """A checkpoint of a shared weight would take its memory as often as it is named."""
    save_file({"w": np.arange(4.0).reshape(2, 2), "x": np.ones((3, 2))}, tmp_path / "w.safetensors")
    (tmp_path / "same.safetensors").symlink_to("w.safetensors")
    text = "".join(f'layers.l{i} = {{ from = "{"x" if not i else f"l{i - 1}"}", units = 2, bias = false }}\n' for i in range(3))
    text += (
        'inputs.x.units = 2\nerror = { op = "half_squared", of = "l2", reduce = "sum" }\nupdate = { rule = "sgd", eta = 1.0 }\n'
    )
    for i, file in enumerate(("w.safetensors", "./w.safetensors", "same.safetensors")):
        text += f'parameters."l{i}.weight" = {{ file = "{file}", key = "w" }}\n'
    network = parse(text + 'data = { file = "w.safetensors", keys = { t = "x" } }\n', base=tmp_path)
    assert len({id(parameter.init) for parameter in network.parameters.values()}) == 1
    assert network.data.target is network.data.inputs["x"]
    made = plan(network)
    assert len({id(x) for x in made.parameters.values()}) == 1


HEADERS = {
    "(True, 2)": b"{'descr':'<f8','fortran_order':False,'shape':(True,2)}\n",
    "(2,2": b"{'descr':'<f8','fortran_order':False,'shape':(2,2\n",
    "nested": b"{'descr':'<f8','fortran_order':False,'shape':" + b"(" * 3000 + b")" * 3000 + b"}\n",
    "not closed": b"{'descr':'<f8','fortran_order':False,'shape':'''\n",
    "half a string": b"{'descr':'<f8','fortran_order':False,'shape':('\\N{\n",
    "indented": b"  {\n   'descr':'<f8',\n 'x'\n",
    "no dict": b"42\n",
    "missing": b"{'descr':'<f8'}\n",
    "negative": b"{'descr':'<f8','fortran_order':False,'shape':(-1,2)}\n",
    "float": b"{'descr':'<f8','fortran_order':False,'shape':(2.0,2)}\n",
    "huge": b"{'descr':'<f8','fortran_order':False,'shape':(1" + b"0" * 5000 + b",2)}\n",
    "many axes": b"{'descr':'<f8','fortran_order':False,'shape':(" + b"1," * 3000 + b")}\n",
    "long": b"{'descr':'<f8','fortran_order':False,'shape':(3,2)}" + b" " * 60_000 + b"\n",
    "object": b"{'descr':'|O','fortran_order':False,'shape':(3,2)}\n",
    "structured": b"{'descr':[('a','<f8'),('b','<i4')],'fortran_order':False,'shape':(3,)}\n",
    "subarray": b"{'descr':('<f8',(2,)),'fortran_order':False,'shape':(3,)}\n",
    "void": b"{'descr':'|V0','fortran_order':False,'shape':(3,2)}\n",
    "time": b"{'descr':'<M8[s]','fortran_order':False,'shape':(3,2)}\n",
    "no dtype": b"{'descr':'<z9','fortran_order':False,'shape':(3,2)}\n",
    "code": b"{'descr':__import__('os'),'fortran_order':False,'shape':(3,2)}\n",
    "python 2": b"{'descr':'<f8','fortran_order':False,'shape':(3L,2L\n",
    "bytes": b"\xff\xfe\x00{'descr'",
    "empty": b"",
}


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0), (9, 9)])
def test_headers_of_npy(name, version, tmp_path):
    """What NumPy's own tokenizer raises on a header would reach the user as a traceback."""
    head, length = HEADERS[name], "<H" if version == (1, 0) else "<I"
    member = b"\x93NUMPY" + bytes(version) + struct.pack(length, len(head)) + head + bytes(48)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", member)
        archive.writestr("t.npy", npy((3, 1)) + bytes(24))
    shown = refused(SPEC + 'data = { file = "a.npz" }\n', tmp_path)
    assert "1 problem" in shown
    assert '"x" in a.npz' in shown or 'input "x"' in shown
    assert len(shown) < 500


TENSORS = {
    "overlap": ({"x": [0, 48], "t": [24, 48]}, "begins at byte 24"),
    "hole": ({"x": [0, 48], "t": [56, 80]}, "begins at byte 56"),
    "beyond": ({"x": [0, 48], "t": [48, 96]}, "do not go together|have 96 bytes"),
    "backwards": ({"x": [48, 0], "t": [48, 72]}, "no dtype, shape and place"),
    "negative": ({"x": [-48, 0], "t": [0, 24]}, "no dtype, shape and place"),
    "float": ({"x": [0.0, 48], "t": [48, 72]}, "no dtype, shape and place"),
    "true": ({"x": [True, 48], "t": [48, 72]}, "no dtype, shape and place"),
    "huge": ({"x": [0, 10**30], "t": [48, 72]}, "no dtype, shape and place"),
    "three": ({"x": [0, 1, 48], "t": [48, 72]}, "no dtype, shape and place"),
    "early": ({"x": [0, 40], "t": [40, 64]}, "do not go together"),
}


@pytest.mark.parametrize("name", TENSORS)
def test_places_in_safetensors(name, tmp_path):
    """Numbers of one array would be read as those of another, or from behind the end of the file."""
    places, reason = TENSORS[name]
    meta = {key: {"dtype": "F64", "shape": [3, 2 if key == "x" else 1], "data_offsets": at} for key, at in places.items()}
    (tmp_path / "a.safetensors").write_bytes(tensor(meta, bytes(72)))
    shown = refused(SPEC + 'data = { file = "a.safetensors" }\n', tmp_path)
    assert "not a whole .safetensors file" in shown
    assert any(words in shown for words in reason.split("|")), shown


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"[" * 100_000, "not a whole .safetensors"),
        (b'{"x":' * 100_000, "not a whole .safetensors"),
        (b'{"x": 1' + b"0" * 5000 + b"}", "not a whole .safetensors"),
        (b'{"x": {}, "x": {}}', "gives a name twice"),
        (b'{"x": []}', "no dtype, shape and place"),
        (b'{"x": {"dtype": "F64", "shape": null, "data_offsets": [0, 0]}}', "no dtype, shape and place"),
        (b'{"x": {"dtype": ["F64"], "shape": [], "data_offsets": [0, 0]}}', "no dtype, shape and place"),
        (b"\xff\xfe", "not a whole .safetensors"),
        (b'{"x": NaN}', "no dtype, shape and place"),
        (b'{"\\ud800": {}}', "no dtype, shape and place"),
        (b"null", "no JSON object"),
        (b"", "not a whole .safetensors"),
    ],
)
def test_headers_of_safetensors(header, reason, tmp_path):
    """A header that is no JSON, or other JSON, would end in a traceback."""
    (tmp_path / "a.safetensors").write_bytes(tensor(header))
    assert reason in refused(SPEC + 'data = { file = "a.safetensors" }\n', tmp_path)


def test_a_million_tiny_tensors(tmp_path):
    """A header of a hundred megabytes would take a gigabyte and a quarter of a minute."""
    with (tmp_path / "a.safetensors").open("wb") as file:
        file.write((80 * 2**20).to_bytes(8, "little") + b"{")
        file.truncate(90 * 2**20)
    assert "the limit is 8,388,608" in said(tmp_path, SPEC + 'data = { file = "a.safetensors" }\n')
    entry = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, *[0] * 6) + b"a"
    with (tmp_path / "a.npz").open("wb") as file:
        for _ in range(100):
            file.write(entry * 5_000)
        size = 500_000 * len(entry)
        file.write(struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 65535, 65535, size, 0, 0))
    assert "its list of contents has" in said(tmp_path, SPEC + 'data = { file = "a.npz" }\n')


def test_an_array_that_an_archive_has_twice(tmp_path):
    """Two programs would read two different arrays under one name."""
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", npy((3, 2)) + bytes(48))
        archive.writestr("t.npy", npy((3, 1)) + bytes(24))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x.npy", npy((3, 2)) + np.ones((3, 2)).tobytes())
    assert '"x" in a.npz is there 2 times' in refused(SPEC + 'data = { file = "a.npz" }\n', tmp_path)


def test_what_is_cut_short_meanwhile(tmp_path, monkeypatch):
    """A file that shrinks while it is read would end the process, as mapped files do."""
    save_file({"x": np.ones((30_000, 2)), "t": np.ones((30_000, 1))}, tmp_path / "a.safetensors")
    from bpcompare.files.tensors import safetensors

    whole = safetensors.Safetensors.array

    def shrunk(self, key, **options):
        os.truncate(tmp_path / "a.safetensors", 200)
        return whole(self, key, **options)

    monkeypatch.setattr(safetensors.Safetensors, "array", shrunk)
    assert "is cut short: it has" in refused(SPEC + 'data = { file = "a.safetensors" }\n', tmp_path)


def test_what_grows_meanwhile(tmp_path):
    """A file that has more than the system said would be cut silently, or be read without end."""
    for size in ("/proc/self/status", "/proc/self/maps"):  # both claim to be empty
        path = Path(size)
        if not path.exists():
            pytest.skip("this system has no /proc")
        assert contents(path, 2**24, "it").count(b"\n") == path.read_bytes().count(b"\n") > 5
        with pytest.raises(Unreadable, match="it has more, it may have 0 MiB"):
            contents(path, 100, "it")


@pytest.mark.parametrize("in_columns", [False, True])
@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", ">f2", "<i8", ">i4", "|i1", "|u1", "<u8", ">u2"])
def test_arrays_of_every_kind_come_as_they_are(tmp_path, dtype, in_columns):
    """Numbers would be read in another byte order, or columns as rows, or piece by piece at wrong places."""
    from bpcompare.files.tensors import tensor_file

    x = np.arange(2 * 3 * 70_001).reshape(2, 3, 70_001) % 100
    x = x.astype(dtype)
    if in_columns:
        x = np.asfortranarray(x)
    np.savez(tmp_path / "a.npz", x=x, zero=x[0, 0, 0], none=x[:0])
    with tensor_file(tmp_path / "a.npz") as file:
        for real in (False, True):
            found = file.array("x", real=real)
            assert found.flags.c_contiguous
            assert found.base is None
            assert found.dtype == (np.float64 if real or x.dtype.kind == "f" else np.int64)
            assert (found == x).all()
        assert file.array("zero", real=False).shape == ()
        assert file.array("none", real=False).shape == (0, 3, 70_001)


def test_uint64_beyond_int64(tmp_path):
    """Numbers of 2⁶³ and more would become negative."""
    from bpcompare.files.tensors import tensor_file

    np.savez(tmp_path / "a.npz", x=np.array([2**64 - 1, 0], np.uint64))
    with tensor_file(tmp_path / "a.npz") as file:
        assert file.array("x", real=False).tolist() == [2.0**64, 0.0]


TABLE = SPEC + 'data = { file = "NAME", columns = { x = [0, 2], t = 2 } }\n'


def test_tables_take_little_more_than_they_hold(tmp_path):
    """A table of 128 MiB would take two gigabytes, cells as text being what they are."""
    lines = 100_000
    for name, line in (("plain.csv", "0.25,1,-2e3\n"), ("quoted.csv", '"0.25",1,-2e3\n')):
        (tmp_path / name).write_text(line * lines)
        tracemalloc.start()
        network = parse(TABLE.replace("NAME", name), base=tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert network.data.inputs["x"].shape == (lines, 2)
        assert network.data.target[-1] == -2000
        assert peak < 24 * lines * 1.5 + 3 * len(line) * lines + 16 * 2**20, name


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("long.csv", b"1" * 2**21, "has no columns|field larger"),
        ("wide.csv", b"1," * 1_000_001 + b"1\n", "more than 1,000,000 columns"),
        ("quote.csv", b'1,2,"' + b"\n" * 200_000, "field larger than field limit"),
        ("blank.csv", b"\n" * 100_000 + b"1,2,3\n", ""),
        ("members.csv.gz", gzip.compress(b"", mtime=0) * 70_000, "more than 65,536 gzip files"),
        ("two.csv.gz", gzip.compress(b"1,2,3\n", mtime=0) * 2, ""),
        ("padded.csv.gz", gzip.compress(b"1,2,3\n", mtime=0) + bytes(512), ""),
        ("more.csv.gz", gzip.compress(b"1,2,3\n", mtime=0) + b"junk", "not a whole gzip file"),
        ("cut.csv.gz", gzip.compress(b"1,2,3\n", mtime=0)[:-4], "not a whole gzip file"),
        ("nothing.csv.gz", b"", "not a whole gzip file|is empty"),
        ("mac.csv", b"1,2,3\r4,5,6\r", ""),
        ("windows.csv", b"1,2,3\r\n4,5,6\r\n", ""),
        ("tab.csv", b"1,2\x0b3,4,5\n", "2 cells|not a finite|4 cells"),
    ],
)
def test_odd_tables(name, data, reason, tmp_path):
    """A table of another making would be read wrongly, or take minutes."""
    (tmp_path / name).write_bytes(data)
    text = TABLE.replace("NAME", name)
    if reason:
        shown = refused(text, tmp_path)
        assert any(words in shown for words in reason.split("|")), shown
    else:
        network = parse(text, base=tmp_path)
        assert network.data.inputs["x"][0].tolist() == [1.0, 2.0]
        assert network.data.target.reshape(-1)[-1] in (3.0, 6.0)


def test_two_columns_of_one_name(tmp_path):
    """The first of two columns of one name would be taken, and nobody told."""
    (tmp_path / "a.csv").write_text("a,b,a\n1,2,3\n")
    text = SPEC + 'data = { file = "a.csv", header = true, columns = { x = ["a", "b"], t = "b" } }\n'
    assert 'a.csv has 2 columns called "a"' in refused(text, tmp_path)


@pytest.mark.parametrize("suffix", ["csv", "npz", "safetensors", "csv.gz"])
def test_what_is_no_regular_file_keeps_nobody_waiting(suffix, tmp_path):
    """A pipe, a device or a link that leads back to itself would keep the reader for ever."""
    os.mkfifo(tmp_path / f"pipe.{suffix}")
    (tmp_path / f"loop.{suffix}").symlink_to(f"loop.{suffix}")
    (tmp_path / f"zero.{suffix}").symlink_to("/dev/zero")
    for name, reason in (("pipe", "not a regular file"), ("zero", "not a regular file"), ("loop", "cannot be read")):
        text = TABLE.replace("NAME", f"{name}.{suffix}") if "csv" in suffix else SPEC + f'data = {{ file = "{name}.{suffix}" }}\n'
        assert reason in refused(text, tmp_path), name
        if "csv" not in suffix:
            assert reason in refused(weight(f"{name}.{suffix}"), tmp_path), name


def test_a_spec_of_other_kinds(tmp_path):
    """A spec that is a device or a loop would keep the reader for ever."""
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    for name in ("loop", "zero"):
        with pytest.raises(SpecError, match="cannot read"):
            read(tmp_path / f"{name}.toml")


def test_memory_of_these_tests_is_limited_indeed(tmp_path):
    """The tests above would pass however much memory is taken."""
    sparse_safetensors(tmp_path / "b.safetensors", x=("F64", (10**7, 2)), t=("F64", (10**7, 1)))
    assert "does not fit into memory" in said(tmp_path, SPEC + 'data = { file = "b.safetensors" }\n')


@pytest.mark.parametrize("json_", [False, True])
def test_more_values_than_can_be_read_in_some_seconds(json_):
    """A legal spec of 61 MB would take minutes and gigabytes, with nothing said."""
    numbers = "[" + "1," * (5_000_001 if json_ else 2_000_001) + "1]"
    text = f'{{"data": {numbers}}}' if json_ else f"data = {numbers}"
    for one in (text, text if json_ else "a.b.c.d.e = 1\n" * 500_001):
        with pytest.raises(SpecError) as caught:
            parse(one, json=json_)
        assert "values and keys, a spec in" in str(caught.value)
        assert "keep large weights and data in" in " ".join(str(caught.value).split())


LONG = "k" * 400_000


@pytest.mark.parametrize(
    "text",
    [
        SPEC + DATA + f"{LONG} = 1\n",
        SPEC + DATA + f'"{LONG}" = {{ {LONG} = 1 }}\n',
        SPEC + DATA + f'name = "{LONG}"\n',
        SPEC + DATA + f'inputs.{LONG} = "{LONG}"\n',
        SPEC + DATA + f"{LONG}.a = 1\n{LONG} = 2\n",
        SPEC + DATA + f"[{LONG}]\n[{LONG}]\n",
        SPEC + DATA + f"a = {{ {LONG} = 1, {LONG} = 2 }}\n",
        SPEC + DATA + f"a = {LONG}\n",
        SPEC + DATA + f'a = "{LONG}\n',
        SPEC + f'data = {{ file = "{LONG}.npz" }}\n',
        SPEC + f'data = {{ file = "{LONG}.xls" }}\n',
        SPEC + f'data = {{ file = "a.csv", columns = {{ x = "{LONG}", t = 0 }} }}\n',
        SPEC + f'data = {{ file = "a.npz", keys = {{ {LONG} = "x" }} }}\n',
        SPEC + DATA + f'parameters."{LONG}".init = "zeros"\n',
        SPEC + DATA + f'parameters."o.weight" = {{ file = "a.npz", key = "{LONG}" }}\n',
        SPEC + DATA.replace("t = 3", f't = "{LONG}"'),
        SPEC + DATA.replace("t = 3", f"t = {'9' * 4000}"),
        SPEC + DATA.replace("t = 3", f"t = 3, {LONG} = 4"),
        SPEC.replace("dense", LONG) + DATA,
        SPEC.replace('"x"', f'"{LONG}"') + DATA,
        SPEC.replace("half_squared", LONG) + DATA,
        SPEC + DATA + f'freeze = ["{LONG}"]\n',
        SPEC.replace("units = 1", f'units = ["{LONG}"]') + DATA,
        SPEC.replace("units = 1", f"units = 1, weights = {{ {LONG} = {{ {LONG} = 1.0 }} }}") + DATA,
    ],
)
def test_messages_have_a_size(text, tmp_path):
    """Ten megabytes of a spec's own words would fill the terminal and the log."""
    (tmp_path / "a.csv").write_text("1,2,3\n")
    np.savez(tmp_path / "a.npz", x=np.ones((1, 2)), t=np.ones((1, 1)))
    for form in ("toml", "json"):
        content = text if form == "toml" else json.dumps({"a": text, LONG: 1, "b": {LONG: LONG}})
        with pytest.raises(SpecError) as caught:
            parse(content, base=tmp_path, json=form == "json")
        assert len(str(caught.value)) < 20_000
        assert all(len(str(problem)) < 10_000 for problem in caught.value.problems)
