"""A model whose weights are frozen, with small trained matrices beside them (LoRA)."""

import torch
from data import digits
from torch import nn
from torch.nn import functional as F

import bpcompare


class LoRA(nn.Module):
    """A frozen linear layer, and B A beside it; B starts as 0."""

    def __init__(self, base, rank=4, alpha=8):
        super().__init__()
        self.base = base
        self.a = nn.Parameter(torch.randn(rank, base.in_features) / rank)
        self.b = nn.Parameter(torch.zeros(base.out_features, rank))
        self.scale = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scale * F.linear(F.linear(x, self.a), self.b)


def adapted(model):
    model.requires_grad_(False)
    for name, child in list(model.named_children()):
        if isinstance(child, nn.Linear):
            setattr(model, name, LoRA(child))
    return model


torch.manual_seed(0)
images, classes = digits(256)
x, y = images.flatten(1), (classes + 3) % 10  # another task than the model was trained for
model = nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 10))
pretraining = torch.optim.Adam(model.parameters(), lr=1e-2)
for _ in range(20):
    pretraining.zero_grad()
    F.cross_entropy(model(x), classes).backward()
    pretraining.step()

model = adapted(model)
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
for _ in range(5):
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
step = bpcompare.check(model, x[:32], target=y[:32], loss=F.cross_entropy, optimizer=optimizer)
print(step)
