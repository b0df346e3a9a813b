"""Graph nets of `torch_geometric`: whole models, and each convolution inside of a small one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from benchmarks.models.real import Made, Models, near, noise

models = Models("torch_geometric")
NODES = 6
EDGES = [[0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 0, 0, 3], [1, 0, 2, 1, 3, 2, 4, 3, 5, 4, 0, 5, 3, 0]]


def _edges() -> Any:
    import torch

    return torch.tensor(EDGES)


def _whole(name: str, **settings: Any) -> None:
    @models.model(name)
    def make() -> Made:
        from torch_geometric.nn import models as kinds

        model = getattr(kinds, name)(4, 8, num_layers=2, out_channels=3, **settings)
        return Made(model.train(), (noise(NODES, 4), _edges()), near())


for _name in ("GCN", "GraphSAGE", "GIN", "EdgeCNN"):
    _whole(_name)
_whole("GAT", heads=2, dropout=0.3)


def _conv(name: str, build: Callable[[Any], Any], *more: Callable[[], Any], width: int = 4) -> None:
    """One convolution, an activation, and a linear layer; `more`: further arguments behind the edges."""

    @models.model(name)
    def make() -> Made:
        import torch
        from torch_geometric import nn

        class Net(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.conv = build(nn)
                self.out = torch.nn.LazyLinear(3)

            def forward(self, x: Any, edges: Any, *rest: Any) -> Any:
                return self.out(torch.nn.functional.elu(self.conv(x, edges, *rest)))

        model = Net()
        given = (noise(NODES, width), _edges(), *(one() for one in more))
        with torch.no_grad():
            model(*given)
        return Made(model.train(), given, near())


def _weights() -> Any:
    return noise(len(EDGES[0])).abs()


def _features() -> Any:
    return noise(len(EDGES[0]), 2)


def _kinds() -> Any:
    import torch

    return torch.arange(len(EDGES[0])) % 2


def _mlp(*sizes: int) -> Any:
    from torch import nn

    layers: list[Any] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


_conv("GCNConv", lambda nn: nn.GCNConv(4, 8), _weights)
_conv("ChebConv", lambda nn: nn.ChebConv(4, 8, K=3))
_conv("SAGEConv max", lambda nn: nn.SAGEConv(4, 8, aggr="max"))
_conv("SAGEConv lstm", lambda nn: nn.SAGEConv(4, 8, aggr="mean", normalize=True, project=True))
_conv("GraphConv", lambda nn: nn.GraphConv(4, 8), _weights)
_conv("GatedGraphConv", lambda nn: nn.GatedGraphConv(8, num_layers=2))
_conv("ResGatedGraphConv", lambda nn: nn.ResGatedGraphConv(4, 8))
_conv("GATConv", lambda nn: nn.GATConv(4, 4, heads=2, edge_dim=2), _features)
_conv("GATv2Conv", lambda nn: nn.GATv2Conv(4, 4, heads=2, edge_dim=2), _features)
_conv("TransformerConv", lambda nn: nn.TransformerConv(4, 4, heads=2, edge_dim=2, beta=True), _features)
_conv("AGNNConv", lambda nn: nn.AGNNConv())
_conv("TAGConv", lambda nn: nn.TAGConv(4, 8))
_conv("GINEConv", lambda nn: nn.GINEConv(_mlp(4, 8, 8), edge_dim=2, train_eps=True), _features)
_conv("ARMAConv", lambda nn: nn.ARMAConv(4, 8, num_stacks=2, num_layers=2))
_conv("SGConv", lambda nn: nn.SGConv(4, 8, K=2))
_conv("APPNP", lambda nn: nn.APPNP(3, 0.1))
_conv("MFConv", lambda nn: nn.MFConv(4, 8))
_conv("RGCNConv", lambda nn: nn.RGCNConv(4, 8, num_relations=2, num_bases=2), _kinds)
_conv("RGATConv", lambda nn: nn.RGATConv(4, 8, num_relations=2), _kinds)
_conv("GMMConv", lambda nn: nn.GMMConv(4, 8, dim=2, kernel_size=2), _features)
_conv("NNConv", lambda nn: nn.NNConv(4, 3, _mlp(2, 6, 12)), _features)
_conv("CGConv", lambda nn: nn.CGConv(4, dim=2, batch_norm=True), _features)
_conv("EdgeConv", lambda nn: nn.EdgeConv(_mlp(8, 8, 8)))
_conv("FeaStConv", lambda nn: nn.FeaStConv(4, 8, heads=2))
_conv("LEConv", lambda nn: nn.LEConv(4, 8))
_conv("ClusterGCNConv", lambda nn: nn.ClusterGCNConv(4, 8))
_conv("GENConv", lambda nn: nn.GENConv(4, 8, learn_t=True))
_conv("FiLMConv", lambda nn: nn.FiLMConv(4, 8))
_conv("SuperGATConv", lambda nn: nn.SuperGATConv(4, 8, heads=2))
_conv("EGConv", lambda nn: nn.EGConv(4, 8, num_heads=2, aggregators=["sum", "max", "std"]))
_conv("GeneralConv", lambda nn: nn.GeneralConv(4, 8, attention=True, heads=2))
_conv("AntiSymmetricConv", lambda nn: nn.AntiSymmetricConv(4))
_conv("GPSConv", lambda nn: nn.GPSConv(4, nn.GCNConv(4, 4), heads=2))
_conv("HypergraphConv", lambda nn: nn.HypergraphConv(4, 8))
_conv("PointTransformerConv", lambda nn: _Swapped(nn.PointTransformerConv(4, 8)), lambda: noise(NODES, 3))
_conv("PNAConv", lambda nn: nn.PNAConv(4, 8, ["mean", "min", "max", "std"], ["identity", "amplification"], _degrees()))


def _degrees() -> Any:
    import torch

    return torch.bincount(torch.bincount(torch.tensor(EDGES[1])))


def _Swapped(conv: Any) -> Any:  # noqa: N802 — a class, whose base is torch's
    """A convolution that reads positions between the nodes and the edges."""
    import torch

    class Swapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = conv

        def forward(self, x: Any, edges: Any, positions: Any) -> Any:
            return self.conv(x, positions, edges)

    return Swapped()


@models.model("VGAE")
def _vgae() -> Made:
    import torch
    from torch_geometric.nn import VGAE, GCNConv

    class Encoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mu, self.log_sigma = GCNConv(4, 4), GCNConv(4, 4)

        def forward(self, x: Any, edges: Any) -> Any:
            return self.mu(x, edges), self.log_sigma(x, edges)

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = VGAE(Encoder())

        def forward(self, x: Any, edges: Any) -> Any:
            z = self.net.encode(x, edges)
            return self.net.recon_loss(z, edges) + self.net.kl_loss() / NODES

    return Made(Net().train(), (noise(NODES, 4), _edges()), lambda loss: loss)


@models.model("GraphUNet")
def _graph_unet() -> Made:
    from torch_geometric.nn import GraphUNet

    return Made(GraphUNet(4, 8, 3, depth=2).train(), (noise(NODES, 4), _edges()), near())


@models.model("SchNet")
def _schnet() -> Made:
    import torch
    from torch_geometric.nn import SchNet

    class Pairs(torch.nn.Module):
        """Some pairs: torch_geometric's own search for near ones needs a package of its own."""

        def forward(self, positions: Any, _batch: Any) -> Any:
            edges = _edges()
            return edges, (positions[edges[0]] - positions[edges[1]]).norm(dim=-1)

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = SchNet(hidden_channels=8, num_filters=8, num_interactions=2, num_gaussians=6)
            self.net.interaction_graph = Pairs()

        def forward(self, z: Any, positions: Any) -> Any:
            return self.net(z, positions)

    return Made(Net().train(), (torch.tensor([1, 6, 8, 1, 6, 1]), noise(NODES, 3)), near())


