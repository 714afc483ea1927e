"""Tensors with automatic differentiation, recorded as the program runs.

What is here has the names and the meaning of PyTorch's. Numbers are float32, or int64 where they are classes,
indices or sizes; everything is computed in C, by one call an operation. All of it is Local.
"""

from __future__ import annotations

import math
import operator
from typing import Any, Sequence

import numpy as np

from ._library import check, ffi, lib
from .arithmetic import Arithmetic
from .arrays import DTYPES, borrowable, unmasked

NULL = ffi.NULL
_retain = lib.nn_tensor_retain


class Tensor(Arithmetic):
    """An array of numbers that remembers what it was computed from.

    ``Tensor(values)`` copies an array, a sequence or a number: floats become float32, integers and truth values
    int64. With ``requires_grad`` operations on it are recorded, and ``backward`` of a result adds to ``grad``. All of it
    is Local.
    """

    __slots__ = ("_c", "__weakref__")
    __array_priority__ = 1000  # numpy's operators leave the work to these

    def __init__(self, values: Any, requires_grad: bool = False):
        self._c = _from_array(values)
        if requires_grad:
            self.requires_grad = True

    def __del__(self, release: Any = lib.nn_tensor_release) -> None:
        pointer = getattr(self, "_c", None)
        if pointer is not None:
            release(pointer)

    def __reduce__(self) -> Any:
        return _unpickle, (type(self), self.numpy(), self.requires_grad)

    # ---- looking -------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Its dimensions."""
        return tuple(lib.nn_tensor_dims(self._c)[0 : lib.nn_tensor_rank(self._c)])

    def size(self, dim: int | None = None) -> Any:
        """Its dimensions, or one of them."""
        return self.shape if dim is None else self.shape[dim]

    @property
    def ndim(self) -> int:
        """How many dimensions it has."""
        return lib.nn_tensor_rank(self._c)

    def dim(self) -> int:
        """How many dimensions it has."""
        return lib.nn_tensor_rank(self._c)

    def numel(self) -> int:
        """How many numbers it has."""
        return lib.nn_tensor_count(self._c)

    @property
    def dtype(self) -> np.dtype:
        """numpy's float32 or int64."""
        return np.dtype(np.float32 if is_float(self._c) else np.int64)

    def numpy(self) -> np.ndarray:
        """A copy of the numbers."""
        count, dtype = lib.nn_tensor_count(self._c), self.dtype
        memory = ffi.buffer(lib.nn_tensor_values(self._c), count * dtype.itemsize)
        return np.frombuffer(memory, dtype, count).reshape(self.shape).copy()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.numpy().astype(dtype, copy=False) if dtype is not None else self.numpy()

    def item(self) -> Any:
        """The one number that it holds."""
        if lib.nn_tensor_count(self._c) != 1:
            raise ValueError(f"item() wants a single number, and this is {list(self.shape)}")
        kind = "const float *" if is_float(self._c) else "const int64_t *"
        return ffi.cast(kind, lib.nn_tensor_values(self._c))[0]

    def tolist(self) -> Any:
        """Its numbers in lists."""
        return self.numpy().tolist()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __index__(self) -> int:
        if is_float(self._c):
            raise TypeError("floats are no indices")
        return self.item()

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("a tensor without dimensions has no length")
        return self.shape[0]

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __format__(self, spec: str) -> str:
        return format(self.item() if spec and self.numel() == 1 else str(self), spec if self.numel() == 1 else "")

    def __repr__(self) -> str:
        numbers = np.array2string(self.numpy(), separator=", ", precision=4, prefix="tensor(")
        return f"tensor({numbers}{', requires_grad=True' if self.requires_grad else ''})"

    # ---- gradients -----------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether what is computed from it is recorded."""
        return lib.nn_tensor_requires_grad(self._c)

    @requires_grad.setter
    def requires_grad(self, on: bool) -> None:
        check(lib.nn_tensor_require_grad(self._c, bool(on)))

    def requires_grad_(self, on: bool = True) -> Tensor:
        """Sets ``requires_grad``; itself."""
        self.requires_grad = on
        return self

    @property
    def grad(self) -> Tensor | None:
        """What ``backward`` has added up; None: nothing yet."""
        gradient = lib.nn_tensor_gradient(self._c)
        return wrap(_retain(gradient)) if gradient else None

    @grad.setter
    def grad(self, gradient: Any) -> None:
        held = None if gradient is None else operand(gradient)
        check(lib.nn_tensor_set_gradient(self._c, NULL if held is None else held._c))

    def backward(self, gradient: Any = None, retain_graph: bool = False, create_graph: bool = False) -> None:
        """Adds to ``grad`` of all that requires it the derivatives of ``(gradient * self).sum()``, gradient 1 where
        it is None. The record is used up unless it is retained; with ``create_graph`` the derivatives are recorded
        themselves."""
        held = None if gradient is None else operand(gradient)
        seed = NULL if held is None else held._c
        check(lib.nn_tensor_backward(self._c, seed, grad_flags(retain_graph, create_graph)))

    def detach(self) -> Tensor:
        """The same numbers without the record; they share memory, so that new ones of either are those of both."""
        return made(lib.nn_tensor_detach(self._c))

    def clone(self) -> Tensor:
        """A copy, recorded."""
        return self.affine(1, 0) if is_float(self._c) else Tensor(self.numpy())

    def copy_(self, values: Any) -> Tensor:
        """New numbers in place, for what no operation has made; itself."""
        array = readable(values)
        if array.shape != self.shape:
            raise ValueError(f"{list(array.shape)} cannot be copied to {list(self.shape)}")
        check(lib.nn_tensor_set_values(self._c, DTYPES[array.dtype.name], _pointer(array)))
        return self

    @property
    def data(self) -> Tensor:
        """The same numbers without the record."""
        return self.detach()

    def cpu(self) -> Tensor:
        """Itself: there is nowhere else."""
        return self

    def to(self, *anywhere: Any, **how: Any) -> Tensor:
        """Itself: there is nowhere else."""
        return self

    def float(self) -> Tensor:
        """Itself, or integers as floats."""
        return self if is_float(self._c) else Tensor(self.numpy().astype(np.float32))

    def long(self) -> Tensor:
        """Itself, or floats as integers, cut off."""
        return Tensor(self.numpy().astype(np.int64)) if is_float(self._c) else self

    # ---- shapes --------------------------------------------------------------------------------------------------

    def reshape(self, *shape: Any) -> Tensor:
        """The same numbers in another shape; one dimension may be -1."""
        dims = ints(shape)
        return made(lib.nn_tensor_reshape(self._c, len(dims), dims))

    view = reshape

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Dimensions from one to another become one."""
        shape, n = self.shape, self.ndim
        first, last = range(n)[start_dim] if n else 0, range(n)[end_dim] if n else -1
        return self.reshape(*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])

    def permute(self, *dims: Any) -> Tensor:
        """Dimension i of the result is dimension dims[i]."""
        order = ints(dims)
        if len(order) != self.ndim:
            raise ValueError(f"permute: {len(order)} dimensions are named, and {list(self.shape)} has {self.ndim}")
        return made(lib.nn_tensor_permute(self._c, order))

    def transpose(self, first: int, second: int) -> Tensor:
        """Two dimensions change places."""
        order = list(range(self.ndim))
        order[first], order[second] = order[second], order[first]
        return self.permute(order)

    def t(self) -> Tensor:
        """A matrix transposed."""
        return self.permute(tuple(reversed(range(self.ndim))))

    T = property(t, doc="All dimensions in the reverse order.")

    def unsqueeze(self, dim: int) -> Tensor:
        """A dimension of 1 more."""
        shape = list(self.shape)
        shape.insert(range(len(shape) + 1)[dim], 1)
        return self.reshape(shape)

    def squeeze(self, dim: int | None = None) -> Tensor:
        """Without dimensions of 1, or without this one."""
        drop = None if dim is None else range(self.ndim)[dim]
        return self.reshape([n for i, n in enumerate(self.shape) if n != 1 or (drop is not None and i != drop)])

    def expand(self, *shape: Any) -> Tensor:
        """Broadcast to a shape; -1: as it is."""
        dims = ints(shape)
        more = len(dims) - self.ndim
        dims = [self.shape[i - more] if n == -1 and i >= more else n for i, n in enumerate(dims)]
        return apply(lib.nn_tensor_expand, (self,), len(dims), dims)

    def __getitem__(self, key: Any) -> Tensor:
        return _index(self, key)


# ---- between Python and C ------------------------------------------------------------------------------------------


def wrap(pointer: Any, kind: type = Tensor) -> Any:
    """A tensor that owns the pointer's reference."""
    self = kind.__new__(kind)
    self._c = pointer
    return self


