"""Small models of many kinds, each with a training step of its own: what people train, small enough to be judged in a moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Act = Callable[[], nn.Module]


@dataclass
class Training:
    """Models by name, the optimizers, and one step of training them."""

    models: Any
    optimizers: list[torch.optim.Optimizer]
    step: Callable[[], None]


def _stepping(model: nn.Module, optimizer: torch.optim.Optimizer, loss: Callable[[], Tensor]) -> Training:
    def step() -> None:
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return Training(model, [optimizer], step)


def mlp(act: Act = nn.GELU, **options: Any) -> Training:
    model = nn.Sequential(nn.Linear(4, 6), act(), nn.Linear(6, 3))
    x, y = torch.randn(6, 4), torch.randint(0, 3, (6,))
    return _stepping(model, torch.optim.AdamW(model.parameters(), 1e-2, **options), lambda: functional.cross_entropy(model(x), y))


def cnn(act: Act = nn.ReLU, layout: torch.memory_format = torch.contiguous_format, **options: Any) -> Training:
    conv, head = nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.Conv2d(4, 3, 3)
    model = nn.Sequential(conv, nn.BatchNorm2d(4), act(), head, nn.AdaptiveAvgPool2d(1), nn.Flatten()).to(memory_format=layout)
    x, y = torch.randn(3, 2, 5, 5).to(memory_format=layout), torch.randint(0, 3, (3,))
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True, **options)
    return _stepping(model, optimizer, lambda: functional.cross_entropy(model(x), y))


class _Block(nn.Module):
    def __init__(self, act: Act) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(4), nn.LayerNorm(4)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.up, self.act, self.down = nn.Linear(4, 6), act(), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        x = x + self.attention(h, h, h, need_weights=False)[0]
        return x + self.down(self.act(self.up(self.second(x))))


def transformer(act: Act = nn.GELU, **options: Any) -> Training:
    model = nn.Sequential(nn.Embedding(7, 4), _Block(act), nn.Linear(4, 7))
    x = torch.randint(0, 7, (2, 5))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2, **options)
    return _stepping(model, optimizer, lambda: functional.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten()))


class _Recurrent(nn.Module):
    def __init__(self, kind: Any, act: Act) -> None:
        super().__init__()
        self.rnn, self.act, self.head = kind(3, 4, batch_first=True), act(), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.rnn(x)[0][:, -1]))


def lstm(act: Act = nn.Tanh, **options: Any) -> Training:
    model = _Recurrent(nn.LSTM, act)
    x, y = torch.randn(3, 4, 3), torch.randn(3, 1)
    return _stepping(model, torch.optim.RMSprop(model.parameters(), 1e-2, **options), lambda: functional.mse_loss(model(x), y))


def gru(act: Act = nn.Tanh, **options: Any) -> Training:
    model = _Recurrent(nn.GRU, act)
    x, y = torch.randn(3, 4, 3), torch.randn(3, 1)
    return _stepping(
        model, torch.optim.Adagrad(model.parameters(), 1e-2, **options), lambda: functional.smooth_l1_loss(model(x), y)
    )


class _Graph(nn.Module):
    def __init__(self, act: Act) -> None:
        super().__init__()
        self.message, self.act, self.head = nn.Linear(6, 5), act(), nn.Linear(8, 2)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        sent = self.act(self.message(torch.cat([x[edges[0]], x[edges[1]]], 1)))
        got = torch.zeros(len(x), 5, dtype=x.dtype).index_add(0, edges[1], sent)
        return self.head(torch.cat([x, got], 1))


def graph(act: Act = nn.SiLU, **options: Any) -> Training:
    model = _Graph(act)
    x, edges, y = torch.randn(5, 3), torch.randint(0, 5, (2, 9)), torch.randint(0, 2, (5,))
    optimizer = torch.optim.NAdam(model.parameters(), 1e-2, **options)
    return _stepping(model, optimizer, lambda: functional.cross_entropy(model(x, edges), y))


def gan(act: Act = lambda: nn.LeakyReLU(0.2), **options: Any) -> Training:
    g = nn.Sequential(nn.Linear(3, 5), act(), nn.Linear(5, 4))
    d = nn.Sequential(nn.Linear(4, 5), nn.LeakyReLU(0.2), nn.Linear(5, 1))
    of_g, of_d = (torch.optim.Adam(one.parameters(), 1e-2, betas=(0.5, 0.99), **options) for one in (g, d))
    real, noise = torch.randn(4, 4), torch.randn(4, 3)

    def loss(score: Tensor, value: float) -> Tensor:
        return functional.binary_cross_entropy_with_logits(score, torch.full_like(score, value))

    def step() -> None:
        fake = g(noise)
        of_d.zero_grad()
        (loss(d(real), 1.0) + loss(d(fake.detach()), 0.0)).backward()
        of_d.step()
        of_g.zero_grad()
        loss(d(fake), 1.0).backward()
        of_g.step()

    return Training({"g": g, "d": d}, [of_g, of_d], step)


class _Adapted(nn.Module):
    """A frozen layer with a product of two thin matrices beside it."""

    def __init__(self, act: Act) -> None:
        super().__init__()
        self.base, self.act, self.head = nn.Linear(4, 5).requires_grad_(False), act(), nn.Linear(5, 2)
        self.down, self.up = nn.Parameter(torch.randn(2, 4)), nn.Parameter(torch.randn(5, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.base(x) + 0.5 * x @ self.down.t() @ self.up.t()))


def lora(act: Act = nn.Softplus, **options: Any) -> Training:
    model = _Adapted(act)
    x, y = torch.randn(6, 4), torch.randn(6, 2)
    asked = [p for p in model.parameters() if p.requires_grad]

    def loss() -> Tensor:
        return functional.mse_loss(model(x), y) + 0.01 * sum((p**2).sum() for p in asked)

    return _stepping(model, torch.optim.AdamW(asked, 1e-2, amsgrad=True, **options), loss)


MODELS: dict[str, Callable[..., Training]] = {
    "mlp": mlp,
    "cnn": cnn,
    "transformer": transformer,
    "lstm": lstm,
    "gru": gru,
    "graph": graph,
    "gan": gan,
    "lora": lora,
}

HOSTS = {
    "mlp": "1",
    "cnn": "2",
    "transformer": "1.act",
    "lstm": "act",
    "gru": "act",
    "graph": "act",
    "gan": "g.1",
    "lora": "act",
}
"""The module of each model that `act` makes."""
