"""Which backends there are."""

import importlib
import re
import subprocess
import sys
from textwrap import dedent

import pytest

from bpcompare.backend import Backend
from bpcompare.engine import registry
from bpcompare.engine.address import locate
from bpcompare.engine.registry import Absent, Broken, Ready, UnknownBackendError, names, problems, resolve, statuses
from bpcompare.engine.worker import InProcess
from bpcompare.ops import OPS, Dense, Op, Relu
from bpcompare.plan.draw import plan as draw

GOOD = """
from bpcompare.backend import Backend
from bpcompare.ops import OPS

class {name}(Backend):
    name = {title!r}
    table = {{op: print for op in OPS.values()}}
    @classmethod
    def version(cls):
        return "7.8"
    def run(self, plan):
        raise NotImplementedError
"""


class Whole(Backend):
    """A backend as it should be."""

    name = "whole"
    table = {op: print for op in OPS.values() if op is not Relu}  # noqa: RUF012
    gaps = {Relu: "not yet"}  # noqa: RUF012

    @classmethod
    def version(cls):
        return "1"

    def run(self, plan):
        raise NotImplementedError


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a package with backends on the path: install(distribution, {name: module source}, requires)."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    added = []

    def put(distribution, modules, requires=()):
        info = site / f"{distribution}-2.0.dist-info"
        info.mkdir()
        needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.0\n{needs}")
        lines = [f"{name} = {distribution}_{name}:Own" for name in modules]
        (info / "entry_points.txt").write_text("\n".join([f"[{registry.GROUP}]", *lines]) + "\n")
        for name, source in modules.items():
            (site / f"{distribution}_{name}.py").write_text(dedent(source))
            added.append(f"{distribution}_{name}")
        importlib.invalidate_caches()

    yield put
    for module in added:
        sys.modules.pop(module, None)


def test_our_own_backends_come_through_the_door_of_everyone():
    """delta, torch and jax would be special, and a stranger's backend second-class."""
    assert {"delta", "jax", "torch"} <= set(names())


def test_listing_imports_nothing():
    """`bpcompare --help` would wait for torch and jax."""
    code = "import sys; from bpcompare.engine.registry import names; n = names(); print(*n); print(*sys.modules)"
    listed, modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.splitlines()
    assert "delta" in listed.split()
    assert not {"torch", "jax", "optax", "bpcompare_delta", "bpcompare_torch", "bpcompare_jax"} & set(modules.split())


def test_a_strangers_backend_is_ready(install):
    """A plugin could not be used, or would not be told apart from ours in a report."""
    install("strange", {"own": GOOD.format(name="Own", title="own")})
    status = resolve("own")
    assert isinstance(status, Ready)
    assert (status.name, status.version, status.distribution) == ("own", "7.8", "strange 2.0")
    assert status in statuses()


def test_a_missing_framework_is_absent_with_the_command_that_installs_it(install):
    """A user without torch would see a traceback instead of what to type."""
    source = "import nosuchframework.nn\n"
    install(
        "strange",
        {"own": source, "hard": source},
        ["numpy", "nosuchframework>=2; extra == 'all'", "nosuchframework>=3; extra == 'own'", "besides ; extra == 'own'"],
    )
    assert resolve("own") == Absent("own", 'pip install "nosuchframework>=3" "besides"')
    assert resolve("hard") == Absent("hard", 'pip install "nosuchframework>=2"')


def test_a_missing_requirement_is_absent_too(install):
    """A plugin whose framework is a plain requirement would count as broken."""
    install("strange", {"own": "import nosuchframework\n"}, ["NoSuchFramework>=2"])
    assert resolve("own") == Absent("own", "pip install NoSuchFramework")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import numppy\n", "strange 2.0: ModuleNotFoundError: No module named 'numppy'"),
        ("1 / 0\n", "strange 2.0: ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)\n", "strange 2.0: SystemExit: 3"),
        ("x = (\n", "strange 2.0: SyntaxError: '(' was never closed (strange_own.py, line 1)"),
        ("raise ValueError('first\\nsecond')\n", "strange 2.0: ValueError: first"),
        ("pass\n", "strange 2.0: AttributeError: module 'strange_own' has no attribute 'Own'"),
    ],
)
def test_whatever_else_goes_wrong_is_broken(install, source, reason):
    """A typing error in a plugin would be taken for an uninstalled framework, or end the program."""
    install("strange", {"own": source}, ["nosuchframework"])
    status = resolve("own")
    assert isinstance(status, Broken)
    assert (status.reason, status.distribution) == (reason, "strange 2.0")
    assert "Traceback" in status.traceback


def test_one_broken_plugin_does_not_hide_the_others(install):
    """`bpcompare backends` would show nothing because one plugin is broken."""
    install("strange", {"bad": "1 / 0\n", "own": GOOD.format(name="Own", title="own")})
    found = {status.name: type(status) for status in statuses()}
    assert found["bad"] is Broken
    assert found["own"] is Ready


def test_duplicate_names_are_an_error(install):
    """Whose backend runs would depend on the order of directories."""
    install("strange", {"own": GOOD.format(name="Own", title="own")})
    install("stranger", {"own": GOOD.format(name="Own", title="own")})
    status = resolve("own")
    assert isinstance(status, Broken)
    assert "strange 2.0" in status.reason
    assert "stranger 2.0" in status.reason
    assert names().count("own") == 1


def test_unknown_names_get_a_suggestion():
    """A typing error would be reported as if the backend had failed."""
    with pytest.raises(UnknownBackendError, match=r"no backend is called 'tocrh'; did you mean torch\?"):
        resolve("tocrh")
    with pytest.raises(UnknownBackendError, match=r"installed: .*delta"):
        resolve("zzz")


