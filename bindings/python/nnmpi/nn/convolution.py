"""Modules that are convolutions and pools, with the names of torch.nn. All of them are Local."""

from __future__ import annotations

import math
from typing import Any

from ..tensors import Tensor
from . import functional
from .modules import Module, uniform

Pair = Any  # an int, or one for rows and one for columns


class _Convolution(Module):
    transposed = False

    def __init__(
        self, in_channels: int, out_channels: int, kernel: list[int], window: tuple[Any, ...], groups: int, bias: bool
    ):
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"groups {groups} do not divide channels {in_channels} and filters {out_channels}")
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = (first, second // groups, *kernel)
        fan_in = math.prod(shape[1:])
        self.stride, self.padding, self.dilation = window
        self.groups = groups
        self.weight = uniform(shape, fan_in)
        self.bias = uniform(out_channels, fan_in) if bias else None

    def extra_repr(self) -> str:
        """Its sizes."""
        first, second, *kernel = self.weight.shape
        sides = [second * self.groups, first]
        channels, filters = reversed(sides) if self.transposed else sides
        return f"{channels}, {filters}, kernel_size={tuple(kernel)}, stride={self.stride}"


class Conv1d(_Convolution):
    """Convolution of series [samples, channels, length]."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ):
        kernel = [functional.single(kernel_size)]
        super().__init__(in_channels, out_channels, kernel, (stride, padding, dilation), groups, bias)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[samples, filters, length]."""
        return functional.conv1d(
            input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class Conv2d(_Convolution):
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
        kernel = functional.pair(kernel_size)
        super().__init__(in_channels, out_channels, kernel, (stride, padding, dilation), groups, bias)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[samples, filters, rows, columns]."""
        return functional.conv2d(
            input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class ConvTranspose1d(_Convolution):
    """The transposed map of ``Conv1d``, which makes series longer."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        output_padding: int = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int = 1,
    ):
        kernel = [functional.single(kernel_size)]
        super().__init__(in_channels, out_channels, kernel, (stride, padding, dilation), groups, bias)
        self.output_padding = output_padding

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[samples, filters, length]."""
        window = self.stride, self.padding, self.output_padding, self.groups, self.dilation
        return functional.conv_transpose1d(input, self.weight, self.bias, *window)


class ConvTranspose2d(_Convolution):
    """The transposed map of ``Conv2d``, which makes images larger."""

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
        kernel = functional.pair(kernel_size)
        super().__init__(in_channels, out_channels, kernel, (stride, padding, dilation), groups, bias)
        self.output_padding = output_padding

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[samples, filters, rows, columns]."""
        window = self.stride, self.padding, self.output_padding, self.groups, self.dilation
        return functional.conv_transpose2d(input, self.weight, self.bias, *window)


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
