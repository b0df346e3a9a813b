"""How environments for versions are made, listed and deleted; with an installer that only notes what it was asked."""

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from filelock import FileLock

from bpcompare.cli import main
from bpcompare.engine.address import UnknownBackendError, locate
from bpcompare.engine.isolation import environment

INSTALLER = """#!{python}
import json, os, pathlib, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "venv":
    python = pathlib.Path(sys.argv[-1], "bin", "python")
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh")
    python.chmod(0o755)
    (python.parent / "library").write_bytes(bytes(100_000))
elif os.environ.get("INSTALLER_FAILS"):
    sys.exit("error: No solution found: there is no jax==0.4.35")
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BPCOMPARE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "environments"


@pytest.fixture
def asked(tmp_path, monkeypatch, cache):
    """What the installer was told, call by call."""
    tool, log = tmp_path / "bin" / "uv", tmp_path / "log"
    tool.parent.mkdir()
    tool.write_text(INSTALLER.format(python=sys.executable, log=str(log)))
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent))
    return lambda: [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_only_binary_packages_are_installed(asked, monkeypatch):
    """Asking for a version would run the setup script of whatever package the index offers."""
    python = environment.interpreter(locate("jax@0.4.35"))
    assert os.access(python, os.X_OK)
    install = asked()[1]
    assert install[install.index("--only-binary") + 1] == ":all:"
    assert "jax==0.4.35" in install
    assert environment.interpreter(locate("jax@0.4.35")) == python
    assert len(asked()) == 2
    monkeypatch.setattr(environment.shutil, "which", lambda _: None)
    told = []
    monkeypatch.setattr(environment, "_do", lambda command, _: told.append(command))
    monkeypatch.setattr(environment, "write", lambda *_: None)
    environment.interpreter(locate("jax@0.4.36"))
    assert told[1][1:4] == ["-m", "pip", "install"]
    assert told[1][told[1].index("--only-binary") + 1] == ":all:"


def test_building_from_source_is_asked_for(asked, capsys, cache):
    """A framework without binary packages could not be used at all, or would be built unasked."""
    assert main(["environments", "--make", "jax@0.4.35", "--source"]) == 0
    assert "--only-binary" not in asked()[1]
    assert capsys.readouterr().out.startswith(str(cache))
    for wrong in (["--source"], ["--make", "jax@1", "--remove", "all"], ["--make", "delta"], ["--make", "nobody@1"]):
        assert main(["environments", *wrong]) == 2, wrong
        assert capsys.readouterr().err


def test_what_failed_is_listed_and_takes_no_space(asked, monkeypatch, capsys, cache):
    """Hundreds of megabytes of half an environment would stay, unseen by `environments` and by `--remove all`."""
    monkeypatch.setenv("INSTALLER_FAILS", "1")
    with pytest.raises(environment.EnvironmentFailure, match=r"no jax==0\.4\.35; only binary packages.*--source"):
        environment.interpreter(locate("jax@0.4.35"))
    (failed,) = environment.environments()
    assert "no jax==0.4.35" in failed.failure
    assert failed.requirements[0] == "jax==0.4.35"
    assert failed.bytes < 10_000
    assert main(["environments"]) == 0
    assert "failed" in capsys.readouterr().out
    monkeypatch.delenv("INSTALLER_FAILS")
    environment.interpreter(locate("jax@0.4.35"))
    (made,) = environment.environments()
    assert made.failure == ""
    assert main(["environments", "--remove", "all"]) == 0
    assert list(cache.iterdir()) == []


def test_an_environment_whose_making_was_killed_is_listed(cache, capsys):
    """It would take its space for ever."""
    (cache / "jax-1" / "lib").mkdir(parents=True)
    (cache / "jax-1" / "lib" / "half").write_bytes(bytes(9))
    (cache / "jax-2").mkdir()
    with FileLock(f"{cache}/jax-2.lock"):
        assert main(["environments"]) == 0
        out = capsys.readouterr().out
        assert "was never finished" in out
        assert "is being made" in out
        assert main(["environments", "--remove", "jax-2"]) == 2
        assert "another process" in capsys.readouterr().err
    assert main(["environments", "--remove", "all"]) == 0
    assert list(cache.iterdir()) == []


def test_an_interrupted_making_leaves_nothing(asked, monkeypatch, cache):
    """Ctrl-C would leave half an environment."""

    def interrupted(command, _):
        if "pip" in command:
            raise KeyboardInterrupt
        subprocess.run(command, check=True)

    monkeypatch.setattr(environment, "_do", interrupted)
    with pytest.raises(KeyboardInterrupt):
        environment.interpreter(locate("jax@0.4.35"))
    assert list(environment.environments()) == []


def test_removing_a_link_leaves_what_it_leads_to(cache, tmp_path):
    """`--remove all` would delete a folder elsewhere."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis").write_text("x")
    cache.mkdir(parents=True)
    (cache / "jax-1").symlink_to(tmp_path / "mine")
    assert main(["environments", "--remove", "all"]) == 0
    assert (tmp_path / "mine" / "thesis").exists()
    assert list(cache.iterdir()) == []


