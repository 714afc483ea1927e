"""What is done with gradients between ``backward`` and ``step``, with the names of torch.nn.utils. All of it is Local.

On several ranks each has the gradients of its own rows until ``step`` averages them: call ``average_gradients`` of the
optimiser before, as DistributedDataParallel does in ``backward``.
"""

from __future__ import annotations

from typing import Any, Iterable

import numpy as np

from ..tensors import Tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_"]


def _with_gradients(parameters: Any) -> list[Tensor]:
    listed: Iterable[Tensor] = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p for p in listed if p.grad is not None]


def clip_grad_norm_(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scales the gradients of all parameters together to a norm of at most ``max_norm`` (Pascanu et al. 2013); gives the
    norm before. ``norm_type``: p of the p-norm, or inf."""
    if not max_norm >= 0 or not norm_type > 0:
        raise ValueError(f"clip_grad_norm_: max_norm {max_norm} is at least 0, and norm_type {norm_type} above 0")
    params = _with_gradients(parameters)
    norms = [np.linalg.norm(p.grad.numpy().ravel().astype(np.float64), norm_type) for p in params]
    norm = float(np.linalg.norm(norms, norm_type)) if norms else 0.0
    if error_if_nonfinite and not np.isfinite(norm):
        raise RuntimeError(f"clip_grad_norm_: the norm of the gradients is {norm}")
    scale = max_norm / (norm + 1e-6)
    for p in params if not scale >= 1 else ():  # also where it is NaN
        p.grad = p.grad.detach() * float(scale)
    return Tensor(np.float32(norm))


def clip_grad_value_(parameters: Any, clip_value: float) -> None:
    """Limits each number of the gradients to [-clip_value, clip_value]."""
    for p in _with_gradients(parameters):
        p.grad = p.grad.detach().clamp(-clip_value, clip_value)
