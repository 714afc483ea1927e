"""Models from checkpoints."""

from __future__ import annotations

import json
import os
from typing import Any, Optional, Union

from ..catalog import families
from ..comm import Comm
from ..layers import Layer
from .sequential import Sequential
from .traits import Checkpoint


def load(path: Union[str, os.PathLike], comm: Optional[Comm] = None) -> Sequential:
    """The model of a checkpoint (of a run folder the best, else the last), by whatever program it was trained.

    It is compiled as that run was configured and has its parameters: it predicts, evaluates, is trained further and
    saved. What of the run is no option of ``compile`` is not kept: augmentation, early stopping, and ``validate`` but
    for the metrics; a schedule ``reduce_on_plateau`` wants validation data of ``fit``. ``fit(..., run_dir=folder,
    resume=True)`` of the run's own folder goes on with the optimiser's state, too.
    Layers are a list in their order, also those of a graph. ``comm``: the ranks, by default the world. Local; on every
    rank that is to use it. FormatError where the file is no checkpoint.
    """
    with Checkpoint(path) as checkpoint:
        config = checkpoint.description["config"]
        rows = [item for row in config["model"] for item in row.items()]
        model = Sequential([Layer.of(kind, **_chosen(kind, options or {})) for kind, options in rows])
        train = {key: value for key, value in config["train"].items() if key not in _OF_A_FIT}
        metrics = config.get("validate", {}).get("metrics")
        model.compile(train.pop("optimizer"), config["loss"], metrics, comm=comm, **train)
        model._settings().targets_are_numbers = not checkpoint.description["labels"]
        batch = config["train"]["batch_size"]
        model._last = {"batch_size": batch if isinstance(batch, int) else 1, "epochs": config["train"]["epochs"]}
        model._take(checkpoint, path)
    return model


def _chosen(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """Without what is as it would be by default; a configuration in a checkpoint is complete."""
    family = families()["layer"]
    own = family.rows[kind].options if kind in family.rows else {}  # else the program has registered it
    known = {**family.common, **own}
    return {
        key: value
        for key, value in options.items()
        if key not in known or known[key].fallback not in (value, json.dumps(value))
    }


#: What fit says itself.
_OF_A_FIT = ("batch_size", "epochs", "max_steps")
