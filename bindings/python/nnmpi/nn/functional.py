"""Layers and losses as functions of tensors, with the names of torch.nn.functional. All of them are Local."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import seeds
from .._library import ffi, lib
from ..comm import world_rank
from ..arithmetic import gelu, relu, sigmoid, softplus, tanh
from ..tensors import Tensor, apply, apply_with, ints, operand

__all__ = [
    "avg_pool2d",
    "batch_norm",
    "conv2d",
    "cross_entropy",
    "dropout",
    "embedding",
    "gelu",
    "layer_norm",
    "linear",
    "log_softmax",
    "max_pool2d",
    "mse_loss",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "tanh",
]

def _pair(value: Any) -> list[int]:
    return [int(value)] * 2 if isinstance(value, (int, np.integer)) else [int(v) for v in value]


def _window(kernel: Any, stride: Any, padding: Any, dilation: Any, groups: int = 1) -> Any:
    fields = (ffi.sizeof("nn_window"), _pair(kernel), _pair(stride), _pair(padding), _pair(dilation), groups)
    return ffi.new("nn_window *", fields)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:  # noqa: A002 (PyTorch's names)
    """input weight^T + bias: [..., inputs], [outputs, inputs], [outputs]."""
    return apply(lib.nn_tensor_linear, (input, weight), optional=(bias,))


def conv2d(
    input: Tensor,  # noqa: A002
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """[samples, channels, height, width] by [filters, channels / groups, rows, columns], and [filters]."""
    window = _window(1, stride, padding, dilation, groups)
    return apply(lib.nn_tensor_conv2d, (input, weight), window, optional=(bias,))


def max_pool2d(input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Tensor:  # noqa: A002
    """The largest of each window."""
    window = _window(kernel_size, kernel_size if stride is None else stride, padding, dilation)
    return apply(lib.nn_tensor_max_pool2d, (input,), window)


def avg_pool2d(input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Tensor:  # noqa: A002
    """The mean of each window, of which zeros of the padding are part."""
    window = _window(kernel_size, kernel_size if stride is None else stride, padding, 1)
    return apply(lib.nn_tensor_avg_pool2d, (input,), window)


def softmax(input: Tensor, dim: int) -> Tensor:  # noqa: A002
    """e^x / sum of e^x along a dimension."""
    return input.softmax(dim)


def log_softmax(input: Tensor, dim: int) -> Tensor:  # noqa: A002
    """The logarithm of ``softmax``."""
    return input.log_softmax(dim)


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:  # noqa: A002
    """Each element is 0 with probability p, else divided by 1 - p; ranks drop different ones."""
    if not training or p == 0:
        return input
    stream = seeds.next_stream() * 65536 + world_rank()
    return apply(lib.nn_tensor_dropout, (input,), p, seeds.seed(), stream)


def embedding(input: Tensor, weight: Tensor) -> Tensor:  # noqa: A002
    """The rows of weight that the integers of input name."""
    return operand(weight)[input]


def layer_norm(
    input: Tensor,  # noqa: A002
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalises over the last dimensions, which are ``normalized_shape``."""
    shape = ints([normalized_shape])
    if input.shape[-len(shape) :] != tuple(shape):
        raise ValueError(f"layer_norm: the last dimensions of {list(input.shape)} are not {shape}")
    return apply(
        lambda x, w, b: lib.nn_tensor_layer_norm(x, len(shape), w, b, eps), (input,), optional=(weight, bias)
    )


def batch_norm(
    input: Tensor,  # noqa: A002
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalises each channel, dimension 1; in training by this rank's minibatch, which the running ones follow."""
    rows = (weight, bias, running_mean, running_var)
    return apply(lib.nn_tensor_batch_norm, (input,), bool(training), momentum, eps, optional=rows)


def cross_entropy(input: Tensor, target: Any, ignore_index: int = -1) -> Tensor:  # noqa: A002
    """Mean of -log softmax(input) at each row's class [rows]; classes that are ``ignore_index`` do not count."""
    target = target if isinstance(target, Tensor) else Tensor(target)
    if ignore_index != -1:
        classes = target.numpy()
        if (classes == -1).any():  # in C these do not count
            raise ValueError(f"cross_entropy: a class is -1, and those that do not count are {ignore_index}")
        target = Tensor(np.where(classes == ignore_index, -1, classes))
    return apply_with(lib.nn_tensor_cross_entropy, input, target)


def mse_loss(input: Tensor, target: Any) -> Tensor:  # noqa: A002
    """Mean of (input - target)^2."""
    return apply(lib.nn_tensor_mse, (input, target))
