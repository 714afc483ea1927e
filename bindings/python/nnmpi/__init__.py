"""Data-parallel training of neural networks on CPU clusters: the Python interface of libnnmpi."""

from __future__ import annotations

from . import callbacks, layers, optimizers
from .comm import Comm
from .errors import (
    BusyError,
    DivergedError,
    Error,
    FormatError,
    InputOutputError,
    OutOfMemoryError,
    RankError,
    StoppedError,
    UsageError,
)
from ._library import version
from .layers import Input
from .models import Model, Sequential

__version__ = version()

__all__ = [
    "BusyError",
    "Comm",
    "DivergedError",
    "Error",
    "FormatError",
    "Input",
    "InputOutputError",
    "Model",
    "OutOfMemoryError",
    "RankError",
    "Sequential",
    "StoppedError",
    "UsageError",
    "callbacks",
    "layers",
    "optimizers",
]