def made(pointer: Any) -> Tensor:
    """What an operation has made; its failure is raised."""
    if not pointer:
        check(lib.nn_error_code())
    self = Tensor.__new__(Tensor)
    self._c = pointer
    return self


def is_float(pointer: Any) -> bool:
    return lib.nn_tensor_type(pointer) != lib.NN_I64


def readable(values: Any) -> np.ndarray:
    """As ``borrowable``, of a single number and of another library's tensor too."""
    if hasattr(values, "detach") and not isinstance(values, Tensor):
        values = values.detach()  # PyTorch's, which numpy cannot read otherwise
    array = unmasked(values, "tensor")
    return borrowable(array.reshape(1), "tensor").reshape(()) if array.ndim == 0 else borrowable(array, "tensor")


def _pointer(array: np.ndarray) -> Any:
    return ffi.cast("const void *", array.ctypes.data)


def _from_array(values: Any) -> Any:
    array = unmasked(values, "tensor")
    if array.dtype == np.bool_:
        array = array.astype(np.int64)
    shape = array.shape
    if array.ndim > 5:  # more than nn_array has, fewer than a tensor
        array = array.reshape(-1)
    array = readable(array)
    pointer = lib.nn_tensor_new(DTYPES[array.dtype.name], len(shape), shape, _pointer(array))
    if not pointer:
        check(lib.nn_error_code())
    return pointer