@models.model("AttentiveFP")
def _attentive() -> Made:
    import torch
    from torch_geometric.nn import AttentiveFP

    model = AttentiveFP(4, 8, 2, edge_dim=2, num_layers=2, num_timesteps=2)
    return Made(model.train(), (noise(NODES, 4), _edges(), _features(), torch.tensor([0, 0, 0, 1, 1, 1])), near())


@models.model("LightGCN")
def _lightgcn() -> Made:
    from torch_geometric.nn import LightGCN

    return Made(LightGCN(NODES, 4, 2).train(), (_edges(),), near())


@models.model("LINKX")
def _linkx() -> Made:
    from torch_geometric.nn import LINKX

    return Made(LINKX(NODES, 4, 8, 3, num_layers=2).train(), (noise(NODES, 4), _edges()), near())


@models.model("DeepGraphInfomax")
def _infomax() -> Made:
    import torch
    from torch_geometric.nn import DeepGraphInfomax, GCNConv

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.infomax = DeepGraphInfomax(
                8,
                GCNConv(4, 8),
                lambda z, *_: torch.sigmoid(z.mean(dim=0)),
                lambda x, edges: (x[torch.randperm(x.size(0))], edges),
            )

        def forward(self, x: Any, edges: Any) -> Any:
            return self.infomax.loss(*self.infomax(x, edges))

    return Made(Net().train(), (noise(NODES, 4), _edges()), lambda loss: loss)


@models.model("global pooling")
def _pooling() -> Made:
    import torch
    from torch_geometric import nn

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.GCNConv(4, 8), nn.GraphNorm(8)
            self.attention = nn.AttentionalAggregation(torch.nn.Linear(8, 1))
            self.set2set = nn.Set2Set(8, 2)

        def forward(self, x: Any, edges: Any, batch: Any) -> Any:
            h = torch.relu(self.norm(self.conv(x, edges), batch))
            pools = [nn.global_add_pool, nn.global_mean_pool, nn.global_max_pool]
            return torch.cat([*(pool(h, batch) for pool in pools), self.attention(h, batch), self.set2set(h, batch)], dim=-1)

    return Made(Net().train(), (noise(NODES, 4), _edges(), torch.tensor([0, 0, 0, 1, 1, 1])), near())


MODELS = (models,)
