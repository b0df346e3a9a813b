"""Everything as it should be, in NumPy."""

STYLE = "vectorized"


def delta_output(k):
    return k.g_prime(k.in_) * (k.t - k.a) / k.examples


def delta_hidden(j):
    return j.g_prime(j.in_) * sum(delta @ w.T for w, delta in j.out)


def gradient(e):
    return -e.a.T @ e.delta


def update(p):
    return p.w - p.eta * p.gradient
