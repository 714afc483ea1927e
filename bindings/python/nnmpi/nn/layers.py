"""Modules that are layers, with the names of torch.nn. All of them are Local."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from .. import operations as _operations
from ..tensors import Tensor, ints
from . import functional
from .modules import Module, Parameter

Pair = Any  # an int, or one for rows and one for columns


def _uniform(shape: Any, fan_in: int) -> Parameter:
    """PyTorch's default: uniform in [-r, r), r = 1 / sqrt(fan_in)."""
    return Parameter(np.zeros(shape)).initialize(f"uniform: {{r: {max(fan_in, 1) ** -0.5!r}}}")


class Linear(Module):
    """x W^T + b; weight [out_features, in_features], bias [out_features]."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = _uniform((out_features, in_features), in_features)
        self.bias = _uniform(out_features, in_features) if bias else None

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[..., in_features] to [..., out_features]."""
        return functional.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Its sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Conv2d(Module):
    """Convolution of images [samples, channels, height, width]."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
    ):
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"groups {groups} do not divide channels {in_channels} and filters {out_channels}")
        rows, columns = functional._pair(kernel_size)
        fan_in = in_channels // groups * rows * columns
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups
        self.weight = _uniform((out_channels, in_channels // groups, rows, columns), fan_in)
        self.bias = _uniform(out_channels, fan_in) if bias else None

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[samples, filters, rows, columns]."""
        return functional.conv2d(
            input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )

    def extra_repr(self) -> str:
        """Its sizes."""
        filters, channels, *kernel = self.weight.shape
        return f"{channels * self.groups}, {filters}, kernel_size={tuple(kernel)}, stride={self.stride}"


class Embedding(Module):
    """A learned row for each integer; weight [num_embeddings, embedding_dim]."""

    def __init__(self, num_embeddings: int, embedding_dim: int):
        super().__init__()
        self.weight = Parameter(np.zeros((num_embeddings, embedding_dim))).initialize("normal: {std: 1}")

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[...] integers to [..., embedding_dim]."""
        return functional.embedding(input, self.weight)


class LayerNorm(Module):
    """Normalises over the last dimensions."""

    def __init__(self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True):
        super().__init__()
        self.normalized_shape, self.eps = tuple(ints([normalized_shape])), eps
        self.weight = Parameter(np.ones(self.normalized_shape)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(self.normalized_shape)) if elementwise_affine else None

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """The same shape."""
        return functional.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)


class BatchNorm2d(Module):
    """Normalises each channel, dimension 1, by the rows of this rank."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = Parameter(np.ones(num_features)) if affine else None
        self.bias = Parameter(np.zeros(num_features)) if affine else None
        self.register_buffer("running_mean", _operations.zeros(num_features))
        self.register_buffer("running_var", _operations.ones(num_features))
        self.register_buffer("num_batches_tracked", Tensor(0))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """The same shape."""
        if self.training:
            self.num_batches_tracked.copy_(self.num_batches_tracked.item() + 1)
        return functional.batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            self.momentum,
            self.eps,
        )


class BatchNorm1d(BatchNorm2d):
    """The same of [samples, channels] or [samples, channels, length]."""


class MaxPool2d(Module):
    """The largest of each window."""

    def __init__(self, kernel_size: Pair, stride: Pair = None, padding: Pair = 0, dilation: Pair = 1):
        super().__init__()
        self.window = kernel_size, stride, padding, dilation

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[samples, channels, rows, columns]."""
        return functional.max_pool2d(input, *self.window)


class AvgPool2d(Module):
    """The mean of each window."""

    def __init__(self, kernel_size: Pair, stride: Pair = None, padding: Pair = 0):
        super().__init__()
        self.window = kernel_size, stride, padding

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[samples, channels, rows, columns]."""
        return functional.avg_pool2d(input, *self.window)


class Flatten(Module):
    """All dimensions from one on become one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[samples, features]."""
        return input.flatten(self.start_dim, self.end_dim)


class Dropout(Module):
    """In training each element is 0 with probability p, else divided by 1 - p."""

    def __init__(self, p: float = 0.5):
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"Dropout: p is in [0, 1), not {p}")
        self.p = p

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """The same shape."""
        return functional.dropout(input, self.p, self.training)


class Identity(Module):
    """Its input."""

    def forward(self, input: Any) -> Any:  # noqa: A002
        """The input."""
        return input


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


class Softplus(_Elementwise):
    """log(1 + e^x)"""

    function = staticmethod(functional.softplus)


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
