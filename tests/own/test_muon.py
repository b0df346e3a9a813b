"""Muon's step, stage by stage: its momentum, what that is rounded to, its norm, every product of its iterations, and its size."""

import pytest

import bpcompare

torch = pytest.importorskip("torch")
from training import refuted  # noqa: E402 — it needs torch

if not hasattr(torch.optim, "Muon"):
    pytest.skip("this torch has no Muon", allow_module_level=True)
from torch.optim import _muon  # noqa: E402 — it is not in every torch

SHAPES = {"wide": (4, 7), "square": (5, 5), "tall": (7, 4)}


class Matrices(torch.nn.Module):
    """Some matrices, and a loss that gives each a gradient of full rank."""

    def __init__(self, dtype=torch.float32, shapes=tuple(SHAPES)):
        super().__init__()
        torch.manual_seed(0)
        for name in shapes:
            setattr(self, name, torch.nn.Parameter(torch.randn(SHAPES[name], dtype=dtype)))

    def forward(self, seed):
        generator = torch.Generator().manual_seed(seed)
        return sum((p * torch.randn(p.shape, generator=generator).to(p) + p.sin()).sum() for p in self.parameters())


def stepped(model, before=None, steps=2, closure=False, **settings):
    """Steps of Muon; the last is watched, with `before()` done in front of it."""
    optimizer = torch.optim.Muon(model.parameters(), 0.1, **settings)

    def backward(seed):
        optimizer.zero_grad()
        loss = model(seed)
        loss.backward()
        return loss

    for seed in range(steps - 1):
        backward(seed)
        optimizer.step()
    if before:
        before()
    with bpcompare.watch(model) as step:
        if closure:
            optimizer.step(lambda: backward(steps))
        else:
            backward(steps)
            optimizer.step()
    return step


