"""A decoder as in Hugging Face's Llama: RMSNorm worked out in float32 whatever the model's format, rotary positions, SwiGLU."""

import torch
from data import text
from torch import nn
from torch.nn import functional as F

import bpcompare

VOCABULARY, WIDTH, HEADS, GROUPS, LENGTH = 128, 32, 4, 2, 16


class RMSNorm(nn.Module):
    def __init__(self, width, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        dtype = x.dtype
        x = x.to(torch.float32)
        variance = x.pow(2).mean(-1, keepdim=True)
        x = x * torch.rsqrt(variance + self.eps)
        return self.weight * x.to(dtype)


def turned(x):
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), dim=-1)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = WIDTH // HEADS
        self.q_proj = nn.Linear(WIDTH, WIDTH, bias=False)
        self.k_proj = nn.Linear(WIDTH, GROUPS * self.head, bias=False)
        self.v_proj = nn.Linear(WIDTH, GROUPS * self.head, bias=False)
        self.o_proj = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x, cos, sin, mask):
        shape = (*x.shape[:2], -1, self.head)
        q, k, v = (f(x).view(shape).transpose(1, 2) for f in (self.q_proj, self.k_proj, self.v_proj))
        q, k = q * cos + turned(q) * sin, k * cos + turned(k) * sin
        k, v = (t.repeat_interleave(HEADS // GROUPS, dim=1) for t in (k, v))
        scores = q @ k.transpose(2, 3) * self.head**-0.5 + mask
        weights = F.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype)
        return self.o_proj((weights @ v).transpose(1, 2).reshape(x.shape))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layernorm, self.self_attn = RMSNorm(WIDTH), Attention()
        self.post_attention_layernorm = RMSNorm(WIDTH)
        self.gate_proj, self.up_proj = nn.Linear(WIDTH, 64, bias=False), nn.Linear(WIDTH, 64, bias=False)
        self.down_proj = nn.Linear(64, WIDTH, bias=False)

    def forward(self, x, cos, sin, mask):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask)
        y = self.post_attention_layernorm(x)
        return x + self.down_proj(F.silu(self.gate_proj(y)) * self.up_proj(y))


class Llama(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(2))
        self.norm = RMSNorm(WIDTH)
        self.lm_head = nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, tokens):
        x = self.embed_tokens(tokens)
        head = WIDTH // HEADS
        angles = torch.arange(LENGTH)[:, None] / 10000 ** (torch.arange(0, head, 2) / head)
        cos, sin = (f(torch.cat((angles, angles), dim=-1)).to(x.dtype) for f in (torch.cos, torch.sin))
        mask = torch.full((LENGTH, LENGTH), torch.finfo(x.dtype).min, dtype=x.dtype).triu(1)
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        return self.lm_head(self.norm(x))


torch.manual_seed(0)
data = text()[: 8 * (LENGTH + 1)].view(8, LENGTH + 1)
model = Llama().double()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)


def train_step():
    optimizer.zero_grad()
    logits = model(data[:, :-1])
    loss = F.cross_entropy(logits.reshape(-1, VOCABULARY), data[:, 1:].reshape(-1))
    loss.backward()
    optimizer.step()


for _ in range(3):
    train_step()
with bpcompare.watch(model, optimizer) as step:
    train_step()
print(step)
