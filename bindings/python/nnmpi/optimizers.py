"""Optimisers: a class for each of the library's, e.g. ``SGD(learning_rate=0.1, momentum=0.9)``. Local."""

from __future__ import annotations

from .catalog import Choice, make_module


class Optimizer(Choice):
    """An optimiser; keys are those of ``nnmpi help sgd``, or Keras's names of them."""

    spellings = {"beta_1": "beta1", "beta_2": "beta2", "epsilon": "eps", "learning_rate": "lr"}


_SPELLED = {"SGD": "sgd", "RMSprop": "rmsprop", "AdamW": "adamw"}
__getattr__, __dir__, __all__ = make_module(Optimizer, "optimizer", _SPELLED)
