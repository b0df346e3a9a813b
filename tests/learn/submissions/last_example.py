"""Only the last example counts."""


def delta_output(k):
    return k.g_prime(k.in_) * (k.t - k.a) / k.examples


def delta_hidden(j):
    return j.g_prime(j.in_) * sum(w * delta for w, delta in j.out)


def gradient(e):
    return -e.a[-1] * e.delta[-1]


def update(p):
    return p.w - p.eta * p.gradient
