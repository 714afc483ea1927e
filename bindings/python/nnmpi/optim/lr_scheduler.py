"""Learning rates that change as training goes on: the schedules of the library, with the names of
torch.optim.lr_scheduler.

A scheduler counts the calls of its ``step``, once an epoch or once a step of the optimiser as the program likes, and
sets the rate of each group of parameters to that of the beginning times what the schedule makes of the count. So an
optimiser has one scheduler. All is Local, and has to be done on every rank alike.
"""

from __future__ import annotations

import json
import math
from typing import Any, Callable, Iterable, Mapping

from .._library import Handle, check, lib, new
from ..states import members
from .optimizers import Optimizer

_STATE = ("factor", "best", "bad", "cooldown")


def _from_1(name: str, count: int) -> int:
    """A count that ends a schedule; 0 would be the end of a program, which nobody has said."""
    if count < 1:
        raise ValueError(f"{name}={count}: at least 1 is wanted")
    return count


class _Schedule(Handle):
    """A schedule of the C interface."""

    def __init__(self, schedule: Any):
        text = schedule if isinstance(schedule, str) else json.dumps(schedule)
        self._own(new("nn_schedule", lib.nn_schedule_new, text.encode()), lib.nn_schedule_free)

    def state(self) -> dict[str, Any]:
        """What it keeps from one observed value to the next; "best" is None before the first one."""
        state = lib.nn_schedule_get_state(self.pointer)
        found = {name: getattr(state, name) for name in _STATE}
        return {**found, "best": None if math.isnan(state.best) else state.best}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """What another one has kept."""
        kept = dict(zip(_STATE, members(state, "a schedule", *_STATE)))
        kept["best"] = math.nan if kept["best"] is None else kept["best"]
        check(lib.nn_schedule_set_state(self.pointer, kept))


class LRScheduler:
    """Any schedule of ``nnmpi help schedules``: its name, YAML or {name: {key: value}}.

    ``LRScheduler(optimizer, {"inverse_time": {"k": 0.1}})``; ``end`` is the count at which the program ends, for
    schedules without ``over``. ``last_epoch`` is the count. Local.
    """

    def __init__(self, optimizer: Optimizer, schedule: Any, end: int = 0):
        self._begin(optimizer)
        self.end = end
        self._schedules = [_Schedule(schedule)] * len(self.base_lrs)
        self._set_rates()

    def _begin(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"an optimiser of nnmpi.optim is wanted, not {type(optimizer).__name__}")
        self.optimizer, self.last_epoch, self.end = optimizer, 0, 0
        self.base_lrs = [float(group.setdefault("initial_lr", group["lr"])) for group in optimizer.param_groups]

    def _factors(self) -> Iterable[float]:
        return [lib.nn_schedule_factor(s.pointer, self.last_epoch, self.end) for s in self._schedules]

    def _set_rates(self) -> None:
        for group, base, factor in zip(self.optimizer.param_groups, self.base_lrs, self._factors()):
            group["lr"] = base * factor

    def step(self) -> None:
        """Counts one more and sets the rates. Local."""
        self.last_epoch += 1
        self._set_rates()

    def get_last_lr(self) -> list[float]:
        """The rate of each group of parameters. Local."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """All that it is to go on from; numbers, lists and dicts. Local."""
        schedules = [schedule.state() for schedule in self._schedules]
        return {"last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs), "schedules": schedules}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes on from what ``state_dict`` of a scheduler of the same kind has given. Local."""
        count, rates, schedules = members(state_dict, "a scheduler", "last_epoch", "base_lrs", "schedules")
        if len(rates) != len(self.base_lrs) or len(schedules) != len(self._schedules):
            raise ValueError(f"the state is of {len(rates)} groups of parameters, and there are {len(self.base_lrs)}")
        count, rates = int(count), [float(rate) for rate in rates]
        for schedule, state in zip(self._schedules, schedules):
            schedule.set_state(state)
        self.last_epoch, self.base_lrs = count, rates
        self._set_rates()


