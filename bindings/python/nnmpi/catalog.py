"""What a configuration can name: layers, losses, optimisers ... with their keys, from the library's own tables."""

from __future__ import annotations

import difflib
import inspect
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Optional, Sequence

from ._library import ffi, lib, text


@dataclass(frozen=True)
class Option:
    """A key: what ``nnmpi help`` says of it."""

    key: str
    type: str
    fallback: Optional[str]  #: the default as text; None: required; "": none
    range: str
    help: str

    def __str__(self) -> str:
        default = "required" if self.fallback is None else f"default {self.fallback or 'none'}"
        return f"{self.key}: {self.type}, {default}{', ' + self.range if self.range else ''}\n    {self.help}"


@dataclass(frozen=True)
class Row:
    """One of a family, e.g. the layer ``dense``."""

    name: str
    help: str
    options: dict[str, Option] = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """All layers, all losses ...: rows by name, and the keys that each of them takes besides its own."""

    rows: dict[str, Row] = field(default_factory=dict)
    common: dict[str, Option] = field(default_factory=dict)


@lru_cache(maxsize=None)
def families() -> dict[str, Family]:
    """The tables by what messages call them: "layer", "loss", "metric", "optimizer", "schedule" ..."""
    found: dict[str, Family] = {}

    @ffi.callback("void(void *, const nn_help *)")
    def visit(_: Any, entry: Any) -> None:
        if not entry.family:
            return
        family = found.setdefault(text(entry.family), Family())
        if not entry.key:
            family.rows[text(entry.row)] = Row(text(entry.row), text(entry.help))
            return
        fallback = text(entry.fallback) if entry.fallback else None
        option = Option(text(entry.key), text(entry.type), fallback, text(entry.range), text(entry.help))
        (family.rows[text(entry.row)].options if entry.row else family.common)[option.key] = option

    lib.nn_help_visit(visit, ffi.NULL)
    return found


def unknown(what: str, name: str, known: list[str]) -> str:
    """The message for a name that is not known, with the nearest one."""
    near = difflib.get_close_matches(name, known, 1)
    return f"unknown {what} '{name}'" + (f", did you mean '{near[0]}'?" if near else f"; there are: {', '.join(known)}")


class Choice:
    """A row of a family with values for its keys: ``Dense(64)``, ``SGD(lr=0.1)``.

    Subclasses are made by :func:`make_class`, one for each row; arguments without a name are the row's keys in their
    order, as ``help()`` of the class shows them. ``describe()`` is its place in a configuration.
    """

    row: Row
    common: dict[str, Option] = {}
    spellings: dict[str, str] = {}  #: keys of other frameworks, and what they are called here

    def __init__(self, *values: Any, **options: Any):
        keys = list(self.row.options)
        if len(values) > len(keys):
            raise TypeError(f"{type(self).__name__}() takes {len(keys)} values without a name, not {len(values)}")
        given = dict(zip(keys, values))
        for key, value in options.items():
            own = self.spellings.get(key, key)
            if own not in self.row.options and own not in self.common:
                known = [*self.row.options, *self.common]
                raise TypeError(f"{type(self).__name__}(): {unknown('key', key, known)}")
            if own in given:
                raise TypeError(f"{type(self).__name__}(): '{own}' is given twice")
            given[own] = value
        for key, option in self.row.options.items():
            if option.fallback is None and key not in given:
                raise TypeError(f"{type(self).__name__}() wants '{key}': {option.help}")
        self.options: dict[str, Any] = {key: plain(value) for key, value in given.items() if value is not None}

    def describe(self) -> dict[str, Any]:
        """``{name: {key: value}}``, as a configuration has it."""
        return {self.row.name: dict(self.options)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in self.options.items())})"


def plain(value: Any) -> Any:
    """A value as YAML has it: numbers of numpy, tuples and nested choices become numbers, lists and maps."""
    if isinstance(value, Choice):
        return value.describe()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a number, text, list or dict is wanted, not {type(value).__name__}")


def make_class(base: type, row: Row, name: str) -> type:
    """The class of a row, with what the tables say of it as its signature and its docstring."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    order = sorted(row.options.values(), key=lambda option: option.fallback is not None)
    parameters = [
        inspect.Parameter(
            option.key,
            inspect.Parameter.POSITIONAL_OR_KEYWORD if option.key in row.options else keyword,
            default=inspect.Parameter.empty if option.fallback is None else option.fallback or None,
        )
        for option in [*order, *base.common.values()]
        if option.key.isidentifier() and option.key != "return"
    ]
    keys = "\n".join(str(option) for option in [*row.options.values(), *base.common.values()])
    return type(
        name,
        (base,),
        {
            "row": row,
            "__doc__": f"{row.help}\n\n{keys}\n",
            "__module__": base.__module__,
            "__signature__": inspect.Signature(parameters),
        },
    )


def make_module(base: type, family: str, spelled: dict[str, str], others: Sequence[str] = ()) -> tuple[Any, Any, list]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a module whose classes are a family's rows, besides ``others``.

    A class is called as its row, in capitals (max_pool: MaxPool), or as ``spelled`` has it (LSTM: lstm).
    """
    rows = families()[family].rows
    names = {name: row for name, row in spelled.items() if row in rows}
    taken = {name.lower() for name in names}
    for row in rows:
        camel = "".join(word.capitalize() for word in row.split("_"))
        if camel.lower() not in taken:
            names[camel] = row
    made: dict[str, type] = {}

    def getter(name: str) -> type:
        if name not in names:
            raise AttributeError(name if name.startswith("__") else unknown(family, name, list(names)))
        if name not in made:
            made[name] = make_class(base, rows[names[name]], name)
        return made[name]

    listed = [base.__name__, *others, *sorted(names)]
    return getter, lambda: listed, listed
