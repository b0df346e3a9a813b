"""A bidirectional LSTM that says of every letter of a word whether it is a vowel, for words of several lengths."""

import torch
from torch import nn
from torch.nn import functional as F

import bpcompare

WORDS = "gradient tensor layer epoch momentum kernel softmax dropout relu bias batch norm token logit seed loss".split()
IGNORED = -100


def batch():
    length = max(map(len, WORDS))
    letters = torch.zeros(len(WORDS), length, dtype=torch.long)
    tags = torch.full_like(letters, IGNORED)
    for i, word in enumerate(WORDS):
        letters[i, : len(word)] = torch.tensor([ord(c) - 96 for c in word])
        tags[i, : len(word)] = torch.tensor([int(c in "aeiou") for c in word])
    return letters, tags


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(27, 16, padding_idx=0)
        self.lstm = nn.LSTM(16, 24, num_layers=2, batch_first=True, bidirectional=True)
        self.out = nn.Linear(48, 2)

    def forward(self, letters):
        hidden, _ = self.lstm(self.embedding(letters))
        return self.out(hidden)


torch.manual_seed(0)
model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
letters, tags = batch()


def train_step():
    optimizer.zero_grad()
    scores = model(letters)
    loss = F.cross_entropy(scores.transpose(1, 2), tags, ignore_index=IGNORED)
    loss.backward()
    nn.utils.clip_grad_value_(model.parameters(), 0.5)
    optimizer.step()


for _ in range(10):
    train_step()
with bpcompare.watch(model, optimizer) as step:
    train_step()
print(step)
