"""Layers, losses and metrics written with numpy.

What is registered here is named in configurations as built-in parts are; its functions are called in every step, so
that they are as fast as numpy is. The rules that hold for them are those of C (docs/extend.md): what a row becomes
depends on this row and the parameters only, ``dx`` is written, ``g`` is added to, and an exception ends the run on all
ranks. Register on every rank, before the configuration is used. Models have such a layer by its name,
``Layer.of("gate", units=3)``.
"""

from __future__ import annotations

from .gradients import GradientResult, gradient_check
from .layers import LayerCall, Parameter, Plan, register_layer
from .losses import register_loss
from .metrics import MetricCall, register_metric
from .options import Option

__all__ = [
    "GradientResult",
    "LayerCall",
    "MetricCall",
    "Option",
    "Parameter",
    "Plan",
    "gradient_check",
    "register_layer",
    "register_loss",
    "register_metric",
]
