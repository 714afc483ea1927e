"""Is a layer's backward right? Local."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from .._library import check, ffi, lib, text


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