def test_a_file_of_ones_own(tmp_path):
    """Trying out a backend would need a package."""
    path = tmp_path / "mine.py"
    path.write_text(GOOD.format(name="Mine", title="mine"))
    status = resolve(f"{path}:Mine")
    assert isinstance(status, Ready)
    assert (status.name, status.version, status.distribution) == ("mine", "7.8", str(path))


@pytest.mark.parametrize(
    ("source", "name", "reason"),
    [
        (None, "mine.py:Mine", "there is no file"),
        (GOOD.format(name="Mine", title="mine"), "mine.py", r"which class\? its backends: .*mine.py:Mine"),
        (GOOD.format(name="Mine", title="mine"), "mine.py:Main", "has no class 'Main'; its backends: .*mine.py:Mine"),
        ("x = 1\n", "mine.py:x", "has no class 'x'; it defines no subclass of Backend"),
        ("x = (\n", "mine.py:Mine", "SyntaxError"),
        ("class Mine: pass\n", "mine.py:Mine", "is not a subclass of bpcompare.backend.Backend"),
        ("raise SystemExit\n", "mine.py:Mine", "SystemExit, at mine.py:1$"),
    ],
)
def test_files_that_do_not_work_are_broken(tmp_path, source, name, reason):
    """A mistake in somebody's file would be a traceback of ours."""
    if source is not None:
        (tmp_path / "mine.py").write_text(source)
    status = resolve(str(tmp_path / name))
    assert isinstance(status, Broken)
    assert re.search(reason, status.reason), status.reason


def test_a_version_that_cannot_be_told(tmp_path):
    """A backend that fails while its version is asked for would take the listing down."""
    path = tmp_path / "mine.py"
    for body, reason in (("1 / 0", "ZeroDivisionError"), ("return None", "version.. must return text, returned None")):
        path.write_text(GOOD.format(name="Mine", title="mine").replace('return "7.8"', body))
        status = resolve(f"{path}:Mine")
        assert isinstance(status, Broken)
        assert re.search(reason, status.reason)


def test_a_name_must_be_the_installed_one(install):
    """A report would call a backend other than the command line does."""
    install("strange", {"own": GOOD.format(name="Own", title="other")})
    status = resolve("own")
    assert isinstance(status, Broken)
    assert status.reason == "own of strange 2.0 is not a usable backend: its name is 'other', it is installed as 'own'"


def test_the_contract_holds_for_a_whole_backend():
    """Nothing would be accepted."""
    assert problems(Whole) == ()


def _without(**changes):
    return type("Changed", (Whole,), changes)


@pytest.mark.parametrize(
    ("backend", "found"),
    [
        (3, "3 is not a subclass of"),
        (Whole(), "is not a subclass of"),
        (dict, "is not a subclass of"),
        (type("Bare", (Backend,), {"name": "x", "table": Whole.table, "gaps": Whole.gaps}), "without a body: run, version"),
        (type("Bare", (Backend,), {}), "table and gaps: mappings from op types are required"),
        (_without(name=""), "name: a non-empty"),
        (_without(name=3), "name: a non-empty text is required"),
        (_without(table=[Dense]), "table and gaps: mappings"),
        (_without(gaps={Relu: ""}), "gaps: relu needs a reason"),
        (_without(gaps={Relu: "no", Dense: "no"}), "both in table and in gaps: dense"),
        (_without(table={**Whole.table, Dense: None}), "table: the row of dense is empty"),
        (_without(table={**Whole.table, Op: print}), "not an op that bpcompare lists: Op"),
        (_without(table={**Whole.table, "dense": print}), "not an op that bpcompare lists: 'dense'"),
    ],
)
def test_bad_guests_are_refused_at_the_door(backend, found):
    """A backend without a row would fail in the middle of a run, or silently leave an op out."""
    assert any(found in problem for problem in problems(backend)), problems(backend)


def test_missing_rows_equal_declared_gaps_both_ways():
    """An op could be added without anyone noticing that a backend of ours lacks it."""
    for op in OPS.values():
        less = type("Less", (Whole,), {"table": {o: print for o in Whole.table if o is not op}, "gaps": {}})
        assert f"neither in table nor in gaps: {', '.join(sorted({op.name, 'relu'}))}" in problems(less, total=True)


def test_a_plugin_that_has_not_heard_of_an_op_stays_usable(install, make_network):
    """One new op here would take every plugin away from those who use it, on nets without that op, too."""
    source = GOOD.format(name="Own", title="own").replace("in OPS.values()", "in OPS.values() if op.name != 'dense'")
    install("strange", {"own": source})
    assert isinstance(resolve("own"), Ready)
    (address,) = [locate("own")]
    failure = InProcess().run(address, draw(make_network())).failure
    assert failure == "does not support dense (it has neither a row nor a gap for it)"


def test_a_backend_of_ours_is_refused_for_the_same(install):
    """Totality would be asked of nobody."""
    source = GOOD.format(name="Own", title="own").replace("in OPS.values()", "in OPS.values() if op.name != 'dense'")
    install("bpcompare", {"own": source})
    assert "neither in table nor in gaps: dense" in resolve("own").reason


@pytest.mark.parametrize("voice", ["", " ", 3, None, ("torch", ""), ["torch"]])
def test_a_voice_is_a_name_or_several(voice):
    """A vote would be counted for a voice that nobody else can have."""
    delta = resolve("delta").backend
    assert any(problem.startswith("voice:") for problem in problems(type("Broken", (delta,), {"voice": voice})))
    assert not problems(type("Fine", (delta,), {"voice": ("torch", "jax")}))
