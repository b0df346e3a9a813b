"""Gradients of four small batches added up, clipped, and used in one step."""

import torch
from data import digits
from torch import nn

import bpcompare

MICRO_BATCHES = 4

torch.manual_seed(0)
images, classes = digits(256)
model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Dropout(0.2),
    nn.Linear(128, 32),
    nn.ReLU(),
    nn.Linear(32, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)


def train_step(x, y):
    optimizer.zero_grad()
    for part, target in zip(x.chunk(MICRO_BATCHES), y.chunk(MICRO_BATCHES)):
        loss = criterion(model(part), target) / MICRO_BATCHES
        loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    optimizer.step()


for x, y in zip(images.split(64), classes.split(64)):
    train_step(x, y)
with bpcompare.watch(model, optimizer) as step:
    train_step(images[:64], classes[:64])
print(step)
