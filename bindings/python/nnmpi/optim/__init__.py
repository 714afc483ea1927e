"""Optimisers of parameters and schedules of their learning rates, with the names of torch.optim."""

from __future__ import annotations

from . import lr_scheduler
from .optimizers import SGD, Adam, AdamW, Optimizer, RMSprop

__all__ = ["Adam", "AdamW", "Optimizer", "RMSprop", "SGD", "lr_scheduler"]
