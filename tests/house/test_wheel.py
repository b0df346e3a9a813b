"""What is in the wheel."""

import subprocess
import sys
import zipfile

import pytest

from places import ROOT

PACKAGES = {"bpcompare", "bpcompare_delta", "bpcompare_torch", "bpcompare_jax"}


@pytest.mark.slow
def test_the_wheel_holds_the_packages_and_nothing_else(tmp_path):
    """An install would put a folder called `backends` into site-packages, or leave out a package or its types."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = zipfile.ZipFile(wheel).namelist()
    top = {name.partition("/")[0] for name in held}
    assert {name for name in top if not name.endswith(".dist-info")} == PACKAGES
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(held)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in held)
    sources = {str(path.relative_to(ROOT)).removeprefix("backends/") for path in _sources()}
    assert {name for name in held if name.endswith(".py")} == sources
    examples = {f"bpcompare/examples/{path.name}" for path in (ROOT / "examples").glob("*.toml")}
    data = {f"bpcompare/examples/data/{name}" for name in ("digits.csv.gz", "README.md")}
    assert examples | data == {name for name in held if "/examples/" in name}
    pages = ("bpcompare/page/templates/page", "bpcompare/own/page/templates/step")
    assert {f"{page}.{kind}" for page in pages for kind in ("html", "css", "js")} <= set(held)


def _sources():
    for folder in ("bpcompare", "backends"):
        yield from (ROOT / folder).rglob("*.py")
