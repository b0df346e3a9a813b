"""What one step of two optimizers cannot show: settings, and what is kept for the next one."""

from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bpcompare  # noqa: E402

SGD, ADAM = torch.optim.SGD, torch.optim.Adam
PAIRS = [
    (partial(ADAM, lr=0.1), partial(ADAM, lr=0.1, betas=(0.8, 0.999)), "beta1: 0.9 in the first, 0.8 in the second"),
    (partial(ADAM, lr=0.1), partial(ADAM, lr=0.1, betas=(0.9, 0.99)), "beta2: 0.999 in the first, 0.99 in the second"),
    (partial(SGD, lr=0.1, momentum=0.9), partial(SGD, lr=0.1, momentum=0.8), "momentum: 0.9 in the first, 0.8 in the second"),
    (
        partial(SGD, lr=0.1, momentum=0.9, dampening=0.1),
        partial(SGD, lr=0.1, momentum=0.9),
        "dampening after the first step: 0.1",
    ),
]


def stepped(optimizer):
    """One step of a small model."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    x, y = torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])
    return bpcompare.check(model, x, target=y, loss=nn.functional.cross_entropy, optimizer=optimizer(model.parameters()))


@pytest.mark.parametrize(("first", "second", "said"), PAIRS, ids=[said.partition(":")[0] for *_, said in PAIRS])
def test_settings_that_a_first_step_does_not_show(first, second, said):
    """The first step of Adam is the same for any decay: two programs would be the same that train in two ways."""
    found = bpcompare.compare(stepped(first), stepped(second))
    assert (found.verdict, found.exit_code) == ("the same in part", 4)
    assert said in " ".join(str(found).split())
    assert bpcompare.compare(stepped(first), stepped(first)).verdict == "the same"


def test_settings_are_those_of_every_parameter():
    """Groups with other settings would be compared by the first of them alone."""

    def grouped(parameters):
        *some, last = parameters
        return ADAM([{"params": some}, {"params": [last], "betas": (0.5, 0.999)}], lr=0.1)

    found = bpcompare.compare(stepped(partial(ADAM, lr=0.1)), stepped(grouped))
    assert found.verdict == "the same in part"
    assert "beta1: 0.9 in the first, 0.5 in the second" in " ".join(str(found).split())


class TestJax:
    """Updates of optax, and those that people write."""

    jax = pytest.importorskip("jax")
    optax = pytest.importorskip("optax")

    def checked(self, update):
        """One step of a small loss."""
        rng = np.random.default_rng(0)
        return bpcompare.check(loss, {"w": rng.normal(size=(3, 2))}, rng.normal(size=(4, 3)), update=update)

    def by_hand(self, b1, b2):
        """The first step of Adam, written out."""
        jnp, optax = self.jax.numpy, self.optax

        def update(g, _state, _params=None):
            m, v = (1 - b1) * g["w"], (1 - b2) * g["w"] ** 2
            return {"w": -0.1 * (m / (1 - b1)) / (jnp.sqrt(v / (1 - b2)) + 1e-8)}, {"m": m, "v": v}

        return optax.GradientTransformation(lambda _params: None, update)

    @pytest.mark.slow
    def test_the_same_adam_by_hand(self):
        """Of an honest optimizer more would be said than that its rule is one of its own."""
        found = bpcompare.compare(self.checked(self.optax.adam(0.1)), self.checked(self.by_hand(0.9, 0.999)))
        assert found.missing == (("the second", "certified in part by itself"),), str(found)

    @pytest.mark.parametrize(("b1", "b2", "slot"), [(0.8, 0.999, "m"), (0.9, 0.95, "v")])
    def test_moments_with_another_decay(self, b1, b2, slot):
        """A decay that nobody meant would show in a later step only."""
        found = bpcompare.compare(self.checked(self.optax.adam(0.1)), self.checked(self.by_hand(b1, b2)))
        assert found.verdict == "the same in part"
        assert f"{slot} of w in the first: nothing that the second keeps" in " ".join(str(found).split())

    def test_momentum(self):
        """The velocity of a first step is the gradient, whatever the momentum is."""
        sgd = partial(self.optax.sgd, 0.1)
        found = bpcompare.compare(self.checked(sgd(momentum=0.9)), self.checked(sgd(momentum=0.8)))
        assert found.verdict == "the same in part"
        assert "momentum: 0.9 in the first, 0.8 in the second" in " ".join(str(found).split())
        assert bpcompare.compare(*[self.checked(sgd(momentum=0.9))] * 2).verdict == "the same"

    def test_what_is_no_transformation(self):
        """A plain function as update= would be told as an error of bpcompare's own."""
        with pytest.raises(TypeError, match="is no optax transformation"):
            self.checked(lambda p, g: p)


def loss(params, x):
    """A sum of squares."""
    return ((x @ params["w"]) ** 2).sum()
