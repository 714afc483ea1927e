#!/usr/bin/env python3
"""Writes attention.h: what torch.nn.MultiheadAttention behind a dense layer computes in double precision, with a
key_padding_mask where the lengths differ; rotary positions and grouped heads, which it has not, are written
with PyTorch's operations.

Usage: make_attention.py > attention.h (PyTorch 2.6 was used). The cost is 1/2 sum (y - target)^2 of steps that count."""
import math

import torch
from torch import nn
from torch.nn import functional as F

BATCH, STEPS, INPUTS = 3, 5, 3
LENGTHS = [2, 5, 4]
DESCENT_STEPS, LEARNING_RATE = 10, 0.002
torch.set_default_dtype(torch.float64)


def chirp(scale, step, count, first=0):
    """What the test computes, too: numbers in double, rounded to float32. Sines of a constant frequency would be matrices
    of rank 2."""
    return torch.tensor([scale * math.sin(step * i * i + 1) for i in range(first, first + count)]).float().double()


def numbers(tensors):
    flat = torch.cat([t.detach().flatten() for t in tensors])
    return "{" + ", ".join(f"{float(v):.9g}" for v in flat) + "}"


def turned(x, base):
    """Rotary positions of x[batch][heads][steps][dim], as Hugging Face's LlamaAttention has them."""
    dim = x.shape[-1]
    angle = torch.arange(x.shape[2])[:, None] * base ** (-2 * torch.arange(dim // 2) / dim)
    a, b = x[..., :dim // 2], x[..., dim // 2:]
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=-1)


class Grouped(nn.Module):
    """Fewer heads of keys and values, and rotary positions."""

    def __init__(self, width, heads, kv_heads, inputs, base=0, bias=True):
        super().__init__()
        self.heads, self.kv_heads, self.base = heads, kv_heads, base
        kv = width // heads * kv_heads
        if kv == inputs == width:
            self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        else:
            self.q_proj_weight = nn.Parameter(torch.empty(width, width))
            self.k_proj_weight = nn.Parameter(torch.empty(kv, inputs))
            self.v_proj_weight = nn.Parameter(torch.empty(kv, inputs))
        self.in_proj_bias = nn.Parameter(torch.empty(width + 2 * kv)) if bias else None
        self.out_proj = nn.Linear(width, width, bias)
        self.sizes = [width, kv, kv]

    def forward(self, q, k, v, key_padding_mask, attn_mask):
        weights = (self.in_proj_weight.split(self.sizes) if hasattr(self, "in_proj_weight") else
                   (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight))
        biases = self.in_proj_bias.split(self.sizes) if self.in_proj_bias is not None else [None] * 3
        q, k, v = (F.linear(x, w, b).unflatten(2, (heads, -1)).transpose(1, 2) for x, w, b, heads in
                   zip((q, k, v), weights, biases, (self.heads, self.kv_heads, self.kv_heads)))
        if self.base:
            q, k = turned(q, self.base), turned(k, self.base)
        seen = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool) if attn_mask is None else ~attn_mask
        if key_padding_mask is not None:
            seen = seen & ~key_padding_mask[:, None, None, :]
        y = F.scaled_dot_product_attention(q, k, v, seen, enable_gqa=True)
        return self.out_proj(y.transpose(1, 2).flatten(2)), None


class Net(nn.Module):
    def __init__(self, units, attention, second=None):
        super().__init__()
        self.a = nn.Linear(INPUTS, units)
        self.b = second
        self.attention = attention

    def forward(self, x, causal, padding):
        q = self.a(x)
        k = self.b(x) if self.b else q
        mask = torch.ones(STEPS, STEPS, dtype=torch.bool).triu(1) if causal else None
        return self.attention(q, k, k, key_padding_mask=padding, attn_mask=mask)[0]


def set_start(net):
    at = 0
    for p in net.parameters():
        p.data.copy_(chirp(0.7, 0.73, p.numel(), at).view_as(p))
        at += p.numel()


def case(yaml, net, causal=False, lengths=False):
    set_start(net)
    x = chirp(1.5, 0.91, BATCH * STEPS * INPUTS).view(BATCH, STEPS, INPUTS)
    behind = torch.arange(STEPS) >= torch.tensor(LENGTHS if lengths else [STEPS] * BATCH)[:, None]
    optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE)
    for step in range(DESCENT_STEPS):
        optimizer.zero_grad()
        y = net(x, causal, behind if lengths else None).masked_fill(behind[:, :, None], 0)
        target = chirp(0.5, 1.3, y.numel()).view_as(y)
        (0.5 * (y - target) ** 2).masked_fill(behind[:, :, None], 0).sum().backward()
        if step == 0:
            first = y, [p.grad.clone() for p in net.parameters()]
        optimizer.step()
    assert all(p.isfinite().all() for p in net.parameters()), yaml
    print(f'    {{"{yaml}",\n     {str(lengths).lower()},\n     {numbers([first[0]])},\n     {numbers(first[1])},\n'
          f"     {numbers(list(net.parameters()))}}},")


def torchs(width, heads, **options):
    return nn.MultiheadAttention(width, heads, batch_first=True, **options)


print(f"/* Written by make_attention.py with PyTorch {torch.__version__.split('+')[0]}. */")
print("#include <stdbool.h>\n#include <stdint.h>\n")
print("/* clang-format off */")
print(f"enum {{ GOLDEN_BATCH = {BATCH}, GOLDEN_STEPS = {STEPS}, GOLDEN_INPUTS = {INPUTS},")
print(f"       GOLDEN_DESCENT_STEPS = {DESCENT_STEPS} }};")
print(f"static const double golden_learning_rate = {LEARNING_RATE};")
print("static const int32_t golden_lengths[GOLDEN_BATCH] = {%s};" % ", ".join(map(str, LENGTHS)))
print("static const struct golden_attention {")
print("    const char *yaml;")
print("    bool lengths;")
print("    double y[GOLDEN_BATCH * GOLDEN_STEPS * 8];")
print("    double grads[400], params[400]; /* before the first step, after the last one */")
print("} golden_attention[] = {")
for lengths in False, True:
    case("[dense: {units: 4}, attention: {heads: 2}]", Net(4, torchs(4, 2)), lengths=lengths)
    case("[dense: {units: 4}, attention: {heads: 1, bias: false, causal: true}]", Net(4, torchs(4, 1, bias=False)), True,
         lengths)
    case("[dense: {units: 4, name: a}, dense: {units: 4, name: b, inputs: input}, attention: {heads: 2, inputs: [a, b]}]",
         Net(4, torchs(4, 2), nn.Linear(INPUTS, 4)), lengths=lengths)
    case("[dense: {units: 4, name: a}, dense: {units: 3, name: b, inputs: input}, attention: {heads: 4, inputs: [a, b]}]",
         Net(4, torchs(4, 4, kdim=3, vdim=3), nn.Linear(INPUTS, 3)), lengths=lengths)
    case("[dense: {units: 8}, attention: {heads: 4, kv_heads: 2, causal: true}]", Net(8, Grouped(8, 4, 2, 8)), True, lengths)
    case("[dense: {units: 8}, attention: {heads: 2, rotary_base: 100, causal: true}]", Net(8, Grouped(8, 2, 2, 8, 100)), True,
         lengths)
    case("[dense: {units: 8}, attention: {heads: 2, kv_heads: 1, rotary_base: 10000, bias: false}]",
         Net(8, Grouped(8, 2, 1, 8, 10000, False)), lengths=lengths)
print("};")
