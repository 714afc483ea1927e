"""Layers, losses and metrics written with numpy.

What is registered here is named in configurations as built-in parts are; its functions are called in every step, so
that they are as fast as numpy is. The rules that hold for them are those of C (docs/extend.md): what a row becomes
depends on this row and the parameters only, ``dx`` is written, ``g`` is added to, and an exception ends the run on all
ranks. Register on every rank, before the configuration is used. Models have such a layer by its name,
``Layer.of("gate", units=3)``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from ._library import check, ffi, keep_raised, lib, text

#: What C keeps pointers to: callbacks live as long as the process.
_kept: list[Any] = []


# ---- options ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Option:
    """A key of a layer, loss or metric.

    ``type`` is bool, int, float or str, or a sequence of texts to choose from. Without a ``default`` it is required.
    ``range`` is an interval for numbers, "[0, 1)" or "(0, inf)".
    """

    type: Any
    default: Any = None
    range: str = ""
    help: str = ""


_TYPES = {
    bool: (lib.NN_OPT_BOOL, "bool *"),
    int: (lib.NN_OPT_INT, "int64_t *"),
    float: (lib.NN_OPT_REAL, "double *"),
    str: (lib.NN_OPT_STRING, "char **"),
}
_CHOICE = (lib.NN_OPT_CHOICE, "int *")
_MEMBER = 8  # bytes of each, whatever its type


class _Options:
    """Options as a C table, and the values of a bound struct as a dict."""

    def __init__(self, options: Mapping[str, Option]):
        self.options = dict(options)
        self.table = ffi.new("nn_option[]", len(self.options) + 1)
        self.texts: list[Any] = []
        for i, (key, option) in enumerate(self.options.items()):
            row = self.table[i]
            row.key, row.help = self.chars(key), self.chars(option.help or key)
            row.type, row.offset = self.kind(option)[0], i * _MEMBER
            row.range = self.chars(option.range if isinstance(option.type, type) else "|".join(option.type))
            if option.default is not None:
                row.fallback = self.chars(json.dumps(option.default) if option.type is bool else str(option.default))

    @staticmethod
    def kind(option: Option) -> tuple[int, str]:
        return _TYPES[option.type] if isinstance(option.type, type) else _CHOICE

    def chars(self, value: str) -> Any:
        """A C string that lives as long as this; NULL for ''."""
        if not value:
            return ffi.NULL
        self.texts.append(ffi.new("char[]", value.encode()))
        return self.texts[-1]

    def read(self, struct: Any) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for i, (key, option) in enumerate(self.options.items()):
            pointer = ffi.cast(self.kind(option)[1], ffi.cast("char *", struct) + i * _MEMBER)
            value = pointer[0]
            if option.type is str:
                value = text(value)
            values[key] = value if isinstance(option.type, type) else tuple(option.type)[value]
        return values


def _definition(kind: str, name: str, help: str, options: Mapping[str, Option]) -> tuple[Any, _Options]:
    table = _Options(options)
    out = ffi.new(f"{kind} *")
    out.size = ffi.sizeof(kind)
    out.name, out.help = table.chars(name), table.chars(help)
    out.options, out.options_size = table.table, len(options) * _MEMBER
    return out, table


def _guarded(function: Callable[..., None]) -> Callable[..., int]:
    """0, or 1 with the exception's text where it raises one."""

    def call(*arguments: Any) -> int:
        try:
            function(*arguments)
        except BaseException as error:  # even KeyboardInterrupt: C is above
            keep_raised(error)
            return lib.nn_extend_fail(1, f"{type(error).__name__}: {error}".encode())
        return 0

    return call


def _set(definition: Any, **functions: Callable[..., None]) -> None:
    """Callbacks in the members of these names."""
    members = dict(ffi.typeof(definition).item.fields)
    for member, function in functions.items():
        callback = ffi.callback(members[member].type, _guarded(function), error=1)
        _kept.append(callback)
        setattr(definition, member, callback)


# ---- arrays ----------------------------------------------------------------------------------------------------


def _view(pointer: Any, shape: Sequence[int], dtype: Any = np.float32, write: bool = False) -> np.ndarray | None:
    """C memory as an array, without a copy; None for NULL."""
    if not pointer:
        return None
    count = int(np.prod(shape, dtype=np.int64))
    array = np.frombuffer(ffi.buffer(pointer, count * np.dtype(dtype).itemsize), dtype).reshape(shape)
    array.flags.writeable = write
    return array


def _dims(shape: Any) -> tuple[int, ...]:
    return tuple(shape.dim[0 : shape.rank])


