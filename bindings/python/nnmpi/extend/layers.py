"""Layers written with numpy; Local, and to be registered on every rank."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping

import numpy as np

from .._library import check, ffi, lib
from .options import Option, OptionTable, define, dims, set_functions, view


@dataclass(frozen=True)
class Parameter:
    """A tensor that a layer learns: its shape and how it starts.

    ``start`` is "weight" (by the layer's `init`; decays), "bias" (by `bias_init`; does not decay), or a number that
    it starts with everywhere (does not decay).
    """

    shape: tuple[int, ...]
    start: str | float = "weight"
    fan_in: int = 0
    fan_out: int = 0


@dataclass(frozen=True)
class Plan:
    """What a layer's ``plan`` returns: the shape of a sample's output, parameters by name, and how many floats a
    sample ``forward`` leaves for ``backward``."""

    out: tuple[int, ...]
    params: Mapping[str, Parameter] = field(default_factory=dict)
    save: int = 0


@dataclass
class LayerCall:
    """One call of a layer on some rows; arrays are views of C's memory, for the time of the call.

    ``x`` and ``dx`` have one array [rows, ...] for each input, ``w`` and ``g`` one for each parameter by name. In
    ``forward`` write ``y[...]``; in ``backward`` write ``dx[k][...]`` (where it is not None) and add to ``g[name]``.
    ``length`` [rows] are the steps of each sequence that count, or None; random numbers are a function of ``seed``,
    ``step`` and ``sample`` [rows].
    """

    options: dict[str, Any]
    x: list[np.ndarray]
    y: np.ndarray
    dy: np.ndarray | None
    dx: list[np.ndarray | None]
    w: dict[str, np.ndarray]
    g: dict[str, np.ndarray]
    save: np.ndarray | None
    length: np.ndarray | None
    training: bool
    seed: int
    step: int
    sample: np.ndarray | None


def _fill_layout(layout: Any, plan: Plan, keep: list[Any]) -> None:
    layout.out = {"rank": len(plan.out), "dim": list(plan.out)}
    if len(plan.params) > lib.NN_LAYER_MAX_PARAMS:
        raise ValueError(f"{len(plan.params)} parameters; there can be {lib.NN_LAYER_MAX_PARAMS}")
    layout.params, layout.save = len(plan.params), plan.save
    kinds = {"weight": lib.NN_PARAM_IS_WEIGHT, "bias": lib.NN_PARAM_IS_BIAS}
    for spec, (name, parameter) in zip(layout.param, plan.params.items()):
        keep.append(ffi.new("char[]", name.encode()))
        spec.name = keep[-1]
        spec.shape = {"rank": len(parameter.shape), "dim": list(parameter.shape)}
        spec.fan_in, spec.fan_out = parameter.fan_in, parameter.fan_out
        if isinstance(parameter.start, str):
            spec.kind = kinds[parameter.start]
        else:
            spec.kind, spec.value = lib.NN_PARAM_IS_CONSTANT, parameter.start


class _Layer:
    """The functions of a layer as C calls them. Plans are found again by where the options of a layer stand."""

    def __init__(self, plan: Callable, forward: Callable, backward: Callable | None, table: OptionTable):
        self.functions = plan, forward, backward
        self.table = table
        self.plans: dict[int, Plan] = {}
        self.names: list[Any] = []

    def plan(self, ctx: Any, layout: Any) -> None:
        shapes = [dims(getattr(layout, "in")[k]) for k in range(layout.inputs)]
        plan = self.functions[0](shapes, self.table.read(layout.options))
        if not isinstance(plan, Plan):
            plan = Plan(tuple(plan))
        self.names = []
        _fill_layout(layout, plan, self.names)
        self.plans[int(ffi.cast("intptr_t", layout.options))] = plan

    def call(self, call: Any) -> LayerCall:
        plan = self.plans[int(ffi.cast("intptr_t", call.options))]
        rows, ins = call.rows, [dims(getattr(call, "in")[k]) for k in range(call.inputs)]
        backward, out = bool(call.dy), (call.rows, *plan.out)
        names = list(plan.params)
        shapes = [plan.params[name].shape for name in names]
        return LayerCall(
            options=self.table.read(call.options),
            x=[view(call.x[k], (rows, *shape)) for k, shape in enumerate(ins)],
            y=view(call.y, out, write=not backward),
            dy=view(call.dy, out),
            dx=[view(call.dx[k], (rows, *shape), write=True) if backward else None for k, shape in enumerate(ins)],
            w={name: view(call.w[p], shapes[p]) for p, name in enumerate(names)},
            g={name: view(call.g[p], shapes[p], write=True) for p, name in enumerate(names)} if backward else {},
            save=view(call.save, (rows, plan.save), write=not backward) if plan.save else None,
            length=view(call.length, (rows,), np.int32),
            training=bool(call.training),
            seed=call.seed,
            step=call.step,
            sample=view(call.sample, (rows,), np.int64),
        )

    def forward(self, ctx: Any, call: Any) -> None:
        self.functions[1](self.call(call))

    def backward(self, ctx: Any, call: Any) -> None:
        self.functions[2](self.call(call))


def register_layer(
    name: str,
    plan: Callable[[list[tuple[int, ...]], dict[str, Any]], Plan | tuple[int, ...]],
    forward: Callable[[LayerCall], None],
    backward: Callable[[LayerCall], None] | None = None,
    *,
    options: Mapping[str, Option] | None = None,
    help: str = "",
    activation: bool = False,
    rectifier: bool = False,
    reproducible: bool = False,
) -> None:
    """Registers a layer.

    ``plan(shapes, options)`` gets the shapes of a sample's inputs and the options, and returns a :class:`Plan`, or
    just the output's shape. Without ``backward`` the layer stands in front of everything that learns.
    ``reproducible`` promises the same bits from the same call, as `train.reproducible` wants.
    """
    definition, table = define("nn_layer_def", name, help, options or {})
    layer = _Layer(plan, forward, backward, table)
    definition.activation, definition.rectifier, definition.reproducible = activation, rectifier, reproducible
    set_functions(definition, plan=layer.plan, forward=layer.forward)
    if backward is not None:
        set_functions(definition, backward=layer.backward)
    check(lib.nn_layer_register(definition))
