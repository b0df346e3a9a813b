"""A U-Net that predicts noise, as diffusion models do: group norm, SiLU, transposed convolutions, a skip, an embedded time."""

import math

import torch
from data import digits
from torch import nn
from torch.nn import functional as F

import bpcompare

TIMES = 100


def embedded(time, width):
    frequencies = torch.exp(-math.log(10000) * torch.arange(width // 2) / (width // 2))
    angles = time[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class Block(nn.Module):
    def __init__(self, inside, outside, width):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(4, inside), nn.Conv2d(inside, outside, 3, padding=1)
        self.time = nn.Linear(width, outside)
        self.norm2, self.conv2 = nn.GroupNorm(4, outside), nn.Conv2d(outside, outside, 3, padding=1)
        self.skip = nn.Conv2d(inside, outside, 1) if inside != outside else nn.Identity()

    def forward(self, x, time):
        y = self.conv1(F.silu(self.norm1(x)))
        y = y + self.time(F.silu(time))[:, :, None, None]
        return self.skip(x) + self.conv2(F.silu(self.norm2(y)))


class UNet(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.width = width
        self.time = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, 2 * width))
        self.first = nn.Conv2d(1, width, 3, padding=1)
        self.down = Block(width, width, 2 * width)
        self.smaller = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.middle = Block(2 * width, 2 * width, 2 * width)
        self.larger = nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1)
        self.up = Block(2 * width, width, 2 * width)
        self.norm = nn.GroupNorm(4, width)
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x, time):
        time = self.time(embedded(time, self.width))
        left = self.down(self.first(x), time)
        right = self.larger(self.middle(self.smaller(left), time))
        x = self.up(torch.cat([left, right], dim=1), time)
        return self.last(F.silu(self.norm(x)))


torch.manual_seed(0)
images, _ = digits(64)
kept = torch.cumprod(1 - torch.linspace(1e-4, 0.02, TIMES), dim=0)
model = UNet()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)


def train_step(x):
    time = torch.randint(TIMES, (len(x),))
    noise = torch.randn_like(x)
    a = kept[time][:, None, None, None]
    noisy = a.sqrt() * x + (1 - a).sqrt() * noise
    loss = F.mse_loss(model(noisy, time), noise)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


for x in images.split(16):
    train_step(2 * x - 1)
with bpcompare.watch(model, optimizer) as step:
    train_step(2 * images[:8] - 1)
print(step)
