"""Modules that are activations, with the names of torch.nn. All of them are Local."""

from __future__ import annotations

from typing import Callable

from ..tensors import Tensor
from . import functional
from .modules import Module


class _Elementwise(Module):
    function: Callable[[Tensor], Tensor]

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """The same shape."""
        return type(self).function(input)


class ReLU(_Elementwise):
    """max(0, x)"""

    function = staticmethod(functional.relu)


class Sigmoid(_Elementwise):
    """1 / (1 + e^-x)"""

    function = staticmethod(functional.sigmoid)


class Tanh(_Elementwise):
    """tanh x"""

    function = staticmethod(functional.tanh)


class GELU(_Elementwise):
    """x Phi(x)"""

    function = staticmethod(functional.gelu)


class SiLU(_Elementwise):
    """x / (1 + e^-x)"""

    function = staticmethod(functional.silu)


class Softplus(_Elementwise):
    """log(1 + e^x)"""

    function = staticmethod(functional.softplus)


class LeakyReLU(Module):
    """x, or negative_slope x where x < 0"""

    def __init__(self, negative_slope: float = 0.01):
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """The same shape."""
        return functional.leaky_relu(input, self.negative_slope)


class ELU(Module):
    """x, or alpha (e^x - 1) where x < 0"""

    def __init__(self, alpha: float = 1.0):
        super().__init__()
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """The same shape."""
        return functional.elu(input, self.alpha)


class Softmax(Module):
    """e^x / sum of e^x along a dimension."""

    def __init__(self, dim: int = -1):
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """The same shape."""
        return input.softmax(self.dim)


class LogSoftmax(Softmax):
    """The logarithm of softmax."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """The same shape."""
        return input.log_softmax(self.dim)
