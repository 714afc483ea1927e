# timeout: 120
"""Tensors from Python: what PyTorch's have, derivatives of derivatives, numbers of numpy, and misuse."""

import gc
import math
import pickle

import numpy as np

import nnmpi
from nnmpi import nn, optim
from nnmpi._library import lib
from support import raises


def near(a, b, tolerance=1e-5):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=tolerance, atol=tolerance)


def test_arithmetic():
    rng = np.random.default_rng(1)
    a, b = rng.random((3, 4), np.float32) + 0.5, rng.random(4, np.float32) + 0.5
    x, y = nnmpi.tensor(a), nnmpi.tensor(b)
    for f in (
        lambda u, v: u + v - 2 * u / v + (3 - v) / 2,
        lambda u, v: u**2 + 2**v + u**v + 1 / u,
        lambda u, v: u @ v.reshape(4, 1) - v @ u.T,
        lambda u, v: (u > v) * u + (u <= 0.7) * v - (u == u) * -u,
        lambda u, v: u[1:, ::-1] * v[None, -1] + u[0, 1:2],
        lambda u, v: u[[2, 0]] + u[..., 1, None].sum() + abs(v[0]) + u[-1],
    ):
        near(f(x, y), f(a, b))
    near(b + x, a + b)  # numpy leaves it to the tensor
    near(x.mean(0), a.mean(0))
    near(x.var(1), a.var(1, ddof=1))
    near(x.max(1)[0], a.max(1))
    near(x.max(1)[1], a.argmax(1))
    near(x.softmax(1).sum(1), np.ones(3))
    near(nnmpi.cat([x, x * 2], 1), np.concatenate([a, a * 2], 1))
    near(nnmpi.stack([y, y], 1), np.stack([b, b], 1))
    near(nnmpi.where(x > 1, x, 0), np.where(a > 1, a, 0))
    near(x.clamp(0.7, 1), a.clip(0.7, 1))
    near(x.permute(1, 0).unsqueeze(1).squeeze(1).flatten(), a.T.ravel())
    assert x.shape == (3, 4) and len(x) == 3 and x.ndim == 2 and x.numel() == 12
    assert nnmpi.tensor([1, 2]).dtype == np.int64 and nnmpi.tensor(2.5).item() == 2.5
    assert float((nnmpi.tensor([1, 2, 3]) == nnmpi.tensor([1, 0, 3])).sum()) == 2
    assert f"{nnmpi.tensor(0.25):.1f}" == "0.2" and "requires_grad" in repr(nn.Parameter([1]))
    copy = pickle.loads(pickle.dumps(nn.Parameter(a)))
    assert isinstance(copy, nn.Parameter) and copy.requires_grad
    near(copy, a)
    near(x ** np.float32(2) + x ** np.int64(3), a**2 + a**3)
    near(nnmpi.tensor([-2.0]) ** np.float64(2), [4])
    nan = nnmpi.tensor([np.nan, 1.0])
    for f in (lambda u: u >= 1, lambda u: u <= 1, lambda u: u > 1, lambda u: u != 1):
        near(f(nan), f(nan.numpy()))
    assert x != "x"
    near(x[range(3), [-1, 0, -4]], a[range(3), [-1, 0, -4]])
    assert nnmpi.zeros(0, 2, 3).flatten(1).shape == (0, 6) and nnmpi.tensor(1.0).flatten().shape == (1,)


def test_derivatives():
    x = nnmpi.tensor([0.5, -2.0], requires_grad=True)
    s = x.sigmoid()
    (first,) = nnmpi.grad(s.sum(), x, create_graph=True)
    (second,) = nnmpi.grad(first.sum(), x, create_graph=True)
    (third,) = nnmpi.grad(second.sum(), x)
    v = 1 / (1 + np.exp([-0.5, 2.0]))
    near(first, v * (1 - v))
    near(second, v * (1 - v) * (1 - 2 * v))
    near(third, v * (1 - v) * (1 - 6 * v + 6 * v * v))
    y = x
    for _ in range(3):  # control flow of Python
        y = y * y if float(y.sum()) < 0 else y + 1
    y.sum().backward()
    near(x.grad, 2 * np.array([0.5, -2]))
    x.grad = None
    with nnmpi.no_grad():
        assert not (x * 2).requires_grad

    @nnmpi.no_grad()
    def twice(depth):
        return x * 2 if depth == 0 else twice(depth - 1)

    assert not twice(2).requires_grad and (x * 2).requires_grad
    paused = nnmpi.no_grad()
    with paused, paused:
        pass
    assert (x * 2).requires_grad
    a = nnmpi.tensor(1.0, requires_grad=True)
    raises(ValueError, "do not depend", lambda: nnmpi.grad(x.sum(), [x, a]))
    assert nnmpi.grad(x.sum(), [x, a], allow_unused=True)[1] is None


