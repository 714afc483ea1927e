"""Models: a stack of layers, or a graph of them; compiled, fitted, evaluated, saved and loaded."""

from __future__ import annotations

from .model import Model
from .saved import load
from .sequential import Sequential

__all__ = ["Model", "Sequential", "load"]
