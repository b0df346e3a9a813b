"""Honest pairs of many kinds: a fused function and its parts, other layouts, numbers that look alike. None is told apart."""

from copy import deepcopy

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import bpcompare  # noqa: E402


def normal(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


def mean_square(y):
    return y.square().mean()


def compared(first, second, x, loss=mean_square):
    return bpcompare.compare(*(bpcompare.check(model, x, loss=loss, wake=False) for model in (first, second)))


def parameter(t):
    return nn.Parameter(t.detach().clone().contiguous())


def normed(x, weight, bias):
    c = x - x.mean(-1, keepdim=True)
    return c / torch.sqrt(c.pow(2).mean(-1, keepdim=True) + 1e-5) * weight + bias


class Block(nn.Module):
    """A transformer block of torch's own layers: q, k and v in one matrix, fused attention."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm1, self.norm2, self.up, self.down = nn.LayerNorm(8), nn.LayerNorm(8), nn.Linear(8, 16), nn.Linear(16, 8)

    def forward(self, x):
        h = self.norm1(x)
        x = x + self.attention(h, h, h, need_weights=False)[0]
        return x + self.down(torch.relu(self.up(self.norm2(x))))


class BlockByHand(nn.Module):
    """The same with a matrix for each head of q, k and v, as Flax has it, and attention in its parts."""

    def __init__(self, one, scale=2.0):
        super().__init__()
        self.scale = scale
        self.heads, self.shifts = nn.ParameterDict(), nn.ParameterDict()
        parts = one.attention.in_proj_weight.chunk(3), one.attention.in_proj_bias.chunk(3)
        for name, weight, bias in zip("qkv", *parts, strict=True):
            self.heads[name], self.shifts[name] = parameter(weight.T.reshape(8, 2, 4)), parameter(bias.reshape(2, 1, 4))
        self.out, self.out_b = parameter(one.attention.out_proj.weight.T.reshape(2, 4, 8)), parameter(one.attention.out_proj.bias)
        for name in ("norm1", "norm2", "up", "down"):
            layer = getattr(one, name)
            self.register_parameter(f"{name}_w", parameter(layer.weight.t()))
            self.register_parameter(f"{name}_b", parameter(layer.bias))

    def forward(self, x):
        h = normed(x, self.norm1_w, self.norm1_b)
        q, k, v = (torch.einsum("btd,dhk->bhtk", h, self.heads[name]) + self.shifts[name] for name in "qkv")
        attention = torch.softmax(q @ k.transpose(-1, -2) / self.scale, -1) @ v
        x = x + torch.einsum("bhtk,hkd->btd", attention, self.out) + self.out_b
        return x + torch.relu(normed(x, self.norm2_w, self.norm2_b) @ self.up_w + self.up_b) @ self.down_w + self.down_b


def test_a_transformer_block_in_parts():
    """Fused attention, and three matrices in one, would be told apart from their parts."""
    one = Block()
    assert compared(one, BlockByHand(one), normal(2, 5, 8)).verdict == "the same"
    found = compared(one, BlockByHand(one, scale=1.0), normal(2, 5, 8))
    assert (found.verdict, found.first.first.module) == ("differ", "attention"), str(found)


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        torch.manual_seed(0)
        self.cell, self.out = kind(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.out(self.cell(x)[0][:, -1])


class GruByHand(nn.Module):
    """A GRU step by step, with its gates in another order, or with the reset gate where other papers have it."""

    def __init__(self, one, order="zrn", early=False):
        super().__init__()
        self.order, self.early = order, early

        def reordered(t):
            return parameter(torch.cat([t.chunk(3)["rzn".index(gate)] for gate in order]))

        cell = one.cell
        self.w, self.u = reordered(cell.weight_ih_l0), reordered(cell.weight_hh_l0)
        self.b, self.c = reordered(cell.bias_ih_l0), reordered(cell.bias_hh_l0)
        self.out = deepcopy(one.out)

    def forward(self, x):
        h = x.new_zeros(len(x), 4)
        for t in range(x.shape[1]):
            i = dict(zip(self.order, (x[:, t] @ self.w.T + self.b).chunk(3, 1), strict=True))
            g = dict(zip(self.order, (h @ self.u.T + self.c).chunk(3, 1), strict=True))
            r, z = torch.sigmoid(i["r"] + g["r"]), torch.sigmoid(i["z"] + g["z"])
            if self.early:
                at = self.order.index("n") * 4
                g["n"] = (r * h) @ self.u[at : at + 4].T + self.c[at : at + 4]
            n = torch.tanh(i["n"] + (g["n"] if self.early else r * g["n"]))
            h = (1 - z) * n + z * h
        return self.out(h)


def test_a_recurrent_cell_by_hand():
    """A cell with its gates in another order would be told apart; one with another reset gate would not be."""
    one = Recurrent(nn.GRU)
    assert compared(one, GruByHand(one), normal(3, 3, 3)).verdict == "the same"
    assert compared(one, GruByHand(one, early=True), normal(3, 3, 3)).verdict == "differ"


class Deep(nn.Module):
    """Layers that begin with the very same numbers: all biases 0, all weights alike."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        layer = nn.Linear(6, 6)
        nn.init.zeros_(layer.bias)
        self.layers = nn.ModuleList(deepcopy(layer) for _ in range(3))
        self.norms, self.drop = nn.ModuleList(nn.LayerNorm(6) for _ in range(3)), nn.Dropout(0.0)

    def forward(self, x):
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = x + self.drop(torch.relu(norm(layer(x))))
        return x


class DeepByHand(nn.Module):
    """The same, its parameters registered from the last layer to the first."""

    def __init__(self, one):
        super().__init__()
        self.p = nn.ParameterDict()
        for i in (2, 1, 0):
            layer, norm = one.layers[i], one.norms[i]
            for name, t in {"w": layer.weight.T, "b": layer.bias, "g": norm.weight, "c": norm.bias}.items():
                self.p[f"{name}{i}"] = parameter(t)

    def forward(self, x):
        for i in range(3):
            h = x @ self.p[f"w{i}"] + self.p[f"b{i}"]
            x = x + normed(h, self.p[f"g{i}"], self.p[f"c{i}"]).clamp(min=0)
        return x


INPUTS = {
    "a batch": normal(4, 6),
    "a batch of one": normal(1, 6),
    "equal examples": normal(1, 6).expand(4, 6).contiguous(),
    "turned examples": torch.cat([normal(2, 6), -normal(2, 6)]),
}


@pytest.mark.parametrize("name", INPUTS)
def test_numbers_that_look_alike(name):
    """Parameters and values that hold the same would be taken for one another."""
    one = Deep()
    assert compared(one, DeepByHand(one), INPUTS[name]).verdict == "the same"


def test_inputs_of_zeros_show_nothing():
    """Where everything is 0, two programs would be the same that nobody has told apart."""
    one = Deep()
    found = compared(one, DeepByHand(one), torch.zeros(4, 6))
    assert (found.verdict, found.first) == ("the same in part", None), str(found)


class Tied(nn.Module):
    def __init__(self, tied):
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.dense, self.head = nn.Embedding(7, 4), nn.Linear(4, 4), nn.Linear(4, 7, bias=False)
        self.head.weight = self.embed.weight if tied else parameter(self.embed.weight)

    def forward(self, ids):
        return self.head(torch.tanh(self.dense(self.embed(ids))))


def test_tied_weights():
    """A weight that is used twice would find no partner; two copies of it would be the same as one."""
    ids = torch.tensor([[1, 2, 3], [3, 2, 6]])
    assert compared(Tied(True), Tied(True), ids).verdict == "the same"
    found = compared(Tied(True), Tied(False), ids)
    assert found.verdict == "differ"
    assert "tied weights" in "; ".join(found.first.causes)


class Dead(nn.Module):
    """A layer whose ReLU lets nothing through."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.c = nn.Linear(6, 4), nn.Linear(6, 4), nn.Linear(4, 2)
        nn.init.constant_(self.a.bias, -100.0)

    def forward(self, x):
        return self.c(torch.relu(self.a(x)) + torch.tanh(self.b(x)))


class DeadByHand(Dead):
    def forward(self, x):
        a, b, c = self.a, self.b, self.c
        h = x @ b.weight.T + b.bias
        return (h.tanh() + (x @ a.weight.T + a.bias).clamp(min=0)) @ c.weight.T + c.bias


def test_a_dead_layer_is_named():
    """Gradients that are 0 in both would count as seen."""
    found = compared(Dead(), DeadByHand(), normal(4, 6))
    assert found.verdict == "the same in part"
    assert {what for what, _ in found.missing} == {"a.weight", "a.bias"}
