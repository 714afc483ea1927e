"""Callbacks of ``fit``: what is called between epochs and minibatches, on every rank in the same order, so that it may
call what is Collective, on all ranks."""

from __future__ import annotations

import csv
import sys
import time
from typing import Any, Callable, Optional, TextIO

import numpy as np


class Callback:
    """Called by ``fit``; ``self.model`` is the model. Setting ``self.model.stop_training`` ends it.

    ``logs`` of an epoch: "loss" and the metrics of the training samples, each minibatch with the parameters of its step
    and as training saw it; "lr"; with validation data "val_loss" and "val_" with each metric. ``logs`` of a minibatch:
    its "loss". Epochs and minibatches count from 0.
    """

    model: Any = None

    def on_train_begin(self) -> None:
        """Before the first minibatch."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Before an epoch."""

    def on_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        """After each minibatch."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        """After an epoch and its validation."""

    def on_train_end(self) -> None:
        """After the last epoch; the parameters can still be changed."""


class History(Callback):
    """What ``fit`` returns: ``history["loss"]``, ``history["val_accuracy"]`` and so on, a number for each epoch;
    ``epoch``, their numbers; and ``result``, with "digest", the SHA-256 of the final parameters, "steps", "seconds", "samples_per_s", "run_dir"."""

    def __init__(self) -> None:
        self.history: dict[str, list] = {}
        self.epoch: list[int] = []
        self.result: dict[str, Any] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


class LambdaCallback(Callback):
    """Calls functions: ``LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))``."""

    def __init__(self, **functions: Callable[..., None]):
        for name, function in functions.items():
            if not name.startswith("on_") or not hasattr(Callback, name):
                raise TypeError(f"LambdaCallback(): there is no {name}")
            setattr(self, name, function)


class ProgressLogger(Callback):
    """A line on standard error for each epoch; ``fit(verbose=1)`` uses it on rank 0."""

    def __init__(self, epochs: int, out: Optional[TextIO] = None):
        self.epochs, self.out, self.since = epochs, out or sys.stderr, 0.0

    def on_epoch_begin(self, epoch: int) -> None:
        self.since = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        numbers = " - ".join(f"{name}: {value:.4g}" for name, value in logs.items() if np.isscalar(value))
        print(f"Epoch {epoch + 1}/{self.epochs} - {time.perf_counter() - self.since:.2f}s - {numbers}", file=self.out)


class _Monitor(Callback):
    """What watches one number of the logs."""

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", min_delta: float = 0.0):
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode is auto, min or max, not {mode!r}")
        smaller = mode == "min" or (mode == "auto" and not monitor.endswith(_LARGER_IS_BETTER))
        self.monitor, self.sign, self.min_delta = monitor, -1.0 if smaller else 1.0, abs(min_delta)
        self.best: Optional[float] = None

    def on_train_begin(self) -> None:
        self.best = None

    def improved(self, logs: dict[str, Any]) -> bool:
        """Whether the number is the best so far."""
        if self.monitor not in logs:
            raise ValueError(f"{type(self).__name__}: no {self.monitor!r} in what fit reports: {', '.join(logs)}")
        value = float(logs[self.monitor])
        number = value == value  # NaN is never better
        better = number and (self.best is None or self.sign * (value - self.best) > self.min_delta)
        self.best = value if better else self.best
        return better


_LARGER_IS_BETTER = ("accuracy", "auc", "precision", "recall", "f1", "r2", "top_k")


class EarlyStopping(_Monitor):
    """Ends training after ``patience`` epochs without an improvement by more than ``min_delta``.

    ``restore_best_weights`` gives back the parameters of the best epoch; with ``ema`` their average.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        mode: str = "auto",
        restore_best_weights: bool = False,
    ):
        super().__init__(monitor, mode, min_delta)
        self.patience, self.restore = patience, restore_best_weights
        self.wait, self.stopped_epoch = 0, 0
        self._weights: Optional[dict[str, np.ndarray]] = None

    def on_train_begin(self) -> None:
        super().on_train_begin()
        self.wait, self._weights = 0, None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        if self.improved(logs):
            self.wait = 0
            if self.restore:
                self._weights = self.model.get_weights()
        else:
            self.wait += 1
            if self.wait >= max(self.patience, 1):
                self.stopped_epoch, self.model.stop_training = epoch, True

    def on_train_end(self) -> None:
        if self._weights is not None:
            self.model.set_weights(self._weights)


class ModelCheckpoint(_Monitor):
    """Saves the model after each epoch, or with ``save_best_only`` after those that are the best so far.

    ``path`` may hold {epoch} (from 1) and names of the logs: "net-{epoch:03d}-{val_loss:.3f}.h5".
    """

    def __init__(self, path: str, monitor: str = "val_loss", save_best_only: bool = False, mode: str = "auto"):
        super().__init__(monitor, mode)
        self.path, self.save_best_only = path, save_best_only

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        if not self.save_best_only or self.improved(logs):
            self.model.save(self.path.format(epoch=epoch + 1, **logs))


class CSVLogger(Callback):
    """Writes a line of each epoch's numbers to a CSV file, on rank 0."""

    def __init__(self, path: str, separator: str = ",", append: bool = False):
        self.path, self.separator, self.append = path, separator, append
        self._file: Any = None
        self._writer: Any = None

    def on_train_begin(self) -> None:
        self._writer = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        if self.model.comm.rank != 0:
            return
        row = {"epoch": epoch, **{name: value for name, value in logs.items() if np.isscalar(value)}}
        if self._writer is None:
            self._file = open(self.path, "a" if self.append else "w", newline="", encoding="utf-8")
            self._writer = csv.DictWriter(self._file, list(row), delimiter=self.separator, lineterminator="\n")
            if self._file.tell() == 0:
                self._writer.writeheader()
        self._writer.writerow(row)
        self._file.flush()

    def on_train_end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class LearningRateScheduler(Callback):
    """``schedule(epoch, lr)`` gives the learning rate of each epoch, above 0, the same on every rank."""

    def __init__(self, schedule: Callable[[int, float], float]):
        self.schedule = schedule

    def on_epoch_begin(self, epoch: int) -> None:
        training = self.model.training
        rate = float(self.schedule(epoch, training.rate))
        if not 0 < rate < float("inf"):
            raise ValueError(f"LearningRateScheduler: the rate of epoch {epoch} is {rate}; it is a number above 0")
        training.set_rate(rate)
