"""Tensors of a training as numpy arrays where they lie in the C library's memory."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Iterator

import numpy as np

from ._library import Handle, check, ffi, lib

if TYPE_CHECKING:
    from .training import Training


def _forget(owned: Any, memory: dict[str, weakref.ref], name: str, array: weakref.ref) -> None:
    """The array is gone; the last one closes what has no handle any more."""
    if memory.get(name) is array:
        del memory[name]
    if owned.orphaned and not memory:
        owned.close()


class Views(Handle, Mapping):
    """float32 arrays by name ("fc1/weight") in PyTorch's shapes, over memory that is the training's.

    ::

        with training.parameters(write=True) as weights:
            weights["fc1/weight"] *= 0.5

    Until the ``with`` ends, nothing else can be done with the training. No array may be left then, nor a part of one:
    BufferError names it, and the training waits; so copy what is to stay. Where nothing but arrays is left of all that, the
    last of them closes it.
    """

    __eq__ = object.__eq__  # that of mappings would compare arrays
    __hash__ = object.__hash__

    def __init__(self, training: Training, access: int):
        self._training = training  # outlives them
        check(lib.nn_training_take(training.pointer, access))
        memory: dict[str, weakref.ref] = {}
        self._memory = memory  # of the arrays that there are, which all keep theirs alive

        def restore(pointer: Any) -> None:
            if memory:
                raise BufferError(f"an array over {', '.join(memory)} is still there: let go of it; copy() what is to stay")
            check(lib.nn_training_restore(pointer))

        self._own(training.pointer, restore, training)
        self._access = access
        self._tensors = tuple(training.shapes())
        self._names = self._tensors
        if access == lib.NN_GRADIENTS:
            self._names = tuple(name for name in self._tensors if self._view(name)[0] == 0)

    def _view(self, name: str) -> tuple[int, Any]:
        view = ffi.new("nn_view *", {"size": ffi.sizeof("nn_view")})
        return lib.nn_training_view(self.pointer, name.encode(), view), view

    @property
    def weight(self) -> float:
        """What gradients, which are those of the summed loss, are divided by for those of the mean: the weights of all
        ranks' rows together; of parameters 1."""
        if self._access != lib.NN_GRADIENTS:
            return 1.0
        code, view = self._view(self._names[0])
        check(code)
        return view.weight

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._tensors:
            raise KeyError(name)
        code, view = self._view(name)
        check(code)
        shape = [view.dim[i] for i in range(view.rank)]
        memory = self._memory[name]() if name in self._memory else None
        if memory is None:
            window = memoryview(ffi.buffer(view.data, 4 * int(np.prod(shape))))
            reads = self._access == lib.NN_READ_PARAMETERS
            memory = np.frombuffer(window.toreadonly() if reads else window, np.float32)
            self._memory[name] = weakref.ref(memory, partial(_forget, self._owned, self._memory, name))
        return np.ndarray(shape, np.float32, memory, strides=[4 * view.stride[i] for i in range(view.rank)])

    def __setitem__(self, name: str, values: Any) -> None:
        self[name][...] = values

    def __iter__(self) -> Iterator[str]:
        """Those that have one: statistics and frozen layers have no gradient."""
        return iter(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)
