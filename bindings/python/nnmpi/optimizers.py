"""Optimisers: a class for each of the library's, e.g. ``SGD(learning_rate=0.1, momentum=0.9)``."""

from __future__ import annotations

from .catalog import Choice, module_getter


class Optimizer(Choice):
    """An optimiser; keys are those of ``nnmpi help sgd``, or Keras's names of them."""

    spellings = {"beta_1": "beta1", "beta_2": "beta2", "epsilon": "eps", "learning_rate": "lr"}


_getter, _names = module_getter(Optimizer, "optimizer", {"SGD": "sgd", "RMSprop": "rmsprop", "AdamW": "adamw"})
__all__ = ["Optimizer", *_names]


def __getattr__(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return _getter(name)


def __dir__() -> list[str]:
    return __all__
