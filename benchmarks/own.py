"""What watching a step costs: its time and its memory, beside the bare step.

    python -m benchmarks.own [--write] [--net NAME]

A GPT of 12 layers and width 192 (64 tokens, 4 examples, 256 symbols, AdamW), and ResNet-18 (8 images of 64×64, SGD), float32, on
one core. (a) seconds of the bare step, of the recorded step and of the proof, wall and processor: medians of interleaved repeats
in one process, warm. (b) peak memory, each in a process of its own: above what the process had after its imports, so model,
gradients and the optimizer's state count. Aims: recording 1.3× (goal 2), proof 4× (goal 10), memory 3×.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from benchmarks.fuzz import versions
from benchmarks.memory import from_here, peak

REPEATS = 5
DECIDES = "`bpcompare.check` proves a float64 copy of the model first, which decides it."
Step = Callable[[], None]


def gpt() -> tuple[Any, Any, Step]:
    """Model, optimizer and step of a GPT."""
    import torch
    from torch import nn
    from torch.nn import functional

    width, heads, layers, length, symbols = 192, 6, 12, 64, 256

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Any) -> Any:
            parts = self.qkv(self.norm1(x)).split(width, dim=2)
            q, k, v = (part.unflatten(2, (heads, -1)).transpose(1, 2) for part in parts)
            a = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(a.transpose(1, 2).flatten(2))
            return x + self.down(functional.gelu(self.up(self.norm2(x))))

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.positions = nn.Embedding(symbols, width), nn.Embedding(length, width)
            self.blocks = nn.Sequential(*(Block() for _ in range(layers)))
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, symbols, bias=False)

        def forward(self, index: Any) -> Any:
            x = self.tokens(index) + self.positions(torch.arange(length))
            return self.head(self.norm(self.blocks(x)))

    torch.manual_seed(0)
    model = GPT()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    tokens = torch.randint(symbols, (4, length + 1))

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten()).backward()
        optimizer.step()

    return model, optimizer, step


def resnet() -> tuple[Any, Any, Step]:
    """Model, optimizer and step of ResNet-18."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        def __init__(self, inside: int, outside: int, stride: int) -> None:
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside)
            self.conv2, self.bn2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False), nn.BatchNorm2d(outside)
            self.relu = nn.ReLU(inplace=True)
            self.downsample = None
            if stride != 1 or inside != outside:
                self.downsample = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

        def forward(self, x: Any) -> Any:
            y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            y += x if self.downsample is None else self.downsample(x)
            return self.relu(y)

    torch.manual_seed(0)
    blocks = []
    for inside, outside, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)):
        blocks += [Block(inside, outside, stride), Block(outside, outside, 1)]
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    model = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    x, y = torch.randn(8, 3, 64, 64), torch.randint(1000, (8,))

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return model, optimizer, step


NETS = {"GPT": gpt, "ResNet-18": resnet}


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds: wall, processor."""
    wall, processor = perf_counter(), process_time()
    work()
    return perf_counter() - wall, process_time() - processor


def times(net: str) -> dict[str, Any]:
    """(a), in this process."""
    import bpcompare

    model, optimizer, step = _ready(net)
    found: dict[str, list[tuple[float, float]]] = {"bare step": [], "recorded step": [], "proof": []}
    watched = None
    for number in range(REPEATS):
        found["bare step"].append(timed(step))

        def recorded() -> None:
            nonlocal watched
            with bpcompare.watch(model, optimizer) as watched:
                step()

        watched = None  # what the last one kept is freed before, not meanwhile
        found["recorded step"].append(timed(recorded))
        if number in (0, REPEATS - 1):
            found["proof"].append(timed(lambda step=watched: step.verdict))  # type: ignore[misc]
    assert watched is not None
    middle = {name: [median(column) for column in zip(*pairs, strict=True)] for name, pairs in found.items()}
    undecided = [f"{claim.path} ({finding.note})" for _, claim, finding in watched.undecided]
    return {
        "seconds": middle,
        "verdict": watched.verdict,
        "claims": len(watched.findings),
        "undecided": undecided,
        "unexamined": _missing(watched),
    }


def _missing(watched: Any) -> list[str]:
    return [one.what for one in watched.unexamined]


def memory(net: str, what: str) -> float:
    """(b), in this process: MiB."""
    import torch  # noqa: F401

    import bpcompare
    from bpcompare.laws import LAWS  # noqa: F401

    bpcompare.watch  # noqa: B018 — imports it
    before = from_here()
    model, optimizer, step = _ready(net)
    if what == "bare step":
        step()
    else:
        with bpcompare.watch(model, optimizer) as watched:
            step()
        if what == "proof":
            watched.verdict  # noqa: B018 — worked out now
    return peak() - before


def _ready(net: str) -> tuple[Any, Any, Step]:
    import torch

    torch.set_num_threads(1)
    model, optimizer, step = NETS[net]()
    step()
    return model, optimizer, step


def table(net: str) -> list[str]:
    """Both parts of one net."""
    found = _child("times", net)
    peaks = {what: _child("memory", net, what) for what in found["seconds"]}
    bare, least = found["seconds"]["bare step"], peaks["bare step"]
    lines = [f"## {net}", "", "| | wall ms | CPU ms | × bare (CPU) | peak MiB | × bare |", "|---" * 6 + "|"]
    for what, (wall, processor) in found["seconds"].items():
        lines.append(
            f"| {what} | {wall * 1e3:.0f} | {processor * 1e3:.0f} | {processor / bare[1]:.2f} "
            f"| {peaks[what]:.0f} | {peaks[what] / least:.2f} |"
        )
    missing = ", ".join(found["unexamined"]) or "nothing"
    doubts = [f"Undecided: {one}. {DECIDES}" for one in found["undecided"]]
    return [*lines, "", f"{found['verdict']}, {found['claims']:,} claims; not examined: {missing}.", *doubts, ""]


def _child(*arguments: str) -> Any:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.own", "--child", *arguments]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--net", choices=NETS)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        what, *arguments = asked.child
        print(json.dumps({"times": times, "memory": memory}[what](*arguments)))  # type: ignore[operator]
        return
    text = "\n".join(line for net in ([asked.net] if asked.net else NETS) for line in table(net))
    print(text)
    if asked.write:
        said = " ".join((__doc__ or "").split())
        head = f"# The cost of watching\n\n`python -m benchmarks.own`, {versions(('delta', 'torch'))}. {said}\n\n"
        load = f"Load average when it ended: {os.getloadavg()[0]:.1f}.\n"
        Path(__file__).with_suffix(".md").write_text(head + text + "\n" + load, encoding="utf-8")


if __name__ == "__main__":
    main()