class LambdaLR(LRScheduler):
    """The rate is that of the beginning times ``lr_lambda(count)``, a number of at least 0. Local."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float]):
        self._begin(optimizer)
        self.lr_lambda, self._schedules = lr_lambda, []
        self._set_rates()

    def _factors(self) -> Iterable[float]:
        return [float(self.lr_lambda(self.last_epoch))] * len(self.base_lrs)


class StepLR(LRScheduler):
    """Times ``gamma`` after every ``step_size`` counts. Local."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1):
        super().__init__(optimizer, {"step": {"every": step_size, "gamma": gamma}})


class MultiStepLR(LRScheduler):
    """Times ``gamma`` at each of the counts ``milestones``, which rise. Local."""

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1):
        super().__init__(optimizer, {"multistep": {"at": list(milestones), "gamma": gamma}})


class ExponentialLR(LRScheduler):
    """Times ``gamma`` at each count. Local."""

    def __init__(self, optimizer: Optimizer, gamma: float):
        super().__init__(optimizer, {"exponential": {"gamma": gamma}})


class LinearLR(LRScheduler):
    """A straight line from ``start_factor`` to ``end_factor`` in ``total_iters`` counts, then as at its end. Local."""

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
    ):
        over = _from_1("total_iters", total_iters)
        super().__init__(optimizer, {"linear": {"from": start_factor, "to": end_factor, "over": over}})


class PolynomialLR(LRScheduler):
    """(1 - count / total_iters)^power, then 0. Local."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0):
        super().__init__(optimizer, {"polynomial": {"over": _from_1("total_iters", total_iters), "power": power}})


class _Cosine(LRScheduler):
    """Down to a rate of ``eta_min``, which is another part of each group's."""

    def __init__(self, optimizer: Optimizer, eta_min: float, options: dict[str, Any]):
        self._begin(optimizer)
        self.eta_min, self._options = eta_min, options
        self._schedules = self._down_from(self.base_lrs)
        self._set_rates()

    def _down_from(self, rates: Iterable[float]) -> list[_Schedule]:
        low = [self.eta_min / rate if rate else 0.0 for rate in rates]
        return [_Schedule({"cosine": {**self._options, "to": to}}) for to in low]

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes on from what ``state_dict`` of a scheduler of the same kind has given, down to its own ``eta_min``.
        Local."""
        (rates,) = members(state_dict, "a scheduler", "base_lrs")
        schedules = self._down_from([float(rate) for rate in rates])
        super().load_state_dict(state_dict)
        self._schedules = schedules
        self._set_rates()


class CosineAnnealingLR(_Cosine):
    """Half a cosine down to ``eta_min`` in ``T_max`` counts (Loshchilov and Hutter 2017), then as at its end. Local."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0):  # noqa: N803 (PyTorch's names)
        super().__init__(optimizer, eta_min, {"over": _from_1("T_max", T_max)})


class CosineAnnealingWarmRestarts(_Cosine):
    """The same from the top again after ``T_0`` counts, and then ``T_mult`` times as many each time. Local."""

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0):  # noqa: N803
        super().__init__(optimizer, eta_min, {"over": _from_1("T_0", T_0), "restarts": True, "grow": T_mult})


class ReduceLROnPlateau(LRScheduler):
    """Times ``factor`` when a value has not improved for more than ``patience`` calls of ``step(value)`` in a row.

    ``threshold`` is what counts as an improvement, a share of the best value ("rel") or a value ("abs");
    ``cooldown`` calls after a change do not count; no rate goes below ``min_lr``. The same values on every rank. Local.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
    ):
        if mode not in ("min", "max"):
            raise ValueError(f"mode is 'min' or 'max', not {mode!r}")
        self._begin(optimizer)
        self.mode = mode
        options = {
            "factor": factor,
            "patience": patience,
            "threshold": threshold,
            "threshold_mode": threshold_mode,
            "cooldown": cooldown,
            "min_lr": min_lr,
        }
        self._schedules = [_Schedule({"reduce_on_plateau": options}) for _ in self.base_lrs]
        self._set_rates()

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """``metrics`` is the value that should improve, a number. Local."""
        for schedule, base in zip(self._schedules, self.base_lrs):
            check(lib.nn_schedule_observe(schedule.pointer, float(metrics), self.mode == "max", base))
        super().step()