# ---- layers ----------------------------------------------------------------------------------------------------


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

    def __init__(self, plan: Callable, forward: Callable, backward: Callable | None, table: _Options):
        self.functions = plan, forward, backward
        self.table = table
        self.plans: dict[int, Plan] = {}
        self.names: list[Any] = []

    def plan(self, ctx: Any, layout: Any) -> None:
        shapes = [_dims(getattr(layout, "in")[k]) for k in range(layout.inputs)]
        plan = self.functions[0](shapes, self.table.read(layout.options))
        if not isinstance(plan, Plan):
            plan = Plan(tuple(plan))
        self.names = []
        _fill_layout(layout, plan, self.names)
        self.plans[int(ffi.cast("intptr_t", layout.options))] = plan

    def call(self, call: Any) -> LayerCall:
        plan = self.plans[int(ffi.cast("intptr_t", call.options))]
        rows, ins = call.rows, [_dims(getattr(call, "in")[k]) for k in range(call.inputs)]
        backward, out = bool(call.dy), (call.rows, *plan.out)
        names = list(plan.params)
        shapes = [plan.params[name].shape for name in names]
        return LayerCall(
            options=self.table.read(call.options),
            x=[_view(call.x[k], (rows, *shape)) for k, shape in enumerate(ins)],
            y=_view(call.y, out, write=not backward),
            dy=_view(call.dy, out),
            dx=[_view(call.dx[k], (rows, *shape), write=True) if backward else None for k, shape in enumerate(ins)],
            w={name: _view(call.w[p], shapes[p]) for p, name in enumerate(names)},
            g={name: _view(call.g[p], shapes[p], write=True) for p, name in enumerate(names)} if backward else {},
            save=_view(call.save, (rows, plan.save), write=not backward) if plan.save else None,
            length=_view(call.length, (rows,), np.int32),
            training=bool(call.training),
            seed=call.seed,
            step=call.step,
            sample=_view(call.sample, (rows,), np.int64),
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
    definition, table = _definition("nn_layer_def", name, help, options or {})
    layer = _Layer(plan, forward, backward, table)
    definition.activation, definition.rectifier, definition.reproducible = activation, rectifier, reproducible
    _set(definition, plan=layer.plan, forward=layer.forward)
    if backward is not None:
        _set(definition, backward=layer.backward)
    check(lib.nn_layer_register(definition))


# ---- losses ----------------------------------------------------------------------------------------------------


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
    definition, table = _definition("nn_loss_def", name, help, options or {})

    def evaluate(ctx: Any, call: Any) -> None:
        shape = (call.rows, call.outputs)
        y = _view(call.label, (call.rows,), np.int32) if classes else _view(call.y, shape)
        loss, dz = eval(_view(call.z, shape), y, table.read(call.options))
        _view(call.loss, (call.rows,), write=True)[...] = loss
        _view(call.dz, shape, write=True)[...] = dz

    definition.targets = lib.NN_TARGETS_ARE_CLASSES if classes else lib.NN_TARGETS_ARE_NUMBERS
    definition.fuses, definition.reproducible = table.chars(fuses), reproducible
    _set(definition, eval=evaluate)
    check(lib.nn_loss_register(definition))


# ---- metrics ---------------------------------------------------------------------------------------------------


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
    definition, table = _definition("nn_metric_def", name, help, options or {})
    counts: dict[int, int] = {}

    def plan(ctx: Any, own: Any, outputs: int, targets: int, count: Any) -> None:
        count[0] = sums(outputs, targets == lib.NN_TARGETS_ARE_CLASSES) if callable(sums) else sums
        counts[int(ffi.cast("intptr_t", own))] = count[0]

    def add_rows(ctx: Any, call: Any) -> None:
        shape, count = (call.rows, call.outputs), counts[int(ffi.cast("intptr_t", call.options))]
        weight = _view(call.weight, (call.rows,))
        add(
            _view(call.sums, (count,), np.float64, write=True),
            MetricCall(
                options=table.read(call.options),
                z=_view(call.z, shape),
                fused=text(call.fused),
                threshold=call.threshold,
                label=_view(call.label, (call.rows,), np.int32),
                y=_view(call.y, shape),
                weight=np.ones(call.rows, np.float32) if weight is None else weight,
            ),
        )

    def finish(ctx: Any, own: Any, outputs: int, total: Any, out: Any) -> None:
        out[0] = float(value(_view(total, (counts[int(ffi.cast("intptr_t", own))],), np.float64)))

    definition.larger_is_better = larger_is_better
    _set(definition, plan=plan, add=add_rows, value=finish)
    check(lib.nn_metric_register(definition))


# ---- is backward right? ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GradientResult:
    """The worst relative error of back-propagation, and where it is; see nn_gradient_check in nnmpi/extend.h."""

    error: float
    tensor: str
    index: int
    backward: float
    difference: float
    compared: int
    uncertain: int


def gradient_check(
    model: str | Sequence[Any],
    input: Sequence[int],
    loss: str | Mapping[str, Any] | None = None,
    *,
    rows: int = 4,
    elements: int = 100,
    tolerance: float = 0.005,
    seed: int = 0,
) -> GradientResult:
    """Compares back-propagation of a list of layers (in YAML, or as Python has it) and a loss with central differences.

    ``input`` is the shape of a sample. Raises UsageError with tensor and numbers where the error is above the
    tolerance.
    """

    def yaml(value: Any) -> bytes:
        return (value if isinstance(value, str) else json.dumps(value)).encode()

    options = ffi.new("nn_gradient_options *", {"size": ffi.sizeof("nn_gradient_options"), "rows": rows,
                                                "elements": elements, "tolerance": tolerance, "seed": seed})
    options.input = {"rank": len(input), "dim": list(input)}
    found = ffi.new("nn_gradient_result *", {"size": ffi.sizeof("nn_gradient_result")})
    check(lib.nn_gradient_check(yaml(model), ffi.NULL if loss is None else yaml(loss), options, found))
    return GradientResult(found.error, text(found.tensor), found.index, found.backward, found.difference,
                          found.compared, found.uncertain)
