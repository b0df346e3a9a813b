"""Small examples of complex numbers, as people use them: spectra, rotations, weights. All begin and end as real numbers."""

from __future__ import annotations

from functools import partial

import torch
from torch import fft

from called import Call, between, normal


def real(f):
    """f, with both parts of what it gives."""
    return lambda *x: torch.view_as_real(torch.resolve_conj(f(*x)))


def rotated(x, angle):
    """As rotary embeddings are."""
    turned = torch.view_as_complex(x.reshape(3, 4, 2)) * torch.polar(torch.ones_like(angle), angle)
    return torch.view_as_real(turned).flatten(1)


def spectral(x, re, im):
    """As in Fourier neural operators: the lower modes, mixed by complex weights."""
    found = fft.rfft(x)
    out = torch.zeros(2, 3, found.shape[-1], dtype=found.dtype)
    out[:, :, :3] = torch.einsum("bix,iox->box", found[:, :, :3], torch.complex(re, im))
    return fft.irfft(out, n=x.shape[-1])


def correlated(q, k):
    """As in attention by autocorrelation."""
    return fft.irfft(fft.rfft(q, dim=1) * torch.conj(fft.rfft(k, dim=1)), dim=1, n=q.shape[1])


def mixed(x):
    """As in FNet."""
    return fft.fft(fft.fft(x, dim=-1), dim=-2).real


def spectrogram(x):
    window = torch.hann_window(8, dtype=x.dtype)
    return torch.stft(x, 8, 4, window=window, return_complex=True).abs()


def of_both(f):
    """f of complex numbers z and w."""
    return real(lambda a, b, c, d: f(torch.complex(a, b), torch.complex(c, d)))


FOUR = (normal(3, 4), normal(3, 4), normal(3, 4), normal(3, 4))

MASK = torch.tensor([[True, False, False, False]])

COMPLEX_CALLS = [
    *(Call(f"rfft {norm}", real(partial(fft.rfft, norm=norm)), (normal(3, 6),)) for norm in ("backward", "ortho", "forward")),
    Call("rfft of an odd length", real(fft.rfft), (normal(3, 5),)),
    Call("rfft of another axis, padded", real(partial(fft.rfft, dim=0, n=8)), (normal(5, 2),)),
    Call("irfft", lambda a, b: fft.irfft(torch.complex(a, b)), (normal(3, 4), normal(3, 4))),
    Call("irfft of an odd length", lambda a, b: fft.irfft(torch.complex(a, b), n=5), (normal(2, 3), normal(2, 3))),
    Call("irfft2", lambda a, b: fft.irfft2(torch.complex(a, b)), (normal(3, 4), normal(3, 4))),
    Call("hfft", lambda a, b: fft.hfft(torch.complex(a, b)), (normal(2, 4), normal(2, 4))),
    Call("rfft2", real(fft.rfft2), (normal(4, 5),)),
    Call("fftn", real(fft.fftn), (normal(2, 3, 4),)),
    Call("ifft", real(lambda a, b: fft.ifft(torch.complex(a, b))), (normal(3, 5), normal(3, 5))),
    Call("shifted", real(lambda x: fft.fftshift(fft.fft(x))), (normal(3, 5),)),
    Call("FNet", mixed, (normal(3, 4),)),
    Call("a rotation", rotated, (normal(3, 8), normal(4))),
    Call("a spectral layer", spectral, (normal(2, 2, 8), normal(2, 3, 3), normal(2, 3, 3))),
    Call("autocorrelation", correlated, (normal(2, 6, 2), normal(2, 6, 2))),
    Call("spectrogram", spectrogram, (normal(2, 24),)),
    Call("product", of_both(lambda z, w: z * w), FOUR),
    Call("product with a real array", real(lambda a, b, c: torch.complex(a, b) * c), FOUR[:3]),
    Call("product with i", real(lambda a, b: torch.complex(a, b) * 1j), FOUR[:2]),
    Call("product with a number", real(lambda a, b: 2.5 * torch.complex(a, b)), FOUR[:2]),
    Call("quotient", of_both(lambda z, w: z / w), FOUR),
    Call("quotient by a number", real(lambda a, b: torch.complex(a, b) / 3.0), FOUR[:2]),
    Call("sum", of_both(lambda z, w: torch.add(z, w, alpha=0.5)), FOUR),
    Call("sum with a real array", real(lambda a, b, c: torch.complex(a, b) + c), FOUR[:3]),
    Call("difference", of_both(lambda z, w: z - w), FOUR),
    Call("difference from a real array", real(lambda a, b, c: c - torch.complex(a, b)), FOUR[:3]),
    Call("matrix product", of_both(lambda z, w: z @ w.mH), FOUR),
    Call("matrix products", of_both(lambda z, w: torch.einsum("ij,bjk->bik", z, w[None].mT.expand(2, 4, 3))), FOUR),
    Call("exponential", real(lambda a, b: torch.exp(torch.complex(a, b))), FOUR[:2]),
    *(
        Call(name, real(lambda a, b, name=name: getattr(torch, name)(torch.complex(a, b))), FOUR[:2])
        for name in ("sin", "cos", "sinh", "cosh", "tanh", "log", "sqrt", "rsqrt", "reciprocal", "sgn", "square", "sigmoid")
    ),
    Call("cube", real(lambda a, b: torch.complex(a, b) ** 3), FOUR[:2]),
    Call("addmm", of_both(lambda z, w: torch.addmm(w[:3, :3], z, w.mT, beta=0.5, alpha=2.0)), FOUR),
    Call("matrix by a vector", of_both(lambda z, w: torch.mv(z, w[0])), FOUR),
    Call("dot", of_both(lambda z, w: torch.dot(z[0], w[1])[None]), FOUR),
    Call("vdot", of_both(lambda z, w: torch.vdot(z[0], w[1])[None]), FOUR),
    Call("addcmul", of_both(lambda z, w: torch.addcmul(z, w, z, value=0.5)), FOUR),
    Call("masked_fill", of_both(lambda z, w: (z * w).masked_fill(MASK, 2j)), FOUR),
    Call("index", of_both(lambda z, w: (z * w)[torch.tensor([0, 2])]), FOUR),
    Call("vector norm", lambda a, b: torch.linalg.vector_norm(torch.complex(a, b), dim=1), FOUR[:2]),
    Call("size", lambda a, b: torch.complex(a, b).abs(), FOUR[:2]),
    Call("angle", lambda a, b: torch.complex(a, b).angle(), (between(0.2, 2, 3, 4), normal(3, 4))),
    Call("imaginary part of the conjugate", lambda a, b: (torch.complex(a, b) * (1 + 2j)).conj().imag, FOUR[:2]),
    Call("moves", of_both(lambda z, w: torch.cat([z.t().flip(0), w.reshape(4, 3)], 1)[1:].sum(0)), FOUR),
    Call("polar", real(torch.polar), (between(0.2, 2, 3, 4), normal(3, 4))),
    Call("to a complex format", lambda x: (x.to(torch.complex128) * (1 + 2j)).real, (normal(3, 4),), without=("float32",)),
]
