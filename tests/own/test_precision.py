"""Products of float32 whose factors a framework may cut: TF32 and bfloat16, on CUDA by its own choice, elsewhere on demand."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import bpcompare  # noqa: E402
from bpcompare_torch.recorder.precision import UNITS, factors, precision  # noqa: E402

LINES = "products"
COUNT = iter(range(1000))


class Cut(torch.utils._python_dispatch.TorchDispatchMode):  # type: ignore[misc, name-defined]
    """Below everything else: products as tensor cores compute them, their factors cut to TF32."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        first = {"aten::mm": 0, "aten::bmm": 0, "aten::addmm": 1}.get(func._schema.name)
        if first is not None:
            args = (*args[:first], *(map(cut, args[first:])))
        return func(*args, **(kwargs or {}))


def cut(t: Any) -> Any:
    """The last thirteen bits of float32 are left out."""
    return (t.contiguous().view(torch.int32) & -(2**13)).view(torch.float32) if t.dtype == torch.float32 else t


@pytest.fixture
def allowed() -> Iterator[None]:
    """torch may multiply float32 in TF32."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    yield
    torch.set_float32_matmul_precision(before)


class Slope(torch.autograd.Function):
    """2x, whose backward may be off."""

    @staticmethod
    def forward(ctx: Any, x: Any, off: float) -> Any:
        """Twice x."""
        ctx.off = off
        return 2.0 * x

    @staticmethod
    def backward(ctx: Any, dy: Any) -> Any:
        """Twice dy, and what it is off."""
        return (2.0 + ctx.off) * dy, None


def step(off: float = 0.0, *, in_tf32: bool = True) -> Any:
    """One step of a small net, recorded."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(32, 48), torch.nn.Tanh(), torch.nn.Linear(48, 5))
    x, y = torch.randn(16, 32), torch.randint(5, (16,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def stepped() -> Any:
        with bpcompare.watch(model, optimizer) as watched:
            torch.nn.functional.cross_entropy(Slope.apply(model(x), off), y).backward()
            optimizer.step()
        return watched

    if not in_tf32:
        return stepped()
    with Cut():
        return stepped()


@pytest.mark.usefixtures("allowed")
def test_what_the_switches_allow_is_not_wrong(tmp_path):
    """Every convolution on a recent GPU would be called wrong: torch computes it in TF32 unless somebody says otherwise."""
    found = step()
    assert found.verdict == "certified", str(found)
    line = next(line for line in str(found).splitlines() if line.split()[:1] == [LINES])
    assert "only if factors may be off by 0.000977, as torch was allowed" in line
    found.save(tmp_path / "step.bpc")
    assert str(bpcompare.load_watched(tmp_path / "step.bpc")) == str(found)


def test_what_the_switches_do_not_allow_is_wrong():
    """A product that lost half of its bits unasked would pass."""
    assert torch.get_float32_matmul_precision() == "highest"
    found = step()
    assert found.verdict == "wrong"
    assert LINES not in str(found)


@pytest.mark.usefixtures("allowed")
def test_what_is_not_cut_keeps_its_power():
    """A switch that changes nothing on this machine would hide mistakes of a thousandth."""
    found = step(in_tf32=False)
    assert found.verdict == "certified"
    assert LINES not in str(found)
    assert found.power[0] < 1e-3


@pytest.mark.usefixtures("allowed")
def test_a_mistake_beyond_what_is_allowed_is_found():
    """What products may be off would be granted to everything else."""
    found = step(0.002)
    assert found.verdict == "wrong"
    assert "Slope.backward" in str(found)


def test_the_switches_of_cuda():
    """Which precision is allowed would be read off the wrong switch."""
    assert precision("matmul", "cuda") == "ieee"
    assert precision("conv", "cuda") == "tf32"  # torch's own choice
    assert precision("rnn", "cuda") == "tf32"
    assert precision("matmul", "mps") == "ieee"
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        assert precision("conv", "cuda") not in UNITS
        assert precision("rnn", "cuda") not in UNITS
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        assert precision("matmul", "cuda") == "tf32"
        on_cuda = SimpleNamespace(dtype=torch.float32, device=torch.device("cuda"))
        assert factors("addmm", on_cuda) == UNITS["tf32"]
        assert factors("convolution", on_cuda) == UNITS["tf32"]
        assert factors("addmm", SimpleNamespace(dtype=torch.float64, device=torch.device("cuda"))) == 0.0
        assert factors("addmm", torch.zeros(1)) == 0.0
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def test_the_precisions_of_jax(monkeypatch):
    """A product of JAX on a GPU would be held against float32, in which it is not computed unless somebody asks."""
    jax = pytest.importorskip("jax")
    from bpcompare_jax.recorder import precision as of_jax

    def asked(platform: str, dtype: Any = np.float32, wish: Any = None) -> float:
        monkeypatch.setattr(of_jax, "_platform", lambda _number: platform)
        x = np.ones((2, 2), dtype)
        product = jax.make_jaxpr(lambda x: jax.lax.dot_general(x, x, (((1,), (0,)), ((), ())), precision=wish))(x).eqns[0]
        return of_jax.factors(product, x)

    assert asked("cpu") == asked("cpu", wish="high") == asked("gpu", wish="highest") == 0.0
    assert asked("gpu") == asked("gpu", wish="default") == asked("gpu", wish="high") == of_jax.TF32
    assert asked("tpu") == of_jax.BF16 > asked("tpu", wish="high") == of_jax.BF16_3
    assert asked("gpu", np.float16) == 0.0
    assert asked("cpu", wish=jax.lax.DotAlgorithmPreset.TF32_TF32_F32) == of_jax.TF32
    assert asked("gpu", wish=jax.lax.DotAlgorithmPreset.F32_F32_F32) == 0.0


class Noisy(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Σ w x, with numbers of its own in each call: by so much, and from the `first` call on."""

    def __init__(self, size: float, first: int = 0) -> None:
        super().__init__()
        self.w, self.size, self.first = torch.nn.Parameter(torch.ones(4)), size, first

    def forward(self, x: Any) -> Any:
        """Another one each time."""
        number = next(COUNT) - self.first
        return (self.w * x * (1.0 + self.size * max(0, number))).sum()


@pytest.mark.parametrize(("size", "varies"), [(1e-6, True), (1e-2, False), (0.0, None)])
def test_what_varies_from_run_to_run(size, varies):
    """Atomic additions of CUDA give other bits in each run: no such model would be certified; or all that draw would be."""
    found = bpcompare.check(Noisy(size, next(COUNT)), torch.linspace(1.0, 2.0, 4), as_is=True)
    assert ("from run to run, by roundings" in str(found)) is bool(varies), str(found)
    assert found.verdict == ("certified in part" if varies is False else "certified"), str(found)


def test_what_watching_changes():
    """Runs that differ only where somebody watches are no runs that vary."""

    class Shy(torch.nn.Module):  # type: ignore[misc, name-defined]
        """Another function under a mode."""

        def __init__(self) -> None:
            super().__init__()
            self.w = torch.nn.Parameter(torch.ones(4))

        def forward(self, x: Any) -> Any:
            """A little larger where it is watched."""
            watched = torch.utils._python_dispatch._get_current_dispatch_mode() is not None
            return (self.w * x * (1.0 + 1e-6 * watched)).sum()

    assert bpcompare.check(Shy(), torch.linspace(1.0, 2.0, 4), as_is=True).verdict == "certified in part"


def test_what_cannot_be_measured_does_not_vary():
    """A sparse gradient, or one of another shape, would be taken for one that is the same up to roundings."""
    from bpcompare_torch.recorder.stepping import _apart

    g = torch.ones(3)
    assert _apart(g, g + 2.0**-20) == 2.0**-20
    assert _apart(g.cfloat(), g.cfloat() + 1j) == 1.0
    for other in (None, torch.ones(2), g.to_sparse(), torch.full((3,), torch.nan)):
        assert _apart(g, other) == float("inf")
    assert _apart(None, None) == 0.0


class Shuffled(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Adds up in an order that is another one each time."""

    def __init__(self) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.linspace(0.1, 1.7, 12))

    def forward(self, x: Any) -> Any:
        """(Σ w x)², in the order of this call."""
        terms, order = (self.w * x).T, torch.randperm(12, generator=torch.Generator().manual_seed(next(COUNT)))
        added = terms[int(order[0])]
        for row in order[1:].tolist():
            added = added + terms[row]
        return (added**2).sum()


def test_check_judges_the_run_that_it_watched():
    """The same, from end to end: it is certified, and the report says that other runs have other bits."""
    torch.manual_seed(0)
    found = bpcompare.check(Shuffled(), torch.randn(50, 12), as_is=True)
    assert found.verdict == "certified", str(found)
    assert "from run to run, by roundings" in str(found)
