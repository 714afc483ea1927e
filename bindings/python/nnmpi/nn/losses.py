"""Modules that are losses, with the names of torch.nn. All of them are Local."""

from __future__ import annotations

from typing import Any

from ..tensors import Tensor
from . import functional
from .modules import Module


class CrossEntropyLoss(Module):
    """Mean of -log softmax(z) at the class of each row; rows whose class is ``ignore_index`` do not count."""

    def __init__(self, ignore_index: int = -1):
        super().__init__()
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Any) -> Tensor:  # noqa: A002
        """[rows, classes] and [rows] integers."""
        return functional.cross_entropy(input, target, self.ignore_index)


class MSELoss(Module):
    """Mean of (y - t)^2."""

    def forward(self, input: Tensor, target: Any) -> Tensor:  # noqa: A002
        """Two of one shape."""
        return functional.mse_loss(input, target)
