# timeout: 120
"""Modules and losses of nnmpi.nn give PyTorch's numbers and derivatives under PyTorch's names, learn what recurrent
layers and attention are for, and say what they are given wrongly."""

import json
import os
import pickle
from pathlib import Path

import numpy as np

import nnmpi
from nnmpi import nn, optim
from support import raises
from support.waves import MODULES, kept, wave

GOLDEN = Path(os.environ["SOURCE_DIR"]) / "tests" / "golden" / "modules.json"


def listed(outputs):
    """The tensors of nested tuples."""
    return sum(map(listed, outputs), []) if isinstance(outputs, tuple) else [outputs]


def near(name, found, wanted):
    np.testing.assert_allclose(kept(found), wanted, rtol=2e-5, atol=2e-5, err_msg=name)


def test_golden():
    golden = json.loads(GOLDEN.read_text())
    assert [g["name"] for g in golden] == [case.name for case in MODULES]
    for case, want in zip(MODULES, golden):
        module = case.make(nn).eval()
        for i, (_, parameter) in enumerate(sorted(module.named_parameters())):
            parameter.copy_(wave(0.5, i, parameter.shape))
        inputs = [nnmpi.tensor(x.astype(np.float32), requires_grad=True) for x in case.inputs()]
        outputs = listed(module(*inputs, **case.more()))
        sum((y * wave(0.7, 5 + i, y.shape)).sum() for i, y in enumerate(outputs)).backward()
        for y, values in zip(outputs, want["outputs"], strict=True):
            near(case.name, y, values)
        for x, values in zip(inputs, want["inputs"], strict=True):
            near(case.name, x.grad, values)
        parameters = dict(module.named_parameters())
        assert sorted(parameters) == sorted(want["parameters"]), case.name
        for name, values in want["parameters"].items():
            near(f"{case.name}: {name}", parameters[name].grad, values)


def test_dropout():
    """Drops in training alone, whole channels, and between layers but not behind the last one."""
    x = nnmpi.ones(8, 40, 3)
    drop = nn.Dropout2d(0.25)
    y = drop(x).numpy()
    assert set(np.unique(y.reshape(320, 3).std(1))) == {0} and 0.1 < (y == 0).mean() < 0.4
    np.testing.assert_array_equal(drop.eval()(x), x)
    for layers, same in (1, True), (2, False):
        net = nn.LSTM(3, 16, layers, dropout=0.5)
        a, b = (net(nnmpi.ones(5, 2, 3))[0].numpy() for _ in range(2))
        assert np.array_equal(a, b) == same
    attention = nn.MultiheadAttention(8, 2, dropout=0.5)
    q = nnmpi.tensor(wave(1, 1, (5, 2, 8)))
    a, b = (attention(q, q, q)[0].numpy() for _ in range(2))
    assert not np.array_equal(a, b)


class Tagger(nn.Module):
    """What was seen a step ago, by a recurrent layer or by attention."""

    def __init__(self, body):
        super().__init__()
        self.tokens, self.places = nn.Embedding(5, 16), nn.Parameter(wave(0.5, 1, (10, 16)))
        self.body, self.head = body, nn.Linear(16, 5)

    def forward(self, x):
        x = self.body(self.tokens(x) + self.places)
        return self.head(x[0] if isinstance(x, tuple) else x)


def test_learns():
    random = np.random.default_rng(3)
    nnmpi.manual_seed(1)
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, 0.0, batch_first=True), 2)
    for body in nn.LSTM(16, 16, batch_first=True), encoder:
        net = Tagger(body)
        optimizer = optim.Adam(net.parameters(), lr=0.02)
        criterion = nn.CrossEntropyLoss(label_smoothing=0.01)
        for step in range(120):
            x = random.integers(0, 5, (32, 10))
            z = net(nnmpi.tensor(x))[:, 1:].reshape(-1, 5)
            loss = criterion(z, nnmpi.tensor(x[:, :9].ravel()))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        right = (z.argmax(1).numpy() == x[:, :9].ravel()).mean()
        assert right > 0.9, f"{type(body).__name__}: {right}"
        again = pickle.loads(pickle.dumps(net.state_dict()))
        assert again.keys() == net.state_dict().keys()


