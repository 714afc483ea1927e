"""Losses as functions of tensors, with the names of torch.nn.functional. All of them are Local.

``reduction``: "mean", over all numbers or, where rows have weights, divided by the sum of these; "sum"; or "none", each
of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._library import lib
from ..arithmetic import softplus
from ..operations import where
from ..tensors import Tensor, apply, apply_with, operand


def _reduce(values: Tensor, reduction: str, weight: float | None = None) -> Tensor:
    """``weight``: what a mean is divided by; None: how many there are."""
    if reduction == "none":
        return values
    if reduction not in ("mean", "sum"):
        raise ValueError(f"reduction is 'mean', 'sum' or 'none', not {reduction!r}")
    if reduction == "sum":
        return values.sum()
    return values.mean() if weight is None else values.sum() / weight


def _same_shape(what: str, input: Tensor, target: Any) -> Tensor:  # noqa: A002
    target = operand(target)
    if input.shape != target.shape:
        raise ValueError(f"{what}: the targets are {list(target.shape)}, the outputs {list(input.shape)}")
    return target


# ---- of numbers ----------------------------------------------------------------------------------------------------


def mse_loss(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:  # noqa: A002 (PyTorch's names)
    """(input - target)^2"""
    if reduction == "mean":
        return apply(lib.nn_tensor_mse, (input, target))
    return _reduce((input - _same_shape("mse_loss", input, target)) ** 2, reduction)


def l1_loss(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:  # noqa: A002
    """|input - target|"""
    return _reduce(abs(input - _same_shape("l1_loss", input, target)), reduction)


def huber_loss(input: Tensor, target: Any, reduction: str = "mean", delta: float = 1.0) -> Tensor:  # noqa: A002
    """d^2 / 2 where d = |input - target| < delta, else delta (d - delta / 2) (Huber 1964)."""
    if delta <= 0:
        raise ValueError(f"huber_loss: delta {delta} is not positive")
    d = abs(input - _same_shape("huber_loss", input, target))
    return _reduce(where(d < delta, d * d / 2, (d - delta / 2) * delta), reduction)


def smooth_l1_loss(input: Tensor, target: Any, reduction: str = "mean", beta: float = 1.0) -> Tensor:  # noqa: A002
    """huber_loss divided by its delta, which is ``beta``; 0: l1_loss."""
    return l1_loss(input, target, reduction) if beta == 0 else huber_loss(input, target, reduction, beta) / beta


# ---- of probabilities ----------------------------------------------------------------------------------------------


def binary_cross_entropy(
    input: Tensor,  # noqa: A002
    target: Any,
    weight: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """-(t log y + (1 - t) log(1 - y)), y in [0, 1], logarithms at least -100; ``weight`` of each is broadcast."""
    t = _same_shape("binary_cross_entropy", input, target)
    loss = -(t * input.log().clamp(min=-100) + (1 - t) * (1 - input).log().clamp(min=-100))
    return _reduce(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,  # noqa: A002
    target: Any,
    weight: Any = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Tensor:
    """The same of sigmoid(input); ``pos_weight`` of positive targets is broadcast."""
    t = _same_shape("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None:
        loss = softplus(input) - t * input
    else:
        loss = (1 - t) * input + ((operand(pos_weight) - 1) * t + 1) * softplus(-input)
    return _reduce(loss if weight is None else loss * weight, reduction)


# ---- of classes ----------------------------------------------------------------------------------------------------


def _classes(what: str, input: Tensor, target: Any) -> np.ndarray:  # noqa: A002
    classes = target.numpy() if isinstance(target, Tensor) else np.asarray(target)
    if classes.dtype.kind not in "iu":
        raise TypeError(f"{what}: classes are integers, not {classes.dtype}")
    if input.ndim != 2 or classes.shape != input.shape[:1]:
        raise ValueError(f"{what}: [rows, classes] and [rows] are wanted, not {list(input.shape)} and {list(classes.shape)}")
    return classes


def _weights(what: str, weight: Any, count: int) -> np.ndarray:
    """Those of classes."""
    weights = np.ones(count) if weight is None else np.asarray(weight, dtype=np.float64)
    if weights.shape != (count,):
        raise ValueError(f"{what}: a weight for each of {count} classes is wanted, not {list(weights.shape)}")
    return weights


def nll_loss(
    input: Tensor,  # noqa: A002
    target: Any,
    weight: Any = None,
    ignore_index: int = -1,
    reduction: str = "mean",
) -> Tensor:
    """-input at each row's class, of logarithms [rows, classes]; ``weight`` [classes]."""
    return _of_logarithms("nll_loss", input, target, weight, ignore_index, reduction)


def _of_logarithms(
    what: str, logs: Tensor, target: Any, weight: Any, ignore_index: int, reduction: str, smoothing: float = 0.0
) -> Tensor:
    classes = _classes(what, logs, target)
    counted = classes != ignore_index
    known = np.where(counted, classes, 0)
    if known.size and not 0 <= known.min() <= known.max() < logs.shape[1]:
        raise IndexError(f"{what}: classes are 0 to {logs.shape[1] - 1}, not {known.min()} to {known.max()}")
    weights = _weights(what, weight, logs.shape[1])
    of_rows = weights[known] * counted
    loss = -logs[range(len(known)), known] * of_rows
    if smoothing:
        even = -(logs * weights).sum(1) * counted
        loss = loss * (1 - smoothing) + even * (smoothing / logs.shape[1])
    return _reduce(loss, reduction, of_rows.sum())


def cross_entropy(
    input: Tensor,  # noqa: A002
    target: Any,
    weight: Any = None,
    ignore_index: int = -1,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(input) at each row's class [rows], or by probabilities of classes [rows, classes].

    Rows whose class is ``ignore_index`` do not count. ``weight`` [classes]. Of each target ``label_smoothing`` is
    divided among all classes (Szegedy et al. 2016).
    """
    target = target if isinstance(target, Tensor) else Tensor(target)
    if target.dtype.kind == "f":
        return _to_probabilities(input, target, weight, reduction, label_smoothing)
    if weight is not None or reduction != "mean" or label_smoothing:
        logs = input.log_softmax(-1)
        return _of_logarithms("cross_entropy", logs, target, weight, ignore_index, reduction, label_smoothing)
    if ignore_index != -1:
        classes = target.numpy()
        if (classes == -1).any():  # in C these do not count
            raise ValueError(f"cross_entropy: a class is -1, and those that do not count are {ignore_index}")
        target = Tensor(np.where(classes == ignore_index, -1, classes))
    return apply_with(lib.nn_tensor_cross_entropy, input, target)


def _to_probabilities(z: Tensor, target: Tensor, weight: Any, reduction: str, smoothing: float) -> Tensor:
    target = _same_shape("cross_entropy", z, target) * (1 - smoothing) + smoothing / z.shape[-1]
    rows = -(z.log_softmax(-1) * target * _weights("cross_entropy", weight, z.shape[-1])).sum(-1)
    return _reduce(rows, reduction)