def _unpickle(kind: type, values: np.ndarray, requires_grad: bool) -> Any:
    made = wrap(_from_array(values), kind)
    if requires_grad:
        made.requires_grad = True
    return made


def operand(value: Any) -> Tensor:
    """Floats of numbers that are none yet."""
    if isinstance(value, Tensor):
        return value
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"a tensor or numbers are wanted, not {type(value).__name__}")
    return Tensor(array.astype(np.float32))


def apply(function: Any, operands: Sequence[Any], *rest: Any, optional: Sequence[Any] = ()) -> Tensor:
    """Calls an operation of C on operands, on optional ones, which None makes NULL, and on what else it takes;
    integers become floats where it wants these."""
    held = [t if isinstance(t, Tensor) else operand(t) for t in operands]
    held += [t if t is None or isinstance(t, Tensor) else operand(t) for t in optional]
    result = function(*[NULL if t is None else t._c for t in held], *rest)
    if not result:
        exact = [t is None or is_float(t._c) for t in held]
        if not all(exact):
            held = [t if same else t.float() for t, same in zip(held, exact)]
            result = function(*[NULL if t is None else t._c for t in held], *rest)
    return made(result)


def apply_with(function: Any, x: Tensor, integers: Tensor) -> Tensor:
    """The same of an operation whose second operand are integers."""
    x = operand(x).float()
    return made(function(x._c, integers._c))


def ints(values: Any) -> list[int]:
    """The integers of f(2, 3) as of f((2, 3))."""
    if len(values) == 1 and not isinstance(values[0], int):
        values = values[0]
    return [operator.index(value) for value in ([values] if isinstance(values, (int, np.integer)) else values)]


def grad_flags(retain_graph: Any, create_graph: bool) -> int:
    return lib.NN_GRAD_CREATE if create_graph else (lib.NN_GRAD_KEEP if retain_graph else 0)


from .indexing import index as _index  # noqa: E402 (which wants what is above)
