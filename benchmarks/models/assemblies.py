"""More of `torch_geometric`: aggregations, pools, norms, heterogeneous graphs, embeddings of knowledge graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.models.real import Made, Models, near, noise

models = Models("torch_geometric")
NODES = 8


def _edges() -> Any:
    import torch

    return torch.tensor([[0, 1, 2, 3, 4, 5, 0, 2, 4, 6, 7, 1, 3], [1, 2, 3, 4, 5, 0, 2, 4, 6, 7, 0, 3, 7]])


def _batch() -> Any:
    import torch

    return torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])


def _behind(made: Any, *more: Any) -> Any:
    """A layer, tanh, and what is tried, which is given `more` besides."""
    import torch

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.made = torch.nn.Linear(4, 4), made

        def forward(self, x: Any, *given: Any) -> Any:
            found = self.made(torch.tanh(self.first(x)), *given, *more)
            while not isinstance(found, torch.Tensor):
                found = found[0]
            return found

    return Net().train()


def _perceptron(inputs: int, units: int) -> Any:
    from torch import nn

    return nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, units))


CONVOLUTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[], tuple[Any, ...]]]] = {
    "MixHopConv": (lambda g: g.MixHopConv(4, 4, [0, 1, 2]), lambda: (_edges(),)),
    "SSGConv": (lambda g: g.SSGConv(4, 4, 0.1, 2), lambda: (_edges(),)),
    "DirGNNConv": (lambda g: g.DirGNNConv(g.GCNConv(4, 4)), lambda: (_edges(),)),
    "WLConvContinuous": (lambda g: g.WLConvContinuous(), lambda: (_edges(),)),
    "SimpleConv, median": (lambda g: g.SimpleConv("median"), lambda: (_edges(),)),
    "DeepGCNLayer": (lambda g: g.DeepGCNLayer(g.GCNConv(4, 4), g.LayerNorm(4), block="res+"), lambda: (_edges(),)),
    "GCN2Conv": (lambda g: g.GCN2Conv(4, 0.5), lambda: (noise(NODES, 4), _edges())),
    "FAConv": (lambda g: g.FAConv(4), lambda: (noise(NODES, 4), _edges())),
    "PDNConv": (lambda g: g.PDNConv(4, 4, 3, 8), lambda: (_edges(), noise(13, 3))),
    "GATv2Conv of edges": (lambda g: g.GATv2Conv(4, 4, heads=2, edge_dim=3), lambda: (_edges(), noise(13, 3))),
    "SignedConv": (lambda g: g.SignedConv(4, 4, True), lambda: (_edges()[:, :6], _edges()[:, 6:])),
    "PointNetConv": (lambda g: g.PointNetConv(_perceptron(7, 4), _perceptron(4, 4)), lambda: (noise(NODES, 3), _edges())),
    "PPFConv": (lambda g: g.PPFConv(_perceptron(8, 4)), lambda: (noise(NODES, 3), noise(NODES, 3), _edges())),
    "PointGNNConv": (
        lambda g: g.PointGNNConv(_perceptron(4, 3), _perceptron(7, 4), _perceptron(4, 4)),
        lambda: (noise(NODES, 3), _edges()),
    ),
    "TopKPooling": (lambda g: g.TopKPooling(4, 0.5), lambda: (_edges(),)),
    "SAGPooling": (lambda g: g.SAGPooling(4, 0.5), lambda: (_edges(),)),
    "EdgePooling": (lambda g: g.EdgePooling(4), lambda: (_edges(), _batch())),
}


def _convolution(name: str, make: Callable[[Any], Any], given: Callable[[], tuple[Any, ...]]) -> None:
    @models.model(name)
    def made() -> Made:
        from torch_geometric import nn

        return Made(_behind(make(nn)), (noise(NODES, 4), *given()), near())


for _name, (_make, _given) in CONVOLUTIONS.items():
    _convolution(_name, _make, _given)

AGGREGATIONS: dict[str, Callable[[Any], Any]] = {
    "SoftmaxAggregation": lambda g: g.SoftmaxAggregation(learn=True),
    "PowerMeanAggregation": lambda g: g.PowerMeanAggregation(learn=True),
    "MedianAggregation": lambda g: g.MedianAggregation(),
    "MultiAggregation": lambda g: g.MultiAggregation(["mean", "max", "std"]),
    "MulAggregation": lambda g: g.MulAggregation(),
    "QuantileAggregation": lambda g: g.QuantileAggregation([0.2, 0.7]),
    "LSTMAggregation": lambda g: g.LSTMAggregation(4, 4),
    "GRUAggregation": lambda g: g.GRUAggregation(4, 4),
    "SetTransformerAggregation": lambda g: g.SetTransformerAggregation(4, num_seed_points=1, heads=2),
    "DeepSetsAggregation": lambda g: g.DeepSetsAggregation(_perceptron(4, 4), _perceptron(4, 4)),
    "SortAggregation": lambda g: g.SortAggregation(2),
    "GraphMultisetTransformer": lambda g: g.GraphMultisetTransformer(4, 2, heads=2),
    "MLPAggregation": lambda g: g.MLPAggregation(4, 4, 4, num_layers=1),
    "VariancePreservingAggregation": lambda g: g.VariancePreservingAggregation(),
    "InstanceNorm": lambda g: g.InstanceNorm(4, affine=True),
    "PairNorm": lambda g: g.PairNorm(),
    "LayerNorm of graphs": lambda g: g.LayerNorm(4, mode="graph"),
    "MeanSubtractionNorm": lambda g: g.MeanSubtractionNorm(),
}


def _aggregation(name: str, make: Callable[[Any], Any]) -> None:
    @models.model(name)
    def made() -> Made:
        from torch_geometric import nn

        return Made(_behind(make(nn), _batch()), noise(NODES, 4), near())


for _name, _make in AGGREGATIONS.items():
    _aggregation(_name, _make)


def _knowledge(name: str) -> None:
    @models.model(name)
    def made() -> Made:
        import torch
        from torch_geometric import nn

        triples = torch.tensor([[0, 1, 2], [0, 1, 2], [3, 4, 5]])
        return Made(getattr(nn, name)(8, 3, 4).train(), tuple(triples), near())


for _name in ("TransE", "ComplEx", "DistMult", "RotatE"):
    _knowledge(_name)


def _heterogeneous(name: str) -> None:
    @models.model(name)
    def made() -> Made:
        import torch
        from torch_geometric import nn

        kinds = ["a", "b"], [("a", "to", "b"), ("b", "back", "a")]

        class Net(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                many = name == "HeteroConv"
                self.conv = (
                    nn.HeteroConv({one: nn.SAGEConv((4, 4), 4) for one in kinds[1]})
                    if many
                    else getattr(nn, name)(4, 4, kinds, 2)
                )

            def forward(self, a: Any, b: Any) -> Any:
                edges = torch.tensor([[0, 1, 2, 3], [1, 0, 2, 3]])
                found = self.conv({"a": a, "b": b}, dict.fromkeys(kinds[1], edges))
                return torch.cat([found["a"], found["b"]])

        return Made(Net().train(), (noise(NODES, 4), noise(NODES, 4)), near())


for _name in ("HGTConv", "HANConv", "HeteroConv"):
    _heterogeneous(_name)


def _dense(name: str) -> None:
    @models.model(name)
    def made() -> Made:
        import torch
        from torch_geometric import nn

        class Net(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.first, self.share = nn.DenseGCNConv(4, 4), nn.DenseSAGEConv(4, 3)

            def forward(self, x: Any, near_by: Any) -> Any:
                h = torch.relu(self.first(x, near_by))
                pooled = getattr(nn, name)(h, near_by, self.share(x, near_by))
                return pooled[0].square().mean() + pooled[2] + pooled[3]

        near_by = (torch.rand(2, 6, 6) > 0.5).float()
        return Made(Net().train(), (noise(2, 6, 4), torch.maximum(near_by, near_by.transpose(1, 2))), lambda loss: loss)


for _name in ("dense_diff_pool", "dense_mincut_pool"):
    _dense(_name)
MODELS = (models,)
