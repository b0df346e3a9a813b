"""Small examples of functions that move, index, window and contract: the name that torch calls, a callable, and its inputs.

Inputs are shapes of random numbers, or tensors of float64. Integers and booleans stand in the callable itself.
"""

import torch
from torch.nn import functional as nnf

LONG = torch.tensor
MASK = LONG([[True, False, True, True], [False, False, True, False], [True, True, False, False]])
TIED = LONG([[1.0, 3.0, 3.0, -2.0], [2.0, 2.0, 2.0, 2.0], [0.0, -1.0, 5.0, 5.0]], dtype=torch.float64)
INDEX = LONG([[0, 2, 1, 0], [2, 2, 0, 1]])
APART = LONG([[0, 2, 1, 0], [2, 0, 0, 1]])


def written(f):
    """What f does to a copy of its first input, in place."""

    def formula(x, *others):
        y = x * 1.5
        f(y, *others)
        return y

    return formula


def assign(key):
    def f(y, value):
        y[key] = value

    return written(f)


def two_reads(x):
    y = x * x
    return y[LONG([0, 1, 1])] * y.gather(1, LONG([[0, 0, 3, 1]] * 3)) + x[:, :1] * x[0]


def views_and_writes(x, v):
    y = x.clone()
    row = y[1]
    before = row * 2.0
    row.mul_(v)
    y[:, 2] = before[:3] + row[0]
    y.t()[0].add_(1.0)
    return y * y + row.sum()


def strided(x):
    return torch.as_strided(x * 1.0, (3, 2, 2), (3, 1, 2), 1)


def strided_of_a_view(x):
    return torch.as_strided((x * 1.0).t()[1:], (2, 3), (1, 4), 1)


def resampled(corners):
    """An image under an affine map."""

    def f(x, theta):
        grid = nnf.affine_grid(theta, list(x.shape), align_corners=corners)
        return nnf.grid_sample(x, grid, padding_mode="border", align_corners=corners)

    return f


def at_mirrors(x):
    """An image on its own entries, turned over at its edges: every place is on an entry, some at a mirror."""
    turned = -3.0 * torch.eye(2, 3, dtype=x.dtype).repeat(2, 1, 1)
    return nnf.grid_sample(x, nnf.affine_grid(turned, list(x.shape), True), "bilinear", "reflection", True)


HALVES = torch.tensor([-0.75, -0.25, 0.25, 0.75], dtype=torch.float64)[:, None, None].expand(2, 4, 2, 2)
"""Places halfway between the entries of five lines."""

