"""What is computed elementwise from tensors, and over their dimensions: the operators and methods of a
tensor. All of it is Local."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

import numpy as np

from . import tensors as _t  # which wants what is here
from ._library import lib

if TYPE_CHECKING:
    from .tensors import Tensor


class Arithmetic:
    """The operators of a tensor; shapes are broadcast as numpy's. All of it is Local."""

    __slots__ = ()

    # ---- arithmetic ----------------------------------------------------------------------------------------------

    def affine(self, factor: float, summand: float) -> Tensor:
        """factor * self + summand"""
        return _t.apply(lib.nn_tensor_affine, (self,), factor, summand)

    def __add__(self, other: Any) -> Tensor:
        if isinstance(other, (int, float)):
            return self.affine(1, other)
        return _binary(lib.nn_tensor_add, self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Tensor:
        if isinstance(other, (int, float)):
            return self.affine(1, -other)
        return _binary(lib.nn_tensor_subtract, self, other)

    def __rsub__(self, other: Any) -> Tensor:
        if isinstance(other, (int, float)):
            return self.affine(-1, other)
        return _binary(lib.nn_tensor_subtract, other, self)

    def __mul__(self, other: Any) -> Tensor:
        if isinstance(other, (int, float)):
            return self.affine(other, 0)
        return _binary(lib.nn_tensor_multiply, self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Tensor:
        return _binary(lib.nn_tensor_divide, self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return _binary(lib.nn_tensor_divide, other, self)

    def __neg__(self) -> Tensor:
        return self.affine(-1, 0)

    def __abs__(self) -> Tensor:
        return _t.apply(lib.nn_tensor_abs, (self,))

    def __pow__(self, exponent: Any) -> Tensor:
        if isinstance(exponent, (numbers.Real, np.number)):  # numpy's too
            return _t.apply(lib.nn_tensor_power, (self,), float(exponent))
        return (self.log() * exponent).exp()

    def __rpow__(self, base: Any) -> Tensor:
        return (self * _t.operand(base).log()).exp()

    def __matmul__(self, other: Any) -> Tensor:
        return matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return matmul(other, self)

    def __gt__(self, other: Any) -> Tensor:
        return _binary(lib.nn_tensor_greater, self, other)

    def __lt__(self, other: Any) -> Tensor:
        return _binary(lib.nn_tensor_greater, other, self)

    def __ge__(self, other: Any) -> Tensor:
        return (self > other) + (self == other)  # neither holds for a NaN

    def __le__(self, other: Any) -> Tensor:
        return (self < other) + (self == other)

    def __eq__(self, other: Any) -> Any:
        return _binary(lib.nn_tensor_equal, self, other)

    def __ne__(self, other: Any) -> Any:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else equal.affine(-1, 1)

    def __hash__(self) -> int:
        return id(self)

    def pow(self, exponent: Any) -> Tensor:
        """self ** exponent"""
        return self**exponent

    def clamp(self, min: Any = None, max: Any = None) -> Tensor:  # noqa: A002 (PyTorch's names)
        """At least ``min``, at most ``max``."""
        low = self if min is None else _t.apply(lib.nn_tensor_maximum, (self, min))
        return low if max is None else _t.apply(lib.nn_tensor_minimum, (low, max))

    # ---- over dimensions -----------------------------------------------------------------------------------------

    def sum(self, dim: Any = None, keepdim: bool = False) -> Tensor:
        """Over all dimensions or those given."""
        return _over(lib.nn_tensor_sum, self, dim, keepdim)

    def mean(self, dim: Any = None, keepdim: bool = False) -> Tensor:
        """Over all dimensions or those given."""
        return _over(lib.nn_tensor_mean, self, dim, keepdim)

    def amax(self, dim: Any = None, keepdim: bool = False) -> Tensor:
        """The largest, over all dimensions or those given."""
        return _over(lib.nn_tensor_max, self, dim, keepdim)

    def max(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The largest of all; along a dimension also its place, as a pair."""
        largest = self.amax(dim, keepdim)
        return largest if dim is None else (largest, self.argmax(dim, keepdim))

    def var(self, dim: Any = None, unbiased: bool = True, keepdim: bool = False) -> Tensor:
        """The variance, of a sample where it is unbiased."""
        centred = self - self.mean(dim, True)
        squares = (centred * centred).sum(dim, keepdim)
        return squares / (self.numel() / max(squares.numel(), 1) - bool(unbiased))

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """The place of the largest, an integer."""
        values = self.numpy()
        place = values.argmax(dim)
        return _t.Tensor(np.expand_dims(place, dim) if keepdim and dim is not None else place)

    def softmax(self, dim: int) -> Tensor:
        """e^x / sum of e^x along a dimension."""
        return _t.apply(lib.nn_tensor_softmax, (self,), dim)

    def log_softmax(self, dim: int) -> Tensor:
        """The logarithm of ``softmax``."""
        return _t.apply(lib.nn_tensor_log_softmax, (self,), dim)


def _over(function: Any, x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    axes = () if dim is None else ((dim,) if isinstance(dim, int) else tuple(dim))
    return _t.apply(function, (x,), len(axes), axes, bool(keepdim))


def _binary(function: Any, a: Any, b: Any) -> Any:
    if not isinstance(a, _t.Tensor):
        a = _other(a)
    if not isinstance(b, _t.Tensor):
        b = _other(b)
    if a is None or b is None:
        return NotImplemented
    return _t.apply(function, (a, b))


def _other(value: Any) -> Tensor | None:
    """Another operand of an operator; None: it is no number."""
    try:
        return _t.operand(value)
    except (TypeError, ValueError):
        return None


def _unary(name: str, doc: str) -> None:
    """Makes a method and a function of this module."""
    function = getattr(lib, f"nn_tensor_{name}")

    def method(self: Tensor) -> Tensor:
        return _t.apply(function, (self,))

    def free(input: Any) -> Tensor:  # noqa: A002 (PyTorch's name)
        return _t.apply(function, (input,))

    method.__name__ = free.__name__ = name
    method.__doc__ = free.__doc__ = doc
    setattr(Arithmetic, name, method)
    globals()[name] = free


for _name, _doc in {
    "exp": "e^x",
    "log": "The natural logarithm.",
    "sqrt": "The square root.",
    "abs": "|x|, whose derivative at 0 is 0.",
    "relu": "max(0, x)",
    "sigmoid": "1 / (1 + e^-x)",
    "tanh": "tanh x",
    "softplus": "log(1 + e^x)",
    "gelu": "x Phi(x), Phi the normal distribution function",
}.items():
    _unary(_name, _doc)


def matmul(a: Any, b: Any) -> Tensor:
    """The matrix product; vectors as numpy has them, other dimensions broadcast."""
    a, b = _t.operand(a), _t.operand(b)
    left, right = a.ndim == 1, b.ndim == 1
    if left:
        a = a.reshape(1, -1)
    if right:
        b = b.reshape(-1, 1)
    y = _t.apply(lib.nn_tensor_matmul, (a, b), False, False)
    if left or right:
        y = y.reshape(y.shape[: y.ndim - 2] + (() if left else y.shape[-2:-1]) + (() if right else y.shape[-1:]))
    return y
