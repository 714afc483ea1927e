"""Metrics written with numpy; Local, and to be registered on every rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping

import numpy as np

from .._library import check, ffi, lib, text
from .options import Option, define, set_functions, view


@dataclass
class MetricCall:
    """Rows that are added to a metric's sums.

    Outputs ``z`` [rows, outputs] before ``fused`` ("softmax", "sigmoid" or ""), labels ``label`` [rows] (-1: the row
    does not count) or numbers ``y`` [rows, outputs], of which the other one is None, and ``weight`` [rows]. A lone
    output above ``threshold`` means class 1.
    """

    options: dict[str, Any]
    z: np.ndarray
    fused: str
    threshold: float
    label: np.ndarray | None
    y: np.ndarray | None
    weight: np.ndarray


def register_metric(
    name: str,
    sums: int | Callable[[int, bool], int],
    add: Callable[[np.ndarray, MetricCall], None],
    value: Callable[[np.ndarray], float],
    *,
    options: Mapping[str, Option] | None = None,
    help: str = "",
    larger_is_better: bool = False,
) -> None:
    """Registers a metric: a function of sums over samples, which nnmpi adds over minibatches and ranks.

    ``sums`` is how many there are, or a function of the outputs and of whether targets are classes. ``add(sums,
    call)`` adds rows to sums [sums] (float64); ``value(sums)`` is what they say at the end.
    """
    definition, table = define("nn_metric_def", name, help, options or {})
    counts: dict[int, int] = {}

    def plan(ctx: Any, own: Any, outputs: int, targets: int, count: Any) -> None:
        count[0] = sums(outputs, targets == lib.NN_TARGETS_ARE_CLASSES) if callable(sums) else sums
        counts[int(ffi.cast("intptr_t", own))] = count[0]

    def add_rows(ctx: Any, call: Any) -> None:
        shape, count = (call.rows, call.outputs), counts[int(ffi.cast("intptr_t", call.options))]
        weight = view(call.weight, (call.rows,))
        add(
            view(call.sums, (count,), np.float64, write=True),
            MetricCall(
                options=table.read(call.options),
                z=view(call.z, shape),
                fused=text(call.fused),
                threshold=call.threshold,
                label=view(call.label, (call.rows,), np.int32),
                y=view(call.y, shape),
                weight=np.ones(call.rows, np.float32) if weight is None else weight,
            ),
        )

    def finish(ctx: Any, own: Any, outputs: int, total: Any, out: Any) -> None:
        out[0] = float(value(view(total, (counts[int(ffi.cast("intptr_t", own))],), np.float64)))

    definition.larger_is_better = larger_is_better
    set_functions(definition, plan=plan, add=add_rows, value=finish)
    check(lib.nn_metric_register(definition))
