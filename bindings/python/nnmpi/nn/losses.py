"""Modules that are losses, with the names of torch.nn. All of them are Local."""

from __future__ import annotations

from typing import Any

from ..tensors import Tensor
from . import criteria
from .modules import Module


class CrossEntropyLoss(Module):
    """-log softmax(z) at the class of each row; rows whose class is ``ignore_index`` do not count."""

    def __init__(
        self,
        weight: Any = None,
        ignore_index: int = -1,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ):
        super().__init__()
        self.weight, self.ignore_index = weight, ignore_index
        self.reduction, self.label_smoothing = reduction, label_smoothing

    def forward(self, input: Tensor, target: Any) -> Tensor:  # noqa: A002
        """[rows, classes], and [rows] integers or [rows, classes] probabilities."""
        return criteria.cross_entropy(
            input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )


class NLLLoss(Module):
    """The same of logarithms of probabilities, such as those of ``LogSoftmax``."""

    def __init__(self, weight: Any = None, ignore_index: int = -1, reduction: str = "mean"):
        super().__init__()
        self.weight, self.ignore_index, self.reduction = weight, ignore_index, reduction

    def forward(self, input: Tensor, target: Any) -> Tensor:  # noqa: A002
        """[rows, classes] and [rows] integers."""
        return criteria.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class BCELoss(Module):
    """-(t log y + (1 - t) log(1 - y)) of probabilities y."""

    def __init__(self, weight: Any = None, reduction: str = "mean"):
        super().__init__()
        self.weight, self.reduction = weight, reduction

    def forward(self, input: Tensor, target: Any) -> Tensor:  # noqa: A002
        """Two of one shape."""
        return criteria.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(Module):
    """The same of sigmoid(z); ``pos_weight``: what positive targets count more."""

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None):
        super().__init__()
        self.weight, self.reduction, self.pos_weight = weight, reduction, pos_weight

    def forward(self, input: Tensor, target: Any) -> Tensor:  # noqa: A002
        """Two of one shape."""
        return criteria.binary_cross_entropy_with_logits(
            input, target, self.weight, self.reduction, self.pos_weight
        )


class MSELoss(Module):
    """(y - t)^2"""

    def __init__(self, reduction: str = "mean"):
        super().__init__()
        self.reduction = reduction

    def forward(self, input: Tensor, target: Any) -> Tensor:  # noqa: A002
        """Two of one shape."""
        return criteria.mse_loss(input, target, self.reduction)


class L1Loss(MSELoss):
    """|y - t|"""

    def forward(self, input: Tensor, target: Any) -> Tensor:  # noqa: A002
        """Two of one shape."""
        return criteria.l1_loss(input, target, self.reduction)


class HuberLoss(Module):
    """d^2 / 2 where d = |y - t| < delta, else delta (d - delta / 2)."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0):
        super().__init__()
        self.reduction, self.delta = reduction, delta

    def forward(self, input: Tensor, target: Any) -> Tensor:  # noqa: A002
        """Two of one shape."""
        return criteria.huber_loss(input, target, self.reduction, self.delta)


class SmoothL1Loss(Module):
    """``HuberLoss`` divided by its delta, which is ``beta``."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0):
        super().__init__()
        self.reduction, self.beta = reduction, beta

    def forward(self, input: Tensor, target: Any) -> Tensor:  # noqa: A002
        """Two of one shape."""
        return criteria.smooth_l1_loss(input, target, self.reduction, self.beta)
