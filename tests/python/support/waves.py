"""Modules and losses with the inputs that tests/golden/make_modules.py gives to PyTorch's and tests/python/modules.py
to ours: neither needs the other's library."""

from dataclasses import dataclass
from typing import Any, Callable

import numpy as np

KEPT = 12  # numbers of an array


def wave(scale, start, shape):
    """Numbers of one sign and the other, none of which are equal."""
    count = int(np.prod(shape))
    return (scale * np.sin(start + 0.9 * np.arange(count))).reshape(shape)


def kept(array):
    """Some of the numbers of an array, from all over it."""
    flat = np.asarray(array, dtype=np.float64).ravel()
    return [float("%.10g" % v) for v in flat[:: max(1, -(-flat.size // KEPT))]]


@dataclass
class Case:
    """A module, what its inputs are like, and what else it is called with."""

    name: str
    make: Callable[[Any], Any]
    shapes: list[Any]
    more: Callable[[], dict[str, Any]] = dict
    scale: float = 1.2
    offset: float = 0.0

    def inputs(self):
        return [wave(self.scale, 1 + i, shape) + self.offset for i, shape in enumerate(self.shapes)]


def _padding():
    hidden = np.zeros((3, 5), dtype=bool)
    hidden[1, 3:] = hidden[2, 4:] = True
    return hidden


def _labels(ignored=False):
    return {"target": np.array([2, 0, -1 if ignored else 3, 1, 1, 0])}


def _targets(shape=(6, 4)):
    return {"target": (np.arange(int(np.prod(shape))) % 3 == 0).astype(np.float64).reshape(shape)}


def _numbers():
    return {"target": wave(2.0, 9, (6, 4))}


def _probabilities():
    p = 1.5 + wave(1, 3, (6, 4))
    return {"target": p / p.sum(1, keepdims=True)}


def _weight(nn):
    """Of classes, as the library of nn wants them."""
    weight = [0.5, 2.0, 1.0, 1.5]
    return weight if nn.__name__.startswith("nnmpi") else __import__("torch").tensor(weight)


def _loss(kind, target, name=None, **options):
    def make(nn):
        made = {k: _weight(nn) if v is _weight else v for k, v in options.items()}
        return getattr(nn, kind)(**made)

    return Case(name or " ".join([kind, *options]), make, [(6, 4)], target)


def _ignored():
    return _labels(True)


MODULES = [
    Case("RNN", lambda nn: nn.RNN(3, 4), [(5, 2, 3)]),
    Case("RNN relu, two layers, no bias", lambda nn: nn.RNN(3, 4, 2, nonlinearity="relu", bias=False), [(5, 2, 3)]),
    Case("LSTM", lambda nn: nn.LSTM(3, 4), [(5, 2, 3)]),
    Case("LSTM of one sample", lambda nn: nn.LSTM(3, 4), [(6, 3)]),
    Case(
        "LSTM two layers, both ways, samples first",
        lambda nn: nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True, dropout=0.5),
        [(2, 7, 3)],
    ),
    Case("GRU with a first state", lambda nn: nn.GRU(3, 4), [(5, 2, 3), (1, 2, 4)]),
    Case("GRU both ways", lambda nn: nn.GRU(3, 4, 2, bidirectional=True), [(5, 2, 3), (4, 2, 4)]),
    Case("MultiheadAttention", lambda nn: nn.MultiheadAttention(6, 2), [(4, 3, 6), (5, 3, 6), (5, 3, 6)]),
    Case(
        "MultiheadAttention padded, samples first",
        lambda nn: nn.MultiheadAttention(6, 3, batch_first=True, bias=False),
        [(3, 4, 6), (3, 5, 6), (3, 5, 6)],
        lambda: {"key_padding_mask": _padding(), "average_attn_weights": False},
    ),
    Case(
        "MultiheadAttention masked, of one sample",
        lambda nn: nn.MultiheadAttention(6, 2),
        [(4, 6), (5, 6), (5, 6)],
        lambda: {"attn_mask": wave(1, 2, (4, 5))},
    ),
    Case(
        "MultiheadAttention with a mask a head",
        lambda nn: nn.MultiheadAttention(4, 2, batch_first=True),
        [(3, 5, 4), (3, 5, 4), (3, 5, 4)],
        lambda: {"attn_mask": np.triu(np.ones((6, 5, 5), dtype=bool), 1)},
    ),
    Case(
        "TransformerEncoderLayer",
        lambda nn: nn.TransformerEncoderLayer(6, 2, 8, batch_first=True),
        [(3, 5, 6)],
        lambda: {"src_key_padding_mask": _padding()},
    ),
    Case(
        "TransformerEncoder of norms first",
        lambda nn: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(6, 2, 8, activation="gelu", norm_first=True), 2, nn.LayerNorm(6)
        ),
        [(5, 3, 6)],
        lambda: {"mask": np.triu(np.ones((5, 5), dtype=bool), 1)},
    ),
    Case("Conv1d", lambda nn: nn.Conv1d(4, 6, 3, 2, 1, 2, groups=2), [(2, 4, 9)]),
    Case("ConvTranspose1d", lambda nn: nn.ConvTranspose1d(4, 6, 3, 2, 1, 1, groups=2), [(2, 4, 5)]),
    Case(
        "ConvTranspose2d",
        lambda nn: nn.ConvTranspose2d(3, 5, (3, 2), (2, 3), (1, 0), (1, 2), dilation=(1, 2)),
        [(2, 3, 4, 3)],
    ),
    Case("MaxPool1d", lambda nn: nn.MaxPool1d(3, 2, 1), [(2, 3, 8)]),
    Case("AvgPool1d", lambda nn: nn.AvgPool1d(3, 2, 1), [(2, 3, 8)]),
    Case("AdaptiveAvgPool2d", lambda nn: nn.AdaptiveAvgPool2d((3, 2)), [(2, 3, 7, 5)]),
    Case("AdaptiveAvgPool2d to one", lambda nn: nn.AdaptiveAvgPool2d(1), [(2, 3, 4, 5)]),
    Case("AdaptiveAvgPool2d of rows", lambda nn: nn.AdaptiveAvgPool2d((2, None)), [(2, 3, 4, 5)]),
    Case("GroupNorm", lambda nn: nn.GroupNorm(2, 6), [(2, 6, 3, 2)]),
    Case("RMSNorm", lambda nn: nn.RMSNorm([3, 4], eps=1e-3), [(2, 3, 4)]),
    Case("LeakyReLU", lambda nn: nn.LeakyReLU(0.2), [(3, 4)]),
    Case("ELU", lambda nn: nn.ELU(1.3), [(3, 4)]),
    Case("SiLU", lambda nn: nn.SiLU(), [(3, 4)]),
    _loss("CrossEntropyLoss", _ignored, ignore_index=-1),
    _loss("CrossEntropyLoss", _ignored, ignore_index=-1, weight=_weight, label_smoothing=0.1),
    _loss("CrossEntropyLoss", _ignored, "CrossEntropyLoss of each", ignore_index=-1, label_smoothing=0.2, reduction="none"),
    _loss("CrossEntropyLoss", _labels, "CrossEntropyLoss summed", weight=_weight, reduction="sum", ignore_index=-1),
    _loss("CrossEntropyLoss", _probabilities, "CrossEntropyLoss of probabilities", weight=_weight, label_smoothing=0.1),
    _loss("NLLLoss", _ignored, ignore_index=-1, weight=_weight),
    Case("BCELoss", lambda nn: nn.BCELoss(), [(6, 4)], _targets, 0.4, 0.5),
    _loss("BCEWithLogitsLoss", _targets),
    _loss("BCEWithLogitsLoss", _targets, weight=_weight, pos_weight=_weight, reduction="sum"),
    _loss("MSELoss", _numbers, reduction="none"),
    _loss("MSELoss", _numbers, "MSELoss summed", reduction="sum"),
    _loss("L1Loss", _numbers),
    _loss("HuberLoss", _numbers, delta=0.7),
    _loss("SmoothL1Loss", _numbers, beta=0.4),
]
