"""x[key] of tensors."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ._library import lib
from .tensors import Tensor, apply_with, is_float, made


def index(x: Tensor, key: Any) -> Tensor:
    """x[key]: integers, slices, None and ..., or one array of integers for the first dimension."""
    for k in key if isinstance(key, tuple) else (key,):
        if isinstance(k, (bool, np.bool_, list, np.ndarray)) and np.asarray(k).dtype == np.bool_:
            raise TypeError("truth values are no indices; to choose by them use where()")
    if isinstance(key, (list, np.ndarray, range)):
        key = Tensor(np.asarray(key))
    if isinstance(key, Tensor) and key.ndim:
        return _gather(x, key)
    keys = list(key) if isinstance(key, tuple) else [key]
    if len(keys) == 2 and all(isinstance(k, (Tensor, np.ndarray, list, range)) for k in keys):
        return _pick(x, keys)
    return _slice(x, keys)


def _gather(x: Tensor, places: Tensor) -> Tensor:
    if is_float(places._c):
        raise TypeError("floats are no indices; to choose by truth values use where()")
    if not is_float(x._c):
        return Tensor(x.numpy()[places.numpy()])
    if x.ndim and (places.numpy() < 0).any():
        places = Tensor(np.where(places.numpy() < 0, places.numpy() + x.shape[0], places.numpy()))
    return made(lib.nn_tensor_gather(x._c, places._c))


def _pick(x: Tensor, keys: list[Any]) -> Tensor:
    """x[range(n), classes]"""
    rows, classes = (np.asarray(k) for k in keys)
    if x.ndim != 2 or not np.array_equal(rows, np.arange(len(x))):
        raise TypeError("of two arrays of indices, the first is range(len(x)) of a matrix x")
    if classes.dtype.kind not in "iu" or classes.shape != rows.shape:
        raise TypeError(f"an integer for each of the {len(x)} rows is wanted")
    n = x.shape[1]
    if ((classes < -n) | (classes >= n)).any():
        raise IndexError(f"an index is out of range for dimension 1 of {list(x.shape)}")
    return apply_with(lib.nn_tensor_pick, x, Tensor(np.where(classes < 0, classes + n, classes)))


def _slice(x: Tensor, keys: list[Any]) -> Tensor:
    shape, used = x.shape, sum(k is not None and k is not Ellipsis for k in keys)
    if used > len(shape):
        raise IndexError(f"{used} indices for {len(shape)} dimensions")
    rest = [slice(None)] * (len(shape) - used)
    at = next((i for i, k in enumerate(keys) if k is Ellipsis), len(keys))
    keys = keys[:at] + rest + keys[at + 1 :]
    begin, step, count, new = [], [], [], []
    for k in keys:
        if k is None:
            new.append(1)
            continue
        n = shape[len(begin)]
        if isinstance(k, slice):
            places = range(n)[k]
            new.append(len(places))
        else:
            try:
                place = operator.index(k)
            except TypeError:
                raise TypeError(f"a tensor is not indexed by {type(k).__name__}") from None
            if not -n <= place < n:
                raise IndexError(f"index {place} is out of range for dimension {len(begin)} of {list(shape)}")
            places = range(place % n, place % n + 1)
        begin.append(places.start if len(places) else 0)
        step.append(places.step)
        count.append(len(places))
    part = made(lib.nn_tensor_slice(x._c, begin, step, count))
    return part if new == count and len(new) == len(shape) else part.reshape(new)
