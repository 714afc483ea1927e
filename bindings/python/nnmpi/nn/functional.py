"""Layers and losses as functions of tensors, with the names of torch.nn.functional. All of them are Local."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import seeds
from .._library import ffi, lib
from ..comm import world_rank
from ..arithmetic import gelu, matmul, relu, sigmoid, softplus, tanh
from ..tensors import Tensor, apply, ints, operand
from .criteria import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "cross_entropy",
    "dropout",
    "dropout2d",
    "elu",
    "embedding",
    "gelu",
    "group_norm",
    "huber_loss",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "max_pool1d",
    "max_pool2d",
    "mse_loss",
    "nll_loss",
    "relu",
    "rms_norm",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "tanh",
]


def pair(value: Any) -> list[int]:
    """An integer for rows and columns, or one for each."""
    return [int(value)] * 2 if isinstance(value, (int, np.integer)) else [int(v) for v in value]


def single(value: Any) -> int:
    """An integer, also as the only one of a tuple."""
    return ints([value])[0]


def steps(value: Any) -> list[int]:
    """The sides of what has one."""
    return [single(value)]


def _window(kernel: Any, stride: Any, padding: Any, dilation: Any, groups: int = 1, output_padding: Any = 0) -> Any:
    sides = [pair(value) for value in (kernel, stride, padding, dilation)]
    return ffi.new("nn_window *", (ffi.sizeof("nn_window"), *sides, groups, pair(output_padding)))


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


def conv_transpose2d(
    input: Tensor,  # noqa: A002
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """[samples, channels, height, width] by [channels, filters / groups, rows, columns], and [filters]: the transposed
    map of ``conv2d``, along each side (size - 1) stride - 2 padding + dilation (kernel - 1) + 1 + output_padding."""
    window = _window(1, stride, padding, dilation, groups, output_padding)
    return apply(lib.nn_tensor_conv_transpose2d, (input, weight), window, optional=(bias,))


def conv_transpose1d(
    input: Tensor,  # noqa: A002
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    groups: int = 1,
    dilation: int = 1,
) -> Tensor:
    """[samples, channels, length] by [channels, filters / groups, steps], and [filters]."""
    window = (1, single(stride)), (0, single(padding)), (0, single(output_padding)), groups, (1, single(dilation))
    return conv_transpose2d(_as_row(input), operand(weight).unsqueeze(2), bias, *window).squeeze(2)


def conv1d(
    input: Tensor,  # noqa: A002
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    """[samples, channels, length] by [filters, channels / groups, steps], and [filters]."""
    window = (1, single(stride)), (0, single(padding)), (1, single(dilation))
    return conv2d(_as_row(input), operand(weight).unsqueeze(2), bias, *window, groups).squeeze(2)


def _as_row(x: Tensor) -> Tensor:
    """An image of one row of a series [samples, channels, length]."""
    if x.ndim != 3:
        raise ValueError(f"[samples, channels, length] is wanted, not {list(x.shape)}")
    return x.unsqueeze(2)


def max_pool1d(input: Tensor, kernel_size: int, stride: Any = None, padding: int = 0, dilation: int = 1) -> Tensor:  # noqa: A002
    """The largest of each window of [samples, channels, length]."""
    window = (1, single(kernel_size)), (1, single(kernel_size if stride is None else stride))
    return max_pool2d(_as_row(input), *window, (0, single(padding)), (1, single(dilation))).squeeze(2)


def avg_pool1d(input: Tensor, kernel_size: int, stride: Any = None, padding: int = 0) -> Tensor:  # noqa: A002
    """The mean of each window of [samples, channels, length], of which zeros of the padding are part."""
    window = (1, single(kernel_size)), (1, single(kernel_size if stride is None else stride))
    return avg_pool2d(_as_row(input), *window, (0, single(padding))).squeeze(2)


def _means(length: int, windows: int) -> np.ndarray:
    """[length, windows]: a product with it gives the mean of each of these windows, the last of which ends last."""
    weights = np.zeros((length, windows))
    for i in range(windows):
        begin, end = i * length // windows, -(-(i + 1) * length // windows)
        weights[begin:end, i] = 1 / (end - begin)
    return weights


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:  # noqa: A002
    """The means of ``output_size`` windows of [..., rows, columns]; None: as many as there are."""
    wanted = [output_size] * 2 if output_size is None or isinstance(output_size, int) else list(output_size)
    rows, columns = (_means(n, n if w is None else int(w)) for n, w in zip(input.shape[-2:], wanted))
    return matmul(Tensor(rows.T.astype(np.float32)), matmul(input, Tensor(columns.astype(np.float32))))


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


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:  # noqa: A002
    """Each channel [samples, channels] is 0 with probability p, else divided by 1 - p."""
    if not training or p == 0:
        return input
    kept = dropout(Tensor(np.ones(input.shape[:2] + (1,) * (input.ndim - 2), np.float32)), p)
    return input * kept


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:  # noqa: A002
    """x, or negative_slope x where x < 0"""
    return relu(input) - relu(-input) * negative_slope


def elu(input: Tensor, alpha: float = 1.0) -> Tensor:  # noqa: A002
    """x, or alpha (e^x - 1) where x < 0"""
    return relu(input) + (input.clamp(max=0).exp() - 1) * alpha


def silu(input: Tensor) -> Tensor:  # noqa: A002
    """x / (1 + e^-x)"""
    return input * sigmoid(input)


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


def rms_norm(
    input: Tensor,  # noqa: A002
    normalized_shape: Any,
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """Divides by the root of the mean square over the last dimensions; ``eps`` None: that of float32."""
    shape = ints([normalized_shape])
    if input.shape[-len(shape) :] != tuple(shape):
        raise ValueError(f"rms_norm: the last dimensions of {list(input.shape)} are not {shape}")
    mean = (input * input).mean(range(-len(shape), 0), True)
    scaled = input * (mean + float(np.finfo(np.float32).eps if eps is None else eps)) ** -0.5
    return scaled if weight is None else scaled * weight


def group_norm(
    input: Tensor,  # noqa: A002
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalises each group of channels of each sample; [samples, channels, ...], weight and bias [channels]."""
    samples, channels = input.shape[:2]
    if num_groups < 1 or channels % num_groups:
        raise ValueError(f"group_norm: {num_groups} groups do not divide {channels} channels")
    rows = input.reshape(samples, num_groups, -1)
    result = layer_norm(rows, rows.shape[-1:], eps=eps).reshape(input.shape)
    each = (channels,) + (1,) * (input.ndim - 2)
    result = result if weight is None else result * weight.reshape(each)
    return result if bias is None else result + bias.reshape(each)


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


def attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Any, dropout_p: float, scale: float | None = None
) -> tuple[Tensor, Tensor]:
    """What ``scaled_dot_product_attention`` gives, and the weights [..., L, S]; mask: summands, or None."""
    scores = matmul(query * (query.shape[-1] ** -0.5 if scale is None else scale), key.transpose(-2, -1))
    weights = (scores if mask is None else scores + mask).softmax(-1)
    return matmul(dropout(weights, dropout_p), value), weights


def summands(mask: Any, seen: bool) -> Any:
    """What is added to scores: of truth values 0 where they are ``seen``, else -inf; numbers are that already."""
    values = mask.numpy() if isinstance(mask, Tensor) else np.asarray(mask)
    if values.dtype == np.bool_:
        return np.where(values == seen, 0, -np.inf).astype(np.float32)
    learned = isinstance(mask, Tensor) and mask.requires_grad
    if values.dtype.kind != "f" or (not learned and (values == 1).any() and np.isin(values, (0, 1)).all()):
        raise TypeError(
            "a mask holds truth values (an array of bool), or floats to be added to scores; this one has integers, or "
            "only 0 and 1, as comparisons of tensors give: take mask.numpy() != 0"
        )
    return mask if isinstance(mask, Tensor) else values.astype(np.float32)


def causal(queries: int, keys: int) -> Any:
    """Summands that hide the keys behind each query's own place."""
    return summands(np.tri(queries, keys, dtype=bool), seen=True)


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """softmax(query key^T scale + mask) value (Vaswani et al. 2017); [..., L, E], [..., S, E], [..., S, V].

    ``attn_mask`` [..., L, S]: truth values of which keys are looked at, or summands; ``is_causal``: none behind the
    query's own place. ``scale`` None: 1 / sqrt(E). Weights are dropped with probability ``dropout_p``.
    """
    if is_causal and attn_mask is not None:
        raise ValueError("scaled_dot_product_attention: either attn_mask or is_causal")
    mask = None if attn_mask is None else summands(attn_mask, seen=True)
    if is_causal:
        mask = causal(query.shape[-2], key.shape[-2])
    return attend(query, key, value, mask, dropout_p, scale)[0]
