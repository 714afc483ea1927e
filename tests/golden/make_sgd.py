#!/usr/bin/env python3
"""Writes sgd.h: weights after each step of torch.optim.SGD on 1/2 sum c (w - t)^2 in double precision.

Usage: make_sgd.py > sgd.h (PyTorch 1.13 was used)."""
import torch

torch.set_default_dtype(torch.float64)

STEPS = 6
START, CURVATURE, TARGET = [0.3, -1.2, 2.5], [1.0, 0.25, 3.0], [1.0, 0.5, -0.75]


def numbers(values):
    return "{" + ", ".join(repr(float(v)) for v in values) + "}"


def case(yaml, **options):
    w = torch.tensor(START, requires_grad=True)
    optimizer = torch.optim.SGD([w], **options)
    path = []
    for step in range(STEPS):
        if step == 3:  # what a schedule does
            optimizer.param_groups[0]["lr"] *= 0.5
        optimizer.zero_grad()
        (0.5 * torch.tensor(CURVATURE) * (w - torch.tensor(TARGET)) ** 2).sum().backward()
        optimizer.step()
        path.append(numbers(w.detach()))
    print(f'    {{"{yaml}", {options["lr"]!r},\n     {{' + ",\n      ".join(path) + "}},")


print(f"/* Written by make_sgd.py with PyTorch {torch.__version__.split('+')[0]}. */")
print("/* clang-format off */")
print("enum { GOLDEN_STEPS = %d };" % STEPS)
for name, values in (("start", START), ("curvature", CURVATURE), ("target", TARGET)):
    print(f"static const double golden_{name}[3] = {numbers(values)};")
print("/* The learning rate is halved from the fourth step on. */")
print("static const struct golden_sgd {")
print("    const char *yaml;")
print("    double lr, w[GOLDEN_STEPS][3];")
print("} golden_sgd[] = {")
case("sgd", lr=0.01)
case("{sgd: {lr: 0.1, weight_decay: 0.02}}", lr=0.1, weight_decay=0.02)
case("{sgd: {lr: 0.1, momentum: 0.9}}", lr=0.1, momentum=0.9)
case("{momentum: {lr: 0.1}}", lr=0.1, momentum=0.9)
case("{sgd: {lr: 0.1, momentum: 0.8, dampening: 0.3, weight_decay: 0.01}}",
     lr=0.1, momentum=0.8, dampening=0.3, weight_decay=0.01)
case("{momentum: {lr: 0.2, momentum: 0.5, dampening: 0.5}}",
     lr=0.2, momentum=0.5, dampening=0.5)
case("{sgd: {lr: 0.05, momentum: 0.9, nesterov: true, weight_decay: 0.1}}",
     lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)
case("{nesterov: {lr: 0.05, weight_decay: 0.1}}",
     lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)
print("};")
