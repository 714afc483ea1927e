#!/usr/bin/env python3
"""Writes layers.h: small nets of each layer as PyTorch computes them in double precision: outputs,
gradients, and the parameters after ten full-batch steps. Shapes and
orders are PyTorch's, images [C, H, W].

Usage: make_layers.py > layers.h (PyTorch 2.6 was used; RMSNorm needs 2.4)."""
import torch
import torch.nn.functional as F
from torch import nn

BATCH, STEPS, LR = 6, 10, 0.1
torch.set_default_dtype(torch.float64)
torch.manual_seed(11)


class Apply(nn.Module):
    """A layer without parameters."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *x):
        return self.function(*x)


class Join(nn.Module):
    """Branches, each behind the one before it (or reading x), joined by a function."""

    def __init__(self, function, *branches, chain=False):
        super().__init__()
        self.function, self.branches, self.chain = function, nn.ModuleList(branches), chain

    def forward(self, x):
        outputs = []
        for branch in self.branches:
            outputs.append(branch(outputs[-1] if self.chain and outputs else x))
        return self.function(*outputs)


class Positions(nn.Module):
    """PyTorch has none: a table of learned vectors."""

    def __init__(self, table):
        super().__init__()
        self.weight = nn.Parameter(table)

    def forward(self, x):
        return x + self.weight[:x.shape[1]]


class GraphConv(nn.Linear):
    """PyTorch has none: the formula."""

    def __init__(self, nodes, edges, *arguments, **options):
        super().__init__(*arguments, **options)
        self.matrix = torch.eye(nodes)
        for a, b in edges:
            self.matrix[a, b] = self.matrix[b, a] = 1
        scale = self.matrix.sum(dim=1).rsqrt()
        self.matrix = scale[:, None] * self.matrix * scale

    def forward(self, x):
        y = self.matrix @ (x @ self.weight.T)
        return y if self.bias is None else y + self.bias


class Residual(nn.Module):
    def __init__(self, layers, shortcut=()):
        super().__init__()
        self.layers, self.shortcut = nn.Sequential(*layers), nn.Sequential(*shortcut)

    def forward(self, x):
        return self.layers(x) + self.shortcut(x)


def numbers(tensor):
    return "{" + ", ".join(f"{float(v):.9g}" for v in tensor.flatten()) + "}"


def tensors_by_name(model):
    """Each once, under the first of its names."""
    by_place = {}
    for name, tensor in model.state_dict().items():
        if not name.endswith("tracked"):
            by_place.setdefault(tensor.data_ptr(), (name, tensor))
    return dict(by_place.values())


def tensors(model):
    return list(tensors_by_name(model).values())


def tied(layer, to):
    layer.weight = to.weight
    return layer


def case(yaml, shape, *layers, vocabulary=0):
    model = nn.Sequential(*layers)
    for name, tensor in model.named_parameters():
        tensor.data += 0.2 * torch.randn_like(tensor)
    x = torch.randint(vocabulary, (BATCH, *shape)) if vocabulary else 1.5 * torch.randn(BATCH, *shape)
    target = torch.randn(model(x).shape)
    for layer in model.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            layer.reset_running_stats()
    model.float().double()  # parameters that float32 holds exactly
    x, target = x if vocabulary else x.float().double(), target.float().double()
    start = [t.clone() for t in tensors(model)]
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    for step in range(STEPS):
        optimizer.zero_grad()
        y = model(x)
        (0.5 * (y - target).square().sum() / BATCH).backward()
        if step == 0:
            first = y.detach().clone()
            by_name = dict(model.named_parameters())
            names = tensors_by_name(model)
            gradient = [by_name[n].grad.clone() if n in by_name else torch.zeros_like(t)
                        for n, t in zip(names, start)]
        optimizer.step()
    model.eval()
    with torch.no_grad():
        evaluated = model(x)
    flat = lambda list_: torch.cat([t.flatten() for t in list_])
    rank = len(shape)
    print("    {" + ",\n     ".join(
        [f'.yaml = "{yaml}"',
         f".input = {{.rank = {rank}, .dim = {{{', '.join(map(str, shape))}}}}}",
         f".vocabulary = {vocabulary}", ".x = " + numbers(x), ".target = " + numbers(target),
         ".start = " + numbers(flat(start)), ".y = " + numbers(first),
         ".gradient = " + numbers(flat(gradient)), ".end = " + numbers(flat(tensors(model))),
         ".evaluated = " + numbers(evaluated)]) + "},")


def elementwise(yaml, function):
    case(f"[dense: {{units: 4}}, {yaml}, dense: {{units: 2}}]", [3], nn.Linear(3, 4),
         function if isinstance(function, nn.Module) else Apply(function), nn.Linear(4, 2))


print(f"/* Written by make_layers.py with PyTorch {torch.__version__.split('+')[0]}. */")
print('#include "base/shape.h"\n')
print(f"enum {{ GOLDEN_BATCH = {BATCH}, GOLDEN_STEPS = {STEPS} }};")
print(f"#define GOLDEN_LR {LR}\n")
print("/* clang-format off */")
print("static const struct golden_layer {")
print("    const char *yaml;")
print("    nn_shape input;")
print("    int64_t vocabulary; /* x are indices below this; 0: numbers */")
print("    double x[160], target[160];")
print("    double start[400]; /* the parameters, one behind the other */")
print("    double y[160], gradient[400], end[400], evaluated[160];")
print("} golden_layers[] = {")

elementwise("identity", lambda z: z)
elementwise("sign", torch.sign)
elementwise("step", lambda z: (z > 0).double() + 0 * z)
elementwise("sigmoid", torch.sigmoid)
elementwise("logistic", torch.sigmoid)
elementwise("tanh", torch.tanh)
elementwise("relu", F.relu)
elementwise("leaky_relu", F.leaky_relu)
elementwise("leaky_relu: {gamma: 0.2}", lambda z: F.leaky_relu(z, 0.2))
elementwise("elu", F.elu)
elementwise("elu: {gamma: 0.7}", lambda z: F.elu(z, 0.7))
elementwise("softplus", lambda z: F.softplus(z, threshold=1e9))
elementwise("swish", F.silu)
elementwise("swish: {beta: 1.5}", lambda z: z * torch.sigmoid(1.5 * z))
elementwise("gelu", F.gelu)
elementwise("gelu_tanh", lambda z: F.gelu(z, approximate="tanh"))
elementwise("gelu_sigmoid", lambda z: z * torch.sigmoid(1.702 * z))
elementwise("prelu", nn.PReLU(4))
elementwise("prelu: {gamma: 0.1, shared: true}", nn.PReLU(1, 0.1))
elementwise("softmax", lambda z: F.softmax(z, dim=1))
elementwise("dropout: {rate: 0}", nn.Dropout(0))
case("[dense: {units: 6}, maxout: {k: 3}, dense: {units: 2}]", [3], nn.Linear(3, 6),
     Apply(lambda z: z.reshape(-1, 2, 3).amax(dim=2)), nn.Linear(2, 2))
case("[dense: {units: 4, bias: false}, dense: {units: 2, activation: tanh}]", [3],
     nn.Linear(3, 4, bias=False), nn.Linear(4, 2), nn.Tanh())
case("[dense: {units: 4, activation: tanh}, dense: {units: 2}]", [3, 2], nn.Linear(2, 4), nn.Tanh(),
     nn.Linear(4, 2))
case("[dense: {units: 4}, flatten, dense: {units: 2}]", [2, 3], nn.Linear(3, 4), nn.Flatten(),
     nn.Linear(8, 2))
case("[dropconnect: {units: 4, rate: 0}, tanh, dropconnect: {units: 2, rate: 0, bias: false}]", [3],
     nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2, bias=False))
elementwise("batch_norm", nn.BatchNorm1d(4))
elementwise("batch_norm: {eps: 0.01, momentum: 0.3}", nn.BatchNorm1d(4, 0.01, 0.3))
elementwise("batch_norm: {affine: false}", nn.BatchNorm1d(4, affine=False))
case("[dense: {units: 4}, batch_norm, dense: {units: 2}]", [2, 2, 3], nn.Linear(3, 4),
     nn.BatchNorm2d(2), nn.Linear(4, 2))
elementwise("layer_norm", nn.LayerNorm(4))
elementwise("layer_norm: {eps: 0.1, affine: false}", nn.LayerNorm(4, 0.1, False))
case("[dense: {units: 4}, layer_norm: {dims: 2}, dense: {units: 2}]", [3, 2], nn.Linear(2, 4),
     nn.LayerNorm([3, 4]), nn.Linear(4, 2))
case("[dense: {units: 4}, layer_norm: {dims: 3}, dense: {units: 2}]", [2, 3, 2], nn.Linear(2, 4),
     nn.LayerNorm([2, 3, 4]), nn.Linear(4, 2))
case("[dense: {units: 3, name: a}, dense: {units: 4, name: b, inputs: input}, concat: {inputs: [a, b]},"
     " tanh, dense: {units: 2}]", [3],
     Join(lambda *p: torch.cat(p, dim=1), nn.Linear(3, 3), nn.Linear(3, 4)), nn.Tanh(),
     nn.Linear(7, 2))
# images: axis 2 of PyTorch's [N, C, H, W] is the height
case("[dense: {units: 2, name: a}, dense: {units: 2, name: b, inputs: input},"
     " concat: {inputs: [a, b], axis: 2}, tanh, dense: {units: 2}]", [2, 2, 2],
     Join(lambda *p: torch.cat(p, dim=2), nn.Linear(2, 2), nn.Linear(2, 2)), nn.Tanh(),
     nn.Linear(2, 2))
case("[dense: {units: 4, name: a}, dense: {units: 4, name: b, inputs: input}, sigmoid: {name: gate},"
     " multiply: {inputs: [a, gate]}, dense: {units: 2}]", [3],
     Join(lambda p, q: p * torch.sigmoid(q), nn.Linear(3, 4), nn.Linear(3, 4)), nn.Linear(4, 2))
edges = [[0, 1], [3, 2], [1, 2], [2, 1]]
case(f"[graph_conv: {{units: 3, edges: {edges}, activation: tanh}}, graph_conv: {{units: 2, bias: false}},"
     " flatten, dense: {units: 2}]", [4, 2], GraphConv(4, edges, 2, 3), nn.Tanh(),
     GraphConv(4, edges, 3, 2, bias=False), nn.Flatten(), nn.Linear(8, 2))
case("[dense: {units: 4, name: a}, dense: {units: 4, activation: relu, name: b},"
     " add: {inputs: [a, b_relu]}, dense: {units: 2}]", [3],
     Join(lambda p, q: p + F.relu(q), nn.Linear(3, 4), nn.Linear(4, 4), chain=True),
     nn.Linear(4, 2))
# images [C, H, W]: the last dimension is W
case("[dense: {units: 4, activation: tanh}, dense: {units: 2}]", [2, 3, 3], nn.Linear(3, 4), nn.Tanh(),
     nn.Linear(4, 2))
case("[dense: {units: 4, bias: false}, softmax, dense: {units: 2}]", [3, 2, 3], nn.Linear(3, 4, bias=False),
     nn.Softmax(dim=-1), nn.Linear(4, 2))
case("[conv2d: {filters: 2, kernel: 1}, softmax]", [3, 2, 3], nn.Conv2d(3, 2, 1), nn.Softmax(dim=-1))
case("[dense: {units: 6}, maxout: {k: 3}, dense: {units: 2}]", [2, 2, 3], nn.Linear(3, 6),
     Apply(lambda z: z.reshape(*z.shape[:-1], 2, 3).amax(dim=-1)), nn.Linear(2, 2))
case("[dense: {units: 4}, layer_norm, dense: {units: 2}]", [2, 2, 3], nn.Linear(3, 4), nn.LayerNorm(4),
     nn.Linear(4, 2))
case("[conv2d: {filters: 2, kernel: 1}, layer_norm: {dims: 2}]", [3, 2, 3], nn.Conv2d(3, 2, 1),
     nn.LayerNorm([2, 3]))
case("[dense: {units: 4}, prelu, dense: {units: 2}]", [2, 2, 3], nn.Linear(3, 4), nn.PReLU(2), nn.Linear(4, 2))
case("[dense: {units: 4}, batch_norm: {momentum: 1.0}, flatten, dense: {units: 2}]", [2, 2, 3], nn.Linear(3, 4),
     nn.BatchNorm2d(2, momentum=1.0), nn.Flatten(), nn.Linear(16, 2))
case("[dense: {units: 4}, max_pool: {size: 2}, dense: {units: 2}]", [2, 2, 3], nn.Linear(3, 4),
     nn.MaxPool2d(2), nn.Linear(2, 2))
case("[dense: {units: 4}, reshape: {shape: [4, 4]}, dense: {units: 2}]", [2, 2, 3], nn.Linear(3, 4),
     nn.Flatten(), nn.Unflatten(1, (4, 4)), nn.Linear(4, 2))
case("[conv2d: {filters: 4, kernel: 1}, global_avg_pool, dense: {units: 2}]", [2, 2, 3], nn.Conv2d(2, 4, 1),
     nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
case("[conv2d: {filters: 2, kernel: 1, name: a}, dense: {units: 3, name: b}, concat: {inputs: [a, b]},"
     " dense: {units: 1}]", [2, 2, 3],
     Join(lambda *p: torch.cat(p, dim=1), nn.Conv2d(2, 2, 1), nn.Linear(3, 3), chain=True), nn.Linear(3, 1))
# indices
case("[embedding: {vocabulary: 5, units: 4}, dense: {units: 2}]", [3], nn.Embedding(5, 4), nn.Linear(4, 2),
     vocabulary=5)
case("[embedding: {vocabulary: 5, units: 3}, dense: {units: 2}]", [3, 2], nn.Embedding(5, 3), nn.Linear(3, 2),
     vocabulary=5)
case("[embedding: {vocabulary: 5, units: 3}, flatten, dense: {units: 2}]", [3, 2], nn.Embedding(5, 3),
     nn.Flatten(), nn.Linear(18, 2), vocabulary=5)
# residual connections: in repeated blocks, and of a small ResNet
case("[dense: {units: 4}, repeat: {times: 2, layers: [residual: [layer_norm, dense: {units: 5, activation: gelu},"
     " dense: {units: 4}]]}, dense: {units: 2}]", [3], nn.Linear(3, 4),
     *[Residual([nn.LayerNorm(4), nn.Linear(4, 5), nn.GELU(), nn.Linear(5, 4)]) for _ in range(2)], nn.Linear(4, 2))


def conv_norm(ins, outs, size, stride=1):
    return [nn.Conv2d(ins, outs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outs)]


def basic_block(ins, outs, stride=1):
    return [Residual(conv_norm(ins, outs, 3, stride) + [nn.ReLU()] + conv_norm(outs, outs, 3),
                     conv_norm(ins, outs, 1, stride) if stride > 1 else ()), nn.ReLU()]


def conv_norm_yaml(filters, options):
    return f"conv2d: {{filters: {filters}, bias: false, {options}}}, batch_norm"


def block_yaml(filters, stride, shortcut=""):
    branch = ", relu, ".join(conv_norm_yaml(filters, f"kernel: 3, padding: 1, stride: {s}") for s in (stride, 1))
    return f"residual: {{activation: relu, layers: [{branch}]{shortcut}}}"


case(f"[{conv_norm_yaml(2, 'kernel: 3, padding: 1')}, relu, repeat: {{times: 2, layers: [{block_yaml(2, 1)}]}},"
     f" {block_yaml(3, 2, ', shortcut: [' + conv_norm_yaml(3, 'kernel: 1, stride: 2') + ']')}, global_avg_pool,"
     " dense: {units: 2}]", [1, 4, 4], *conv_norm(1, 2, 3), nn.ReLU(), *basic_block(2, 2), *basic_block(2, 2),
     *basic_block(2, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
# tied weights
first = nn.Linear(4, 4)
case("[dense: {units: 4, name: a, activation: tanh}, dense: {units: 4, tie: a.weight, activation: tanh},"
     " dense: {units: 4, bias: false, tie: a.weight}, dense: {units: 2}]", [4], first, nn.Tanh(),
     tied(nn.Linear(4, 4), first), nn.Tanh(), tied(nn.Linear(4, 4, bias=False), first), nn.Linear(4, 2))
tokens = nn.Embedding(5, 4)
case("[embedding: {vocabulary: 5, units: 4, name: tokens}, dense: {units: 4, activation: tanh},"
     " dense: {units: 5, tie: tokens.weight}]", [3], tokens, nn.Linear(4, 4), nn.Tanh(), tied(nn.Linear(4, 5), tokens),
     vocabulary=5)
elementwise("rms_norm: {eps: 1e-5}", nn.RMSNorm(4, 1e-5))
elementwise("rms_norm: {eps: 0.1, affine: false}", nn.RMSNorm(4, 0.1, False))
elementwise("rms_norm", nn.RMSNorm(4, torch.finfo(torch.float32).eps))
case("[dense: {units: 4}, rms_norm: {dims: 2, eps: 0.01}, dense: {units: 2}]", [3, 2], nn.Linear(2, 4),
     nn.RMSNorm([3, 4], 0.01), nn.Linear(4, 2))
elementwise("group_norm: {groups: 2}", nn.GroupNorm(2, 4))
elementwise("group_norm: {groups: 1, eps: 0.1, affine: false}", nn.GroupNorm(1, 4, 0.1, False))
case("[conv2d: {filters: 6, kernel: 1}, group_norm: {groups: 3}, conv2d: {filters: 2, kernel: 1}]", [2, 2, 3],
     nn.Conv2d(2, 6, 1), nn.GroupNorm(3, 6), nn.Conv2d(6, 2, 1))
case("[conv2d: {filters: 4, kernel: 1}, group_norm: {groups: 4}, flatten, dense: {units: 2}]", [2, 2, 2],
     nn.Conv2d(2, 4, 1), nn.InstanceNorm2d(4, affine=True), nn.Flatten(), nn.Linear(16, 2))
case("[dense: {units: 4}, positions: {context: 5}, tanh, dense: {units: 2}]", [3, 2], nn.Linear(2, 4),
     Positions(torch.zeros(5, 4)), nn.Tanh(), nn.Linear(4, 2))
angles = torch.arange(3)[:, None] / 10000 ** (torch.arange(0, 4, 2) / 4)
table = torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
case("[dense: {units: 4}, positions: {kind: sinusoidal}, tanh, dense: {units: 2}]", [3, 2], nn.Linear(2, 4),
     Apply(lambda x: x + table), nn.Tanh(), nn.Linear(4, 2))
case("[dense: {units: 5}, slice: {axis: 1, begin: -2}, tanh, slice: {begin: 1, end: -1}]", [3, 2], nn.Linear(2, 5),
     Apply(lambda x: torch.tanh(x[:, -2:])[:, :, 1:-1]))
case("[conv2d: {filters: 4, kernel: 1}, slice: {begin: 1, end: 3}, tanh, slice: {axis: 3, end: 2}]", [2, 2, 3],
     nn.Conv2d(2, 4, 1), Apply(lambda x: torch.tanh(x[:, 1:3])[..., :2]))
case("[dense: {units: 4}, mean, dense: {units: 2}]", [3, 2], nn.Linear(2, 4), Apply(lambda x: x.mean(1)),
     nn.Linear(4, 2))
case("[conv2d: {filters: 4, kernel: 1}, tanh, mean: {axis: -1}, dense: {units: 2}]", [2, 2, 3], nn.Conv2d(2, 4, 1),
     nn.Tanh(), Apply(lambda x: x.mean(-1)), nn.Linear(2, 2))
case("[dense: {units: 8}, glu, dense: {units: 2}]", [3], nn.Linear(3, 8), nn.GLU(), nn.Linear(4, 2))
for gate, function in (("swish", F.silu), ("gelu", F.gelu)):
    case(f"[dense: {{units: 8}}, glu: {{gate: {gate}}}, dense: {{units: 2}}]", [2, 3], nn.Linear(3, 8),
         Apply(lambda x: x[..., :4] * function(x[..., 4:])), nn.Linear(4, 2))
case("[dense: {units: 3}, transpose, dense: {units: 2}]", [4, 2], nn.Linear(2, 3),
     Apply(lambda x: x.transpose(1, 2)), nn.Linear(4, 2))
case("[conv2d: {filters: 2, kernel: 1}, transpose: {dim0: -1, dim1: 1}, tanh]", [2, 2, 3], nn.Conv2d(2, 2, 1),
     Apply(lambda x: torch.tanh(x.transpose(-1, 1))))


class Tokens(nn.Module):
    """Images [C, H, W] as sequences [H W, C]."""

    def forward(self, x):
        return x.flatten(2).transpose(1, 2)


# a vision transformer without attention, of which golden/attention.h has the numbers
case("[reshape: {shape: [1, 4, 4]}, conv2d: {filters: 4, kernel: 2, stride: 2}, reshape: {shape: [4, 4]}, transpose,"
     " positions, residual: [layer_norm, dense: {units: 5, activation: gelu}, dense: {units: 4}], mean,"
     " dense: {units: 2}]", [4, 4], nn.Unflatten(1, (1, 4)), nn.Conv2d(1, 4, 2, 2), Tokens(),
     Positions(torch.zeros(4, 4)), Residual([nn.LayerNorm(4), nn.Linear(4, 5), nn.GELU(), nn.Linear(5, 4)]),
     Apply(lambda x: x.mean(1)), nn.Linear(4, 2))


class UNet(nn.Module):
    """Down by a pool, up by a transposed convolution, and around that the image as it was."""

    def __init__(self, up):
        super().__init__()
        self.top, self.bottom, self.up = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 3, 3, padding=1), up
        self.last, self.out = nn.Conv2d(4, 2, 3, padding=1), nn.Conv2d(2, 1, 1)

    def forward(self, x):
        top = F.relu(self.top(x))
        up = self.up(F.relu(self.bottom(F.max_pool2d(top, 2))))
        return self.out(F.relu(self.last(torch.cat([top, up], dim=1))))


case("[conv2d: {filters: 2, kernel: 3, padding: 1, activation: relu, name: top}, max_pool: {size: 2},"
     " conv2d: {filters: 3, kernel: 3, padding: 1, activation: relu},"
     " conv_transpose2d: {filters: 2, kernel: 2, stride: 2, name: up}, concat: {inputs: [top_relu, up]},"
     " conv2d: {filters: 2, kernel: 3, padding: 1, activation: relu}, conv2d: {filters: 1, kernel: 1}]", [1, 4, 4],
     UNet(nn.ConvTranspose2d(3, 2, 2, 2)))
print("};")
