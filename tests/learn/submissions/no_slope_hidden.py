"""g' forgotten at hidden nodes."""


def delta_output(k):
    return k.g_prime(k.in_) * (k.t - k.a) / k.examples


def delta_hidden(j):
    return sum(w * delta for w, delta in j.out)


def gradient(e):
    return -sum(a * delta for a, delta in zip(e.a, e.delta, strict=True))


def update(p):
    return p.w - p.eta * p.gradient
