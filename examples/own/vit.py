"""A vision transformer on digits: patches, a class token, learned positions, torch's own encoder layers."""

import torch
from data import digits
from torch import nn

import bpcompare


class ViT(nn.Module):
    def __init__(self, size=8, patch=2, width=32, depth=2, heads=4, classes=10):
        super().__init__()
        self.patches = nn.Conv2d(1, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, (size // patch) ** 2 + 1, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout=0.1, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1) + self.positions
        return self.head(self.norm(self.encoder(x))[:, 0])


torch.manual_seed(0)
images, classes = digits(128)
model = ViT()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
for x, y in zip(images.split(32), classes.split(32)):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
step = bpcompare.check(model, images[:16], target=classes[:16], loss=nn.functional.cross_entropy, optimizer=optimizer)
print(step)
