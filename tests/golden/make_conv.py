#!/usr/bin/env python3
"""Writes conv.h: layers for images as PyTorch computes them in double precision.

Usage: make_conv.py > conv.h (PyTorch 2.6 was used). Inputs and first parameters are waves that the test
computes itself; of each result every k-th number in PyTorch's order is kept."""
import torch
import torch.nn as nn

torch.set_default_dtype(torch.float64)

STEPS, KEPT = 10, 41


def wave(scale, start, step, shape):
    count = torch.Size(shape).numel()
    values = scale * torch.sin(start + step * torch.arange(count, dtype=torch.float64))
    return values.to(torch.float32).to(torch.float64).reshape(shape)


def sample(tensor):
    flat = tensor.detach().flatten()
    return flat[:: max(1, -(-flat.numel() // KEPT))].tolist()


def numbers(values):
    return "{" + ", ".join("%.9g" % v for v in values) + "}"


def case(yaml, layer, batch, channels, height, width):
    x = wave(1.5, 0.5, 0.91, (batch, channels, height, width)).requires_grad_(True)
    at = 0
    for p in layer.parameters():
        p.data = wave(0.7, 1.0 + 0.73 * at, 0.73, p.shape)
        at += p.numel()
    y = layer(x)
    lr = 0.05 * y.shape[1] / y.numel()
    first, grads = None, []
    optimizer = torch.optim.SGD(layer.parameters(), lr) if at else None
    for step in range(STEPS if at else 1):
        layer.zero_grad()
        y = layer(x)
        (0.5 * (y - wave(0.5, 2.0, 1.3, y.shape)) ** 2).sum().backward()
        if step == 0:
            first, dx = y, x.grad.clone()
            grads = sum((sample(p.grad) for p in layer.parameters()), [])
        if optimizer:
            optimizer.step()
    params = sum((sample(p) for p in layer.parameters()), [])
    print("    {" + ",\n     ".join(
        [f'"{yaml}"', f"{batch}, {channels}, {height}, {width}, {lr!r}", numbers(sample(first)),
         numbers(sample(dx)), numbers(grads or [0]), numbers(params or [0])]) + "},")


def conv(options, channels, height, width, filters, kernel, batch=3, **more):
    case("conv2d: {filters: %d, %s}" % (filters, options),
         nn.Conv2d(channels, filters, kernel, **more), batch, channels, height, width)


print(f"/* Written by make_conv.py with PyTorch {torch.__version__.split('+')[0]}. */")
print("#include <stddef.h>\n")
print("/* clang-format off */")
print("enum { GOLDEN_DESCENT_STEPS = %d, GOLDEN_KEPT = %d };" % (STEPS, KEPT))
print("/* Results of the first step, and the parameters after the last one. */")
print("static const struct golden_conv {")
print("    const char *yaml;")
print("    size_t batch, channels, height, width;")
print("    double lr, y[GOLDEN_KEPT], dx[GOLDEN_KEPT], grads[2 * GOLDEN_KEPT], params[2 * GOLDEN_KEPT];")
print("} golden_conv[] = {")
conv("kernel: 3", 2, 5, 6, 4, 3)
conv("kernel: 5", 1, 12, 12, 20, 5)
conv("kernel: 5", 20, 8, 8, 50, 5)
conv("kernel: 5, padding: 2", 1, 10, 9, 6, 5, padding=2)
conv("kernel: 5", 6, 9, 8, 16, 5)
conv("kernel: 3, padding: same", 3, 8, 8, 64, 3, padding="same")
conv("kernel: 3, padding: 1", 64, 6, 7, 64, 3, batch=14, padding=1)
conv("kernel: 3, padding: 1, bias: false", 64, 5, 5, 70, 3, padding=1, bias=False)
conv("kernel: [4, 2], padding: same, dilation: [1, 3]", 3, 7, 6, 5, (4, 2), padding="same", dilation=(1, 3))
conv("kernel: [3, 2], stride: [2, 3], padding: [1, 0]", 5, 9, 8, 7, (3, 2), stride=(2, 3), padding=(1, 0))
conv("kernel: 3, stride: 2, padding: 1", 16, 8, 8, 32, 3, stride=2, padding=1)
conv("kernel: 1, stride: 2", 16, 7, 7, 32, 1, stride=2)
conv("kernel: 1", 40, 4, 4, 90, 1)
conv("kernel: 3, dilation: 2, padding: 2", 4, 6, 6, 6, 3, dilation=2, padding=2)
conv("kernel: 3, groups: 2, padding: 1", 6, 5, 5, 8, 3, groups=2, padding=1)
conv("kernel: 3, groups: 20, padding: 1", 20, 6, 6, 20, 3, groups=20, padding=1)
conv("kernel: 3, groups: 4, stride: 2, dilation: 2, padding: 3", 4, 8, 9, 8, 3, groups=4, stride=2, dilation=2,
     padding=3)


def transposed(options, channels, height, width, filters, kernel, batch=3, **more):
    case("conv_transpose2d: {filters: %d, %s}" % (filters, options),
         nn.ConvTranspose2d(channels, filters, kernel, **more), batch, channels, height, width)


transposed("kernel: 3", 2, 4, 5, 3, 3)
transposed("kernel: 2, stride: 2", 16, 4, 5, 8, 2, stride=2)
transposed("kernel: 2, stride: 2, bias: false", 40, 3, 3, 1, 2, stride=2, bias=False)
transposed("kernel: 3, stride: 2, padding: 1, output_padding: 1", 8, 4, 3, 33, 3, stride=2, padding=1, output_padding=1)
transposed("kernel: [4, 3], stride: [3, 2], padding: [1, 0], output_padding: [2, 1], groups: 2", 6, 3, 4, 4, (4, 3),
           stride=(3, 2), padding=(1, 0), output_padding=(2, 1), groups=2)
transposed("kernel: 3, dilation: [2, 1], padding: 1, output_padding: [1, 0]", 3, 4, 4, 5, 3, dilation=(2, 1), padding=1,
           output_padding=(1, 0))
POOLED = (3, 5, 7, 8)
case("max_pool: {size: 2}", nn.MaxPool2d(2), *POOLED)
case("max_pool: {size: 3, stride: 2, padding: 1}", nn.MaxPool2d(3, 2, 1), *POOLED)
case("max_pool: {size: [2, 3], stride: [1, 2], ceil_mode: true}",
     nn.MaxPool2d((2, 3), (1, 2), ceil_mode=True), *POOLED)
case("max_pool: {size: 2}", nn.MaxPool2d(2), 2, 20, 4, 4)
case("avg_pool: {size: 2}", nn.AvgPool2d(2), *POOLED)
case("avg_pool: {size: 3, stride: 2, padding: 1, ceil_mode: true}", nn.AvgPool2d(3, 2, 1, ceil_mode=True), *POOLED)
case("avg_pool: {size: [3, 2], stride: [2, 3], padding: 1, ceil_mode: true, count_include_pad: false}",
     nn.AvgPool2d((3, 2), (2, 3), 1, ceil_mode=True, count_include_pad=False), *POOLED)
# windows larger than the padded image
case("max_pool: {size: 9, ceil_mode: true}", nn.MaxPool2d(9, ceil_mode=True), *POOLED)
case("max_pool: {size: [3, 10], stride: [2, 9], padding: [1, 0], ceil_mode: true}",
     nn.MaxPool2d((3, 10), (2, 9), (1, 0), ceil_mode=True), *POOLED)
case("avg_pool: {size: 12, padding: 1, ceil_mode: true}", nn.AvgPool2d(12, padding=1, ceil_mode=True), *POOLED)
case("avg_pool: {size: [9, 3], stride: [6, 2], padding: [0, 1], ceil_mode: true, count_include_pad: false}",
     nn.AvgPool2d((9, 3), (6, 2), (0, 1), ceil_mode=True, count_include_pad=False), *POOLED)
case("global_avg_pool", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), *POOLED)
case("flatten", nn.Flatten(), *POOLED)
case("reshape: {shape: [4, -1, 7]}", nn.Sequential(nn.Flatten(), nn.Unflatten(1, (4, 10, 7))), *POOLED)
case("pad: {padding: [2, 1]}", nn.ZeroPad2d((1, 1, 2, 2)), *POOLED)
case("pad: {padding: [6, 2], mode: reflect}", nn.ReflectionPad2d((2, 2, 6, 6)), *POOLED)
case("pad: {padding: [1, 9], mode: edge}", nn.ReplicationPad2d((9, 9, 1, 1)), *POOLED)
case("upsample: {scale: [2, 3]}", nn.Upsample(scale_factor=(2, 3)), *POOLED)
case("upsample: {scale: 2, mode: bilinear}", nn.Upsample(scale_factor=2, mode="bilinear"), *POOLED)
case("upsample: {scale: [3, 4], mode: bilinear}", nn.Upsample(scale_factor=(3, 4), mode="bilinear"), 2, 3, 1, 4)
case("group_norm: {groups: 3}", nn.GroupNorm(3, 6), 3, 6, 5, 4)
print("};")
print("/* clang-format on */")
