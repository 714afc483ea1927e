"""Losses written with numpy; Local, and to be registered on every rank."""

from __future__ import annotations

from typing import Any, Callable, Mapping

import numpy as np

from .._library import check, lib
from .options import Option, define, set_functions, view


def register_loss(
    name: str,
    eval: Callable[[np.ndarray, np.ndarray, dict[str, Any]], tuple[np.ndarray, np.ndarray]],
    *,
    classes: bool = False,
    fuses: str = "",
    options: Mapping[str, Option] | None = None,
    help: str = "",
    reproducible: bool = False,
) -> None:
    """Registers a loss.

    ``eval(z, y, options)`` gets outputs z [rows, outputs] and targets, numbers y [rows, outputs] or, with
    ``classes``, labels y [rows]; it returns the loss of each row [rows] and its derivative [rows, outputs] by z.
    nnmpi weighs samples and classes. ``fuses`` is "softmax" or "sigmoid" where the loss has it in itself.
    """
    definition, table = define("nn_loss_def", name, help, options or {})

    def evaluate(ctx: Any, call: Any) -> None:
        shape = (call.rows, call.outputs)
        y = view(call.label, (call.rows,), np.int32) if classes else view(call.y, shape)
        loss, dz = eval(view(call.z, shape), y, table.read(call.options))
        view(call.loss, (call.rows,), write=True)[...] = loss
        view(call.dz, shape, write=True)[...] = dz

    definition.targets = lib.NN_TARGETS_ARE_CLASSES if classes else lib.NN_TARGETS_ARE_NUMBERS
    definition.fuses, definition.reproducible = table.chars(fuses), reproducible
    set_functions(definition, eval=evaluate)
    check(lib.nn_loss_register(definition))