NO_VERSIONS = [
    "--index-url=https",
    "-r file",
    "1 -r file",
    "1\n-r file",
    "1\n",
    "1 2",
    "1;2",
    "1[extra]",
    "1-rf",
    "٣",
    "1.*",
    "1==2",
    "1\0",
    "",
    "1,2",
    "1+",
    "1!",
]


@pytest.mark.parametrize("version", NO_VERSIONS)
def test_a_version_is_a_version(version, asked):
    """An option for pip, or a second package, could be smuggled in as a version."""
    with pytest.raises((UnknownBackendError, environment.EnvironmentFailure)):
        environment.interpreter(locate(f"jax@{version}"))
    with pytest.raises(environment.EnvironmentFailure, match="is no version"):
        environment.requirements_of(replace(locate("jax@1"), version=version))
    assert asked() == []


def test_a_path_is_not_an_option(asked):
    """`jax@--index-url=https://…` holds a slash, so it asks for a Python: for none that is there."""
    with pytest.raises(environment.EnvironmentFailure, match="there is no Python at /"):
        environment.interpreter(locate("jax@--index-url=https://example.org/simple"))
    assert asked() == []


@pytest.mark.parametrize("version", ["1", "v0.4.35", "2.6.0+cpu", "1!2.0rc1", "0.4.35.dev20240101", "1.0.post1"])
def test_versions_of_all_kinds_are_taken(version):
    """A legal version would be refused."""
    (first, *_) = environment.requirements_of(replace(locate("jax@1"), version=version))
    assert first == f"jax=={version.removeprefix('v')}"


def declaring(monkeypatch, *requires):
    owner = SimpleNamespace(requires=list(requires), name="plugin", version="1")
    monkeypatch.setattr(environment, "package", lambda _: owner)


def address(base="frame"):
    return replace(locate("jax@1.0"), name=f"{base}@1.0", distribution="plugin")


@pytest.mark.parametrize(
    "requirement", ["--index-url=http://x", "-r file", "frame -r file", "fra me", "", "a\nb", "frame>=1 --pre"]
)
def test_what_a_package_declares_is_no_option(monkeypatch, requirement):
    """A package that offers a backend could make pip take packages from anywhere."""
    declaring(monkeypatch, "frame>=1", requirement)
    with pytest.raises(environment.EnvironmentFailure, match="is no requirement"):
        environment.requirements_of(address())


def test_conditions_of_requirements_are_kept(monkeypatch):
    """A companion for another system, or of another extra, would be installed."""
    declaring(
        monkeypatch,
        "Frame-cpu[fast]>=1",
        "helper>=2; python_version >= '3.8'",
        "old-helper; python_version < '3'",
        "tests; extra == 'test'",
        "bpcompare",
        "numpy>=2",
    )
    assert environment.requirements_of(address()) == ("Frame-cpu[fast]==1.0", "helper>=2", *environment.WORKER)


@pytest.mark.parametrize("base", ["-r", "../../x", "a b", "a\nb", "--index-url=x", ""])
def test_a_name_is_a_name(monkeypatch, base):
    """The name of an entry point would become an option, or lead out of the cache."""
    declaring(monkeypatch, "frame>=1")
    with pytest.raises(environment.EnvironmentFailure, match="is no name"):
        environment.requirements_of(address(base))


def test_a_cache_that_looks_like_an_option(monkeypatch, tmp_path, asked):
    """The folder of an environment would become an option of the tool that makes it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BPCOMPARE_CACHE", "--system")
    environment.interpreter(locate("jax@0.4.35"))
    assert asked()[0][-1].startswith(str(tmp_path))
    assert stat.S_ISDIR((tmp_path / "--system").stat().st_mode)
