"""What ``compile`` says of a model: how it is trained, and what its targets are."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Union

import numpy as np

from ..arrays import unmasked
from ..catalog import Choice, plain
from ..data import Data
from ..spellings import LOSSES, METRICS
from ..training import Config


class Compiled:
    """Loss, metrics and the section train of a configuration, by the library's names."""

    def __init__(
        self,
        optimizer: Union[str, dict, Choice],
        loss: Union[str, dict],
        metrics: Optional[Sequence[Union[str, dict]]],
        seed: int,
        train: dict[str, Any],
    ):
        loss, optimizer = plain(loss), plain(optimizer)
        self.loss, self.targets_are_numbers = LOSSES.get(loss, (loss, False)) if isinstance(loss, str) else (loss, False)
        self.metrics = [METRICS.get(m, m) if isinstance(m, str) else m for m in plain(list(metrics or ()))]
        if isinstance(optimizer, str):
            optimizer = optimizer.lower()
        self.train = {"optimizer": optimizer, "seed": seed, **plain(train)}

    @classmethod
    def restored(cls, **attributes: Any) -> "Compiled":
        """With these, which need no translation any more."""
        made = cls.__new__(cls)
        made.__dict__.update(attributes)
        return made

    def target(self, y: Any) -> np.ndarray:
        """y as the loss takes it: one column is none, and numbers stay numbers."""
        array = unmasked(y, "y")
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if self.targets_are_numbers and array.dtype.kind in "iub":
            array = array.astype(np.float32)
        return array

    def config(
        self,
        model: list[dict[str, Any]],
        data: Data,
        train: dict[str, Any],
        class_weight: Any = None,
        validates: bool = False,
        how: Optional[dict[str, Any]] = None,
    ) -> Config:
        """The configuration of a run of the section ``model``, with ``train`` in the place of that of compile, and how
        data are read."""
        loss = self.loss
        if class_weight is not None:
            name, options = (loss, {}) if isinstance(loss, str) else next(iter(loss.items()))
            weights = {"class_weights": plain(class_weight)} if class_weight else {}  # {}: none, whatever compile says
            loss = {name: {**{key: value for key, value in options.items() if key != "class_weights"}, **weights}}
        watches = validates and "reduce_on_plateau" in (train.get("schedule") or ())  # else fit alone validates
        tree = {
            "data": how or {},
            "model": model,
            "loss": loss,
            "train": {key: value for key, value in train.items() if value is not None},
            "validate": {"every_epochs": int(watches), **({"metrics": self.metrics} if self.metrics else {})},
        }
        return Config(tree, data)
