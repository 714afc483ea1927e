"""What fit does, epoch by epoch."""

from __future__ import annotations

import itertools
from typing import Any

from ..callbacks import Callback
from ..training import Interrupts, Training


def run_epochs(
    model: Any, training: Training, watchers: list[Callback], epoch: int, validates: bool, interrupts: Interrupts
) -> None:
    """The steps of a model's training to its end, or until a callback or a signal stops it, with what is called in
    between; ``epoch`` is the number of the first. Collective."""
    eager = [watcher for watcher in watchers if overrides(watcher, "on_batch_end")]
    some_eager = model._any(bool(eager))
    while training.goes_on:
        for watcher in watchers:
            watcher.on_epoch_begin(epoch)
        under_way, rate = training.epoch, training.rate
        if some_eager:
            _watch_steps(model, training, eager, interrupts)
        else:
            training.take_epoch(interrupts)
        if training.epoch == under_way:  # the run is over, or was stopped
            return
        measured = training.measure()
        logs: dict[str, Any] = {**measured} if model._settings().metrics else {"loss": measured["loss"]}
        logs["lr"] = rate
        if validates:
            logs.update((f"val_{name}", value) for name, value in training.evaluate("valid").items())
        for watcher in watchers:
            watcher.on_epoch_end(epoch, logs)
        epoch += 1
        model._epochs += 1
        if model._any(model.stop_training) or interrupts.end_here:
            return


def _watch_steps(model: Any, training: Training, eager: list[Callback], interrupts: Interrupts) -> None:
    """``Training.take_epoch`` with a look at every step, which may stop it."""
    under_way = training.epoch
    for batch in itertools.count():
        loss = training.step()
        for watcher in eager:
            watcher.on_batch_end(batch, {"loss": loss})
        if training.epoch != under_way or not training.goes_on:
            return
        if model._any(model.stop_training) or interrupts.end_here:
            return


def overrides(watcher: Callback, name: str) -> bool:
    """Whether its method of that name does something."""
    return name in vars(watcher) or getattr(type(watcher), name) is not getattr(Callback, name)


def default_batch_size(x: Any, sharing: str, most: int = 32) -> int:
    """That many, or all samples where there are fewer."""
    return min(most, max(len(x), 1)) if sharing == "same" else most


def hold_out(samples: tuple, fraction: float, given: Any) -> tuple[tuple, tuple]:
    """The last part of the samples is for validation."""
    if given is not None or not 0 < fraction < 1:
        raise ValueError("validation_split is between 0 and 1, and not given beside validation_data")
    first = len(samples[0]) - int(len(samples[0]) * fraction)
    head = tuple(None if field is None else field[:first] for field in samples)
    tail = tuple(None if field is None else field[first:] for field in samples)
    return head, tail
