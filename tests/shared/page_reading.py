"""Reads a page as a person would: steps with their formulas and values, and MathML worked out."""

import html
import math
import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import numpy as np

from bpcompare.laws import LAWS
from bpcompare.ops import Identity, Softmax

STEP = re.compile(r'<details class="step[^"]*" id="(s\d+)".*?</details>', re.DOTALL)
VALUE = re.compile(r'<th scope="row"><bdi>([^<]*)</bdi></th><td class="num" data-value[^>]* title="([^"]*)">([^<]*)</td>')
MATHML = "{http://www.w3.org/1998/Math/MathML}"


@dataclass
class Seen:
    """What stands in one step."""

    id: str
    element: str
    result: str
    numbers: list
    values: dict


def seen(page):
    """Every step of a page."""
    for match in STEP.finditer(page):
        text = match.group()
        element = html.unescape(re.search(r'<code class="path">([^<]*)</code>', text).group(1))
        result = re.search(r'<span class="answer num"[^>]*>[=←] ([^<]*)</span>', text).group(1)
        numbers = [
            (re.search(r"<math.*?</math>", line).group(), re.search(r"= ([^<]*)</span>", line).group(1))
            for line in re.findall(r'<p class="numbers".*?</p>', text, re.DOTALL)
        ]
        values = {name: (bits, plain(shown)) for name, bits, shown in VALUE.findall(text)}
        yield Seen(match.group(1), element, result, numbers, values)


def plain(text):
    """A printed number as Python reads it."""
    return text.replace("−", "-").replace("∞", "inf")


def calls(network):
    """Functions that formulas of this network name."""
    found = {"softplus": lambda x: math.log1p(math.exp(x)), "sigmoid": lambda x: 1 / (1 + math.exp(-x))}
    for layer in network.layers.values():
        if not isinstance(layer.g, Identity | Softmax):
            law = LAWS.ops[type(layer.g)]
            found[layer.g.name] = lambda x, law=law, g=layer.g: float(law.g(g, np.array([x]))[0])
    return found


def worked_out(mathml, functions, nudge=None):
    """The value of a formula in MathML with numbers, and how many numbers are in it; number `nudge` moved by half its digit."""
    writer = _Python(nudge)
    text = re.sub(r"\|([^|]*)\|", r"abs(\1)", writer.written(ET.fromstring(mathml)))
    given = {"__builtins__": {}, "exp": math.exp, "sqrt": math.sqrt, "abs": abs, **functions}
    return eval(text, given), writer.count


class _Python:
    """MathML as an expression of Python."""

    def __init__(self, nudge):
        self.nudge = nudge
        self.count = 0

    def written(self, node):
        tag, parts = node.tag.removeprefix(MATHML), list(node)
        plain_tags = {"mo": {"·": "*", "−": "-"}.get(node.text, node.text), "mi": node.text, "mtext": "", "mspace": ""}
        if tag in plain_tags:
            return plain_tags[tag]
        if tag == "mn":
            return self.number(plain(node.text))
        if tag == "mfrac":
            return f"(({self.written(parts[0])})/({self.written(parts[1])}))"
        if tag == "msqrt":
            return f"sqrt({''.join(map(self.written, parts))})"
        if tag == "msup":
            base = self.written(parts[0])
            return f"exp({self.written(parts[1])})" if base == "e" else f"({base})**{parts[1].text}"
        assert tag in ("math", "mrow"), tag
        return "".join(map(self.written, parts))

    def number(self, text):
        if self.count == self.nudge and float(text):
            text = repr(float(text) + 0.5e-5 * 10.0 ** math.floor(math.log10(abs(float(text)))))
        self.count += 1
        return text
