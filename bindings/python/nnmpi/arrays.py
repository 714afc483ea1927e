"""numpy arrays as the C interface sees them, without copies where types permit."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._library import ffi, lib

#: The types that C reads as they are; others are converted (:func:`borrowable`).
DTYPES: dict[str, int] = {
    "uint8": lib.NN_U8,
    "int8": lib.NN_I8,
    "int16": lib.NN_I16,
    "int32": lib.NN_I32,
    "int64": lib.NN_I64,
    "float32": lib.NN_F32,
    "float64": lib.NN_F64,
}


def unmasked(values: Any, what: str) -> np.ndarray:
    """``values`` as an array. ValueError where some are masked, which would count as any others."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{what}: some values are masked; numpy.ma.filled says what is to be in their place")
    return np.asarray(values)


def borrowable(values: Any, what: str = "array") -> np.ndarray:
    """``values`` as C can read them: in C order, aligned, in the processor's byte order and one of ``DTYPES``.

    The array itself where it is like that, else a converted copy: truth values become uint8, small unsigned
    integers the next wider signed type, half precision float32.
    """
    array = unmasked(values, what)
    if array.dtype.name not in DTYPES or not array.dtype.isnative:
        wider = {"b": "u1", "u": "i8", "i": array.dtype.name, "f": "f4" if array.dtype.itemsize < 4 else "f8"}
        kind = wider.get(array.dtype.kind)
        if kind is None:
            raise TypeError(f"{what}: numbers are wanted, not {array.dtype}")
        if array.dtype.name == "uint64" and array.size and array.max() > np.iinfo(np.int64).max:
            raise ValueError(f"{what}: {array.max()} is too large for a signed 64-bit integer")
        array = array.astype(kind)
    if not 1 <= array.ndim <= lib.NN_ARRAY_RANK:
        raise ValueError(f"{what}: 1 to {lib.NN_ARRAY_RANK} dimensions are wanted, not {array.ndim}")
    return np.require(array, requirements=["C", "A"])


def describe(array: np.ndarray) -> Any:
    """The ``nn_array`` of a borrowable array. It points into the array's memory and does not keep it alive."""
    shape = list(array.shape) + [0] * (lib.NN_ARRAY_RANK - array.ndim)
    return ffi.new(
        "nn_array *",
        {
            "type": DTYPES[array.dtype.name],
            "rank": array.ndim,
            "dim": shape,
            "data": ffi.cast("const void *", array.ctypes.data),
        },
    )


def floats(array: np.ndarray) -> Any:
    """The memory of a float32 array as ``float *``; the array outlives the pointer."""
    assert array.dtype == np.float32 and array.flags.c_contiguous
    return ffi.cast("float *", array.ctypes.data)