SETTINGS = {
    "as it comes": {},
    "plain momentum": {"nesterov": False},
    "to match AdamW": {"adjust_lr_fn": "match_rms_adamw", "weight_decay": 0.0},
    "other numbers": {"ns_coefficients": (2.0, -1.5, 0.5), "ns_steps": 3, "eps": 1e-3, "momentum": 0.3},
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", SETTINGS)
def test_a_right_step_is_certified_stage_by_stage(name, dtype):
    """An honest Muon would be called wrong, or its step be taken as it is."""
    if dtype == torch.bfloat16 and name == "plain momentum":
        pytest.skip("torch is wrong there")
    step = stepped(Matrices(dtype), closure=name == "as it comes", **SETTINGS[name])
    assert not step.refuted, str(step)
    assert not step.unexamined, str(step)
    assert dtype == torch.bfloat16 or step.verdict == "certified", str(step)
    power = {claim.path: finding.power for _, claim, finding in step.findings if claim.path.endswith((".o", ".x2", ".poly3"))}
    assert len(power) == 9
    assert max(power.values()) < 0.01


def test_a_first_step_from_nothing_is_certified():
    """A momentum that nobody kept yet would have no number before the step."""
    assert stepped(Matrices(), steps=1).verdict == "certified"


def test_torch_writes_into_the_momentum_of_bfloat16():
    """torch 2.13 normalizes a momentum of bfloat16 in place where nesterov=False; if this fails, it no longer does."""
    found = refuted(stepped(Matrices(torch.bfloat16), steps=1, nesterov=False))
    assert found >= {"wide.m", "square.m", "tall.m"}


ORIGINAL = _muon._zeropower_via_newtonschulz


def other(**changed):
    """Iterations with some of their arguments changed."""

    def made(g, coefficients, steps, eps):
        settings = {"coefficients": coefficients, "steps": steps, "eps": eps} | changed
        return ORIGINAL(g, settings["coefficients"], settings["steps"], settings["eps"])

    return made


def not_normalized(g, coefficients, steps, eps):
    a, b, c = coefficients
    x = g.bfloat16()
    x = x.T if g.size(0) > g.size(1) else x
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if g.size(0) > g.size(1) else x


def turned(g, *rest):
    """A square matrix comes back with rows for columns."""
    found = ORIGINAL(g, *rest)
    return found.T if g.size(0) == g.size(1) else found


class Another:
    """What was made of the matrix before."""

    def __init__(self):
        self.last = None

    def __call__(self, g, *rest):
        found = ORIGINAL(g, *rest)
        last, self.last = self.last, found
        return found if last is None else last[: g.size(0)].clone() if last.shape == g.shape else found


SLIPS = {
    "a": (other(coefficients=(3.3, -4.775, 2.0315)), ".x1"),
    "b": (other(coefficients=(3.4445, -4.6, 2.0315)), ".poly1"),
    "c": (other(coefficients=(3.4445, -4.775, 1.9)), ".poly1"),
    "one step less": (other(steps=4), ".o"),
    "one step more": (other(steps=6), ".o"),
    "ε": (other(eps=1e3), ".norm"),
    "not normalized": (not_normalized, ".x0"),
    "turned": (turned, ".o"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_in_the_iterations_is_found_where_it_is_made(name, monkeypatch):
    """A Muon that orthogonalizes by other numbers would be certified, or be called wrong somewhere else."""
    slip, where = SLIPS[name]
    step = stepped(Matrices(), lambda: monkeypatch.setattr(_muon, "_zeropower_via_newtonschulz", slip))
    found = [claim.path for _, claim, _ in step.refuted]
    for shape in SHAPES:
        first = next((path for path in found if path.startswith(shape)), "")
        assert first == ("" if name == "turned" and shape != "square" else f"{shape}{where}"), str(step)
    assert not step.unexamined
    assert not [path for path in found if path.endswith((".m", ".fed", ".narrow", ".update"))]


def test_a_step_without_its_scale_is_found(monkeypatch):
    """A tall matrix would go too short a way."""
    step = stepped(Matrices(), lambda: monkeypatch.setattr(_muon, "_adjust_lr", lambda lr, *_rest: lr))
    assert refuted(step) == {"tall.update"}


def test_the_way_of_another_parameter_is_found(monkeypatch):
    """Two matrices of one shape would be moved by each other's momentum."""
    monkeypatch.setitem(SHAPES, "again", (4, 7))
    step = stepped(
        Matrices(shapes=("wide", "again")), lambda: monkeypatch.setattr(_muon, "_zeropower_via_newtonschulz", Another())
    )
    assert "again.fed" in refuted(step)
    assert not any(path.startswith("wide") for path in refuted(step))


def test_a_momentum_of_the_step_before_is_found(monkeypatch):
    """The step would be made from a momentum that the gradient of now has not reached."""
    plain = torch.Tensor.lerp_

    def late(self, end, weight):
        monkeypatch.setattr(torch.Tensor, "lerp", lambda g, _m, mu: plain(g.clone(), before, mu))
        before = self.clone()
        return plain(self, end, weight)

    step = stepped(Matrices(shapes=("wide",)), lambda: monkeypatch.setattr(torch.Tensor, "lerp_", late))
    assert refuted(step) == {"wide.fed"}


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "in part"])
def test_a_step_that_is_made_another_way_is_no_slip(whole, monkeypatch):
    """Right iterations that are written with other functions, all of them or some, would be called wrong."""

    def written(g, coefficients, steps, eps):
        a, b, c = coefficients
        x = g.bfloat16()
        x = x.T if g.size(0) > g.size(1) else x
        x = x / x.norm().clamp(min=eps)
        for _ in range(steps):
            gram = x @ x.T
            poly = b * gram + c * gram @ gram
            x = a * x + poly @ x if whole else torch.addmm(x, poly, x, beta=a)
        return x.T if g.size(0) > g.size(1) else x

    step = stepped(Matrices(), lambda: monkeypatch.setattr(_muon, "_zeropower_via_newtonschulz", written))
    assert not step.refuted, str(step)
    assert step.verdict == ("undecided" if whole else "certified"), str(step)


def test_its_way_comes_back_from_a_file(tmp_path):
    """What was recorded of the way would be lost when a step is saved, and the step be named as not examined."""
    step = stepped(Matrices(shapes=("wide",)))
    step.save(tmp_path / "step.bpc")
    again = bpcompare.load_watched(tmp_path / "step.bpc")
    assert again.verdict == "certified", str(again)
    assert [claim.path for _, claim, _ in again.findings] == [claim.path for _, claim, _ in step.findings]


def test_a_momentum_that_is_off_is_found():
    """What is kept for the next step would not be looked at."""
    model = Matrices(shapes=("wide",))
    optimizer = torch.optim.Muon(model.parameters())

    def off(optimizer, *_):
        optimizer.state[model.wide]["momentum_buffer"].mul_(1.001)

    model(0).backward()
    with bpcompare.watch(model) as step:
        optimizer.zero_grad()
        model(1).backward()
        optimizer.step()
        off(optimizer)
        optimizer.zero_grad()
        model(2).backward()
        optimizer.step()
    assert not step.refuted
    assert any(one.what.startswith("m of wide") for one in step.unexamined), str(step)


def _turned_to_nothing(grad, *_):
    return torch.zeros_like(grad)


def _by_values(grad, *_):
    left, _, right = torch.linalg.svd(grad, full_matrices=False)
    return left @ right


def _signs(grad, *_):
    return torch.sign(grad)


def _off(grad, coefficients, steps, _eps):
    """The iterations in float32, by functions that are not torch's own there, and 1 % off."""
    a, b, c = coefficients
    x = grad / grad.norm()
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + 1.01 * (b * gram + c * gram @ gram) @ x
    return x


@pytest.mark.parametrize("patched", [_turned_to_nothing, _signs, _by_values, _off], ids=lambda one: one.__name__)
def test_what_no_stage_tells_of_is_no_zero(patched, monkeypatch):
    """Of iterations that nobody saw no rounding has a bound: any step, even none, would be 0 up to that, and certified."""
    monkeypatch.setattr(_muon, "_zeropower_via_newtonschulz", patched)
    step = stepped(Matrices(shapes=("wide",)))
    assert step.verdict == "undecided", str(step)


def test_what_few_stages_hide_is_no_zero(monkeypatch):
    """Terms that have a bound, and a wide one, would make a 0 of what is none."""
    monkeypatch.setattr(_muon, "_zeropower_via_newtonschulz", _turned_to_nothing)
    step = stepped(Matrices(shapes=("wide",)), ns_steps=4)
    assert step.verdict == "undecided", str(step)