R, C, IMAGE, LINE, BODY = (3, 4), (3, 4, 5), (2, 3, 5, 6), (2, 3, 7), (1, 2, 4, 3, 5)
EXAMPLES = {
    # layouts
    "roll": ("roll", lambda x: x.roll((1, -2), (0, 1)), R),
    "roll flat": ("roll", lambda x: x.roll(5), R),
    "flip": ("flip", lambda x: x.flip(0, -1), C),
    "rot90": ("rot90", lambda x: x.rot90(1, (0, 2)), C),
    "repeat": ("repeat", lambda x: x.repeat(2, 1, 3), R),
    "repeat_interleave": ("", lambda x: x.repeat_interleave(LONG([2, 0, 1]), 0), R),
    "repeat_interleave int": ("", lambda x: x.repeat_interleave(3, 1), R),
    "diagonal": ("diagonal", lambda x: x.diagonal(1, 0, 2), C),
    "diag": ("", lambda x, v: torch.diag(x, 1) * torch.diag(torch.diag(v)), (4, 4), (3,)),
    "diag_embed": ("diag_embed", lambda x: torch.diag_embed(x, -2, 0, 2), R),
    "tril": ("tril", lambda x: x.tril(-1), C),
    "triu": ("triu", lambda x: x.triu(2), C),
    "as_strided": ("as_strided", strided, R),
    "as_strided of a view": ("as_strided", strided_of_a_view, (4, 4)),
    "constant_pad_nd": ("constant_pad_nd", lambda x: nnf.pad(x, (1, -1, -2, 2), value=0.3), C),
    "reflection_pad1d": ("reflection_pad1d", lambda x: nnf.pad(x, (2, 1), mode="reflect"), R),
    "reflection_pad2d": ("reflection_pad2d", lambda x: nnf.pad(x, (2, 1, 0, 2), mode="reflect"), C),
    "reflection_pad3d": ("reflection_pad3d", lambda x: nnf.pad(x, (2, 1, 0, 2, 1, 1), mode="reflect"), BODY),
    "replication_pad1d": ("replication_pad1d", lambda x: nnf.pad(x, (2, 1), mode="replicate"), R),
    "replication_pad2d": ("replication_pad2d", lambda x: nnf.pad(x, (2, 1, 0, 3), mode="replicate"), C),
    "replication_pad3d": ("replication_pad3d", lambda x: nnf.pad(x, (2, 1, 0, 3, 1, 1), mode="replicate"), BODY),
    "circular pad": ("", lambda x: nnf.pad(x, (2, 1), mode="circular"), LINE),
    "pixel_shuffle": ("pixel_shuffle", lambda x: nnf.pixel_shuffle(x, 2), (1, 8, 2, 3)),
    "pixel_unshuffle": ("pixel_unshuffle", lambda x: nnf.pixel_unshuffle(x, 2), (1, 2, 4, 6)),
    "channel_shuffle": ("", lambda x: nnf.channel_shuffle(x, 2), (1, 6, 2, 2)),
    "block_diag": ("block_diag", torch.block_diag, (2, 3), (1, 2), (2,)),
    "squeeze": ("squeeze", lambda x: x.squeeze().unsqueeze(1).squeeze(1).unsqueeze(-1).squeeze((1, 2)), (3, 1, 4)),
    "movedim": ("", lambda x: x.movedim((0, 2), (1, 0)).expand_as(torch.ones(2, 5, 3, 4)), C),
    "narrow": ("", lambda x: x.narrow(1, 1, 2) * 1.0, R),
    "tensor_split": ("", lambda x: torch.tensor_split(x, (1, 3), 1)[1] * torch.tensor_split(x, 2, 1)[0], R),
    "split": ("split", lambda x: x.split(2, 1)[1] - x.split(2, 1)[0], R),
    "chunk, unbind": ("unbind", lambda x: x.chunk(2, 1)[0].unbind(1)[0] * x.unbind(0)[2][0], R),
    "split_with_sizes": ("split_with_sizes", lambda x: x.split([1, 3], 1)[1], R),
    # indexing
    "index_select": ("index_select", lambda x: x.index_select(1, LONG([2, 2, 0])), R),
    "index_select of one number": ("index_select", lambda x: x.index_select(0, LONG([0])) * x.gather(0, LONG(0)), ()),
    "gather": ("gather", lambda x: x.gather(0, INDEX), R),
    "gather short": ("gather", lambda x: x.gather(1, INDEX[:, :2]), R),
    "take_along_dim": ("gather", lambda x: x.take_along_dim(LONG([[1], [0], [2]]), 1), R),
    "index": ("index", lambda x: x[LONG([2, 0, 2])], R),
    "index twice": ("index", lambda x: x[LONG([[0], [-1]]), :, LONG([1, 1, 3])], C),
    "index beside": ("index", lambda x: x[:, LONG([0, 1, 1]), LONG([1, -2, 3])], C),
    "index by a mask": ("index", lambda x: x[MASK], R),
    "index by a mask and more": ("index", lambda x: x[:, LONG([True, False, True, True]), LONG([1, 0, 1])], C),
    "index of itself": ("index", two_reads, R),
    "take": ("take", lambda x: x.take(LONG([[0, 5], [-1, 5]])), R),
    "masked_select": ("masked_select", lambda x: x.masked_select(MASK), (4,)),
    "nothing picked": ("index", lambda x: torch.cat([x[LONG([], dtype=torch.long)], x]), R),
    # writing
    "copy_": ("copy", written(lambda y, v: y.copy_(v)), R, (4,)),
    "copy_ into a view": ("copy", assign((slice(None), 1)), R, (3,)),
    "fill_": ("fill", lambda x, v: (x * 1.0)[0].fill_(v) + x, R, ()),
    "zero_ of a row": ("zero", written(lambda y: y[1].zero_()), R),
    "index_put": ("index_put", assign(LONG([2, 0])), R, (2, 4)),
    "index_put two": ("index_put", assign((LONG([[2], [0]]), LONG([1, 3]))), R, (2,)),
    "index_put between": ("index_put", assign((LONG([2, 0]), slice(None), LONG([1, 3]))), C, (4,)),
    "index_put a mask": ("index_put", assign(MASK), R, (6,)),
    "index_put one": ("index_put", assign((LONG([1, 2]),)), R, ()),
    "index_put accumulate": ("index_put", written(lambda y, v: y.index_put_((LONG([1, 1, 0]),), v, accumulate=True)), R, (3, 4)),
    "put": ("put", lambda x, v: x.put(LONG([3, 3, 11]), v, accumulate=True), R, (3,)),
    "index_add": ("index_add", lambda x, v: x.index_add(1, LONG([0, 0, 3]), v, alpha=0.7), R, (3, 3)),
    "index_copy": ("index_copy", lambda x, v: x.index_copy(0, LONG([2, 0]), v), R, (2, 4)),
    "index_fill": ("index_fill", lambda x, v: x.index_fill(1, LONG([2, 0]), v), R, ()),
    "index_fill number": ("index_fill", lambda x: x.index_fill(1, LONG([2, 0, 2]), 0.3), R),
    "index_reduce": ("index_reduce", lambda x, v: x.index_reduce(1, LONG([0, 0, 3]), v, "mean"), R, (3, 3)),
    "masked_fill": ("masked_fill", lambda x, v: x.masked_fill(MASK, v), R, ()),
    "masked_fill number": ("masked_fill", lambda x: x.masked_fill(MASK, -1e9), R),
    "masked_scatter": ("masked_scatter", lambda x, v: x.masked_scatter(MASK, v), R, (8,)),
    "select_scatter": ("select_scatter", lambda x, v: x.select_scatter(v, 1, -2), R, (3,)),
    "slice_scatter": ("slice_scatter", lambda x, v: x.slice_scatter(v, 1, 0, 4, 2), R, (3, 2)),
    "diagonal_scatter": ("diagonal_scatter", lambda x, v: x.diagonal_scatter(v, -1), R, (2,)),
    "scatter": ("scatter", lambda x, v: x.scatter(0, APART[:, :2], v), R, (2, 2)),
    "scatter a constant": ("scatter", lambda x: x.scatter(0, APART[:, :2], 0.5 * torch.ones(3, 3, dtype=x.dtype)), R),
    "scatter number": ("scatter", lambda x: x.scatter(0, INDEX, 0.3), R),
    "scatter_add": ("scatter_add", lambda x, v: x.scatter_add(0, INDEX, v), R, (2, 4)),
    "scatter_add lines": ("scatter_add", lambda x, v: x.scatter_add(0, LONG([1, 1, 4]), v), (5,), (3,)),
    **{
        f"scatter_reduce {how} {together}": (
            "scatter_reduce",
            lambda x, v, how=how, together=together: x.scatter_reduce(0, INDEX, v, how, include_self=together),
            R,
            (2, 4),
        )
        for how in ("sum", "mean", "prod", "amax", "amin")
        for together in (True, False)
    },
    "scatter_reduce tied": ("scatter_reduce", lambda x: x.scatter_reduce(1, LONG([[0, 0, 1]] * 3), x[:, :3], "amax"), TIED),
    "views and writes": ("", views_and_writes, R, (4,)),
    # rows
    "embedding": ("embedding", lambda w: nnf.embedding(INDEX, w), (3, 5)),
    "embedding padded": ("embedding", lambda w: nnf.embedding(INDEX, w, padding_idx=2), (3, 5)),
    "embedding by frequency": ("embedding", lambda w: nnf.embedding(INDEX, w, scale_grad_by_freq=True), (3, 5)),
    **{
        f"embedding_bag {mode}": (
            "_embedding_bag",
            lambda w, mode=mode: nnf.embedding_bag(LONG([0, 2, 1, 2, 0]), w, LONG([0, 3, 3]), mode=mode),
            (3, 5),
        )
        for mode in ("sum", "mean", "max")
    },
    "embedding_bag padded": ("_embedding_bag", lambda w: nnf.embedding_bag(INDEX, w, mode="mean", padding_idx=0), (3, 5)),
    "embedding_bag weighted": (
        "_embedding_bag",
        lambda w, s: nnf.embedding_bag(INDEX, w, mode="sum", per_sample_weights=s),
        (3, 5),
        (2, 4),
    ),
    "embedding_bag ends": (
        "_embedding_bag",
        lambda w: nnf.embedding_bag(LONG([0, 2, 1]), w, LONG([0, 1, 3]), mode="sum", include_last_offset=True),
        (3, 5),
    ),
    # extremes
    "amax": ("amax", lambda x: x.amax((0, 2)), C),
    "amin": ("amin", lambda x: x.amin(1, keepdim=True), C),
    "amax tied": ("amax", lambda x: x.amax(1), TIED),
    "aminmax": ("aminmax", lambda x: torch.cat(x.aminmax(dim=0)), R),
    "aminmax tied": ("aminmax", lambda x: torch.stack(torch.aminmax(x)), TIED),
    "max": ("max", lambda x: x.max(), R),
    "max tied": ("max", lambda x: x.max(), TIED),
    "min tied": ("min", lambda x: x[1:].min() * x[1].min(), TIED),
    "max along": ("max", lambda x: x.max(1)[0], C),
    "max along tied": ("max", lambda x: x.max(0, keepdim=True)[0] + x.max(1).values.sum(), TIED),
    "min along tied": ("min", lambda x: x.min(-1).values, TIED),
    "max of one number": ("max", lambda x: x.max(0)[0] * x.max(), ()),
    "maximum tied": ("maximum", lambda x, y: torch.maximum(x, y[0]) * torch.minimum(x[0], y), TIED, TIED),
    "sort": ("sort", lambda x: x.sort(0, descending=True)[0], C),
    "sort tied": ("sort", lambda x: x.sort(1)[0], TIED),
    "topk": ("topk", lambda x: x.topk(2, 1)[0], C),
    "topk tied": ("topk", lambda x: x.topk(2, 1, largest=False)[0], TIED),
    "kthvalue": ("kthvalue", lambda x: x.kthvalue(2, 1, keepdim=True)[0], C),
    "median": ("median", lambda x: x.median(), R),
    "median tied": ("median", lambda x: x.median() * x[1].median(), TIED),
    "median along": ("median", lambda x: x.median(1)[0], C),
    "cummax": ("cummax", lambda x: x.cummax(1)[0], C),
    "cummin tied": ("cummin", lambda x: x.cummin(1)[0], TIED),
    # windows
    "max_pool1d": ("max_pool2d_with_indices", lambda x: nnf.max_pool1d(x, 3, 2, 1), LINE),
    "max_pool2d": ("max_pool2d_with_indices", lambda x: nnf.max_pool2d(x, (3, 2), 2, (1, 0), ceil_mode=True), IMAGE),
    "max_pool2d dilated": ("max_pool2d_with_indices", lambda x: nnf.max_pool2d(x, 2, 1, 1, 2), IMAGE),
    "max_pool2d tied": ("max_pool2d_with_indices", lambda x: nnf.max_pool2d(x[None], 2, 1), TIED),
    "max_pool3d": ("max_pool3d_with_indices", lambda x: nnf.max_pool3d(x, 2, 1, 1), BODY),
    "max_unpool2d": (
        "max_unpool2d",
        lambda x: nnf.max_unpool2d(*nnf.max_pool2d(x, 2, return_indices=True), 2),
        IMAGE,
    ),
    "adaptive_max_pool2d": ("adaptive_max_pool2d", lambda x: nnf.adaptive_max_pool2d(x, (2, 4)), IMAGE),
    "adaptive_max_pool3d": ("adaptive_max_pool3d", lambda x: nnf.adaptive_max_pool3d(x, 2), BODY),
    "avg_pool1d": ("", lambda x: nnf.avg_pool1d(x, 3, 2, 1), LINE),
    "avg_pool2d": ("avg_pool2d", lambda x: nnf.avg_pool2d(x, (3, 2), 2, 1), IMAGE),
    "avg_pool2d ceil": ("avg_pool2d", lambda x: nnf.avg_pool2d(x, 3, 2, 1, ceil_mode=True), IMAGE),
    "avg_pool2d inside": (
        "avg_pool2d",
        lambda x: nnf.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
        IMAGE,
    ),
    "avg_pool2d divisor": ("avg_pool2d", lambda x: nnf.avg_pool2d(x, 2, divisor_override=3), IMAGE),
    "avg_pool3d": ("avg_pool3d", lambda x: nnf.avg_pool3d(x, 2, 1, 1, count_include_pad=False), BODY),
    "adaptive_avg_pool1d": ("", lambda x: nnf.adaptive_avg_pool1d(x, 3), LINE),
    "adaptive_avg_pool2d": ("_adaptive_avg_pool2d", lambda x: nnf.adaptive_avg_pool2d(x, (2, 4)), IMAGE),
    "adaptive_avg_pool3d": ("_adaptive_avg_pool3d", lambda x: nnf.adaptive_avg_pool3d(x, 2), BODY),
    "im2col": ("im2col", lambda x: nnf.unfold(x, (2, 3), 1, 1, (2, 1)), IMAGE),
    "col2im": ("col2im", lambda x: nnf.fold(x, (4, 5), (2, 3), padding=1, stride=(2, 1)), (2, 12, 15)),
    "unfold": ("unfold", lambda x: x.unfold(1, 3, 1), C),
    # sampling
    "upsample_nearest1d": ("upsample_nearest1d", lambda x: nnf.interpolate(x, 10), LINE),
    "upsample_nearest2d": ("upsample_nearest2d", lambda x: nnf.interpolate(x, scale_factor=(1.7, 0.6)), IMAGE),
    "upsample_nearest3d": ("upsample_nearest3d", lambda x: nnf.interpolate(x, scale_factor=2), BODY),
    "upsample_nearest_exact": (
        "_upsample_nearest_exact2d",
        lambda x: nnf.interpolate(x, (8, 4), mode="nearest-exact"),
        IMAGE,
    ),
    "upsample_linear1d": ("upsample_linear1d", lambda x: nnf.interpolate(x, 10, mode="linear"), LINE),
    "upsample_linear1d thirds": ("upsample_linear1d", lambda x: nnf.interpolate(x, scale_factor=3, mode="linear"), LINE),
    "upsample_bilinear2d": (
        "upsample_bilinear2d",
        lambda x: nnf.interpolate(x, scale_factor=(1.7, 3), mode="bilinear"),
        IMAGE,
    ),
    "upsample_bilinear2d corners": (
        "upsample_bilinear2d",
        lambda x: nnf.interpolate(x, (9, 4), mode="bilinear", align_corners=True),
        IMAGE,
    ),
    "upsample_trilinear3d": ("upsample_trilinear3d", lambda x: nnf.interpolate(x, scale_factor=2, mode="trilinear"), BODY),
    "upsample_bicubic2d": ("upsample_bicubic2d", lambda x: nnf.interpolate(x, (9, 4), mode="bicubic"), IMAGE),
    "upsample_bicubic2d thirds": (
        "upsample_bicubic2d",
        lambda x: nnf.interpolate(x, scale_factor=3, mode="bicubic"),
        IMAGE,
    ),
    **{
        f"antialiased {mode} {corners} {size}": (
            f"_upsample_{mode}2d_aa",
            lambda x, mode=mode, corners=corners, size=size: nnf.interpolate(
                x, size, mode=mode, align_corners=corners, antialias=True
            ),
            IMAGE,
        )
        for mode in ("bilinear", "bicubic")
        for corners in (True, False)
        for size in ((3, 2), (9, 4), (1, 1))
    },
    **{
        f"grid_sample {border} {corners}": (
            "grid_sampler_2d",
            lambda x, grid, border=border, corners=corners: nnf.grid_sample(
                x, 1.3 * torch.tanh(grid), padding_mode=border, align_corners=corners
            ),
            IMAGE,
            (2, 4, 2, 2),
        )
        for border in ("zeros", "border", "reflection")
        for corners in (True, False)
    },
    **{
        f"grid_sample {mode} {border}": (
            "grid_sampler_2d",
            lambda x, grid, mode=mode, border=border: (
                nnf.grid_sample(x, 1.6 * torch.tanh(grid), mode, border, align_corners=border == "border").square()
                + (0.0 if mode == "bicubic" else grid[..., :1].movedim(-1, 1))
            ),
            IMAGE,
            (2, 4, 2, 2),
        )
        for mode in ("bicubic", "nearest")
        for border in ("zeros", "border", "reflection")
    },
    **{
        f"grid_sample in space {mode} {border}": (
            "grid_sampler_3d",
            lambda x, grid, mode=mode, border=border: (
                nnf.grid_sample(x, 1.6 * torch.tanh(grid), mode, border, align_corners=border == "zeros")
                + (0.0 if mode == "bilinear" else grid[..., :1].movedim(-1, 1))
            ),
            BODY,
            (1, 2, 2, 2, 3),
        )
        for mode, border in (("bilinear", "zeros"), ("bilinear", "reflection"), ("nearest", "border"))
    },
    "grid_sample nearest halfway": (
        "grid_sampler_2d",
        lambda x: nnf.grid_sample(x, HALVES.to(x.dtype), "nearest", align_corners=True),
        IMAGE,
    ),
    "grid_sample at the mirrors": ("grid_sampler_2d", at_mirrors, IMAGE),
    "affine_grid": ("affine_grid_generator", resampled(True), IMAGE, (2, 2, 3)),
    "affine_grid in space": (
        "affine_grid_generator",
        lambda theta: nnf.affine_grid(theta, [1, 2, 4, 3, 5], align_corners=False),
        (1, 3, 4),
    ),
    "affine_grid on entries": (
        "affine_grid_generator",
        resampled(False),
        IMAGE,
        torch.eye(2, 3, dtype=torch.float64).repeat(2, 1, 1),
    ),
    # convolutions
    "conv1d": ("convolution", lambda x, w, b: nnf.conv1d(x, w, b, 2, 1, 2), LINE, (4, 3, 3), (4,)),
    "conv2d": ("convolution", lambda x, w: nnf.conv2d(x, w, None, (2, 1), (1, 0)), IMAGE, (4, 3, 3, 2)),
    "conv2d groups": ("convolution", lambda x, w, b: nnf.conv2d(x, w, b, groups=2), (2, 4, 5, 4), (6, 2, 2, 3), (6,)),
    "conv2d depthwise": ("convolution", lambda x, w: nnf.conv2d(x, w, padding="same", groups=3), IMAGE, (3, 1, 3, 3)),
    "conv2d no examples": ("convolution", lambda x, w: nnf.conv2d(x, w, None, 3), C, (2, 3, 2, 2)),
    "conv3d": ("convolution", lambda x, w, b: nnf.conv3d(x, w, b, (1, 2, 1), 1), BODY, (3, 2, 2, 3, 2), (3,)),
    "conv_transpose1d": ("convolution", lambda x, w: nnf.conv_transpose1d(x, w, None, 3, 1, 2, 1, 2), LINE, (3, 2, 3)),
    "conv_transpose2d": (
        "convolution",
        lambda x, w, b: nnf.conv_transpose2d(x, w, b, (2, 3), (1, 0), (1, 2), groups=2),
        (2, 4, 3, 2),
        (4, 3, 3, 2),
        (6,),
    ),
    "conv_transpose3d": ("convolution", lambda x, w: nnf.conv_transpose3d(x, w, None, 2, 1), BODY, (2, 3, 2, 3, 2)),
    # contractions
    "addr": ("addr", lambda x, u, v: torch.addr(x, u, v, beta=0.3, alpha=1.7), R, (3,), (4,)),
    "outer": ("", torch.outer, (3,), (4,)),
    "addbmm": ("addbmm", lambda x, u, v: torch.addbmm(x, u, v, beta=0.3, alpha=1.7), R, (2, 3, 5), (2, 5, 4)),
    "trace": ("trace", lambda x: x.trace(), R),
    "cross": ("linalg_cross", lambda x, y: torch.linalg.cross(x, y, dim=1), (4, 3, 2), (1, 3, 2)),
    "bilinear": ("", nnf.bilinear, (4, 3), (4, 2), (5, 3, 2), (5,)),
    "einsum": ("", lambda x, y, w: torch.einsum("bi,bj,oij->bo", x, y, w), (4, 3), (4, 2), (5, 3, 2)),
    "kron": ("", torch.kron, (2, 3), (2, 2)),
    "tensordot": ("", lambda x, y: torch.tensordot(x, y, ([0, 2], [1, 0])), C, (5, 3)),
    "cumsum": ("cumsum", lambda x: x.cumsum(1), C),
    "cumsum of one number": ("cumsum", lambda x: x.cumsum(0), ()),
    "cumprod": ("cumprod", lambda x: x.cumprod(1), C),
    "cumprod with zeros": ("cumprod", lambda x: x.cumprod(1), TIED),
    # blends
    "lerp": ("lerp", lambda x, y: torch.lerp(x, y, 0.3) + torch.lerp(x, y, 1.7), R, (4,)),
    "lerp tensor": ("lerp", torch.lerp, R, (4,), (3, 1)),
    "addcmul": ("addcmul", lambda x, y, z: torch.addcmul(x, y, z, value=0.3), R, (4,), (3, 1)),
    "addcdiv": ("addcdiv", lambda x, y, z: torch.addcdiv(x, y, z, value=0.3), R, (4,), (3, 1)),
    "fmax tied": ("fmax", lambda x, y: torch.fmax(x, y) + torch.fmin(x, y[0]), TIED, TIED.roll(1, 1)),
    "where": ("where", lambda x, y: torch.where(MASK, x, 0.3) + torch.where(MASK, 1.0, y), R, (4,)),
    "x x": ("mul", lambda x: x * x + x[0] * x.t().sum(0)[0], R),
    "one number": ("", lambda x: x.reshape(1).expand(3) * x + x.repeat(2, 3)[:, 0].sum(), ()),
}
