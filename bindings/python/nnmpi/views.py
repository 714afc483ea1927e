"""Tensors of a training as numpy arrays where they lie in the C library's memory."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Iterator

import numpy as np

from ._library import Handle, check, ffi, lib

if TYPE_CHECKING:
    from .training import Training


class Views(Handle, Mapping):
    """float32 arrays by name ("fc1/weight") in PyTorch's shapes, over memory that is the training's.

    ::

        with training.parameters(write=True) as weights:
            weights["fc1/weight"] *= 0.5

    Until the ``with`` ends, nothing else can be done with the training. No array may be left then, nor a part of one:
    BufferError names it, and the training waits; so copy what is to stay.
    """

    def __init__(self, training: Training, access: int):
        self._training = training  # outlives them
        check(lib.nn_training_take(training.pointer, access))
        self._writable = access != lib.NN_READ_PARAMETERS
        self._names = tuple(training.shapes())
        memory: weakref.WeakValueDictionary[str, np.ndarray] = weakref.WeakValueDictionary()
        self._memory = memory  # of the arrays that there are, which all keep theirs alive

        def restore(pointer: Any) -> None:
            if memory:
                raise BufferError(f"an array over {', '.join(memory)} is still there: let go of it; copy() what is to stay")
            check(lib.nn_training_restore(pointer))

        self._own(training.pointer, restore, training)

    def _view(self, name: str) -> tuple[int, Any]:
        view = ffi.new("nn_view *", {"size": ffi.sizeof("nn_view")})
        return lib.nn_training_view(self.pointer, name.encode(), view), view

    @property
    def weight(self) -> float:
        """What gradients, which are those of the summed loss, are divided by for those of the mean: the weights of all
        ranks' rows together; of parameters 1."""
        code, view = self._view(next(iter(self)))
        check(code)
        return view.weight

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._names:
            raise KeyError(name)
        code, view = self._view(name)
        check(code)
        shape = [view.dim[i] for i in range(view.rank)]
        memory = self._memory.get(name)
        if memory is None:
            window = memoryview(ffi.buffer(view.data, 4 * int(np.prod(shape))))
            memory = np.frombuffer(window if self._writable else window.toreadonly(), np.float32)
            self._memory[name] = memory
        return np.ndarray(shape, np.float32, memory, strides=[4 * view.stride[i] for i in range(view.rank)])

    def __setitem__(self, name: str, values: Any) -> None:
        self[name][...] = values

    def __iter__(self) -> Iterator[str]:
        """Those that have one: statistics and frozen layers have no gradient."""
        return (name for name in self._names if self._view(name)[0] == 0)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __exit__(self, *exception: Any) -> None:
        try:
            self.close()
        except BufferError:
            if exception[0] is None:
                raise  # else the frames that it comes through have the arrays
