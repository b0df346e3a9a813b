"""Files that are not what a spec says they are: broken, hostile, absurd. None may end in anything but a SpecError."""

import gzip
import io
import json
import os
import struct
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from bpcompare.network import SpecError
from bpcompare.spec import read
from specs import refused

SPEC = """\
init = "glorot_uniform"
inputs.x.units = 2
layers.o = { op = "dense", from = "x", units = 1 }
error = { op = "half_squared", of = "o", reduce = "sum" }
update = { rule = "sgd", eta = 0.5 }
"""
TABLE = f"[data]\nexamples = {[{'x': [1, 2], 't': 3}] * 1000}\n".replace("'", "").replace(":", " =")
DATA = "data = { examples = [{ x = [1, 2], t = 3 }] }\n"


def from_data(file, **more):
    """A spec whose data is `file`."""
    keys = "".join(f", {key} = {value}" for key, value in more.items())
    return SPEC + f'data = {{ file = "{file}"{keys} }}\n'


def from_table(file):
    return from_data(file, columns="{ x = [0, 2], t = 2 }")


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def header(shape, dtype="<f8", data=b""):
    """An .npz whose array claims a shape that its bytes do not have."""
    file, member = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(member, {"descr": dtype, "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", member.getvalue() + data)
    return file.getvalue()


def bomb():
    """An .npz of a few kilobytes with two megabytes of zeros, which claims a terabyte."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(2**21))
    data = bytearray(file.getvalue())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 2**31 + 5)
    return bytes(data)


def tensor(meta, data=b""):
    text = json.dumps(meta).encode()
    return struct.pack("<Q", len(text)) + text + data


X, T = np.ones((3, 2)), np.ones((3, 1))
ARRAYS = {
    "empty.npz": (b"", "not a whole .npz"),
    "junk.npz": (bytes(range(256)) * 9, "not a whole .npz"),
    "cut.npz": (npz(x=X, t=T)[:-40], "not a whole .npz"),
    "pickle.npz": (npz(x=np.array([{}, []], object), t=T), "dtype object; real numbers or integers are needed"),
    "text.npz": (npz(x=np.array([["a", "b"]]), t=T), "dtype <U1"),
    "complex.npz": (npz(x=X * 1j, t=T), "dtype complex128"),
    "bool.npz": (npz(x=X > 0, t=T), "dtype bool"),
    "keys.npz": (npz(X=X, t=T), 'no array "x"'),
    "nan.npz": (npz(x=X * np.nan, t=T), "numbers must be finite"),
    "shape.npz": (npz(x=np.ones((3, 5)), t=T), "shape [5] per example, expected [2]"),
    "scalar.npz": (npz(x=np.float64(1), t=T), "has no axis of examples"),
    "none.npz": (npz(x=np.ones((0, 2)), t=np.ones((0, 1))), "has no examples"),
    "lengths.npz": (npz(x=X, t=np.ones((4, 1))), "the numbers of examples differ"),
    "claims.npz": (header((10**15, 2)), "more than the file holds"),
    "negative.npz": (header((-1, 2)), "claims shape"),
    "bomb.npz": (bomb(), "which cannot be"),
    "empty.safetensors": (b"", "not a whole .safetensors"),
    "junk.safetensors": (b"\xff" * 100, "not a whole .safetensors"),
    "long.safetensors": (struct.pack("<Q", 2**62) + b"{}", "not a whole .safetensors"),
    "cut.safetensors": (
        tensor({"x": {"dtype": "F64", "shape": [3, 2], "data_offsets": [0, 48]}}, bytes(20)),
        "not a whole .safetensors",
    ),
    "bool.safetensors": (tensor({"x": {"dtype": "BOOL", "shape": [3, 2], "data_offsets": [0, 6]}}, bytes(6)), "dtype BOOL"),
    "bfloat.safetensors": (tensor({"x": {"dtype": "BF16", "shape": [3, 2], "data_offsets": [0, 12]}}, bytes(12)), "dtype BF16"),
    "keys.safetensors": (tensor({"X": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)), 'no array "x"'),
    "other.xlsx": (b"PK", "neither a .npz nor a .safetensors"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name, tmp_path):
    """If this fails, a broken or hostile array file crashes the reader, or is read as something it is not."""
    data, reason = ARRAYS[name]
    (tmp_path / name).write_bytes(data)
    target = "t" if b"t.npy" in data else "X" if b'"X"' in data else "x"
    assert reason in refused(from_data(name, keys=f'{{ t = "{target}" }}'), tmp_path)


@pytest.mark.parametrize("name", ARRAYS)
def test_weights_from_arrays(name, tmp_path):
    """If this fails, a broken weight file is not reported where the spec names it."""
    data, reason = ARRAYS[name]
    (tmp_path / name).write_bytes(data)
    text = SPEC + DATA + f'parameters."o.weight" = {{ file = "{name}", key = "x" }}\n'
    whole = {"scalar.npz", "none.npz", "shape.npz", "lengths.npz", "nan.npz"}
    shown = refused(text, tmp_path)
    assert shown.startswith("BP002 1 problem in spec 7 | ")
    assert ("needs [2, 1] for its weight" if name in whole else reason) in shown


TABLES = {
    "empty.csv": (b"", "is empty"),
    "blank.csv": (b"\n\n\n", "is empty"),
    "text.csv": (b"1,2,3\n4,five,6\n", 'line 2, column 1 (from 0): "five" is not a finite number'),
    "gap.csv": (b"1,2,3\n4,,6\n", 'line 2, column 1 (from 0): "" is not'),
    "nan.csv": (b"1,2,3\n4,nan,6\n", '"nan" is not a finite number'),
    "inf.csv": (b"1,2,3\n4,5,1e999\n", '"1e999" is not a finite number'),
    "underscore.csv": (b"1,2,3\n4,5_0,6\n", '"5_0" is not a finite number'),
    "ragged.csv": (b"1,2,3\n4,5\n6,7,8\n", "line 2 has 2 cells, the first line has 3"),
    "narrow.csv": (b"1,2\n3,4\n", "has no column 2: it has 2"),
    "latin.csv": (b"1,2,3\n4,5,\xe9\n", "not UTF-8 text (line 2)"),
    "nul.csv": (b"1,2,3\n4,\0,6\n", "line 2 has a NUL"),
    "cell.csv": (b'1,2,"' + b"3" * 200_000 + b'"\n', "field larger than field limit"),
    "cut.csv.gz": (gzip.compress(b"1,2,3\n" * 1000)[:-20], "not a whole gzip file"),
    "junk.csv.gz": (b"1,2,3\n", "not a whole gzip file"),
    "bomb.csv.gz": (gzip.compress(bytes(129 * 2**20)), "a table may have 128 MiB"),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(name, tmp_path):
    """If this fails, a wrong cell is read as a number, or is reported without its line."""
    data, reason = TABLES[name]
    (tmp_path / name).write_bytes(data)
    assert reason in refused(from_table(name), tmp_path)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("nothing.csv", "there is no file"),
        ("digts.csv", 'did you mean "digits.csv"?'),
        ("folder.csv", "is a folder"),
        ("folder.npz", "is a folder"),
        ("folder.safetensors", "is a folder"),
        ("pipe.csv", "is not a regular file"),
        ("pipe.npz", "is not a regular file"),
        ("a\\u0000b.csv", "cannot be read"),
        ("a\\u0000b.npz", "cannot be read"),
        ("a" * 300 + ".npz", "cannot be read"),
        ("digits.csv/x.npz", "cannot be read"),
    ],
)
def test_paths(file, reason, tmp_path):
    """If this fails, a path that leads nowhere crashes the reader or keeps it waiting."""
    (tmp_path / "digits.csv").write_text("1,2,3\n")
    for suffix in ("csv", "npz", "safetensors"):
        (tmp_path / f"folder.{suffix}").mkdir()
        os.mkfifo(tmp_path / f"pipe.{suffix}")
    assert reason in refused(from_table(file) if file.endswith("csv") else from_data(file), tmp_path)


SPECS = {
    "latin.toml": (b'name = "\xe9"\n', "not UTF-8 text (byte 0xe9 in line 1)"),
    "wide.toml": ('name = "a"'.encode("utf-16"), "UTF-16 text"),
    "junk.toml": (bytes(range(256)), "not UTF-8"),
    "zeros.toml": (bytes(1000), "not valid TOML"),
    "empty.toml": (b"", '"layers" is required'),
    "empty.json": (b"", "not valid JSON"),
    "bomb.toml.gz": (gzip.compress(b"#" * (65 * 2**20)), "a spec may have 64 MiB"),
}


@pytest.mark.parametrize("name", SPECS)
def test_specs(name, tmp_path):
    """If this fails, a file that is no spec ends in a traceback."""
    data, reason = SPECS[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SpecError) as caught:
        read(tmp_path / name)
    assert reason in " ".join(str(caught.value).split())


def test_spec_of_100_megabytes(tmp_path, monkeypatch):
    """If this fails, a huge file is read into memory before it is refused."""
    path = tmp_path / "huge.toml"
    with path.open("wb") as file:
        file.truncate(100 * 2**20)
    monkeypatch.setattr("pathlib.Path.open", lambda *_: pytest.fail("it is opened"))
    with pytest.raises(SpecError, match="it has 100 MiB, a spec may have 64 MiB"):
        read(path)


@pytest.mark.parametrize("name", ["nothing.toml", "folder.toml", "pipe.toml"])
def test_no_spec(name, tmp_path):
    """If this fails, a missing spec, a folder or a pipe nobody writes to ends in a traceback or never."""
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(SpecError, match="BP002  cannot read"):
        read(tmp_path / name)


def test_byte_order_mark(tmp_path):
    """If this fails, specs and tables saved by Windows editors cannot be read."""
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbf1,2,3\r\n4,5,6\r\n")
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbf" + from_table("t.csv").replace("\n", "\r\n").encode())
    assert read(tmp_path / "a.toml").data.target.tolist() == [[3.0], [6.0]]


ABSURD = {
    "steps": (SPEC + DATA + "run.steps = 1000000000000\n", "must be at most 1,000,000"),
    "batch": (SPEC + DATA + "run.batch = 1000000000000\n", "a batch of 1000000000000 is larger"),
    "units": (SPEC.replace("units = 1", "units = 1000000000000") + DATA, "the limit is 2,147,483,648"),
    "one_hot": (SPEC + TABLE + "one_hot.t = 1000000000000\n", "must be from 1 to 1,000,000"),
    "one_hot, many": (SPEC + TABLE + "one_hot.t = 1000000\n", "makes 1,000,000,000 numbers, the limit is 134,217,728"),
    "product": (SPEC.replace("x.units = 2", "x.shape = [65536, 65536, 65536]") + DATA, "values over 1 examples"),
    "axes": (SPEC.replace("x.units = 2", f"x.shape = {[1] * 100}") + DATA, "has 100 axes, the limit is 8"),
    "total": (SPEC.replace("x.units = 2", "x.units = 40000").replace("units = 1 ", "units = 50000 ") + DATA, "GiB in float64"),
    "scale": (SPEC + DATA.replace("}] }", "}], scale = { t = 1e308 } }").replace("t = 3", "t = 300"), "numbers must be finite"),
    "long key": (SPEC + DATA + ".".join("a" * 200_000) + " = 1\n", "a key of more than 100 parts"),
    "deep tables": (SPEC + DATA + "a = " + "{ a = " * 10_000 + "1" + " }" * 10_000, "nested too deeply"),
    "deep lists": (SPEC + DATA + "a = " + "[" * 10_000 + "]" * 10_000, "nested too deeply"),
    "open lists": (SPEC + DATA + "a = " + "[" * 10_000, "nested too deeply"),
    "doubling": (
        SPEC + DATA + 'layers.c0 = { op = "concat", from = ["x", "x"] }\n'
        + "".join(f'layers.c{i + 1} = {{ op = "concat", from = ["c{i}", "c{i}"] }}\n' for i in range(20_000)),
        "the limit is 2,147,483,648",
    ),
    "edges by name": (
        SPEC.replace("x.units = 2", f"x.units = {[f'x{i}' for i in range(30_000)]}").replace(
            "units = 1",
            f"units = {[f'o{i}' for i in range(30_000)]}, weights = {{ {', '.join(f'o{i} = {{}}' for i in range(30_000))} }}",
        ) + DATA,
        'no weight from "x0", "x1"',
    ),
    "globs": (f"freeze = {['*'] * 5000}\n" + SPEC + DATA, "5,000 patterns, the limit is 1,000"),
    "backtracking": (f"freeze = ['{'*a' * 60}b']\n" + SPEC + DATA, "matches no parameter"),
}  # fmt: skip


@pytest.mark.parametrize("case", ABSURD)
def test_absurd(case, tmp_path):
    """If this fails, a slip of the hand takes all memory or time there is."""
    text, reason = ABSURD[case]
    assert reason in refused(text, tmp_path)


@pytest.mark.parametrize("op", ["conv2d", "max_pool2d"])
def test_kernel_larger_than_the_image(op, tmp_path):
    """If this fails, a window that fits nowhere reaches the backends."""
    more = "channels = 1" if op == "conv2d" else "stride = 1"
    text = SPEC.replace("x.units = 2", "x.shape = [1, 4, 4]").replace('"dense"', f'"{op}", kernel = 1000000000, {more}')
    assert "does not fit into [4, 4]" in refused(text.replace(", units = 1", "") + DATA, tmp_path)


def test_one_fault_of_many_weights_is_said_once_each(tmp_path):
    """If this fails, a wrong weight file hides which parameters it lacks, or is opened for each of thousands."""
    save_file({"o.bias": np.zeros(1)}, tmp_path / "w.safetensors")
    text = SPEC + DATA + "".join(f'parameters."o.{role}".file = "w.safetensors"\n' for role in ("weight", "bias"))
    shown = refused(text, tmp_path)
    assert "1 problem in" in shown
    assert 'no array "o.weight"' in shown
