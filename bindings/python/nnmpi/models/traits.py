"""What a model knows of the data that it was trained on, and what a checkpoint tells of its model."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Optional, Union

import numpy as np

from .._library import Handle, check, ffi, lib, new, text
from ..data import Data


@dataclass(frozen=True)
class Traits:
    """The shapes of a sample's x and of its target (() one number), and whether this is a class."""

    shape: tuple[int, ...]
    target: tuple[int, ...]
    labels: bool

    def empty(self, lengths: bool = False) -> Data:
        """A data set of no rows, with such samples; ``lengths``: sequences have one each."""
        data = Data()
        data.set_shape("train", "x", self.shape)
        data.set_shape("train", "y", self.target, np.int64 if self.labels else np.float32)
        if lengths:
            data.set_shape("train", "len", (), np.int64)
        return data

    def as_trained(self, x: np.ndarray) -> np.ndarray:
        """x [N, ...] as such samples are; images [N, H, W, C] of a model that knows [C, H, W] are turned."""
        channels, *plane = self.shape if len(self.shape) == 3 else (0,)
        if x.shape[1:] != self.shape and x.shape[1:] == (*plane, channels):
            x = np.moveaxis(x, -1, 1)
        if x.shape[1:] != self.shape:
            raise ValueError(f"x is {list(x.shape[1:])} a sample, but the model takes {list(self.shape)}")
        return np.ascontiguousarray(x)


class Checkpoint(Handle):
    """A checkpoint, or of a run folder the best one, else the last: its model, and what it says of that."""

    def __init__(self, path: Union[str, os.PathLike]):
        self._own(new("nn_predictor", lib.nn_predictor_open, os.fsencode(path), 1), lib.nn_predictor_free)
        described = lib.nn_predictor_description(self.pointer)
        if described == ffi.NULL:
            check(lib.nn_error_code())
        self.description: dict[str, Any] = json.loads(text(described))

    @property
    def traits(self) -> Traits:
        """Those of the data."""
        width = self.description["target_width"]
        return Traits(tuple(self.description["x"]), () if width <= 1 else (width,), self.description["labels"])

    @property
    def vocabulary(self) -> Optional[tuple[str, list[bytes]]]:
        """The kind of its tokens and their names; None: x are none."""
        if "tokens" not in self.description:
            return None
        numbers = range(len(self.description.get("class_names", ())))
        return self.description["tokens"], [ffi.string(lib.nn_predictor_class(self.pointer, i)) for i in numbers]

    @property
    def scale(self) -> Optional[tuple[Any, Any]]:
        """Factors and summands of x, or None."""
        scale, offset = self.description["scale"], self.description["offset"]
        return (np.array(scale), np.array(offset)) if scale else None
