"""Modules that are convolutions and pools, with the names of torch.nn. All of them are Local."""

from __future__ import annotations

import math
from typing import Any, Callable

from ..tensors import Tensor
from . import functional
from .modules import Module, uniform

Pair = Any  # an int, or one for rows and one for columns


class _Convolution(Module):
    _function: Callable[..., Tensor]
    _sides: Callable[[Any], list[int]]  # of a kernel
    transposed = False

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Pair, groups: int, bias: bool):
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"groups {groups} do not divide channels {in_channels} and filters {out_channels}")
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = (first, second // groups, *type(self)._sides(kernel_size))
        fan_in = math.prod(shape[1:])
        self.groups = groups
        self.weight = uniform(shape, fan_in)
        self.bias = uniform(out_channels, fan_in) if bias else None

    def extra_repr(self) -> str:
        """Its sizes."""
        first, second, *kernel = self.weight.shape
        sides = [second * self.groups, first]
        channels, filters = reversed(sides) if self.transposed else sides
        return f"{channels}, {filters}, kernel_size={tuple(kernel)}, stride={self.stride}"


class _Plain(_Convolution):
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
        super().__init__(in_channels, out_channels, kernel_size, groups, bias)
        self.stride, self.padding, self.dilation = stride, padding, dilation

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[samples, filters, ...]."""
        window = self.stride, self.padding, self.dilation, self.groups
        return type(self)._function(input, self.weight, self.bias, *window)


class Conv1d(_Plain):
    """Convolution of series [samples, channels, length]."""

    _function = staticmethod(functional.conv1d)
    _sides = staticmethod(functional.steps)


class Conv2d(_Plain):
    """Convolution of images [samples, channels, height, width]."""

    _function = staticmethod(functional.conv2d)
    _sides = staticmethod(functional.pair)


class _Transposed(_Convolution):
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        output_padding: Pair = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Pair = 1,
    ):
        super().__init__(in_channels, out_channels, kernel_size, groups, bias)
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.output_padding = output_padding

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[samples, filters, ...]."""
        window = self.stride, self.padding, self.output_padding, self.groups, self.dilation
        return type(self)._function(input, self.weight, self.bias, *window)


class ConvTranspose1d(_Transposed):
    """The transposed map of ``Conv1d``, which makes series longer."""

    _function = staticmethod(functional.conv_transpose1d)
    _sides = staticmethod(functional.steps)


class ConvTranspose2d(_Transposed):
    """The transposed map of ``Conv2d``, which makes images larger."""

    _function = staticmethod(functional.conv_transpose2d)
    _sides = staticmethod(functional.pair)


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


class MaxPool1d(Module):
    """The largest of each window of series."""

    def __init__(self, kernel_size: int, stride: int | None = None, padding: int = 0, dilation: int = 1):
        super().__init__()
        self.window = kernel_size, stride, padding, dilation

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[samples, channels, length]."""
        return functional.max_pool1d(input, *self.window)


class AvgPool1d(Module):
    """The mean of each window of series."""

    def __init__(self, kernel_size: int, stride: int | None = None, padding: int = 0):
        super().__init__()
        self.window = kernel_size, stride, padding

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[samples, channels, length]."""
        return functional.avg_pool1d(input, *self.window)


class AdaptiveAvgPool2d(Module):
    """The means of as many windows as wanted: (1, 1) is the mean of each channel."""

    def __init__(self, output_size: Pair):
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[samples, channels, *output_size]."""
        return functional.adaptive_avg_pool2d(input, self.output_size)
