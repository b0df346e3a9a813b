"""Mixed precision: weights in float32, products of matrices in bfloat16 under autocast."""

import torch
from data import digits
from torch import nn

import bpcompare

torch.manual_seed(0)
images, classes = digits(256)
x = images.flatten(1)
model = nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64), nn.GELU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)


def train_step(x, y):
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()


for _ in range(5):
    train_step(x, classes)
with bpcompare.watch(model, optimizer) as step:
    train_step(x[:32], classes[:32])
print(step)
