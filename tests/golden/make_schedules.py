#!/usr/bin/env python3
"""Writes schedules.h: the learning rates that torch.optim.lr_scheduler gives, base rate 1.

Usage: make_schedules.py > schedules.h (PyTorch 1.13 was used)."""
import math
import torch

TIMES = 24
s = torch.optim.lr_scheduler
# validation results: better, worse, hardly better, better again
VALUES = [1.0, 0.9, 0.95, 0.92, 0.91, 0.8995, 0.85, 0.86, 0.87, 0.88, 0.89, 0.9,
          0.84, 0.84, 0.84, 0.84, 0.84, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]


def numbers(values):
    return "{" + ", ".join(repr(float(v)) for v in values) + "}"


def rates(make, sign=None):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, path = make(optimizer), []
    for t in range(TIMES):
        path.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(*([] if sign is None else [sign * VALUES[t]]))
    return path


def case(yaml, make):
    print(f'    {{"{yaml}",\n     {numbers(rates(make))}}},')


def plateau(yaml, larger, **options):
    mode = "max" if larger else "min"
    path = rates(lambda o: s.ReduceLROnPlateau(o, mode=mode, eps=0, **options), -1 if larger else 1)
    print(f'    {{"{{reduce_on_plateau: {{{yaml}}}}}", {str(larger).lower()},\n     {numbers(path)}}},')


print(f"/* Written by make_schedules.py with PyTorch {torch.__version__.split('+')[0]}. */")
print("/* clang-format off */")
print(f"enum {{ GOLDEN_TIMES = {TIMES} }};")
print("static const struct golden_schedule {")
print("    const char *yaml;")
print("    double factor[GOLDEN_TIMES];")
print("} golden_schedule[] = {")
case("{step: {every: 5, gamma: 0.3}}", lambda o: s.StepLR(o, 5, 0.3))
case("{multistep: {at: [3, 4, 11]}}", lambda o: s.MultiStepLR(o, [3, 4, 11], 0.1))
case("{linear: {over: 10, to: 0.2}}", lambda o: s.LinearLR(o, 1.0, 0.2, 10))
case("{linear: {over: 6, from: 0.25, to: 1}}", lambda o: s.LinearLR(o, 0.25, 1.0, 6))
case("{inverse_time: {k: 0.5}}", lambda o: s.LambdaLR(o, lambda t: 1 / (1 + 0.5 * t)))
case("{exponential: {gamma: 0.9}}", lambda o: s.ExponentialLR(o, 0.9))
case("{polynomial: {over: 12, power: 2}}", lambda o: s.PolynomialLR(o, 12, 2.0))
case("{polynomial: {}}", lambda o: s.PolynomialLR(o, TIMES, 1.0))
case("{cosine: {to: 0.1}}", lambda o: s.CosineAnnealingLR(o, TIMES, 0.1))
case("{cosine: {over: 5, restarts: true}}", lambda o: s.CosineAnnealingWarmRestarts(o, 5))
case("{cosine: {over: 3, restarts: true, grow: 2, to: 0.2}}",
     lambda o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.2))
print("};")
print(f"static const double golden_values[GOLDEN_TIMES] = {numbers(VALUES)};")
print("/* `larger`: the values are taken negative, and larger ones are better. */")
print("static const struct golden_plateau {")
print("    const char *yaml;")
print("    bool larger;")
print("    double factor[GOLDEN_TIMES];")
print("} golden_plateau[] = {")
plateau("patience: 2", False, patience=2)
plateau("patience: 1, factor: 0.5, cooldown: 2", False, patience=1, factor=0.5, cooldown=2)
plateau("patience: 0, threshold: 0.01, min_lr: 0.003", False, patience=0, threshold=0.01, min_lr=0.003)
plateau("patience: 1, threshold: 0.02, threshold_mode: abs", False, patience=1, threshold=0.02,
        threshold_mode="abs")
plateau("patience: 1, factor: 0.3", False, patience=1, factor=0.3)
plateau("patience: 1, threshold: 0.02, threshold_mode: abs", True, patience=1, threshold=0.02,
        threshold_mode="abs")
print("};")
