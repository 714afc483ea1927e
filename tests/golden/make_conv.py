#!/usr/bin/env python3
"""Writes conv.h: layers for sequences, images and volumes as PyTorch computes them in double precision.

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


class Steps(nn.Module):
    """A layer of sequences [channels, steps] on [steps, features]."""

    def __init__(self, *layers):
        super().__init__()
        self.layer = nn.Sequential(*layers)

    def forward(self, x):
        return self.layer(x.transpose(1, 2)).transpose(1, 2)


def case(yaml, layer, batch, *shape):
    x = wave(1.5, 0.5, 0.91, (batch, *shape)).requires_grad_(True)
    at = 0
    for p in layer.parameters():
        p.data = wave(0.7, 1.0 + 0.73 * at, 0.73, p.shape)
        at += p.numel()
    y = layer(x)
    channels = y.shape[-1 if isinstance(layer, Steps) else 1]
    lr = 0.05 * channels / y.numel()
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
        [f'"{yaml}"', f"{batch}, {{{len(shape)}, {{{', '.join(map(str, shape))}}}}}, {lr!r}", numbers(sample(first)),
         numbers(sample(dx)), numbers(grads or [0]), numbers(params or [0])]) + "},")


def conv(options, channels, height, width, filters, kernel, batch=3, **more):
    case("conv2d: {filters: %d, %s}" % (filters, options),
         nn.Conv2d(channels, filters, kernel, **more), batch, channels, height, width)


print(f"/* Written by make_conv.py with PyTorch {torch.__version__.split('+')[0]}. */")
print('#include "base/shape.h"\n')
print("/* clang-format off */")
print("enum { GOLDEN_DESCENT_STEPS = %d, GOLDEN_KEPT = %d };" % (STEPS, KEPT))
print("/* Results of the first step, and the parameters after the last one. */")
print("static const struct golden_conv {")
print("    const char *yaml;")
print("    size_t batch;")
print("    nn_shape input;")
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


def conv3d(options, channels, size, filters, kernel, batch=3, **more):
    case("conv3d: {filters: %d, %s}" % (filters, options),
         nn.Conv3d(channels, filters, kernel, **more), batch, channels, *size)


conv3d("kernel: 3", 2, (4, 5, 6), 4, 3)
conv3d("kernel: 3, padding: 1", 1, (5, 4, 6), 20, 3, padding=1)
conv3d("kernel: 3, padding: 1", 64, (3, 2, 4), 70, 3, batch=14, padding=1)
conv3d("kernel: 3, stride: 2, padding: 1, bias: false", 16, (5, 6, 4), 32, 3, stride=2, padding=1, bias=False)
conv3d("kernel: [2, 3, 1], stride: [1, 2, 3], padding: [2, 0, 0], dilation: [3, 1, 1]", 5, (4, 7, 6), 7, (2, 3, 1),
       stride=(1, 2, 3), padding=(2, 0, 0), dilation=(3, 1, 1))
conv3d("kernel: [3, 4, 2], padding: same, dilation: [2, 1, 3]", 3, (6, 5, 6), 5, (3, 4, 2), padding="same",
       dilation=(2, 1, 3))
conv3d("kernel: [3, 1, 2], groups: 2, padding: [0, 1, 1]", 6, (4, 3, 5), 8, (3, 1, 2), groups=2, padding=(0, 1, 1))
conv3d("kernel: 3, groups: 20, padding: 1, stride: [2, 1, 2]", 20, (4, 3, 4), 20, 3, groups=20, padding=1,
       stride=(2, 1, 2))
case("conv_transpose3d: {filters: 8, kernel: 2, stride: 2}", nn.ConvTranspose3d(16, 8, 2, 2), 3, 16, 2, 3, 4)
case("conv_transpose3d: {filters: 4, kernel: [3, 2, 4], stride: [2, 1, 3], padding: [1, 0, 2], output_padding: [1, 0, 2], "
     "groups: 2}", nn.ConvTranspose3d(6, 4, (3, 2, 4), (2, 1, 3), (1, 0, 2), (1, 0, 2), groups=2), 3, 6, 3, 2, 3)
SOLID = (3, 5, 4, 6, 7)
case("max_pool3d: {size: 2}", nn.MaxPool3d(2), *SOLID)
case("max_pool3d: {size: [3, 2, 3], stride: [1, 2, 2], padding: [1, 0, 1], ceil_mode: true}",
     nn.MaxPool3d((3, 2, 3), (1, 2, 2), (1, 0, 1), ceil_mode=True), *SOLID)
case("avg_pool3d: {size: 2}", nn.AvgPool3d(2), *SOLID)
case("avg_pool3d: {size: 3, stride: 2, padding: 1, ceil_mode: true}", nn.AvgPool3d(3, 2, 1, ceil_mode=True), *SOLID)
case("avg_pool3d: {size: [2, 3, 1], stride: [3, 2, 2], padding: [1, 0, 0], ceil_mode: true, count_include_pad: false}",
     nn.AvgPool3d((2, 3, 1), (3, 2, 2), (1, 0, 0), ceil_mode=True, count_include_pad=False), *SOLID)
case("global_avg_pool", nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten()), *SOLID)
case("flatten", nn.Flatten(), *SOLID)
case("reshape: {shape: [7, 4, -1, 5]}", nn.Sequential(nn.Flatten(), nn.Unflatten(1, (7, 4, 6, 5))), *SOLID)
case("upsample3d: {scale: [2, 1, 3]}", nn.Upsample(scale_factor=(2, 1, 3)), *SOLID)
case("upsample3d: {scale: [2, 3, 2], mode: trilinear}", nn.Upsample(scale_factor=(2, 3, 2), mode="trilinear"), 2, 3, 3, 1, 4)
case("group_norm: {groups: 3}", nn.GroupNorm(3, 6), 3, 6, 2, 5, 4)


def conv1d(options, steps, features, filters, kernel, batch=3, front=0, **more):
    case("conv1d: {filters: %d, %s}" % (filters, options),
         Steps(nn.ConstantPad1d((front, 0), 0), nn.Conv1d(features, filters, kernel, **more)), batch, steps, features)


conv1d("kernel: 3", 9, 2, 4, 3)
conv1d("kernel: 5, padding: 2", 20, 1, 20, 5, padding=2)
conv1d("kernel: 3, padding: 1", 12, 40, 34, 3, batch=14, padding=1)
conv1d("kernel: 4, padding: same, dilation: 3, bias: false", 13, 5, 6, 4, padding="same", dilation=3, bias=False)
conv1d("kernel: 3, stride: 2, padding: 3, dilation: 2", 11, 16, 32, 3, stride=2, padding=3, dilation=2)
conv1d("kernel: 3, padding: causal, dilation: 4", 14, 8, 12, 3, front=8, dilation=4)
conv1d("kernel: 4, padding: causal, stride: 2, groups: 3", 15, 6, 9, 4, front=3, stride=2, groups=3)
conv1d("kernel: 3, groups: 20", 8, 20, 20, 3, groups=20)
case("conv_transpose1d: {filters: 4, kernel: 4, stride: 3, padding: 2, output_padding: 2, groups: 2}",
     Steps(nn.ConvTranspose1d(6, 4, 4, 3, 2, 2, groups=2)), 3, 5, 6)
STEPS_IN = (3, 13, 5)
case("max_pool1d: {size: 2}", Steps(nn.MaxPool1d(2)), *STEPS_IN)
case("max_pool1d: {size: 3, stride: 2, padding: 1, ceil_mode: true}", Steps(nn.MaxPool1d(3, 2, 1, ceil_mode=True)), *STEPS_IN)
case("avg_pool1d: {size: 3, stride: 2, padding: 1, ceil_mode: true}", Steps(nn.AvgPool1d(3, 2, 1, ceil_mode=True)), *STEPS_IN)
case("avg_pool1d: {size: 4, stride: 3, padding: 2, count_include_pad: false}",
     Steps(nn.AvgPool1d(4, 3, 2, count_include_pad=False)), *STEPS_IN)
case("upsample1d: {scale: 3}", Steps(nn.Upsample(scale_factor=3)), *STEPS_IN)
case("upsample1d: {scale: 2, mode: linear}", Steps(nn.Upsample(scale_factor=2, mode="linear")), *STEPS_IN)
print("};")
print("/* clang-format on */")