class Net(nn.Module):
    """A little of everything."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.body = nn.Sequential(nn.MaxPool2d(2), nn.GELU(), nn.Flatten(), nn.Linear(16, 6), nn.LayerNorm(6))
        self.drop = nn.Dropout(0.3)
        self.table = nn.Embedding(5, 6)

    def forward(self, x, index):
        return self.drop(self.body(self.norm(self.conv(x)))) + self.table(index)


def test_modules():
    nnmpi.manual_seed(3)
    net = Net()
    names = [name for name, _ in net.named_parameters()]
    assert names[:2] == ["conv.weight", "conv.bias"] and "body.3.weight" in names
    state = net.state_dict()
    assert state["norm.num_batches_tracked"] == 0 and state["conv.weight"].shape == (4, 1, 3, 3)
    x, index = nnmpi.rand(8, 1, 4, 4), nnmpi.arange(8) * 0
    opt = optim.AdamW([{"params": net.conv.parameters(), "lr": 0.1}, {"params": net.body.parameters()}], lr=0.01)
    opt.param_groups[1]["lr"] = 0.05
    losses = []
    for _ in range(20):
        loss = nn.CrossEntropyLoss()(net(x, index.long()), np.arange(8) % 6)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert net.state_dict()["norm.num_batches_tracked"] == 20
    net.eval()
    near(net(x, index.long()), net(x, index.long()))
    other = Net()
    other.load_state_dict(net.state_dict())
    near(other.eval()(x, index.long()), net(x, index.long()))
    raises(KeyError, "conv.bias", lambda: other.load_state_dict({"conv.bais": np.zeros(4)}))
    state["conv.bias"] = np.zeros(5, np.float32)
    raises(ValueError, "conv.bias is [4], not [5]", lambda: other.load_state_dict(state))
    near(other.state_dict()["conv.weight"], net.state_dict()["conv.weight"])  # nothing was changed
    state = {**net.state_dict(), "table.weight": np.ones((5, 6), np.int64), "conv.weight": np.ones((4, 1, 3, 3))}
    raises(ValueError, "table.weight holds float32, not int64", lambda: other.load_state_dict(state))
    near(other.state_dict()["conv.weight"], net.state_dict()["conv.weight"])
    del other.table
    assert "table.weight" not in other.state_dict() and not hasattr(other, "table")


def test_optimizers():
    comm, w = nnmpi.Comm(), nn.Parameter([1.0])
    opt = optim.SGD([w], lr=0.5, comm=comm)
    opt.param_groups[0]["lr"] = 0
    w.sum().backward()
    opt.step()
    near(w, [1])
    comm.close()
    raises(ValueError, "is closed", opt.step)
    raises(ValueError, "is closed", opt.zero_grad)
    raises(ValueError, "named twice", lambda: optim.SGD([{"params": [w]}, {"params": [w]}]))


def test_no_rows():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    loss = nn.CrossEntropyLoss()(net(nnmpi.zeros(0, 1, 4, 4)), np.zeros(0, np.int64))
    loss.backward()
    opt = optim.Adam(net.parameters())
    opt.step(weight=0)
    assert all(np.isfinite(v).all() for v in net.state_dict().values())


def test_loader():
    x, y = np.arange(10, dtype=np.float32), np.arange(10)
    loader = nnmpi.DataLoader(nnmpi.TensorDataset(x, y), 4, shuffle=True)
    epochs = [np.concatenate([b[0].numpy() for b in loader]) for _ in range(2)]
    assert len(loader) == 3 and sorted(epochs[0]) == list(x) and not np.array_equal(*epochs)
    own = [(np.float32(i), i) for i in range(5)]  # any sequence of samples
    assert [len(b[1]) for b in nnmpi.DataLoader(own, 2)] == [2, 2, 1]
    empty = nnmpi.DataLoader([(np.zeros((2, 3), np.float32), 1)], 2)._take(np.arange(0))  # of more ranks than rows
    assert [t.shape for t in empty] == [(0, 2, 3), (0,)] and empty[1].dtype == np.int64


def test_misuse():
    x = nnmpi.rand(32, 784)
    raises(nnmpi.UsageError, "matmul: [32, 784] x [500, 784]: inner dimensions", lambda: x @ nnmpi.rand(500, 784))
    raises(nnmpi.UsageError, "add: shapes", lambda: x + nnmpi.rand(3))
    raises(TypeError, "", lambda: x + "one")
    raises(TypeError, "", lambda: x + None)
    raises(TypeError, "not NoneType", lambda: nnmpi.relu(None))
    raises(TypeError, "not indexed by str", lambda: x["a"])
    raises(TypeError, "", lambda: x["a", "b"])
    raises(IndexError, "out of range", lambda: x[32])
    raises(IndexError, "3 indices for 2", lambda: x[0, 0, 0])
    raises(TypeError, "no indices", lambda: x[nnmpi.rand(2)])
    raises(nnmpi.UsageError, "index 0 is 32", lambda: x[[32]])
    for truth in (np.ones(32, bool), [True] * 32, True, np.ones((32, 784), bool)):
        raises(TypeError, "where()", lambda truth=truth: x[truth])
    raises(TypeError, "where()", lambda: x[np.ones(32, bool), 0])
    raises(IndexError, "out of range for dimension 1", lambda: x[range(32), [784] * 32])
    raises(ValueError, "a class is -1", lambda: nn.functional.cross_entropy(x[:1], [-1], ignore_index=-100))
    raises(nnmpi.UsageError, "layer_norm: weights", lambda: nn.functional.layer_norm(x, 784, x))
    raises(ValueError, "single number", x.item)
    raises(nnmpi.UsageError, "requires gradients", lambda: x.sum().backward())
    raises(nnmpi.UsageError, "integers have no", lambda: nnmpi.tensor([1], requires_grad=True))
    raises(nnmpi.UsageError, "no axis 2", lambda: x.sum(2))
    raises((TypeError, ValueError), "", lambda: nnmpi.tensor("abc"))
    raises((TypeError, ValueError), "", lambda: nnmpi.tensor(object()))
    raises((TypeError, ValueError), "", lambda: nnmpi.tensor([[1], [1, 2]]))
    raises(TypeError, "", lambda: x.reshape("a"))
    raises(nnmpi.UsageError, "do not fill", lambda: x.reshape(11, -1))
    raises(ValueError, "no parameters", lambda: optim.SGD([]))
    raises(TypeError, "a parameter is a tensor", lambda: optim.SGD([1.0]))
    raises(nnmpi.UsageError, "lr", lambda: optim.SGD([x], lr=-1))
    raises(nnmpi.UsageError, "computed from others", lambda: optim.Adam([nn.Parameter([1.0]) * 2]))
    raises(AttributeError, "super().__init__()", lambda: type("Bad", (nn.Module,), {"__init__": assign})())
    raises(nnmpi.UsageError, "class 7", lambda: nn.CrossEntropyLoss()(nnmpi.rand(1, 3), [7]))
    loss = (nnmpi.tensor(2.0, requires_grad=True) * 3).exp()
    loss.backward()
    raises(nnmpi.UsageError, "forgotten", loss.backward)
    w = nn.Parameter([1.0])
    loss = (w * w).sum()
    w.copy_([2.0])
    raises(nnmpi.UsageError, "has been changed since", loss.backward)
    raises(nnmpi.UsageError, "was made by", lambda: (w * w).copy_([2.0]))


def assign(self):
    self.layer = nn.ReLU()


def test_hessian():
    """Newton's step by second derivatives finds the minimum of a quadratic form at once."""
    a = np.array([[3, 1], [1, 2]], np.float32)
    x = nnmpi.tensor([5.0, -3.0], requires_grad=True)
    (g,) = nnmpi.grad(0.5 * (x @ nnmpi.tensor(a) @ x) - x.sum(), x, create_graph=True)
    rows = [nnmpi.grad(g[i], x, retain_graph=True)[0].numpy() for i in range(2)]
    near(rows, a)
    near(x.numpy() - np.linalg.solve(rows, g.numpy()), np.linalg.solve(a, [1, 1]))
    assert math.isclose(float(g[0]), 11, rel_tol=1e-6)


for test in (
    test_arithmetic,
    test_derivatives,
    test_modules,
    test_optimizers,
    test_no_rows,
    test_loader,
    test_misuse,
    test_hessian,
):
    test()
gc.collect()
assert lib.nn_tensor_live() == 0, lib.nn_tensor_live()
