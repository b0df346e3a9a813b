"""A run that can be repeated elsewhere: its numbers, who was asked, and how it ended. As a token, or as a script."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import wrap
from typing import Any

from bpcompare import __version__
from bpcompare.engine.address import UnknownBackendError, locate
from bpcompare.engine.isolation import Isolated
from bpcompare.engine.isolation.environment import made
from bpcompare.network.parameter import Array
from bpcompare.plan import Plan, trees
from bpcompare.plan.storage import StorageError, pack, plan_of, plan_parts, unpack
from bpcompare.proof.exact import unproved
from bpcompare.session.arrivals import Arrivals, room
from bpcompare.session.conductor import answers, judge
from bpcompare.verdict.comparison import Comparison, First, Verdict

MARK = "bp1:"
KIND = "reproduction"
LONGEST_TOKEN = 100_000
"""Characters of a token: more is for a file."""
LARGEST_UNFOLDED = 64 * 2**20
"""Bytes that a token may unfold to."""
LARGEST_SOURCE = 2**20
"""Bytes of a backend's file that a script may carry."""
SCRIPT = '''"""{title}

Found by bpcompare {version} with {versions}.
To repeat it, where bpcompare and these are installed: python {name}
Exit code {code} means that it fails here, too; 0 that it does not.
"""

import sys

from bpcompare.session.reproduction import repeat

TOKEN = (
{token}
)
FILES = {files}

sys.exit(repeat(TOKEN, FILES))
'''


@dataclass(frozen=True, eq=False)
class Reproduction:
    """What is needed to repeat a run. `backends` by name with their address; `verdict` and `first` are how it ended."""

    spec: str
    plan: Plan
    backends: Mapping[str, str]
    oracle: bool
    verdict: str
    first: First | None
    versions: tuple[str, ...] = ()

    def run(self, progress: Callable[[str], None] = lambda _: None) -> Comparison:
        """Run it again, here and now. Raises UnknownBackendError for backends that this place does not have."""
        asked = [locate(address) for address in self.backends.values()]
        names, arrivals = tuple(self.backends), Arrivals(self.plan, room=room())
        records = answers(self.plan, asked, Isolated(progress=progress), called=names, arrivals=arrivals, progress=progress)
        return judge(self.spec, self.plan, records, self.oracle, arrivals=arrivals)

    def fails_likewise(self, comparison: Comparison) -> bool:
        """Whether a repetition ended as this run did: the same verdict, and first at the same place by the same mistake."""
        return self.verdict == comparison.verdict and _key(self.first) == _key(comparison.first)


def reproduction(comparison: Comparison) -> Reproduction:
    """What repeats `comparison`. Raises StorageError where a backend has no address."""
    backends = {name: record.provenance.address for name, record in comparison.records.items()}
    if homeless := [name for name, address in backends.items() if not address]:
        raise StorageError(f"{', '.join(homeless)}: given as a class, not by name; give path/to/file.py:Class to repeat it")
    versions = [f"{p.framework} {p.version}" for p in (record.provenance for record in comparison.records.values())]
    return Reproduction(
        comparison.spec,
        comparison.plan,
        backends,
        comparison.oracle,
        comparison.verdict,
        comparison.first,
        tuple(dict.fromkeys(versions)),
    )


def _key(first: First | None) -> tuple[Any, ...]:
    return () if first is None else (first.path, first.backend, first.blame, first.code)


def demands(it: Reproduction, *, script: bool = False) -> tuple[str, ...]:
    """What running it would do beyond running backends that are installed here, in words; or what a `script` would carry.

    Whoever made it chose that, not who has it now. Raises UnknownBackendError.
    """
    found = []
    for name, address in it.backends.items():
        where = locate(address)
        if where.from_file:
            verb = "carries" if script else "runs"
            found.append(f"{name} {verb} the code in {where.target.rpartition(':')[0]}")
        if where.interpreter and not script:
            found.append(f"{name} runs the program {where.interpreter}")
        if where.version and not script and not made(where):
            found.append(f"{name} installs {where.base} {where.version}")
    return tuple(found)


def token(it: Reproduction) -> str:
    """Text that can be pasted. Raises StorageError for what is too large, or runs code that a token cannot carry."""
    for name, address in it.backends.items():
        where = locate(address)
        if where.from_file or where.interpreter:
            raise StorageError(f"{name} is code of yours, which a token does not carry; --script does")
    text = _folded(it)
    if len(text) > LONGEST_TOKEN:
        raise StorageError(f"a token of {len(text):,} characters is too long to paste; pass the file on")
    return text


def _folded(it: Reproduction) -> str:
    plan, arrays = plan_parts(it.plan)
    content = {
        "spec": it.spec,
        "backends": dict(it.backends),
        "oracle": it.oracle,
        "verdict": it.verdict,
        "first": None if it.first is None else {**vars(it.first), "relative": repr(it.first.relative)},
        "versions": list(it.versions),
        "plan": plan,
    }
    return MARK + base64.urlsafe_b64encode(zlib.compress(pack(KIND, content, arrays), 9)).decode()


def from_token(text: str) -> Reproduction:
    """The reproduction in a token. It runs backends by name only. Raises StorageError."""
    it = _unfolded(text)
    for name, address in it.backends.items():
        try:
            where = locate(address)
        except UnknownBackendError:
            continue  # said when it is to run
        if where.from_file or where.interpreter:
            raise StorageError(f"the token wants to run {address} as {name}: tokens run installed backends only")
    return it


