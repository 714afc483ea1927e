#!/usr/bin/env python3
"""Writes optimizers.h: what torch.optim's optimisers, and LARS and LAMB as their papers give them, do
(a) to weights w on 1/2 sum c (w - t)^2, after each step, in double precision;
(b) to a small net, full batch, after the last step.

Usage: make_optimizers.py > optimizers.h (PyTorch 1.13 was used)."""
import torch

torch.set_default_dtype(torch.float64)

STEPS, COPIES = 10, 12
START, CURVATURE, TARGET = [0.3, -1.2, 2.5], [1.0, 0.25, 3.0], [1.0, 0.5, -0.75]


class Lars(torch.optim.Optimizer):
    """You, Gitman, Ginsburg 2017, algorithm 1; tensors of one dimension have no ratio."""

    def __init__(self, params, lr, momentum=0.9, weight_decay=0.0, trust=0.001, eps=1e-8):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay,
                                      trust=trust, eps=eps))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for w in group["params"]:
                g, decay, ratio = w.grad, group["weight_decay"], 1.0
                if w.dim() > 1 and w.norm() > 0 and g.norm() > 0:
                    ratio = group["trust"] * w.norm() / (g.norm() + decay * w.norm() + group["eps"])
                v = self.state[w].setdefault("v", torch.zeros_like(w))
                v.mul_(group["momentum"]).add_(group["lr"] * ratio * (g + decay * w))
                w.sub_(v)


class Lamb(torch.optim.Optimizer):
    """You et al. 2020, algorithm 2, phi the identity; tensors of one dimension have no ratio."""

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for w in group["params"]:
                state, (b1, b2) = self.state[w], group["betas"]
                t = state["t"] = state.get("t", 0) + 1
                m = state.setdefault("m", torch.zeros_like(w))
                v = state.setdefault("v", torch.zeros_like(w))
                m.mul_(b1).add_((1 - b1) * w.grad)
                v.mul_(b2).add_((1 - b2) * w.grad ** 2)
                r = m / (1 - b1 ** t) / ((v / (1 - b2 ** t)).sqrt() + group["eps"])
                r = r + group["weight_decay"] * w
                ratio = w.norm() / r.norm() if w.dim() > 1 and w.norm() > 0 and r.norm() > 0 else 1.0
                w.sub_(group["lr"] * ratio * r)


def numbers(values, text=repr):
    return "{" + ", ".join(text(float(v)) for v in values) + "}"


def bowl(make, options):
    """The weights after each step; the learning rate is halved from the fourth step on."""
    w = torch.tensor([START * COPIES], requires_grad=True)
    optimizer = make([w], **options)
    path = []
    for step in range(STEPS):
        if step == 3:
            optimizer.param_groups[0]["lr"] *= 0.5
        optimizer.zero_grad()
        (0.5 * torch.tensor(CURVATURE * COPIES) * (w - torch.tensor(TARGET * COPIES)) ** 2).sum().backward()
        optimizer.step()
        path.append(numbers(w.detach()[0, :3]))
    return "{" + ",\n      ".join(path) + "}"


SAMPLES, INPUTS, HIDDEN, CLASSES = 12, 4, 6, 3
generator = torch.Generator().manual_seed(3)
X = torch.randn(SAMPLES, INPUTS, generator=generator)
Y = torch.arange(SAMPLES) % CLASSES
NET = [0.8 * torch.randn(*shape, generator=generator)
       for shape in ((HIDDEN, INPUTS), (HIDDEN,), (CLASSES, HIDDEN), (CLASSES,))]


def net(make, options):
    """All parameters after the last step; biases do not decay."""
    params = [p.clone().requires_grad_() for p in NET]
    groups = [{"params": [p for p in params if p.dim() > 1]},
              {"params": [p for p in params if p.dim() == 1], "weight_decay": 0.0}]
    optimizer = make(groups, **options)
    for _ in range(STEPS):
        optimizer.zero_grad()
        w1, b1, w2, b2 = params
        z = torch.tanh(X @ w1.T + b1) @ w2.T + b2
        torch.nn.functional.cross_entropy(z, Y).backward()
        optimizer.step()
    return numbers(torch.cat([p.detach().flatten() for p in params]), lambda v: f"{v:.9g}")


def case(make, yaml, **options):
    print(f'    {{"{yaml}", {options["lr"]!r},\n     {bowl(make, options)},\n     {net(make, options)}}},')


o = torch.optim
print(f"/* Written by make_optimizers.py with PyTorch {torch.__version__.split('+')[0]}. */")
print("/* clang-format off */")
print(f"enum {{ GOLDEN_STEPS = {STEPS}, GOLDEN_COPIES = {COPIES}, GOLDEN_SAMPLES = {SAMPLES},")
print(f"       GOLDEN_INPUTS = {INPUTS}, GOLDEN_HIDDEN = {HIDDEN}, GOLDEN_CLASSES = {CLASSES},")
print(f"       GOLDEN_NET = {sum(p.numel() for p in NET)} }};")
for name, values in (("start", START), ("curvature", CURVATURE), ("target", TARGET)):
    print(f"static const double golden_{name}[3] = {numbers(values)};")
