"""Modules that are layers, with the names of torch.nn. All of them are Local."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensors import Tensor
from . import functional
from .modules import Module, Parameter, uniform


class Linear(Module):
    """x W^T + b; weight [out_features, in_features], bias [out_features]."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = uniform((out_features, in_features), in_features)
        self.bias = uniform(out_features, in_features) if bias else None

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[..., in_features] to [..., out_features]."""
        return functional.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Its sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Embedding(Module):
    """A learned row for each integer; weight [num_embeddings, embedding_dim]."""

    def __init__(self, num_embeddings: int, embedding_dim: int):
        super().__init__()
        self.weight = Parameter(np.zeros((num_embeddings, embedding_dim))).initialize("normal: {std: 1}")

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[...] integers to [..., embedding_dim]."""
        return functional.embedding(input, self.weight)


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
            raise ValueError(f"{type(self).__name__}: p is in [0, 1), not {p}")
        self.p = p

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """The same shape."""
        return functional.dropout(input, self.p, self.training)


class Dropout2d(Dropout):
    """In training each channel of a sample is 0 with probability p, else divided by 1 - p (Tompson et al. 2015)."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """[samples, channels, ...]."""
        return functional.dropout2d(input, self.p, self.training)


class Identity(Module):
    """Its input."""

    def forward(self, input: Any) -> Any:  # noqa: A002
        """The input."""
        return input
