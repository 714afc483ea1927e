"""Minibatches for imperative programs: data sets in memory, and the loader that shuffles and divides them.

All of it is Local; ranks that loop over the same loader alike have the parts of the same minibatches.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any, Iterator, Mapping

import numpy as np

from .comm import Comm
from .states import members
from .tensors import Tensor


class TensorDataset:
    """Arrays (or tensors) whose first dimension is that of the samples."""

    def __init__(self, *arrays: Any):
        self.arrays = tuple(np.asarray(a) for a in arrays)
        if not arrays or any(a.ndim == 0 for a in self.arrays):
            raise ValueError("arrays with a dimension of samples are wanted")
        if len({len(a) for a in self.arrays}) > 1:
            raise ValueError(f"arrays of {[len(a) for a in self.arrays]} samples do not go together")

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: Any) -> tuple[np.ndarray, ...]:
        return tuple(a[index] for a in self.arrays)


class MNIST(TensorDataset):
    """Images [1, 28, 28] in [0, 1] and their digits, from the four files of MNIST in a folder, as they are
    distributed (IDX, with or without .gz)."""

    def __init__(self, root: str | os.PathLike, train: bool = True):
        kind = "train" if train else "t10k"
        images = _read_idx(Path(root), f"{kind}-images-idx3-ubyte")
        labels = _read_idx(Path(root), f"{kind}-labels-idx1-ubyte")
        super().__init__(images[:, None], labels.astype(np.int64))

    def __getitem__(self, index: Any) -> tuple[np.ndarray, ...]:
        images, labels = super().__getitem__(index)
        return images.astype(np.float32) / np.float32(255), labels


def _read_idx(folder: Path, name: str) -> np.ndarray:
    packed = folder / f"{name}.gz"
    path = packed if packed.exists() else folder / name
    with gzip.open(path) if path == packed else open(path, "rb") as file:
        content = file.read()
    rank = content[3] if len(content) > 3 and content[:3] == b"\0\0\x08" else 0
    shape = np.frombuffer(content, ">i4", rank, 4) if 0 < rank and len(content) >= 4 + 4 * rank else np.zeros(0)
    if not len(shape) or len(content) != 4 + 4 * rank + shape.prod():
        raise ValueError(f"{path} is no IDX file of bytes")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


class DataLoader:
    """Minibatches of a data set, as tensors.

    ``batch_size`` are the samples of all ranks together; each rank gets its part of every minibatch, in the order of
    the ranks. ``shuffle``: every epoch has an order of its own, which follows from ``seed`` and is the same on all
    ranks. A data set has a length and takes an array of indices, or single ones.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        seed: int = 0,
        comm: Comm | None = None,
    ):
        if batch_size < 1:
            raise ValueError(f"batch_size {batch_size}: at least 1 is wanted")
        self.dataset, self.batch_size, self.shuffle, self.drop_last = dataset, batch_size, shuffle, drop_last
        self.seed, self.epoch = seed, 0  # epochs begun
        self._taken, self._first = 0, 0  # minibatches of the one under way; the one that the next one begins with
        self._loop: object = None  # the last one begun
        self.comm = Comm() if comm is None else comm

    def __len__(self) -> int:
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        n, rank, size = len(self.dataset), self.comm.rank, self.comm.size
        order = np.random.default_rng((self.seed, self.epoch)).permutation(n) if self.shuffle else np.arange(n)
        first, self._first = self._first, 0
        self.epoch += 1
        self._loop = loop = object()
        try:
            for i in range(first, len(self)):
                batch = order[i * self.batch_size : (i + 1) * self.batch_size]
                self._taken = i + 1
                yield self._take(batch[len(batch) * rank // size : len(batch) * (rank + 1) // size])
        finally:
            if self._loop is loop:
                self._taken = 0

    def state_dict(self) -> dict[str, int]:
        """Where it stands: "seed", whole epochs ("epoch"), and minibatches of the one under way ("batch").
        A loop that is left (``break``) ends its epoch, for the program itself and for one that goes on from its state:
        what is to go on within an epoch asks within the loop. Local."""
        return {"seed": self.seed, "epoch": self.epoch - bool(self._taken), "batch": self._first or self._taken}

    def load_state_dict(self, state_dict: Mapping[str, int]) -> None:
        """The next loop over it goes on from there; on every rank the same. Local."""
        seed, epoch, batch = map(int, members(state_dict, "a DataLoader", "seed", "epoch", "batch"))
        if epoch < 0 or not 0 <= batch <= len(self):
            raise ValueError(f"epoch {epoch}, minibatch {batch}: an epoch of this loader has {len(self)} minibatches")
        self.seed, self.epoch, self._first, self._taken, self._loop = seed, epoch, batch, 0, None

    def _take(self, index: np.ndarray) -> tuple[Tensor, ...]:
        if isinstance(self.dataset, TensorDataset):
            return tuple(Tensor(a) for a in self.dataset[index])
        taken = index if len(index) else [0]  # of no rows the first sample tells the shapes
        samples = [self.dataset[int(i)] for i in taken]
        return tuple(Tensor(np.stack([np.asarray(v) for v in field])[: len(index)]) for field in zip(*samples))
