"""Two kinds of graph layers without a library: sums over edges, and attention over the edges that arrive at a node."""

import torch
from torch import nn
from torch.nn import functional as F

import bpcompare

NODES, EDGES, FEATURES, CLASSES = 60, 240, 12, 3


class Convolution(nn.Module):
    """Messages divided by the roots of both degrees, and added up."""

    def __init__(self, inside, outside):
        super().__init__()
        self.linear = nn.Linear(inside, outside)

    def forward(self, x, edges):
        source, target = edges
        degree = torch.zeros(len(x)).index_add(0, target, torch.ones(len(target))).clamp(min=1)
        weight = (degree[source] * degree[target]).rsqrt()
        messages = self.linear(x)[source] * weight[:, None]
        return torch.zeros(len(x), messages.shape[1]).index_add_(0, target, messages)


class Attention(nn.Module):
    """A softmax over the edges of each node, by scatter."""

    def __init__(self, inside, outside):
        super().__init__()
        self.linear = nn.Linear(inside, outside, bias=False)
        self.score = nn.Linear(2 * outside, 1, bias=False)

    def forward(self, x, edges):
        source, target = edges
        h = self.linear(x)
        score = F.leaky_relu(self.score(torch.cat([h[source], h[target]], dim=1)), 0.2).squeeze(1)
        largest = torch.full((len(x),), -torch.inf).scatter_reduce(0, target, score.detach(), "amax")
        weight = (score - largest[target]).exp()
        whole = torch.zeros(len(x)).scatter_add(0, target, weight)
        weight = weight / whole[target]
        messages = weight[:, None] * h[source]
        return torch.zeros_like(h).scatter_add(0, target[:, None].expand_as(messages), messages)


class GraphNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = Convolution(FEATURES, 16), Attention(16, CLASSES)

    def forward(self, x, edges):
        return F.log_softmax(self.second(F.elu(self.first(x, edges)), edges), dim=1)


torch.manual_seed(0)
x, edges = torch.randn(NODES, FEATURES), torch.randint(NODES, (2, EDGES))
edges = torch.cat([edges, torch.arange(NODES).expand(2, -1)], dim=1)
classes, known = torch.randint(CLASSES, (NODES,)), torch.rand(NODES) < 0.5
model = GraphNet()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
for _ in range(10):
    optimizer.zero_grad()
    F.nll_loss(model(x, edges)[known], classes[known]).backward()
    optimizer.step()
with bpcompare.watch(model, optimizer) as step:
    optimizer.zero_grad()
    F.nll_loss(model(x, edges)[known], classes[known]).backward()
    optimizer.step()
print(step)
