"""The command line, in this process."""

from typing import NamedTuple

import pytest

from bpcompare.cli import main
from places import EXAMPLES


class Said(NamedTuple):
    """Exit code and both streams."""

    code: int
    out: str
    err: str


@pytest.fixture
def said(capsys):
    """said("run", spec, "-q"): what the command line answers."""

    def call(*words):
        code = main([str(word) for word in words])
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture
def mazur():
    """The smallest example."""
    return str(EXAMPLES / "mazur.toml")


@pytest.fixture
def liar(tmp_path):
    """liar("raise RuntimeError('x')"): the name of a backend in a file, whose run starts with that line."""

    def make(line, name="liar"):
        path = tmp_path / f"{name}.py"
        path.write_text(
            "from dataclasses import replace\n"
            "import numpy as np\n"
            "from bpcompare_delta import Delta\n"
            f"class Liar(Delta):\n    name = {name!r}\n"
            f"    def run(self, plan):\n        record = super().run(plan)\n        {line}\n"
        )
        return f"{path}:Liar"

    return make
