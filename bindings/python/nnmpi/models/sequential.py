"""Models that are a stack of layers."""

from __future__ import annotations

from typing import Any, Iterable, Optional, Union

from ..layers import Layer, Tensor
from .model import Model


class Sequential(Model):
    """A stack of layers: ``Sequential([Dense(64, activation="relu"), Dense(10)])``, or ``add`` them. Local."""

    def __init__(self, layers: Iterable[Union[Layer, Tensor]] = ()):
        self._begin()
        self.layers: list[Layer] = []
        self._shape: Optional[tuple] = None
        for layer in layers:
            self.add(layer)

    def add(self, layer: Union[Layer, Tensor]) -> None:
        """Puts a layer on top; ``Input(shape)`` may come first. Local."""
        if isinstance(layer, Tensor) and layer.layer is None and not self.layers:
            self._shape = layer.shape
        elif isinstance(layer, Layer):
            self.layers.append(layer)
        else:
            raise TypeError(f"a layer is wanted, e.g. Dense(10), not {layer!r}")
        self._predictor = self._vocabulary = None

    def pop(self) -> None:
        """Takes the topmost layer away. Local."""
        self.layers.pop()
        self._predictor = self._vocabulary = None

    def _structure(self) -> list[dict[str, Any]]:
        return [layer.describe() for layer in self.layers]

    def _input_shape(self) -> Optional[tuple]:
        return self._shape or (self.layers[0].input_shape if self.layers else None)
