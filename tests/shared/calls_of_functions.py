"""Small examples of functions, reductions, normalizations, attention and errors, as torch.nn.functional calls them."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 — its usual name

from called import Call, between, normal

TORCH_FLOAT = "torch rounds a factor to float32 on its way back"
"""A fault of torch 2.13 in float64: 1/6 of hardsigmoid, 1/α of celu."""
TRIGAMMA = "torch cuts the series of trigamma after four terms, in float64 as well"
"""A fault of torch 2.13: up to 5e-10 off, where digamma goes back."""
INFINITY = float("inf")


def _each(names: str, where: object, *leaves) -> list[Call]:
    return [Call(name, getattr(where, name), leaves) for name in names.split()]


FUNCTIONS = [
    *_each(
        "exp tanh sin cos tan atan sinh cosh asinh exp2 expm1 square erf erfc abs sigmoid deg2rad rad2deg sinc frac",
        torch,
        normal(3, 5),
    ),
    *_each("asin acos atanh erfinv", torch, between(-0.9, 0.9, 3, 5)),
    *_each("log log2 log10 log1p sqrt rsqrt reciprocal lgamma", torch, between(0.2, 3, 3, 5)),
    *_each("floor ceil trunc round sign sgn", torch, normal(3, 5)),
    Call("digamma", torch.digamma, (between(0.2, 9, 3, 5),), known={"float64": TRIGAMMA}),
    *(Call(f"polygamma {n}", partial(torch.polygamma, n), (between(0.2, 9, 3, 5),)) for n in (2, 4)),
    Call("mvlgamma", lambda x: torch.special.multigammaln(x, 3), (between(1.5, 6, 3, 5),)),
    *_each("i0 i0e i1 i1e erfcx log_ndtr", torch.special, normal(3, 5)),
    Call("i1 at 0", lambda x: torch.special.i1(x * torch.tensor([0.0, 1.0])), (normal(3, 2),)),
    Call("ndtri", torch.special.ndtri, (between(0.01, 0.99, 3, 5),)),
    Call("zeta", lambda q: torch.special.zeta(torch.full_like(q, 3.0), q), (between(0.2, 3, 3, 5),)),
    Call("gammainc", lambda x: torch.special.gammainc(torch.full_like(x, 1.5), x), (between(0.2, 3, 3, 5),)),
    Call("gammaincc", lambda x: torch.special.gammaincc(torch.full_like(x, 2.5), x), (between(0.2, 3, 3, 5),)),
    Call("acosh", torch.acosh, (between(1.1, 5, 3, 5),)),
    Call("logit", torch.logit, (between(0.05, 0.95, 3, 5),)),
    Call("logit, limited", partial(torch.logit, eps=0.2), (between(0.05, 0.95, 3, 5),)),
    Call("entr", torch.special.entr, (between(0.05, 2, 3, 5),)),
    Call("unfold_backward", lambda x: torch.ops.aten.unfold_backward(x, [2, 11], 1, 5, 3), (normal(2, 3, 5),)),
    Call("pow 3", lambda x: x**3, (normal(3, 5),)),
    Call("pow -1.7", lambda x: x**-1.7, (between(0.1, 3, 4),)),
    Call("pow of a number", lambda x: 2.5**x, (normal(3, 5),)),
    Call("pow of arrays", torch.pow, (between(0.2, 3, 3, 4), normal(4))),
    Call("pow of any sign", lambda x: x ** torch.tensor([0.0, 1.0, 2.0, 3.0, -1.0]).to(x.dtype), (normal(3, 5),)),
    Call("pow of 0", lambda x: x.clamp(min=0) ** torch.tensor([0.0, 1.0, 1.5, 2.0, 3.0]).to(x.dtype), (normal(3, 5),)),
    Call("pow of 0 for arrays", lambda x, p: x.clamp(min=0) ** p, (normal(3, 5), between(1.1, 3, 3, 5))),
    *_each("logaddexp logaddexp2 atan2 hypot copysign", torch, normal(3, 4), normal(4)),
    Call("xlogy", torch.xlogy, (normal(3, 4), between(0.1, 3, 4))),
    Call("xlog1py", torch.special.xlog1py, (normal(3, 4), between(0.1, 3, 4))),
    *_each("fmod remainder", torch, normal(3, 4), between(0.3, 0.8, 4)),
]

ACTIVATIONS = [
    *_each(
        "relu relu6 silu mish gelu leaky_relu elu celu selu softplus logsigmoid hardtanh hardswish hardshrink softshrink "
        "tanhshrink softsign",
        F,
        normal(3, 5),
    ),
    Call("hardsigmoid", F.hardsigmoid, (normal(3, 5),), known={"float64": TORCH_FLOAT}),
    Call("gelu, tanh", partial(F.gelu, approximate="tanh"), (normal(3, 5),)),
    Call("elu, 0.5", partial(F.elu, alpha=0.5), (normal(3, 5),)),
    Call("elu in place", lambda x: F.elu(x * 1.0, 0.5, inplace=True), (normal(3, 5),)),
    Call("celu, 0.7", partial(F.celu, alpha=0.7), (normal(3, 5),), known={"float64": TORCH_FLOAT}),
    Call("softplus, steep", partial(F.softplus, beta=3.0, threshold=2.0), (normal(3, 5),)),
    Call("hardtanh, 0.1", partial(F.hardtanh, min_val=-0.1, max_val=0.1), (normal(3, 5),)),
    Call("hardtanh at its bounds", lambda x: F.hardtanh(F.hardtanh(x, -1.1, 1.1), -1.1, 1.1), (normal(3, 5),)),
    Call("clamp", lambda x: x.clamp(-0.7, 0.9), (normal(3, 5),)),
    Call("clamp at its bounds", lambda x: x.clamp(-0.7, 0.9).clamp(-0.7, 0.9), (normal(3, 5),)),
    Call("clamp below", lambda x: x.clamp(min=0.1), (normal(3, 5),)),
    Call("clamp_min", lambda x: torch.clamp_min(x, 0.3), (normal(3, 5),)),
    Call("clamp_max", lambda x: torch.clamp_max(x, 0.3), (normal(3, 5),)),
    Call("clamp by arrays", torch.clamp, (normal(5, 4), between(-1, 0, 4), between(0, 1, 4))),
    Call("threshold", partial(F.threshold, threshold=0.1, value=0.3), (normal(3, 5),)),
    Call("prelu", F.prelu, (normal(3, 4, 2), between(0.1, 0.3, 4))),
    Call("rrelu", partial(F.rrelu, lower=0.1, upper=0.3), (normal(3, 5),)),
    Call("glu", partial(F.glu, dim=0), (normal(4, 5),)),
    Call("SwiGLU", lambda x, w, v: F.silu(x @ w) * (x @ v), (normal(3, 4), normal(4, 5), normal(4, 5))),
    Call("nan_to_num", torch.nan_to_num, (normal(3, 5),)),
    Call("dropout", partial(F.dropout, p=0.4), (normal(3, 5),)),
    Call("native_dropout", lambda x: torch.native_dropout(x, 0.4, True)[0], (normal(3, 5),)),
    Call("softmin", partial(F.softmin, dim=1), (normal(3, 5),)),
]

REDUCTIONS = [
    Call("var", lambda x: x.var(), (normal(3, 4),)),
    Call("var, no correction", lambda x: x.var(1, correction=0), (normal(3, 4),)),
    Call("var, two axes", lambda x: x.var((0, 2), keepdim=True), (normal(3, 4, 2),)),
    Call("std", lambda x: x.std(-1), (normal(3, 4),)),
    Call("var_mean", lambda x: torch.var_mean(x, 1), (normal(3, 4),)),
    Call("std_mean", lambda x: torch.std_mean(x, 0, correction=2), (normal(4, 4),)),
    Call("prod", lambda x: x.prod(), (normal(7),)),
    Call("prod along an axis", lambda x: x.prod(1), (normal(3, 5, 2),)),
    Call("logsumexp", lambda x: x.logsumexp(1), (normal(3, 4),)),
    Call("logsumexp, two axes", lambda x: x.logsumexp((0, 2), keepdim=True), (normal(3, 4, 2),)),
    Call("nansum", lambda x: x.nansum(1), (normal(3, 4),)),
    *(
        Call(f"norm {p}", partial(torch.linalg.vector_norm, ord=p, dim=1), (normal(3, 5),))
        for p in (2, 1, 3, 0.5, 2.5, 4, 0, INFINITY, -INFINITY)
    ),
    Call("norm of all", lambda x: x.norm(), (normal(3, 5),)),
    Call("norm of a matrix", torch.linalg.matrix_norm, (normal(3, 5),)),
    Call("aten norm", lambda x: torch.ops.aten.norm.Scalar(x, 3), (normal(4),)),
    Call("normalize", partial(F.normalize, dim=1), (normal(3, 5),)),
    Call("dist", torch.dist, (normal(3, 5), normal(3, 5))),
    Call("cdist", torch.cdist, (normal(3, 5), normal(4, 5))),
    Call("cdist 1", partial(torch.cdist, p=1.0), (normal(3, 5), normal(4, 5))),
    Call("cdist by a product", torch.cdist, (normal(30, 5), normal(28, 5))),
    Call("pdist", F.pdist, (normal(4, 3),)),
    Call("pairwise_distance", F.pairwise_distance, (normal(4, 3), normal(4, 3))),
    Call("cosine_similarity", F.cosine_similarity, (normal(4, 3), normal(4, 3))),
]


def _per_channel(x: torch.Tensor, value: float) -> torch.Tensor:
    return torch.full((x.shape[1],), value, dtype=x.dtype)


NORMALIZATIONS = [
    Call("layer_norm", lambda x, w, b: F.layer_norm(x, (5,), w, b), (normal(3, 4, 5), normal(5), normal(5))),
    Call("layer_norm, two axes", lambda x: F.layer_norm(x, (4, 5)), (normal(3, 4, 5),)),
    Call("group_norm", lambda x, w, b: F.group_norm(x, 2, w, b), (normal(3, 4, 5), normal(4), normal(4))),
    Call("batch_norm", lambda x, w, b: F.batch_norm(x, None, None, w, b, True), (normal(3, 4, 5), normal(4), normal(4))),
    Call(
        "batch_norm, running",
        lambda x, w, b: F.batch_norm(x, _per_channel(x, 0.1), _per_channel(x, 0.9), w, b, True),
        (normal(6, 4), normal(4), normal(4)),
    ),
    Call(
        "batch_norm, evaluated",
        lambda x, w, b: F.batch_norm(x, _per_channel(x, 0.3), _per_channel(x, 0.7), w, b, False),
        (normal(6, 4, 2, 2), normal(4), normal(4)),
    ),
    Call("rms_norm", lambda x, w: F.rms_norm(x, (5,), w), (normal(3, 5), normal(5))),
    Call("weight_norm", lambda v, g: torch._weight_norm(v, g, 0), (normal(3, 5), normal(3, 1))),
    Call("weight_norm, last axis", lambda v, g: torch._weight_norm(v, g, 1), (normal(3, 5), normal(1, 5))),
]

MASK = torch.from_numpy(np.random.default_rng(0).random((4, 5)) < 0.7)
MASK[:, 0] = True
EMPTY_ROW = MASK.clone()
EMPTY_ROW[1] = False
QUERY_KEY_VALUE = (normal(2, 2, 4, 6), normal(2, 2, 5, 6), normal(2, 2, 5, 6))


def _attended(**options):
    return lambda *qkv: F.scaled_dot_product_attention(*qkv, **options)


def _added(mask: torch.Tensor, instead: float):
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=torch.where(mask, 0.1, instead).to(q.dtype))


ATTENTION = [
    Call("attention", _attended(), QUERY_KEY_VALUE),
    Call("attention, causal", _attended(is_causal=True), (normal(2, 2, 4, 6),) * 3),
    Call("attention, causal over more keys", _attended(is_causal=True), QUERY_KEY_VALUE),
    Call("attention, masked", _attended(attn_mask=MASK), QUERY_KEY_VALUE),
    Call("attention, a row of nothing", _attended(attn_mask=EMPTY_ROW), QUERY_KEY_VALUE),
    Call("attention, mask added", _added(MASK, -INFINITY), QUERY_KEY_VALUE),
    Call("attention, lowest number added", _added(MASK, float(torch.finfo(torch.float32).min)), QUERY_KEY_VALUE),
    Call("attention, scale", _attended(scale=0.3), QUERY_KEY_VALUE),
    Call("attention, shared heads", _attended(enable_gqa=True), (normal(2, 4, 4, 6), *QUERY_KEY_VALUE[1:])),
    Call("attention, learned mask", lambda q, k, v, m: _attended(attn_mask=m)(q, k, v), (*QUERY_KEY_VALUE, normal(4, 5))),
    Call("attention, no heads", _attended(), (normal(2, 4, 6), normal(2, 5, 6), normal(2, 5, 6))),
    Call("softmax, masked", lambda x: x.masked_fill(~MASK, -INFINITY).softmax(1), (normal(4, 5),)),
    Call("softmax, lowest numbers", lambda x: x.masked_fill(~EMPTY_ROW, torch.finfo(x.dtype).min).softmax(1), (normal(4, 5),)),
    Call("exp, masked", lambda x: x.masked_fill(~MASK, -INFINITY).exp(), (normal(4, 5),)),
    Call("softmax, first axis", lambda x: x.softmax(0), (normal(4, 5),)),
    Call("softmax in float64", lambda x: x.softmax(1, dtype=torch.float64), (normal(4, 5),)),
    Call("log_softmax, first axis", lambda x: x.log_softmax(0), (normal(4, 5),)),
    Call("logcumsumexp", lambda x: x.logcumsumexp(1), (normal(3, 6),)),
    Call("logcumsumexp, of large numbers", lambda x: (30 * x).logcumsumexp(0), (normal(6, 3),)),
    *(
        Call(
            f"segment_reduce, {how}", partial(torch.segment_reduce, reduce=how, lengths=torch.tensor([2, 1, 3])), (normal(6, 3),)
        )
        for how in ("sum", "mean", "prod", "max", "min")
    ),
    Call("logsumexp, masked", lambda x: x.masked_fill(~MASK, -INFINITY).logsumexp(1), (normal(4, 5),)),
]

CLASSES = torch.tensor([1, 4, 2])
LISTED = torch.tensor([[0, 3, -1, 1, 2], [2, -1, 0, 0, 0], [1, 2, 3, -1, 0]])
SHARES = torch.from_numpy(np.random.default_rng(2).random((3, 5)))
SIGNS = SHARES.round() * 2 - 1
WEIGHT = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5])
ONE, TWO, PROBABLE = (normal(3, 5),), (normal(3, 5), normal(3, 5)), (between(0.1, 0.9, 3, 5),)


def _divergence(x: torch.Tensor, t: torch.Tensor, reduction: str) -> torch.Tensor:
    return F.kl_div(x.log_softmax(1), t.softmax(1), reduction=reduction)


def _errors(reduction: str) -> list[Call]:
    def of(name, f, leaves=ONE, **options):
        return Call(f"{name}, {reduction}", lambda *xs: f(*xs, reduction=reduction, **options), leaves)

    return [
        of("mse_loss", F.mse_loss, TWO),
        of("l1_loss", F.l1_loss, TWO),
        of("smooth_l1_loss", F.smooth_l1_loss, TWO, beta=0.7),
        of("huber_loss", F.huber_loss, TWO, delta=0.7),
        of("nll_loss, weighted", lambda x, **o: F.nll_loss(x, CLASSES, weight=WEIGHT.to(x), **o)),
        of("cross_entropy, smoothed", lambda x, **o: F.cross_entropy(x, CLASSES, label_smoothing=0.1, **o)),
        of("cross_entropy of shares", lambda x, **o: F.cross_entropy(x, SHARES.to(x), **o)),
        of("cross_entropy, some ignored", lambda x, **o: F.cross_entropy(x, CLASSES, weight=WEIGHT.to(x), ignore_index=4, **o)),
        of("cross_entropy, masked", lambda x, **o: F.cross_entropy(x.masked_fill(~MASK[:3], -INFINITY), CLASSES * 0, **o)),
        of("binary_cross_entropy", lambda x, **o: F.binary_cross_entropy(x, SHARES.to(x), **o), PROBABLE),
        of(
            "binary_cross_entropy, both learned",
            lambda x, t, **o: F.binary_cross_entropy(x, t, SHARES.to(x), **o),
            PROBABLE * 2,
        ),
        of("binary_cross_entropy_with_logits", lambda x, **o: F.binary_cross_entropy_with_logits(x, SHARES.to(x), **o)),
        of(
            "binary_cross_entropy_with_logits, weighted",
            lambda x, t, **o: F.binary_cross_entropy_with_logits(x, t, SHARES.to(x), pos_weight=1 + WEIGHT.to(x), **o),
            (normal(3, 5), between(0, 1, 3, 5)),
        ),
        of("kl_div", lambda x, t, reduction: _divergence(x, t, "batchmean" if reduction == "mean" else reduction), TWO),
        of("soft_margin_loss", lambda x, **o: F.soft_margin_loss(x, SIGNS.to(x), **o)),
        of("multi_margin_loss", lambda x, **o: F.multi_margin_loss(x, CLASSES, p=2, margin=0.6, weight=WEIGHT.to(x), **o)),
        of("multilabel_margin_loss", lambda x, **o: F.multilabel_margin_loss(x, LISTED, **o)),
        of("multilabel_soft_margin_loss", lambda x, **o: F.multilabel_soft_margin_loss(x, SHARES.round().to(x), **o)),
    ]


def _spoken(x: torch.Tensor, **options) -> torch.Tensor:
    targets = torch.tensor([[1, 2, 2], [3, 1, 0]])
    return F.ctc_loss(x.log_softmax(2), targets, torch.tensor([7, 5]), torch.tensor([3, 2]), **options)


ERRORS = [
    *(call for reduction in ("mean", "sum", "none") for call in _errors(reduction)),
    Call("nll_loss of places", lambda x: F.nll_loss(x.log_softmax(1), CLASSES.reshape(1, 3, 1) % 3), (normal(1, 3, 3, 1),)),
    Call("cross_entropy of one", lambda x: F.cross_entropy(x, torch.tensor(2)), (normal(5),)),
    Call("multi_margin_loss, p = 1", lambda x: F.multi_margin_loss(x, CLASSES), ONE),
    Call("poisson_nll_loss", lambda x: F.poisson_nll_loss(x, SHARES.to(x)), ONE),
    Call("gaussian_nll_loss", lambda x, v: F.gaussian_nll_loss(x, SHARES.to(x), v), (normal(3, 5), between(0.1, 1, 3, 5))),
    Call("margin_ranking_loss", lambda x, y: F.margin_ranking_loss(x, y, SIGNS.to(x)), TWO),
    Call("hinge_embedding_loss", lambda x: F.hinge_embedding_loss(x, SIGNS.to(x)), ONE),
    Call("cosine_embedding_loss", lambda x, y: F.cosine_embedding_loss(x, y, SIGNS[:, 0].to(x)), TWO),
    Call("triplet_margin_loss", F.triplet_margin_loss, (*TWO, normal(3, 5))),
    Call("ctc_loss", _spoken, (normal(7, 2, 4),)),
    Call("ctc_loss, sum", partial(_spoken, reduction="sum", blank=0, zero_infinity=True), (normal(7, 2, 4),)),
]


def _regular(*shape: int):
    """Matrices that have an inverse."""
    return lambda random: random.normal(0.0, 1.0, shape) + 2.0 * np.eye(shape[-1])


def _of_positive(f):
    """f of a symmetric matrix that is positive."""
    return lambda x: f(x @ x.mT + torch.eye(x.shape[-1], dtype=x.dtype))


SPARSE = torch.tensor([[0.0, 2.0, 0.0], [-1.0, 0.0, 0.5], [0.0, 0.0, 0.0], [3.0, 0.0, 0.0]]).to_sparse()

LINEAR_ALGEBRA = [
    Call("cholesky", _of_positive(torch.linalg.cholesky), (normal(4, 4),)),
    Call("cholesky, many, upper", _of_positive(partial(torch.linalg.cholesky, upper=True)), (normal(2, 3, 3),)),
    Call("cholesky of one triangle", lambda x: torch.linalg.cholesky(x.tril() + 9 * torch.eye(3).to(x)), (normal(3, 3),)),
    Call(
        "density of a normal",
        lambda m, x: torch.distributions.MultivariateNormal(m, x @ x.mT + torch.eye(3, dtype=x.dtype)).log_prob(m.flip(0)),
        (normal(3), normal(3, 3)),
    ),
    Call("inverse", torch.linalg.inv, (_regular(3, 4, 4),)),
    Call("solve", torch.linalg.solve, (_regular(4, 4), normal(4, 2))),
    Call("solve, one column", torch.linalg.solve, (_regular(4, 4), normal(4))),
    Call("solve from the right", partial(torch.linalg.solve, left=False), (_regular(4, 4), normal(2, 4))),
    Call("solve a triangle", partial(torch.linalg.solve_triangular, upper=False), (_regular(4, 4), normal(4, 2))),
    Call(
        "solve a triangle of ones",
        partial(torch.linalg.solve_triangular, upper=True, unitriangular=True),
        (_regular(3, 4, 4), normal(3, 4, 2)),
    ),
    Call("sparse product", lambda x: torch.sparse.mm(SPARSE.to(x.dtype), x), (normal(3, 2),)),
    Call("lu_solve", lambda a, b: torch.linalg.lu_solve(*torch.linalg.lu_factor(a), b), (normal(2, 4, 4), normal(2, 4, 2))),
    Call(
        "cholesky_solve",
        lambda x, b: torch.cholesky_solve(b, _of_positive(torch.linalg.cholesky)(x)),
        (normal(4, 4), normal(4, 2)),
    ),
    Call("cholesky_inverse", lambda x: torch.cholesky_inverse(_of_positive(torch.linalg.cholesky)(x)), (normal(3, 3),)),
    Call("eigvalsh", lambda x: torch.linalg.eigvalsh(x + x.mT), (normal(5, 5),)),
    Call("eigh", lambda x: torch.linalg.eigh(x + x.mT), (normal(2, 4, 4),)),
    Call("eigh, upper", lambda x: torch.linalg.eigh(x, UPLO="U")[1], (normal(4, 4),)),
    Call("svdvals", torch.linalg.svdvals, (normal(3, 5),)),
    Call("svd, tall", partial(torch.linalg.svd, full_matrices=False), (normal(5, 3),)),
    Call("svd, wide", partial(torch.linalg.svd, full_matrices=False), (normal(2, 3, 4),)),
    Call("nuclear norm", partial(torch.linalg.matrix_norm, ord="nuc"), (normal(4, 3),)),
    Call("qr, tall", torch.linalg.qr, (normal(5, 3),)),
    Call("qr, square", torch.linalg.qr, (normal(2, 4, 4),)),
    Call("pinv, tall", torch.linalg.pinv, (normal(5, 3),)),
    Call("pinv, wide", torch.linalg.pinv, (normal(2, 3, 4),)),
    Call("pinv, symmetric", _of_positive(partial(torch.linalg.pinv, hermitian=True)), (normal(3, 3),)),
    Call("lstsq", lambda a, b: torch.linalg.lstsq(a, b).solution, (normal(5, 3), normal(5, 2))),
    Call("lstsq, wide", lambda a, b: torch.linalg.lstsq(a, b).solution, (normal(2, 3, 4), normal(2, 3, 2))),
    Call("matrix_exp", torch.linalg.matrix_exp, (normal(2, 3, 3),)),
    Call("matrix_exp of large ones", lambda x: torch.linalg.matrix_exp(3 * x), (normal(4, 4),)),
    Call("orthogonal by reflections", torch.linalg.householder_product, (normal(5, 3), between(0.2, 1.8, 3))),
    Call("slogdet", lambda a: torch.linalg.slogdet(a)[1], (_regular(4, 4),)),
    Call("logdet", lambda a: torch.logdet(a @ a.mT), (_regular(4, 4),)),
    Call("det", torch.linalg.det, (_regular(3, 4, 4),)),
]

CALLS = [*FUNCTIONS, *ACTIVATIONS, *REDUCTIONS, *NORMALIZATIONS, *ATTENTION, *ERRORS, *LINEAR_ALGEBRA]
