#!/usr/bin/env python3
"""Writes rnn.h: what torch.nn.RNN, LSTM and GRU compute in float32, with packed sequences where the lengths differ.

Usage: make_rnn.py > rnn.h (PyTorch 1.13 was used). The cost is 1/2 sum (y - target)^2."""
import itertools
import math

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

BATCH, STEPS, INPUTS, UNITS = 3, 4, 3, 2
LENGTHS = [2, 4, 1]
DESCENT_STEPS, LEARNING_RATE = 10, 0.05
KINDS = {"rnn: {nonlinearity: tanh, ": torch.nn.RNN,
         "rnn: {nonlinearity: relu, ": lambda *size, **options: torch.nn.RNN(*size, nonlinearity="relu", **options),
         "lstm: {": torch.nn.LSTM,
         "gru: {": torch.nn.GRU}


def wave(scale, start, step, count):
    """What the test computes, too: numbers in double, rounded to float32."""
    return torch.tensor([scale * math.sin(start + step * i) for i in range(count)], dtype=torch.float64).float()


def numbers(tensors):
    flat = torch.cat([t.detach().flatten() for t in tensors])
    return "{" + ", ".join(f"{float(v):.9g}" for v in flat) + "}"


def run(net, x, last, lengths):
    """The output as [batch][out]: all steps, or h_n of the last layer."""
    if lengths:
        packed = pack_padded_sequence(x, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
        y, h = net(packed)
        y = pad_packed_sequence(y, batch_first=True, total_length=STEPS)[0]
    else:
        y, h = net(x)
    h = h[0] if isinstance(h, tuple) else h
    directions = 2 if net.bidirectional else 1
    return torch.cat(list(h[-directions:]), dim=1) if last else y.flatten(1)


def set_start(net):
    values = wave(0.7, 1.0, 0.73, sum(p.numel() for p in net.parameters()))
    at = 0
    for p in net.parameters():
        p.data.copy_(values[at:at + p.numel()].view_as(p))
        at += p.numel()


def case(kind, layers, both, last, lengths):
    net = KINDS[kind](INPUTS, UNITS, num_layers=layers, bidirectional=both, batch_first=True)
    set_start(net)
    x = wave(1.5, 0.5, 0.91, BATCH * STEPS * INPUTS).view(BATCH, STEPS, INPUTS).requires_grad_(True)
    optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE)
    for step in range(DESCENT_STEPS):
        optimizer.zero_grad()
        y = run(net, x, last, lengths)
        target = wave(0.5, 2.0, 1.3, y.numel()).view_as(y)
        (0.5 * (y - target) ** 2).sum().backward()
        if step == 0:
            first = y, x.grad.clone(), [p.grad.clone() for p in net.parameters()]
        optimizer.step()
    yaml = f"{kind}units: {UNITS}, layers: {layers}, bidirectional: {str(both).lower()}, " \
           f"return: {'last' if last else 'all'}}}"
    print(f'    {{"{yaml}", {str(lengths).lower()},\n     {numbers([first[0]])},\n     {numbers([first[1]])},\n'
          f"     {numbers(first[2])},\n     {numbers(list(net.parameters()))}}},")


print(f"/* Written by make_rnn.py with PyTorch {torch.__version__.split('+')[0]}. */")
print("#include <stdbool.h>\n#include <stdint.h>\n")
print("/* clang-format off */")
print(f"enum {{ GOLDEN_BATCH = {BATCH}, GOLDEN_STEPS = {STEPS}, GOLDEN_INPUTS = {INPUTS}, GOLDEN_UNITS = {UNITS},")
print(f"       GOLDEN_DESCENT_STEPS = {DESCENT_STEPS} }};")
print(f"static const double golden_learning_rate = {LEARNING_RATE};")
print("static const int32_t golden_lengths[GOLDEN_BATCH] = {%s};" % ", ".join(map(str, LENGTHS)))
print("static const struct golden_rnn {")
print("    const char *yaml;")
print("    bool lengths;")
print("    double y[GOLDEN_BATCH * GOLDEN_STEPS * 2 * GOLDEN_UNITS];")
print("    double dx[GOLDEN_BATCH * GOLDEN_STEPS * GOLDEN_INPUTS];")
print("    double grads[256], params[256]; /* before the first step, after the last one */")
print("} golden_rnn[] = {")
for choice in itertools.product(KINDS, (1, 2), (False, True), (True, False), (False, True)):
    case(*choice)
print("};")
