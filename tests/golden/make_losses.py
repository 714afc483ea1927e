#!/usr/bin/env python3
"""Writes losses.h: losses and their gradients as PyTorch computes them in double precision.

Usage: make_losses.py > losses.h (PyTorch 1.13 was used)."""
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(7)


def numbers(tensor):
    return "{" + ", ".join(repr(float(v)) for v in torch.as_tensor(tensor).flatten()) + "}"


def case(yaml, z, y, function, labels=False):
    """One row; the value is sum_i weight_i loss_i, samples with label -1 weigh nothing."""
    z = z.clone().requires_grad_(True)
    batch, width = z.shape
    weight = torch.linspace(0.5, 2.0, batch)
    known = weight * (y >= 0) if labels else weight
    loss = (known * function(z, y)).sum()
    loss.backward()
    target = [".label = " + numbers(y).replace(".0", "")] if labels else [".y = " + numbers(y)]
    print("    {" + ",\n     ".join(
        [f'.yaml = "{yaml}"', f".batch = {batch}", f".width = {width}",
         f".target_width = {0 if labels else y.reshape(batch, -1).shape[1]}",
         ".z = " + numbers(z.detach())] + target +
        [".weight = " + numbers(weight), f".loss = {loss.item()!r}", ".dz = " + numbers(z.grad)])
        + "},")


def rows(function):
    return lambda z, y: function(z, y, reduction="none").sum(dim=1)


def margin(function):
    return lambda z, y: function(z[:, 0] * y)


print(f"/* Written by make_losses.py with PyTorch {torch.__version__.split('+')[0]}. */")
print("#include <stddef.h>\n#include <stdint.h>\n")
print("/* clang-format off */")
print("static const struct golden_loss {")
print("    const char *yaml;")
print("    size_t batch, width, target_width; /* target_width 0: labels */")
print("    double z[24], y[24];")
print("    int32_t label[6];")
print("    double weight[6], loss, dz[24];")
print("} golden_losses[] = {")

z = 2 * torch.randn(6, 4)
z[2] = torch.tensor([1e4, -1e4, 0.0, 3.0])
labels = torch.tensor([3, 0, 1, -1, 2, 2])
values = torch.randn(6, 4)
soft = torch.softmax(torch.randn(6, 4), dim=1)
bits = torch.rand(6, 4)
signs = torch.tensor([1.0, -1.0, 1.0, -1.0, -1.0, 1.0])
score = 1.5 * torch.randn(6, 1)

case("cross_entropy", z, labels,
     lambda z, y: F.cross_entropy(z, y, reduction="none", ignore_index=-1), labels=True)
case("cross_entropy", z, soft, lambda z, y: F.cross_entropy(z, y, reduction="none"))
case("binary_cross_entropy", z, bits, rows(F.binary_cross_entropy_with_logits))
case("squared", values * 2 - 1, values, lambda z, y: 0.5 * rows(F.mse_loss)(z, y))
case("absolute", 2 * soft, values, rows(F.l1_loss))
case("{huber: {delta: 0.7}}", z, values,
     lambda z, y: F.huber_loss(z, y, reduction="none", delta=0.7).sum(dim=1))
case("hinge", z, labels,
     lambda z, y: 4 * F.multi_margin_loss(z, y.clamp(min=0), reduction="none"), labels=True)
case("hinge", score, signs, margin(lambda m: torch.clamp(1 - m, min=0)))
case("perceptron", score, signs, margin(lambda m: torch.clamp(-m, min=0)))
case("exponential", score, signs, margin(lambda m: torch.exp(-m)))
print("};")
