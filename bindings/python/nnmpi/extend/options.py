"""Options of layers, losses and metrics, and what else C and their functions share. Local."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from .._library import ffi, keep_raised, lib, text

#: What C keeps pointers to: callbacks live as long as the process.
_kept: list[Any] = []


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


class OptionTable:
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


def define(kind: str, name: str, help: str, options: Mapping[str, Option]) -> tuple[Any, OptionTable]:
    table = OptionTable(options)
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


def set_functions(definition: Any, **functions: Callable[..., None]) -> None:
    """Callbacks in the members of these names."""
    members = dict(ffi.typeof(definition).item.fields)
    for member, function in functions.items():
        callback = ffi.callback(members[member].type, _guarded(function), error=1)
        _kept.append(callback)
        setattr(definition, member, callback)


# ---- arrays ----------------------------------------------------------------------------------------------------


def view(pointer: Any, shape: Sequence[int], dtype: Any = np.float32, write: bool = False) -> np.ndarray | None:
    """C memory as an array, without a copy; None for NULL."""
    if not pointer:
        return None
    count = int(np.prod(shape, dtype=np.int64))
    array = np.frombuffer(ffi.buffer(pointer, count * np.dtype(dtype).itemsize), dtype).reshape(shape)
    array.flags.writeable = write
    return array


def dims(shape: Any) -> tuple[int, ...]:
    return tuple(shape.dim[0 : shape.rank])
