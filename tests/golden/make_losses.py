#!/usr/bin/env python3
"""Writes losses.h: losses and their gradients as PyTorch computes them in double precision, from
numbers that single precision holds exactly.

Usage: make_losses.py > losses.h (PyTorch 1.13 was used)."""
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(7)
SAMPLE_WEIGHT = torch.tensor([0.5, 0.75, 0.0, 1.25, 1.75, 2.0])
FOUR, TWO = torch.tensor([2, 0.5, 0.25, 1.5]), torch.tensor([0.5, 3])


def single(tensor):
    return tensor.float().double()


def numbers(tensor):
    return "{" + ", ".join(repr(float(v)) for v in torch.as_tensor(tensor).flatten()) + "}"


def case(yaml, z, y, function, labels=False, class_weight=None, sample_weight=SAMPLE_WEIGHT):
    """One row: loss = sum_i w_i function_i and total = sum_i w_i, w_i = sample weight * class weight of
    the label, 0 where that is -1. The class weights that `function` has taken in itself are negative."""
    z = z.clone().requires_grad_(True)
    batch, width = z.shape
    weight, total = sample_weight.clone(), sample_weight.clone()
    if labels:
        weight, total = weight * (y >= 0), total * (y >= 0)
        if class_weight is not None:
            total = total * class_weight.abs()[y.clamp(min=0)]
            weight = weight if class_weight[0] < 0 else total
    loss = (weight * function(z, y)).sum()
    if loss.requires_grad:
        loss.backward()
    gradient = torch.zeros_like(z) if z.grad is None else z.grad
    target = [".label = " + numbers(y).replace(".0", "")] if labels else [".y = " + numbers(y)]
    print("    {" + ",\n     ".join(
        [f'.yaml = "{yaml}"', f".batch = {batch}", f".width = {width}",
         f".target_width = {0 if labels else width}", ".z = " + numbers(z.detach())] + target +
        [".weight = " + numbers(sample_weight), f".loss = {loss.item()!r}", f".total = {total.sum().item()!r}",
         ".dz = " + numbers(gradient)]) + "},")


def rows(function, **options):
    """A loss of each number, summed over the outputs; labels become one-hot rows or, with one output, 0 and 1."""
    def value(z, y):
        if not y.dtype.is_floating_point:
            y = y.clamp(min=0)
            y = F.one_hot(y, z.shape[1]).double() if z.shape[1] > 1 else y.double()[:, None]
        return function(z, y, reduction="none", **options).sum(dim=1)
    return value


def smooth(function, rate):
    """The same with targets y (1 - rate) + rate / 2."""
    return lambda z, y, reduction: function(z, y * (1 - rate) + rate / 2, reduction=reduction)


def margin(function):
    def value(z, y):
        sign = y if y.dtype.is_floating_point else 2 * y.double()[:, None] - 1
        return function(z[:, 0] * sign[:, 0])
    return value


def cross_entropy(**options):
    return lambda z, y: F.cross_entropy(z, y, reduction="none", ignore_index=-1, **options)


def squared(z, y, reduction):
    return 0.5 * F.mse_loss(z, y, reduction=reduction)


def multi_margin(z, y):
    return z.shape[1] * F.multi_margin_loss(z, y.clamp(min=0), reduction="none")


def wrong(z, y):
    return (z.detach().argmax(dim=1) != y).double()


print(f"/* Written by make_losses.py with PyTorch {torch.__version__.split('+')[0]}. */")
print("#include <stddef.h>\n#include <stdint.h>\n")
print("/* clang-format off */")
print("static const struct golden_loss {")
print("    const char *yaml;")
print("    size_t batch, width, target_width; /* target_width 0: labels */")
print("    double z[24], y[24];")
print("    int32_t label[6];")
print("    double weight[6], loss, total, dz[24]; /* sums over the samples; total: of their weights */")
print("} golden_losses[] = {")