def test_clip():
    """As PyTorch's, whose numbers these are, for gradients (3, 4) and (12)."""
    for limit, kind, norm, first in (
        (6.5, 2.0, 13, 1.5),
        (20, 2.0, 13, 3),
        (9.5, 1.0, 19, 1.5),
        (6, float("inf"), 12, 1.5),
    ):
        a, b, idle = nn.Parameter(np.zeros(2)), nn.Parameter(np.zeros(1)), nn.Parameter(np.zeros(3))
        a.grad, b.grad = nnmpi.tensor([3.0, 4.0]), nnmpi.tensor([12.0])
        assert abs(float(nn.utils.clip_grad_norm_([a, b, idle], limit, kind)) - norm) < 1e-4
        np.testing.assert_allclose(a.grad, [first, first * 4 / 3], rtol=1e-5)
        np.testing.assert_allclose(b.grad, [first * 4], rtol=1e-5)
        assert idle.grad is None
    nn.utils.clip_grad_value_(a, 1.75)
    np.testing.assert_allclose(a.grad, [1.5, 1.75])
    a.grad = nnmpi.tensor([np.nan, 1.0])
    raises(RuntimeError, "the norm of the gradients is nan", lambda: nn.utils.clip_grad_norm_(a, 1, 2.0, True))
    raises(ValueError, "max_norm -1", lambda: nn.utils.clip_grad_norm_(a, -1))


def test_containers():
    both = nn.ModuleDict({"a": nn.Linear(2, 3), "b": nn.LSTM(3, 2)})
    assert list(both) == ["a", "b"] and "a" in both and len(both) == 2
    assert "b.weight_hh_l0" in both.state_dict() and "a.bias" in dict(both.named_parameters())
    del both["b"]
    assert list(both.keys()) == ["a"] and [type(m) for m in both.values()] == [nn.Linear]
    raises(KeyError, "no name for a module", lambda: nn.ModuleDict({"keys": nn.ReLU()}))
    raises(TypeError, "a module is wanted", lambda: nn.ModuleDict({"x": 1}))


def test_misuse():
    x = nnmpi.ones(4, 2, 3)
    raises(ValueError, "LSTM: [..., 5] is wanted, not [4, 2, 3]", lambda: nn.LSTM(5, 2)(x))
    raises(ValueError, "2 first states", lambda: nn.LSTM(3, 2)(x, nnmpi.ones(1, 2, 2)))
    raises(ValueError, "1 first states", lambda: nn.GRU(3, 2)(x, nnmpi.ones(1, 3, 2)))
    raises(ValueError, "nonlinearity", lambda: nn.RNN(3, 2, nonlinearity="gelu"))
    raises(ValueError, "sizes and layers", lambda: nn.GRU(3, 0))
    raises(ValueError, "do not divide", lambda: nn.MultiheadAttention(6, 4))
    raises(ValueError, "do not divide", lambda: nn.GroupNorm(4, 6))
    raises(ValueError, "activation is", lambda: nn.TransformerEncoderLayer(4, 2, activation="tan"))
    z = nnmpi.ones(2, 3)
    raises(IndexError, "classes are 0 to 2", lambda: nn.NLLLoss()(z, np.array([0, 3])))
    raises(TypeError, "classes are integers", lambda: nn.NLLLoss()(z, np.array([0.0, 1.0])))
    raises(ValueError, "a weight for each of 3 classes", lambda: nn.CrossEntropyLoss([1, 2])(z, np.array([0, 1])))
    raises(ValueError, "reduction is", lambda: nn.L1Loss("median")(z, z))
    raises(ValueError, "the targets are [3], the outputs [2, 3]", lambda: nn.BCEWithLogitsLoss()(z, [1, 0, 1]))
    raises(ValueError, "either attn_mask or is_causal", lambda: nn.functional.scaled_dot_product_attention(
        z, z, z, attn_mask=np.ones((2, 2)), is_causal=True))
    h, c = nn.LSTM(3, 2)(np.ones((4, 3)), (np.zeros((1, 2)), np.ones((1, 2))))[1]  # arrays, of one sample
    assert h.shape == c.shape == (1, 2)
    attention, q = nn.MultiheadAttention(4, 2), nnmpi.ones(3, 1, 4)
    for mask in nnmpi.tensor(np.eye(3)) > 0, np.eye(3, dtype=int), np.eye(3):
        raises(TypeError, "take mask.numpy() != 0", lambda: attention(q, q, q, attn_mask=mask))
        raises(TypeError, "a mask holds truth values", lambda: nn.functional.scaled_dot_product_attention(
            q[:, 0], q[:, 0], q[:, 0], attn_mask=mask))
    bias = nn.Parameter(np.eye(3))
    (attention(q, q, q, attn_mask=bias)[0] ** 2).sum().backward()
    assert bias.grad.shape == (3, 3)
    hidden = nn.functional.scaled_dot_product_attention(z, z, z, attn_mask=np.eye(2, dtype=bool))
    causal = nn.functional.scaled_dot_product_attention(z, z, z, is_causal=True)
    assert hidden.shape == causal.shape == (2, 3)


test_golden()
test_dropout()
test_learns()
test_clip()
test_containers()
test_misuse()
