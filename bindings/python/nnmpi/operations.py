"""Functions that make tensors, and their derivatives. All of them are Local."""

from __future__ import annotations

import contextlib
from typing import Any, Iterable, Sequence

import numpy as np

from . import seeds
from ._library import check, ffi, lib
from .tensors import Tensor, apply, grad_flags, ints, made, NULL, operand, wrap


def tensor(values: Any, requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of these numbers."""
    return Tensor(values, requires_grad)


from_numpy = as_tensor = tensor


def _filled(values: Any, requires_grad: bool) -> Tensor:
    return Tensor(values.astype(np.float32), requires_grad)


def zeros(*shape: Any, requires_grad: bool = False) -> Tensor:
    """Zeros."""
    return _filled(np.zeros(ints(shape)), requires_grad)


def ones(*shape: Any, requires_grad: bool = False) -> Tensor:
    """Ones."""
    return _filled(np.ones(ints(shape)), requires_grad)


def zeros_like(input: Tensor) -> Tensor:  # noqa: A002 (PyTorch's name)
    """Zeros of the same shape."""
    return zeros(input.shape)


def ones_like(input: Tensor) -> Tensor:  # noqa: A002
    """Ones of the same shape."""
    return ones(input.shape)


def arange(*bounds: float) -> Tensor:
    """As numpy's: integers where the bounds are."""
    return Tensor(np.arange(*bounds))


def rand(*shape: Any, requires_grad: bool = False) -> Tensor:
    """Uniform in [0, 1)."""
    return _filled(seeds.generator().random(ints(shape)), requires_grad)


def randn(*shape: Any, requires_grad: bool = False) -> Tensor:
    """Standard normal."""
    return _filled(seeds.generator().standard_normal(ints(shape)), requires_grad)


def maximum(a: Any, b: Any) -> Tensor:
    """The larger one of each pair."""
    return apply(lib.nn_tensor_maximum, (a, b))


def minimum(a: Any, b: Any) -> Tensor:
    """The smaller one of each pair."""
    return apply(lib.nn_tensor_minimum, (a, b))


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """a where the condition is not 0, else b."""
    return apply(lib.nn_tensor_where, (condition, a, b))


def cat(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """One behind the other along a dimension."""
    parts = [operand(t) for t in tensors]
    return made(lib.nn_tensor_concat(len(parts), [t._c for t in parts], dim))


def stack(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Beside each other along a new dimension."""
    return cat([operand(t).unsqueeze(dim) for t in tensors], dim)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The derivatives of the outputs, weighted by ``grad_outputs`` (None: 1), by each of the inputs."""
    y, x = _listed(outputs), _listed(inputs)
    seeds = [None] * len(y) if grad_outputs is None else _listed(grad_outputs)
    if len(seeds) != len(y):
        raise ValueError(f"{len(seeds)} grad_outputs for {len(y)} outputs")
    seeds = [None if s is None else operand(s) for s in seeds]
    out = ffi.new("nn_tensor *[]", max(len(x), 1))
    pointers = [NULL if s is None else s._c for s in seeds]
    check(
        lib.nn_tensor_grad(
            len(y), [t._c for t in y], pointers, len(x), [t._c for t in x], grad_flags(retain_graph, create_graph), out
        )
    )
    found = tuple(wrap(out[i]) if out[i] else None for i in range(len(x)))
    if not allow_unused and any(g is None for g in found):
        raise ValueError("the outputs do not depend on all inputs; allow_unused=True gives None for those")
    return found


def _listed(tensors: Any) -> list[Tensor]:
    listed = [tensors] if isinstance(tensors, Tensor) or not isinstance(tensors, Iterable) else list(tensors)
    for t in listed:
        if t is not None and not isinstance(t, Tensor):
            raise TypeError(f"a tensor is wanted, not {type(t).__name__}")
    return listed


class no_grad(contextlib.ContextDecorator):  # noqa: N801 (PyTorch's spelling)
    """``with no_grad():`` nothing is recorded in this thread; also a decorator."""

    def __init__(self) -> None:
        self._was: list[bool] = []  # one object may be entered again before it is left

    def _recreate_cm(self) -> no_grad:
        return no_grad()  # of each call of a decorated function its own: threads and recursion do not mix

    def __enter__(self) -> None:
        self._was.append(lib.nn_tensor_record(False))

    def __exit__(self, *exception: object) -> None:
        lib.nn_tensor_record(self._was.pop())


def set_num_threads(threads: int) -> None:
    """How many threads an operation may use."""
    if threads < 1:
        raise ValueError(f"{threads} threads: at least 1 is wanted")
    lib.nn_tensor_set_threads(threads)