def _unfolded(text: str) -> Reproduction:
    if not text.startswith(MARK):
        if re.match(r"bp\d{1,9}:", text):
            raise StorageError(f"is a token of another version, this bpcompare reads {MARK}…; install a newer bpcompare")
        raise StorageError(f"is no token of bpcompare: those begin with {MARK}")
    try:
        unfold = zlib.decompressobj()
        data = unfold.decompress(base64.b64decode(text[len(MARK) :].encode(), altchars=b"-_", validate=True), LARGEST_UNFOLDED)
        if not unfold.eof or unfold.unused_data:
            raise StorageError("the token is too large, or cut short")
    except (ValueError, binascii.Error, zlib.error) as error:
        raise StorageError(f"the token is damaged or cut short: {error}") from error
    content, arrays = unpack(data, KIND)
    try:
        top = trees.entries(content, "token", "spec", "backends", "oracle", "verdict", "first", "versions", "plan")
        first = top["first"]
        return Reproduction(
            spec=trees.name(top["spec"], "spec"),
            plan=_plan(top["plan"], arrays),
            backends=trees.each(top["backends"], "backends", trees.name),
            oracle=trees.value(bool, top["oracle"], "oracle"),
            verdict=trees.value(Verdict, top["verdict"], "verdict"),
            first=None if first is None else _first(first),
            versions=trees.items(top["versions"], "versions", trees.name),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(f"the token does not make sense: {error}") from error


def _first(content: object) -> First:
    optional = trees.defaults(First)
    top = trees.entries(content, "first", *(name for name in trees.hints(First) if name not in optional), optional=optional)
    found: dict[str, Any] = {}
    for name, hint in trees.hints(First).items():
        if name in top:
            place = f"first.{name}"
            text = (
                None if hint is not float and trees.value(str | None, top[name], place) is None else trees.name(top[name], place)
            )
            found[name] = float(text) if hint is float and text is not None else text
    if None in (found["path"], found["backend"], found["ground"]):
        raise ValueError("first: path, backend and ground are texts")
    return First(**found)


def _plan(content: object, arrays: Mapping[str, Array]) -> Plan:
    plan = plan_of(content, arrays)
    if plan.exact and (reason := unproved(plan)):
        raise StorageError(f"its plan is marked as one that cannot round, and it can: {reason}")
    return plan


def script(it: Reproduction, name: str = "repro.py") -> str:
    """A Python file that repeats the run, with the code of backends in files inside. Raises StorageError, OSError."""
    files: dict[str, str] = {}
    for address in it.backends.values():
        where = locate(address)
        if where.from_file:
            path = where.target.rpartition(":")[0]
            files[path] = _source(Path(path))
    first = it.first
    place = f", first at {first.path} of {first.backend}{f' ({first.code})' if first.code else ''}" if first else ""
    lines = "\n".join(f'    "{line}"' for line in wrap(_folded(it), 120, break_on_hyphens=False))
    return SCRIPT.format(
        title=_bare(f"{it.spec}: {it.verdict}{place}."),
        version=__version__,
        versions=_bare(", ".join(it.versions)),
        name=name,
        code=1 if it.verdict in ("wrong", "convention") else "other than 0",
        token=lines,
        files="{}" if not files else "{\n" + "".join(f"    {path!r}: {text!r},\n" for path, text in files.items()) + "}",
    )


def _source(path: Path) -> str:
    if not path.is_file():
        raise StorageError(f"{path}: there is no such file, so no script can carry it")
    with path.open("rb") as file:
        data = file.read(LARGEST_SOURCE + 1)
    if len(data) > LARGEST_SOURCE:
        raise StorageError(f"{path}: is too large for a script")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StorageError(f"{path}: is no text in UTF-8, so no script can carry it") from error


def _bare(text: str) -> str:
    """Text that cannot end a docstring."""
    return "".join(c if c.isprintable() and c not in '"\\' else "'" for c in text)


def repeat(text: str, files: Mapping[str, str] | None = None) -> int:
    """What a script does: unfold, run, print the report, and return its exit code. `files` are sources of backends by path."""
    from bpcompare.report import text as report

    it = _unfolded(text)
    with TemporaryDirectory(prefix="bpcompare-") as folder:
        moved = {}
        for number, (path, source) in enumerate((files or {}).items()):
            own = Path(folder, f"own{number}")
            own.mkdir()
            (own / Path(path).name).write_text(source, encoding="utf-8")
            moved[path] = str(own / Path(path).name)
        backends = {name: _moved(address, moved) for name, address in it.backends.items()}
        comparison = Reproduction(it.spec, it.plan, backends, it.oracle, it.verdict, it.first).run()
        print(report(comparison))  # noqa: T201 — the script's result
        print("\nIt " + ended(it, comparison))  # noqa: T201
    return comparison.exit_code


def _moved(address: str, moved: Mapping[str, str]) -> str:
    path, _, attribute = address.rpartition(":")
    return f"{moved[path]}:{attribute}" if path in moved else address


def ended(it: Reproduction, comparison: Comparison) -> str:
    """How the repetition compares, in words that follow “it”."""
    if it.fails_likewise(comparison):
        return "ends the same way here."
    first = it.first
    place = f" at {first.path} of {first.backend}" if first else ""
    return f"ended otherwise then: {it.verdict}{place}, with {', '.join(it.versions)}."
