"""A pytest plugin that counts the calls of one backward, or plants one mistake into it: in memory, in this process only.

`bpcompare doubt` loads it with `-p` and says by BPCOMPARE_DOUBT, the path of a file, what to do. Without that it does nothing.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from bpcompare.tools.doubt.observer import Observer
from bpcompare.tools.doubt.seen import VARIABLE

if TYPE_CHECKING:
    from _pytest.fixtures import FixtureDef

_PR_SET_PDEATHSIG, _KILL = 1, 9


class Planting:
    """The plugin, with what it was told to do."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.module, self.path, self.dy = plan["module"], plan["path"], plan["dy"]
        self.folder, self.wanted, self.files = Path(plan["folder"]), plan["tests"], plan["files"]
        self.observer = Observer(plan["mutant"])
        self.shared: set[str] = set()
        self.ran: set[str] = set()
        self.now = ""
        self.items: Sequence[pytest.Item] = ()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """As a finder of modules: the target's module is planted as soon as it is imported, whoever does it."""
        if name != self.module:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if finder is not self and find is not None else None
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, self)
                return spec
        return None

    def plant(self) -> None:
        """Plant, if the module is there."""
        module = sys.modules.get(self.module)
        if module is not None:
            self.observer.plant(module, self.path, self.dy)

    @pytest.hookimpl(tryfirst=True)
    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Files without a wanted test need not be imported."""
        if self.files is None or collection_path.is_dir() or str(collection_path) in self.files:
            return None
        return True if collection_path.suffix == ".py" and collection_path.name != "__init__.py" else None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave the wanted tests; plant what no import has planted, and where others took the function by name."""
        if self.wanted is not None:
            wanted = set(self.wanted)
            gone = [item for item in items if item.nodeid not in wanted]
            items[:] = [item for item in items if item.nodeid in wanted]
            if gone:
                config.hook.pytest_deselected(items=gone)
        self.plant()
        self.items = items
        self.observer.seen.collected = len(items)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Whose calls these are."""
        before, self.now = self.observer.settled(), item.nodeid
        yield
        if self.observer.settled() != before:
            self.ran.add(item.nodeid)
        self.now = ""

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: FixtureDef[Any]) -> Iterator[None]:
        """What a fixture of several tests calls, is called for all of them."""
        before = self.observer.settled()
        yield
        if fixturedef.scope != "function" and self.observer.settled() != before:
            self.shared.add(fixturedef.argname)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """What failed, at once: the process may not live long."""
        if report.failed:
            self._failed(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be imported."""
        if report.failed:
            self._failed(report.nodeid)

    def _failed(self, nodeid: str) -> None:
        self.observer.seen.failures.append(nodeid)
        self.write()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell it all."""
        seen, config = self.observer.seen, session.config
        if not self.observer.done:
            try:
                importlib.import_module(self.module)
            except Exception as error:  # noqa: BLE001 — it is their module
                seen.problem = seen.problem or _unknown(self.module, error)
            self.plant()
        self.observer.settled()
        shared = [item.nodeid for item in self.items if self.shared & set(getattr(item, "fixturenames", ()))]
        seen.tests = [*dict.fromkeys([*sorted(self.ran), *shared])]
        among = set(seen.tests)
        seen.files = [*dict.fromkeys(str(item.path) for item in self.items if item.nodeid in among)]
        asked = {
            "xdist": getattr(config.option, "numprocesses", None),
            "cov": getattr(config.option, "cov_source", None),
            "junit": getattr(config.option, "xmlpath", None),
        }
        seen.plugins = [name for name, x in asked.items() if x]
        self.write()

    def write(self) -> None:
        """Tell what was seen until now."""
        self.observer.seen.write(self.folder, str(os.getpid()))


class _Loader(Loader):
    """A module's own loader, which then plants."""

    def __init__(self, loader: Any, planting: Planting) -> None:
        self._loader, self._planting = loader, planting

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the module's own loader does."""
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, which keeps its own loader, and plant."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._planting.observer.done = False  # it may have been loaded anew
        self._planting.plant()


def _unknown(name: str, error: Exception) -> str:
    """Why the module is not there."""
    from bpcompare.text.words import did_you_mean

    if not (isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}.")):
        return f"{name} cannot be imported: {type(error).__name__}: {error}"
    own = [key for key, it in list(sys.modules.items()) if _is_theirs(it) and not key.startswith("_")]
    hint = did_you_mean(name, own)
    return f"there is no module {name} where your tests import from{f'; {hint}' if hint else ''}"


def _is_theirs(module: Any) -> bool:
    """Whether a module lies in no place where packages are installed."""
    file = getattr(module, "__file__", None) or ""
    return bool(file) and "site-packages" not in file and not file.startswith((sys.base_prefix, "<"))


def _end_with_parent() -> None:
    """Have the system end this process if the one that started it is killed, where it can."""
    if sys.platform == "linux":
        import ctypes

        try:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _KILL)
        except (AttributeError, OSError):
            return


def _begun() -> Planting | None:
    """The plugin, as a finder of modules already: conftest.py may import the target before anything is configured."""
    if VARIABLE not in os.environ:
        return None
    it = Planting(json.loads(Path(os.environ[VARIABLE]).read_text(encoding="utf-8")))
    _end_with_parent()
    sys.meta_path.insert(0, it)
    return it


_IT = _begun()


def pytest_configure(config: pytest.Config) -> None:
    """Begin, if somebody said what with."""
    if _IT is not None and not config.pluginmanager.has_plugin("bpcompare-doubt"):
        config.pluginmanager.register(_IT, "bpcompare-doubt")
