"""Modules that normalise, with the names of torch.nn. All of them are Local."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import operations as _operations
from ..tensors import Tensor, ints
from . import functional
from .modules import Module, Parameter


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


class RMSNorm(Module):
    """Divides by the root of the mean square over the last dimensions (Zhang and Sennrich 2019)."""

    def __init__(self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True):
        super().__init__()
        self.normalized_shape, self.eps = tuple(ints([normalized_shape])), eps
        self.weight = Parameter(np.ones(self.normalized_shape)) if elementwise_affine else None

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """The same shape."""
        return functional.rms_norm(input, self.normalized_shape, self.weight, self.eps)


class GroupNorm(Module):
    """Normalises each group of channels of each sample (Wu and He 2018); [samples, channels, ...]."""

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True):
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_groups} groups do not divide {num_channels} channels")
        self.num_groups, self.eps = num_groups, eps
        self.weight = Parameter(np.ones(num_channels)) if affine else None
        self.bias = Parameter(np.zeros(num_channels)) if affine else None

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """The same shape."""
        return functional.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)


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
