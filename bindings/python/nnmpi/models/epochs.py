"""What fit does, epoch by epoch."""

from __future__ import annotations

from typing import Any

from ..callbacks import Callback
from ..training import Interrupts, Training


def run_epochs(
    model: Any, training: Training, watchers: list[Callback], epoch: int, validates: bool, interrupts: Interrupts
) -> None:
    """The steps of a model's training to its end, or until a callback or a signal stops it, with what is called in
    between; ``epoch`` is the number of the first. Collective."""
    eager = [watcher for watcher in watchers if overrides(watcher, "on_batch_end")]
    alone = model.comm.size == 1
    some_eager = model._any(bool(eager))
    losses: list[float] = []
    while training.goes_on:
        if not losses:
            for watcher in watchers:
                watcher.on_epoch_begin(epoch)
            under_way, rate = training.epoch, training.rate
        losses.append(training.step())
        for watcher in eager:
            watcher.on_batch_end(len(losses) - 1, {"loss": losses[-1]})
        ended = training.epoch != under_way
        if ended:
            measured = training.measure()
            logs: dict[str, Any] = {**measured} if model._settings()["metrics"] else {"loss": measured["loss"]}
            logs["lr"] = rate
            if validates:
                logs.update((f"val_{name}", value) for name, value in training.evaluate("valid").items())
            for watcher in watchers:
                watcher.on_epoch_end(epoch, logs)
            losses.clear()
            epoch += 1
            model._epochs += 1
        if (ended or some_eager) and model._any(model.stop_training) or interrupts.came and alone:
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
