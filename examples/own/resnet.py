"""A ResNet with batch norm on digits, SGD with Nesterov momentum and weight decay."""

import torch
from data import digits
from torch import nn
from torch.nn import functional as F

import bpcompare


class BasicBlock(nn.Module):
    def __init__(self, inside, outside, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.shortcut = nn.Identity()
        if stride > 1 or inside != outside:
            self.shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        y += self.shortcut(x)
        return F.relu(y)


model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1, bias=False),
    nn.BatchNorm2d(16),
    nn.ReLU(inplace=True),
    nn.MaxPool2d(3, stride=1, padding=1),
    BasicBlock(16, 16, 1),
    BasicBlock(16, 32, 2),
    BasicBlock(32, 32, 1),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(32, 10),
)


def train(images, classes, epochs=2):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, epochs=epochs, steps_per_epoch=len(images) // 16)

    def train_step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y, label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        scheduler.step()

    for epoch in range(epochs):
        for number, (x, y) in enumerate(zip(images.split(16), classes.split(16))):
            if (epoch, number) == (0, 3):
                with bpcompare.watch(model, optimizer) as step:
                    train_step(x, y)
                print(step)
            else:
                train_step(x, y)
    return step


torch.manual_seed(0)
step = train(*digits(256))