print(f"static const double golden_x[GOLDEN_SAMPLES * GOLDEN_INPUTS] = {numbers(X.flatten())};")
print(f"static const double golden_net[GOLDEN_NET] = {numbers(torch.cat([p.flatten() for p in NET]))};")
print("static const struct golden_optimizer {")
print("    const char *yaml;")
print("    double lr, w[GOLDEN_STEPS][3], net[GOLDEN_NET];")
print("} golden_optimizer[] = {")
case(o.SGD, "sgd", lr=0.01)
case(o.SGD, "{sgd: {lr: 0.1, weight_decay: 0.02}}", lr=0.1, weight_decay=0.02)
case(o.SGD, "{sgd: {lr: 0.1, momentum: 0.9}}", lr=0.1, momentum=0.9)
case(o.SGD, "{momentum: {lr: 0.1}}", lr=0.1, momentum=0.9)
case(o.SGD, "{sgd: {lr: 0.1, momentum: 0.8, dampening: 0.3, weight_decay: 0.01}}",
     lr=0.1, momentum=0.8, dampening=0.3, weight_decay=0.01)
case(o.SGD, "{momentum: {lr: 0.2, momentum: 0.5, dampening: 0.5}}",
     lr=0.2, momentum=0.5, dampening=0.5)
case(o.SGD, "{sgd: {lr: 0.05, momentum: 0.9, nesterov: true, weight_decay: 0.1}}",
     lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)
case(o.SGD, "{nesterov: {lr: 0.05, weight_decay: 0.1}}",
     lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)
case(o.Adagrad, "{adagrad: {lr: 0.1}}", lr=0.1)
case(o.Adagrad, "{adagrad: {lr: 0.2, lr_decay: 0.1, weight_decay: 0.05, "
     "initial_accumulator_value: 0.3, eps: 1e-3}}",
     lr=0.2, lr_decay=0.1, weight_decay=0.05, initial_accumulator_value=0.3, eps=1e-3)
case(o.Adadelta, "adadelta", lr=1.0)
case(o.Adadelta, "{adadelta: {lr: 0.5, rho: 0.8, eps: 1e-3, weight_decay: 0.1}}",
     lr=0.5, rho=0.8, eps=1e-3, weight_decay=0.1)
case(o.RMSprop, "rmsprop", lr=0.01)
case(o.RMSprop, "{rmsprop: {lr: 0.02, alpha: 0.9, momentum: 0.5, weight_decay: 0.1, eps: 1e-4}}",
     lr=0.02, alpha=0.9, momentum=0.5, weight_decay=0.1, eps=1e-4)
case(o.RMSprop, "{rmsprop: {lr: 0.02, centered: true, eps: 1e-3}}",
     lr=0.02, centered=True, eps=1e-3)
case(o.RMSprop, "{rmsprop: {lr: 0.02, alpha: 0.8, centered: true, momentum: 0.9, eps: 1e-2}}",
     lr=0.02, alpha=0.8, centered=True, momentum=0.9, eps=1e-2)
case(o.Adam, "adam", lr=0.001)
case(o.Adam, "{adam: {lr: 0.1, beta1: 0.8, beta2: 0.99, eps: 1e-3, weight_decay: 0.1}}",
     lr=0.1, betas=(0.8, 0.99), eps=1e-3, weight_decay=0.1)
case(o.Adam, "{adam: {lr: 0.3, beta2: 0.5, amsgrad: true}}", lr=0.3, betas=(0.9, 0.5), amsgrad=True)
case(o.AdamW, "adamw", lr=0.001, weight_decay=0.01)
case(o.AdamW, "{adamw: {lr: 0.1, beta1: 0.8, weight_decay: 0.3, amsgrad: true}}",
     lr=0.1, betas=(0.8, 0.999), weight_decay=0.3, amsgrad=True)
case(Lars, "lars", lr=0.1)
case(Lars, "{lars: {lr: 2, momentum: 0.5, weight_decay: 0.1, trust: 0.05, eps: 1e-3}}",
     lr=2.0, momentum=0.5, weight_decay=0.1, trust=0.05, eps=1e-3)
case(Lamb, "lamb", lr=0.001)
case(Lamb, "{lamb: {lr: 0.05, beta1: 0.8, beta2: 0.9, eps: 1e-4, weight_decay: 0.2}}",
     lr=0.05, betas=(0.8, 0.9), eps=1e-4, weight_decay=0.2)
print("};")
