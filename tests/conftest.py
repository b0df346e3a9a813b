"""What all tests share."""

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from time import time

import numpy as np
import pytest
from hypothesis import settings

from bpcompare.backend import Backend
from bpcompare.network import Data, Error, Input, Layer, Network, Training
from bpcompare.network.parameter import Initializer, Parameter
from bpcompare.ops import AdamW, BatchNorm, Dense, Dropout, Embedding, Flatten, SoftmaxCrossEntropy, Tanh

# Projects of their own, which tests/plugin/test_plugin.py and tests/doubt run.
collect_ignore = ["plugin/sample", "doubt/suites"]

# Tests must say the same on every machine and at any load.
settings.register_profile("bpcompare", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("bpcompare")


COMPILED = "JAX_COMPILATION_CACHE_DIR"


def pytest_configure(config: pytest.Config) -> None:
    """What JAX has compiled once in a session, no other test or process of it compiles again: most of what its tests take.

    JAX asks for the same program, options and version; what comes from the folder is the same machine code. A folder that the
    environment names, as .ci/run does, serves more sessions than one.
    """
    if COMPILED not in os.environ:  # the workers of xdist have it from the process that starts them
        folder = tempfile.TemporaryDirectory(prefix="compiled-")
        config.add_cleanup(folder.cleanup)
        os.environ[COMPILED] = folder.name
        config.add_cleanup(lambda: os.environ.pop(COMPILED))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_NUM_CPU_DEVICES", "4")  # JAX asks once in a process: what runs on several needs them everywhere


ENDS = "BPCOMPARE_SLOW_TESTS_END"


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what `-m` does not ask for
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a test that is `sampled(every)`, one case in so many is tried at once, the first among them; the others are slow.

    It is for cases that take long and go one way: a few show that the way is broken, and all of them that one of its ends is.
    """
    seen = Counter[str]()
    for item in items:
        mark = item.get_closest_marker("sampled")
        if mark is None or "slow" in item.keywords:
            continue
        test = item.nodeid.partition("[")[0]
        if seen[test] % mark.args[0]:
            item.add_marker(pytest.mark.slow)
        seen[test] += 1


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Slow tests that begin after that second of the clock are skipped, and named, so that a slow machine tells what it can.

    .ci/run sets it: where a run takes too long it is ended from outside, and then nobody learns of any test.
    """
    if "slow" in item.keywords and time() > float(os.environ.get(ENDS, "inf")):
        pytest.skip("no time was left for it on this machine")


@pytest.fixture(autouse=True)
def _no_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests print the same whatever the caller's locale is: C would have ASCII only."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def torch_backend() -> type[Backend]:
    pytest.importorskip("torch")
    from bpcompare_torch import Torch

    return Torch


@pytest.fixture
def jax_backend() -> type[Backend]:
    pytest.importorskip("jax")
    from bpcompare_jax import Jax

    return Jax


@pytest.fixture
def make_network() -> Callable[..., Network]:
    """A small network with one of everything a plan holds: integer inputs, state, draws, slots, a shared and a frozen weight.

    `make_network(steps=3)` changes training, `make_network(update=...)` any other field.
    """

    def make(**changes: object) -> Network:
        training = {name: changes.pop(name) for name in list(changes) if name in Training.__dataclass_fields__}
        random = np.random.Generator(np.random.PCG64(7))
        network = Network(
            name="small",
            inputs={"word": Input((2,)), "x": Input((4,), ("p", "q", "r", "s"))},
            layers={
                "e": Layer(Embedding(rows=5, width=2), ("word",), parameters={"weight": "e.weight"}),
                "f": Layer(Flatten(), ("e",)),
                "h": Layer(Dense(4), ("x",), Tanh(), {"weight": "shared", "bias": "h.bias"}),
                "d": Layer(Dropout(0.5), ("h",)),
                "n": Layer(BatchNorm(1e-5, 0.1, "biased"), ("d",), parameters={"scale": "n.scale", "shift": "n.shift"}),
                "k": Layer(Dense(4, bias=False), ("n",), Tanh(), {"weight": "shared"}),
                "o": Layer(Dense(3), ("k", "f"), parameters={"weight": "o.weight", "bias": "o.bias"}),
            },
            parameters={
                "e.weight": Parameter(Initializer("normal", 0.5)),
                "shared": Parameter(Initializer("glorot_uniform")),
                "h.bias": Parameter(np.array([0.1, -0.2, 0.3, 0.0])),
                "n.scale": Parameter(Initializer("ones")),
                "n.shift": Parameter(Initializer("zeros")),
                "o.weight": Parameter(Initializer("he_normal")),
                "o.bias": Parameter(Initializer("uniform", 0.1), trainable=False),
            },
            error=Error(SoftmaxCrossEntropy("mean", targets="classes"), "o"),
            update=AdamW(0.01),
            data=Data(
                {"word": random.integers(0, 5, (7, 2)), "x": random.standard_normal((7, 4))},
                random.integers(0, 3, 7),
            ),
            training=Training(steps=2, batch=5),
        )
        network = replace(network, **changes)
        return replace(network, training=replace(network.training, **training))

    return make
