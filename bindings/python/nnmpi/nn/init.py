"""First values of parameters, with the names of torch.nn.init.

Each function fills a tensor that no operation has made, in place, by an initialiser of the library, and returns it.
Random numbers are a stream of their own each time, which follows from ``nnmpi.manual_seed``. All are Local; where ranks
are to begin alike, call them on every rank in the same order, or make the optimiser afterwards: it gives every rank
the parameters of the first one.
"""

from __future__ import annotations

import json
import math
from typing import Any

from .. import seeds
from .._library import check, lib
from ..tensors import Tensor

#: sqrt of how many times the variance of a layer's inputs its outputs' is to have before the activation.
_GAINS = {
    "conv2d": 1.0,
    "linear": 1.0,
    "relu": math.sqrt(2),
    "selu": 0.75,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
}


def fill(tensor: Tensor, initializer: Any) -> Tensor:
    """By any initialiser of ``nnmpi help initializers``: its name, YAML ("normal: {std: 0.1}") or {name: {key: value}}.

    tensor: [outputs, inputs, ...]. Local.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"a tensor is wanted, not {type(tensor).__name__}")
    text = initializer if isinstance(initializer, str) else json.dumps(initializer)
    check(lib.nn_tensor_initialize(tensor._c, text.encode(), seeds.seed(), str(seeds.next_stream()).encode()))
    return tensor


def calculate_gain(nonlinearity: str, param: float = 0.01) -> float:
    """The gain for xavier_uniform_ and the like before an activation; ``param``: the slope of leaky_relu. Local."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + param**2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"no gain is known for {nonlinearity!r}; there are: leaky_relu, {', '.join(_GAINS)}")
    return _GAINS[nonlinearity]


def zeros_(tensor: Tensor) -> Tensor:
    """0 everywhere; any shape. Local."""
    return fill(tensor, "zeros")


def ones_(tensor: Tensor) -> Tensor:
    """1 everywhere; any shape. Local."""
    return constant_(tensor, 1.0)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """The same value everywhere; any shape. Local."""
    return fill(tensor, {"constant": {"value": float(val)}})


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """N(mean, std^2); any shape. Local."""
    return fill(tensor, {"normal": {"mean": float(mean), "std": float(std)}})


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Uniform in [a, b), a < b; any shape. Local."""
    if not a < b:
        raise ValueError(f"uniform_: a = {a} is not below b = {b}")
    fill(tensor, {"uniform": {"r": (b - a) / 2}})
    return tensor if a == -b else tensor.copy_(tensor.detach().affine(1, (a + b) / 2))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Uniform in [-r, r), r = gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010); [outputs, inputs, ...].
    Local."""
    return fill(tensor, {"xavier_uniform": {"gain": float(gain)}})


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Normal with variance gain^2 2 / (fan_in + fan_out) (Glorot and Bengio 2010); [outputs, inputs, ...]. Local."""
    return fill(tensor, {"xavier_normal": {"gain": float(gain)}})


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Uniform with variance 2 / ((1 + a^2) fan) (He et al. 2015); [outputs, inputs, ...].

    ``a`` is the slope for negative numbers of the leaky_relu that follows (0: relu); ``nonlinearity`` may also be
    "relu" or "linear". Local.
    """
    return _kaiming("he_uniform", tensor, a, mode, nonlinearity)


def kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """The same with a normal distribution; [outputs, inputs, ...]. Local."""
    return _kaiming("he_normal", tensor, a, mode, nonlinearity)


def orthogonal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Orthogonal rows, or columns where there are fewer, of length gain (Saxe et al. 2014); [outputs, inputs, ...].
    Local."""
    return fill(tensor, {"orthogonal": {"gain": float(gain)}})


def _kaiming(kind: str, tensor: Tensor, a: float, mode: str, nonlinearity: str) -> Tensor:
    slopes = {"leaky_relu": a, "relu": 0.0, "linear": 1.0}
    if nonlinearity not in slopes:
        raise ValueError(
            f"kaiming initialisers are for {', '.join(slopes)}, not {nonlinearity!r}: take xavier_uniform_ with "
            f"gain=calculate_gain({nonlinearity!r})"
        )
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode is 'fan_in' or 'fan_out', not {mode!r}")
    return fill(tensor, {kind: {"slope": abs(float(slopes[nonlinearity])), "fan": mode[4:]}})
