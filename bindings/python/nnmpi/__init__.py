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
from .loader import MNIST, DataLoader, TensorDataset
from .operations import (
    arange,
    cat,
    from_numpy,
    grad,
    maximum,
    minimum,
    no_grad,
    ones,
    rand,
    randn,
    set_num_threads,
    stack,
    tensor,
    where,
    zeros,
)
from .seeds import get_rng_state, manual_seed, set_rng_state
from .tensors import Tensor
from .arithmetic import exp, log, matmul, relu, sigmoid, softplus, sqrt, tanh
from ._library import version
from .layers import Input
from .models import Model, Sequential, load
from . import nn, optim

__version__ = version()

__all__ = [
    "BusyError",
    "Comm",
    "DataLoader",
    "DivergedError",
    "Error",
    "FormatError",
    "Input",
    "InputOutputError",
    "MNIST",
    "Model",
    "OutOfMemoryError",
    "RankError",
    "Sequential",
    "StoppedError",
    "Tensor",
    "TensorDataset",
    "UsageError",
    "arange",
    "callbacks",
    "cat",
    "exp",
    "from_numpy",
    "get_rng_state",
    "grad",
    "layers",
    "load",
    "log",
    "manual_seed",
    "matmul",
    "maximum",
    "minimum",
    "nn",
    "no_grad",
    "ones",
    "optim",
    "optimizers",
    "rand",
    "randn",
    "relu",
    "set_num_threads",
    "set_rng_state",
    "sigmoid",
    "softplus",
    "sqrt",
    "stack",
    "tanh",
    "tensor",
    "where",
    "zeros",
]
