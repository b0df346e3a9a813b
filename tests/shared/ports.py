"""A small torch model and its ports: by hand in torch, with channels last, and in JAX; each with mistakes that people make."""

from math import sqrt

import torch
from torch import nn
from torch.nn import functional

MISTAKES = {
    "another activation": ("act", 'is_("another activation")', "approximate: none in the first, tanh in the second"),
    "another epsilon": ("norm", "c = h - h.mean", "eps: 1e-05 in the first, 1e-06 in the second"),
    "flattened otherwise": ("dense", "h = h @ self.dense_w", "in another order"),
    "no activation": ("", 'is_("mean of the pool")', "the second leaves out relu"),
    "no bias": ("dense", "h = h @ self.dense_w", "without dense.bias"),
    "not transposed": ("mix.dense", 'is_("not transposed")', "transposes mix.dense.weight"),
    "not scaled": ("mix", 'is_("cut")', "the second leaves out mix: div"),
    "no residual": ("", "h @ self.head_w", "the second leaves out add"),
    "mean of the pool": ("pool", 'is_("mean of the pool")', ""),
    "summed loss": ("", "logsumexp", "5 times those of the first"),
    "masked loss": ("", "scores[:-1]", "goes on with 12 of these 15 numbers"),
    "smoothed labels": ("", "logsumexp", ""),
    "dropout": ("mix.dense", 'is_("dropout")', "a mask, as dropout does"),
}
"""By mistake: the module of the model where they part, text that stands in the port's line there, words of the cause."""


class Mix(nn.Module):
    """A square matrix, scaled by the root of its size."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(8, 8)

    def forward(self, x):
        return self.dense(x) / sqrt(8)


class Model(nn.Module):
    """Of 2×4×4 to 3 classes."""

    def __init__(self):
        super().__init__()
        self.conv, self.pool = nn.Conv2d(2, 3, 3, padding=1), nn.MaxPool2d(2)
        self.dense, self.norm, self.act = nn.Linear(12, 8), nn.LayerNorm(8), nn.GELU()
        self.mix, self.head = Mix(), nn.Linear(8, 3)

    def forward(self, x):
        h = self.pool(torch.relu(self.conv(x))).flatten(1)
        h = self.act(self.norm(self.dense(h)))
        return self.head(h + self.mix(h))


def model():
    """The model, always with the same numbers. Its biases and the norm's numbers are not what they begin as."""
    torch.manual_seed(0)
    found = Model()
    with torch.no_grad():
        for p in found.parameters():
            p.add_(0.1 * torch.randn(p.shape))
    return found


def batch():
    """Five images with their classes."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(5, 2, 4, 4, generator=generator), torch.randint(0, 3, (5,), generator=generator)


def dropped():
    """What dropout would multiply with."""
    return (torch.arange(40).reshape(5, 8) % 3 > 0).float() * 1.5


def last(t):
    """Channels last."""
    return t.movedim(1, -1)


class Port(nn.Module):
    """The model by hand: channels last, sums and products only, and other names; with a mistake, if one is named."""

    def __init__(self, mistake=""):
        super().__init__()
        one = model()
        self.mistake = mistake
        self.kernel = nn.Parameter(one.conv.weight.detach().permute(2, 3, 1, 0).contiguous())
        for name, old in (
            ("conv_b", one.conv.bias), ("dense_w", one.dense.weight.T), ("dense_b", one.dense.bias),
            ("scale", one.norm.weight), ("shift", one.norm.bias), ("mix_w", one.mix.dense.weight.T),
            ("mix_b", one.mix.dense.bias), ("head_w", one.head.weight.T), ("head_b", one.head.bias),
        ):  # fmt: skip
            self.register_parameter(name, nn.Parameter(old.detach().clone().contiguous()))

    def forward(self, x):
        is_, n = self.mistake.__eq__, len(x)
        patches = functional.pad(x, (0, 0, 1, 1, 1, 1)).unfold(1, 3, 1).unfold(2, 3, 1)  # n, row, column, channel, 3, 3
        h = torch.einsum("nrcixy,xyio->nrco", patches, self.kernel) + self.conv_b
        h = h if is_("no activation") else h * (h > 0)
        h = h.reshape(n, 2, 2, 2, 2, 3)
        h = h.mean((2, 4)) if is_("mean of the pool") else h.amax((2, 4))
        h = h.reshape(n, -1) if is_("flattened otherwise") else h.movedim(-1, 1).reshape(n, -1)
        h = h @ self.dense_w
        h = h if is_("no bias") else h + self.dense_b
        c = h - h.mean(-1, keepdim=True)
        h = c * torch.rsqrt(c.square().mean(-1, keepdim=True) + (1e-6 if is_("another epsilon") else 1e-5))
        h = h * self.scale + self.shift
        h = functional.gelu(h, approximate="tanh") if is_("another activation") else 0.5 * h * (1 + torch.erf(h / sqrt(2)))
        m = (h * dropped().to(h) if is_("dropout") else h) @ (self.mix_w.T if is_("not transposed") else self.mix_w) + self.mix_b
        m = m if is_("not scaled") else m * (1 / sqrt(8))
        h = m if is_("no residual") else (h.detach() if is_("cut") else h) + m
        return h @ self.head_w + self.head_b

    def loss(self, scores, classes):
        """Cross entropy, by hand."""
        if self.mistake == "masked loss":
            scores, classes = scores[:-1], classes[:-1]
        each = torch.logsumexp(scores, 1) - scores[torch.arange(len(classes)), classes]
        if self.mistake == "smoothed labels":
            each = 0.9 * each + 0.1 * (torch.logsumexp(scores, 1) - scores.mean(1))
        return each.sum() if self.mistake == "summed loss" else each.mean()
