#!/usr/bin/env python3
"""Writes tensor.h: operations of nnmpi/tensor.h as PyTorch computes them in double precision.

Usage: make_tensor.py > tensor.h (PyTorch 2.6 was used). Operands are waves that the test computes itself. Of the
results y, the derivatives dx, dw of sum(y wave) and those of sum(dx^2) by w every k-th number is kept."""
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)

KEPT = 16


def wave(scale, start, step, shape):
    count = torch.Size(shape).numel()
    return (scale * torch.sin(start + step * torch.arange(count, dtype=torch.float64))).reshape(shape)


def sample(tensor):
    flat = tensor.detach().flatten()
    return "{" + ", ".join("%.12g" % v for v in flat[:: max(1, -(-flat.numel() // KEPT))].tolist()) + "}"


def case(name, f, x, w=(1,)):
    x = wave(1.5, 0.5, 0.91, x).requires_grad_(True)
    w = wave(0.7, 1.0, 0.73, w).requires_grad_(True)
    y = f(x, w) + 0 * w.sum()
    dx, dw = torch.autograd.grad((y * wave(0.5, 2.0, 1.3, y.shape)).sum(), (x, w), create_graph=True)
    (second,) = torch.autograd.grad((dx * dx).sum() + 0 * (x.sum() + w.sum()), x)
    print(f'    {{"{name}", {{{", ".join(map(str, x.shape))}}}, {x.dim()}, {{{", ".join(map(str, w.shape))}}}, {w.dim()},')
    print(f"     {sample(y)},\n     {sample(dx)},\n     {sample(dw)},\n     {sample(second)}}},")


CLASSES = torch.tensor([2, 0, -1, 4, 1, 1])
print(f"/* Written by make_tensor.py with PyTorch {torch.__version__.split('+')[0]}. */")
print("#include <stdint.h>\n")
print("/* clang-format off */")
print(f"enum {{ GOLDEN_KEPT = {KEPT} }};")
print("static const struct golden_tensor {")
print("    const char *name;")
print("    int64_t x[4], x_rank, w[4], w_rank;")
print("    double y[GOLDEN_KEPT], dx[GOLDEN_KEPT], dw[GOLDEN_KEPT], second[GOLDEN_KEPT];")
print("} golden_tensor[] = {")
case("conv2d", lambda x, w: F.conv2d(torch.tanh(x), w, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2),
     (2, 4, 7, 6), (6, 2, 3, 2))
case("max_pool2d", lambda x, w: F.max_pool2d(x * x, (2, 3), (2, 1), (1, 1)), (2, 3, 6, 5))
case("avg_pool2d", lambda x, w: F.avg_pool2d(x * x, (2, 3), (2, 1), (1, 1)), (2, 3, 6, 5))
case("cross_entropy", lambda x, w: F.cross_entropy(x, CLASSES, ignore_index=-1), (6, 5))
case("log_softmax", lambda x, w: F.log_softmax(x, 1), (3, 5))
case("gelu", lambda x, w: F.gelu(x), (11,))
case("softplus", lambda x, w: F.softplus(x), (11,))
case("layer_norm", lambda x, w: F.layer_norm(x, (4, 3), w), (5, 4, 3), (4, 3))
case("batch_norm", lambda x, w: F.batch_norm(x, None, None, w, None, True), (4, 3, 5), (3,))
case("matmul", lambda x, w: torch.tanh(x) @ w.transpose(-1, -2), (2, 3, 4), (5, 4))
print("};")
print("/* clang-format on */")