z = single(2 * torch.randn(6, 4))
big = z.clone()
big[3] = torch.tensor([1e4, -1e4, 0.0, 3.0])
labels = torch.tensor([3, 0, 1, -1, 2, 2])
known = torch.tensor([3, 0, 1, 0, 2, 2])
values = single(torch.randn(6, 4))
soft = single(torch.softmax(torch.randn(6, 4), dim=1))
bits = single(torch.rand(6, 4))
signs = torch.tensor([1.0, -1.0, 1.0, -1.0, -1.0, 1.0])[:, None]
halves = torch.tensor([1, 0, 1, 0, 0, 1])
score = single(1.5 * torch.randn(6, 1))
ones = torch.ones(6)
four, two = "class_weights: [2, 0.5, 0.25, 1.5]", "class_weights: [0.5, 3]"

bce, huber = F.binary_cross_entropy_with_logits, {"delta": 0.7}
perceptron = margin(lambda m: torch.clamp(-m, min=0))
hinge = margin(lambda m: torch.clamp(1 - m, min=0))
exponential = margin(lambda m: torch.exp(-m))

case("squared", values * 2 - 1, values, rows(squared))
case("{squared: {" + four + "}}", z, labels, rows(squared), True, FOUR)
case("{squared: {" + two + "}}", score, halves, rows(squared), True, TWO)
case("absolute", 2 * soft, values, rows(F.l1_loss))
case("{absolute: {" + four + "}}", z, labels, rows(F.l1_loss), True, FOUR)
case("{huber: {delta: 0.7}}", z, values, rows(F.huber_loss, **huber))
case("{huber: {delta: 0.7, " + four + "}}", z, labels, rows(F.huber_loss, **huber), True, FOUR)

for name in ("cross_entropy", "log"):
    case(name, big, labels, cross_entropy(), True)
    case(name, big, soft, cross_entropy())
    case("{" + name + ": {" + four + "}}", z, labels, cross_entropy(weight=FOUR), True, -FOUR)
    case("{" + name + ": {" + four + "}}", z, soft, cross_entropy(weight=FOUR))
    case("{" + name + ": {label_smoothing: 0.1}}", big, labels, cross_entropy(label_smoothing=0.1), True)
    case("{" + name + ": {label_smoothing: 0.1}}", z, soft, cross_entropy(label_smoothing=0.1))
    both = "{" + name + ": {label_smoothing: 0.2, " + four + "}}"
    case(both, z, labels, cross_entropy(label_smoothing=0.2, weight=FOUR), True, -FOUR)
    case(both, z, soft, cross_entropy(label_smoothing=0.2, weight=FOUR))
    # what PyTorch itself calls the mean is loss / total
    mean = F.cross_entropy(z, known, label_smoothing=0.2, weight=FOUR)
    summed = F.cross_entropy(z, known, label_smoothing=0.2, weight=FOUR, reduction="sum")
    assert abs(mean - summed / FOUR[known].sum()) < 1e-15
    case(both, z, known, cross_entropy(label_smoothing=0.2, weight=FOUR), True, -FOUR, ones)

case("binary_cross_entropy", big, bits, rows(bce))
case("{binary_cross_entropy: {" + four + "}}", z, labels, rows(bce), True, FOUR)
case("{binary_cross_entropy: {label_smoothing: 0.1}}", z, bits, rows(smooth(bce, 0.1)))
case("{binary_cross_entropy: {label_smoothing: 0.1}}", z, labels, rows(smooth(bce, 0.1)), True)
case("{binary_cross_entropy: {label_smoothing: 0.1, " + two + "}}", score, halves,
     rows(smooth(bce, 0.1)), True, TWO)

case("hinge", z, labels, multi_margin, True)
case("{hinge: {" + four + "}}", z, labels, multi_margin, True, FOUR)
case("hinge", score, signs, hinge)
case("{hinge: {" + two + "}}", score, halves, hinge, True, TWO)
case("perceptron", score, signs, perceptron)
case("{perceptron: {" + two + "}}", score, halves, perceptron, True, TWO)
case("exponential", score, signs, exponential)
case("{exponential: {" + two + "}}", score, halves, exponential, True, TWO)
case("{zero_one: {" + four + "}}", z, labels, wrong, True, FOUR)
case("{zero_one: {threshold: 0.5}}", score, signs, lambda z, y: ((z[:, 0] > 0.5) != (y[:, 0] > 0)).double())
print("};")
