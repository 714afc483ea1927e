"""Data sets in memory: numpy arrays that the library reads where they lie."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from ._library import Handle, check, ffi, lib, new
from .arrays import borrowable, describe
from .comm import Comm


class Data(Handle):
    """Samples in memory, by split ("train", "valid", "test") and field.

    Fields: "x" [N, ...] samples; "y" [N] or [N, P] integers, classes, or [N] or [N, d] floats, numbers to predict or
    one-hot rows; "w" [N] weights of samples; "len" [N] integers, steps of sequences. Arrays are not copied where C
    can read them as they are, and may not be changed while a training reads them.
    """

    def __init__(self) -> None:
        self._arrays: list[np.ndarray] = []  # also those set before: a training may read them still
        self._own(new("nn_data", lib.nn_data_new), lib.nn_data_free, keeps=self._arrays)

    def close(self) -> None:
        super().close()
        self._arrays = []

    def set(self, split: str, field: str, values: Any) -> np.ndarray:
        """Sets one field; returns the array that is read."""
        array = borrowable(values, f"{field} of '{split}'")
        check(lib.nn_data_set(self.pointer, split.encode(), field.encode(), describe(array)))
        self._arrays.append(array)
        return array

    def set_shape(self, split: str, field: str, shape: tuple[int, ...], dtype: Any = np.float32) -> None:
        """Says what rows [...] of a field look like, of which the split has none."""
        description = describe(np.empty((0, *shape), dtype))
        description.data = ffi.NULL
        check(lib.nn_data_set(self.pointer, split.encode(), field.encode(), description))

    def set_split(self, split: str, x: Any, y: Any, w: Optional[Any] = None, lengths: Optional[Any] = None) -> None:
        """Sets the fields of a split, which have as many rows each."""
        fields = {"x": x, "y": y, "w": w, "len": lengths}
        rows = {name: self.set(split, name, values) for name, values in fields.items() if values is not None}
        for name, array in rows.items():
            if len(array) != len(rows["x"]):
                raise ValueError(f"'{split}' has {len(rows['x'])} rows of x and {len(array)} of {name}")

    def set_scale(self, scale: Any, offset: Any = 0.0) -> None:
        """x becomes x * scale + offset: one number for all elements, one for each channel, or one for each element."""
        numbers = [np.ravel(part).astype(np.float64) for part in np.broadcast_arrays(scale, offset)]
        pointers = [ffi.cast("const double *", part.ctypes.data) for part in numbers]
        check(lib.nn_data_set_scale(self.pointer, len(numbers[0]), *pointers))

    def set_tokens(self, kind: str, names: list[bytes]) -> None:
        """x and y are numbers of tokens: "bytes", "chars", "words" or "bpe" of texts, with these names."""
        texts = [ffi.new("char[]", name) for name in names]
        check(lib.nn_data_set_classes(self.pointer, len(texts), texts))
        check(lib.nn_data_set_tokens(self.pointer, kind.encode()))

    def gathered(self, comm: Comm) -> "Data":
        """The whole of which each rank has a part, in the order of the ranks. Collective."""
        whole = Data.__new__(Data)
        whole._arrays = []
        whole._own(new("nn_data", lib.nn_data_gather, comm.pointer, self.pointer), lib.nn_data_free)
        return whole


