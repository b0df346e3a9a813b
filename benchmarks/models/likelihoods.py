"""Models that are densities, trained by their likelihood: flows, random fields, Gaussian processes."""

from __future__ import annotations

from typing import Any

from benchmarks.models.packages import package
from benchmarks.models.real import Made, noise, tokens


def _likelihood(flow: Any) -> Made:
    """A normalizing flow, trained by maximum likelihood."""
    import torch

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.flow = flow

        def forward(self, x: Any) -> Any:
            return -self.flow().log_prob(x).mean()

    return Made(Net().train(), noise(6, 3), lambda loss: loss)


_flows = package("zuko")


@_flows.model("MAF")
def _maf() -> Made:
    from zuko.flows import MAF

    return _likelihood(MAF(3, transforms=2, hidden_features=(8, 8)))


@_flows.model("NSF")
def _nsf() -> Made:
    from zuko.flows import NSF

    return _likelihood(NSF(3, transforms=2, hidden_features=(8, 8), bins=4))


@package("pytorch-crf").model("CRF")
def _crf() -> Made:
    import torch
    from torchcrf import CRF

    class Tagger(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.lstm, self.out = (
                torch.nn.Embedding(40, 8),
                torch.nn.LSTM(8, 8, batch_first=True),
                torch.nn.Linear(8, 4),
            )
            self.crf = CRF(4, batch_first=True)

        def forward(self, ids: Any, tags: Any) -> Any:
            return -self.crf(self.out(self.lstm(self.embed(ids))[0]), tags, reduction="mean")

    return Made(Tagger().train(), (tokens(2, 5), tokens(2, 5, below=9) - 5), lambda loss: loss)


@package("gpytorch").model("ExactGP")
def _gp() -> Made:
    import gpytorch
    import torch

    class Net(gpytorch.models.ExactGP):  # type: ignore[misc]
        def __init__(self, x: Any, y: Any, likelihood: Any) -> None:
            super().__init__(x, y, likelihood)
            self.mean = gpytorch.means.ConstantMean()
            self.kernel = gpytorch.kernels.ScaleKernel(gpytorch.kernels.RBFKernel())

        def forward(self, x: Any) -> Any:
            return gpytorch.distributions.MultivariateNormal(self.mean(x), self.kernel(x))

    class Likelihood(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.likelihood = gpytorch.likelihoods.GaussianLikelihood()
            self.gp = Net(x, y, self.likelihood)
            self.marginal = gpytorch.mlls.ExactMarginalLogLikelihood(self.likelihood, self.gp)

        def forward(self, x: Any, y: Any) -> Any:
            self.gp.set_train_data(x, y, strict=False)
            return -self.marginal(self.gp(x), y)

    x, y = noise(6, 2), noise(6)
    return Made(Likelihood().train(), (x, y), lambda loss: loss)


@package("normflows").model("RealNVP")
def _realnvp() -> Made:
    import normflows
    import torch

    flows = []
    for _ in range(2):
        flows += [
            normflows.flows.AffineCouplingBlock(normflows.nets.MLP([1, 8, 2], init_zeros=False)),
            normflows.flows.Permute(2),
        ]

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.flow = normflows.NormalizingFlow(normflows.distributions.DiagGaussian(2), flows)

        def forward(self, x: Any) -> Any:
            return self.flow.forward_kld(x)

    return Made(Net().train(), noise(6, 2), lambda loss: loss)
