#!/usr/bin/env python3
"""Writes docs/python-reference.md, the public names of the Python package, from their docstrings.

    PYTHONPATH=build/release/python scripts/python_reference.py >docs/python-reference.md

It fails where a public name has no docstring, or where neither that nor the one of its class or module says whether
it is Collective or Local.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import types

MODULES = [
    "nnmpi",
    "nnmpi.layers",
    "nnmpi.optimizers",
    "nnmpi.callbacks",
    "nnmpi.extend",
    "nnmpi.sklearn",
    "nnmpi.nn",
    "nnmpi.nn.functional",
    "nnmpi.nn.init",
    "nnmpi.nn.utils",
    "nnmpi.optim",
    "nnmpi.optim.lr_scheduler",
]

HEAD = """# Python reference

The public names of the package `nnmpi`, from their docstrings: `scripts/python_reference.py` writes this page, and `help()`
in Python shows the same. What is *Collective* all ranks call, in the same order; what is *Local* each does for itself.
How it is used: [python.md](python.md), [imperative.md](imperative.md)."""


class StandIn(types.ModuleType):
    """A module whose names are empty classes: scikit-learn's, which may not be there and says nothing here."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class Page:
    """The text so far, and what is missing in the docstrings."""

    def __init__(self) -> None:
        self.parts = [HEAD]
        self.missing: list[str] = []

    def add(self, *parts: str) -> None:
        self.parts += [part for part in parts if part]

    def describe(self, thing: object, name: str, *above: object) -> str:
        """The docstring as Markdown. It, or one of those above, says who calls."""
        doc = inspect.getdoc(thing) or ""
        if not doc:
            self.missing.append(f"{name} has no docstring")
        own = inspect.getmodule(thing)
        said = " ".join([doc, *(inspect.getdoc(other) or "" for other in (*above, own) if other)])
        if not (inspect.isclass(thing) and issubclass(thing, Exception)) and not re.search(r"\b(local|collective)\b", said, re.I):
            self.missing.append(f"{name}: neither Local nor Collective")
        return markdown(doc)


def markdown(doc: str) -> str:
    """Code in double backticks, roles and indented blocks of a docstring as Markdown has them."""
    doc = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", doc.replace("``", "`"))
    doc = re.sub(
        r"::\n\n((?:    .*\n|\n)*    .*)",
        lambda block: ":\n\n```python\n" + inspect.cleandoc("\n" + block[1]) + "\n```",
        doc,
    )
    return re.sub(r"^:$\n\n", "", doc, flags=re.M)


def signature(thing: object) -> str:
    """Names and defaults."""
    found = inspect.signature(thing)
    plain = [p.replace(annotation=p.empty) for p in found.parameters.values() if p.name != "self"]
    return str(found.replace(parameters=plain, return_annotation=found.empty))


def members(kind: type) -> list[tuple[str, object]]:
    """What the package defines for it, in the order of the sources, its private bases' first."""
    found: dict[str, object] = {}
    for base in reversed(kind.__mro__):
        own = base is kind or base.__name__.startswith("_") or base.__name__ == "Arithmetic"
        if own and base.__module__.startswith("nnmpi"):
            found.update((name, value) for name, value in vars(base).items() if not name.startswith("_"))
    return [(name, value) for name, value in found.items() if is_described(value)]


def is_described(value: object) -> bool:
    """Methods and properties, but no other attributes."""
    return isinstance(value, (property, staticmethod, classmethod)) or inspect.isfunction(value)


def overrides(kind: type, name: str) -> bool:
    """A method whose public base has described it."""
    bases = [base for base in kind.__mro__[1:] if not base.__name__.startswith("_")]
    return any(inspect.getdoc(getattr(base, name, None)) for base in bases if base is not object)


def add_class(page: Page, name: str, kind: type) -> None:
    shown = "" if issubclass(kind, Exception) else f"**`{name}{signature(kind)}`**"
    bases = kind.__mro__[1:-1]
    page.add(f"### {name}", shown, page.describe(kind, name, *bases))
    for member, value in members(kind):
        own = getattr(value, "__func__", value)
        if not isinstance(value, property) and not (inspect.getdoc(own) or "") and overrides(kind, member):
            continue
        shown = member if isinstance(value, property) else member + signature(getattr(kind, member))
        page.add(f"**`{shown}`**\n\n" + page.describe(value, f"{name}.{member}", kind, *bases))


def add_module(page: Page, name: str) -> None:
    module = importlib.import_module(name)
    page.add(f"## {name}", markdown(inspect.getdoc(module) or ""))
    listed = getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_")]
    from_tables = []
    for public in listed:
        thing = getattr(module, public)
        if inspect.ismodule(thing):
            continue
        if not getattr(module, "__all__", None) and getattr(thing, "__module__", "") != name:
            continue
        if hasattr(thing, "row"):
            from_tables.append(f"`{public}` ({thing.row.name})" if public.lower() != thing.row.name else f"`{public}`")
        elif inspect.isclass(thing):
            add_class(page, public, thing)
        else:
            page.add(f"### {public}", f"**`{public}{signature(thing)}`**", page.describe(thing, f"{name}.{public}"))
    if from_tables:
        page.add("From the library's tables, with the keys of the [reference](reference.md): " + ", ".join(from_tables) + ".")


def main() -> None:
    for name in ("sklearn", "sklearn.base", "sklearn.utils", "sklearn.utils.multiclass", "sklearn.utils.validation"):
        sys.modules[name] = StandIn(name)
    page = Page()
    for name in MODULES:
        add_module(page, name)
    if page.missing:
        sys.exit("\n".join(page.missing))
    print("\n\n".join(page.parts))


main()
