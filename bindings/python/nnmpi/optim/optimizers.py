"""Optimisers of parameters, with the names of torch.optim; the gradients of all ranks are averaged in ``step``."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping

import numpy as np

from .._library import Handle, check, ffi, lib, text
from ..arrays import floats
from ..comm import Comm
from ..states import members
from ..tensors import Tensor, readable


class _Group(Handle):
    """Parameters with the same options: an optimiser of the C interface."""

    def __init__(self, comm: Comm, kind: str, options: dict[str, Any], params: list[Tensor]):
        self.params = params
        self.comm = comm
        self.options = options
        listed = ", ".join(f"{key}: {_yaml(value)}" for key, value in options.items())
        out = ffi.new("nn_optimizer **")
        pointers = [p._c for p in params]
        spec = f"{kind}: {{{listed}}}".encode()
        check(lib.nn_optimizer_new(comm.pointer, spec, len(pointers), pointers, out))
        self._own(out[0], lib.nn_optimizer_free, comm)
        self.rate = lib.nn_optimizer_rate(self.pointer)

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Of all that a group is made with only the learning rate can be changed."""
        for key, value in self.options.items():
            if key != "lr" and options.get(key) != value:
                raise ValueError(
                    f"param_groups: {key} is {value!r} here and not changed to {options.get(key)!r}, only lr "
                    "is: make another one, or load a state"
                )

    def step(self, options: Mapping[str, Any], weight: float) -> None:
        """One step with the learning rate of these options."""
        self.check_options(options)
        rate = options["lr"]
        if rate != self.rate:
            check(lib.nn_optimizer_set_rate(self.pointer, rate))
            self.rate = rate
        check(lib.nn_optimizer_step(self.pointer, weight))

    def slots(self) -> list[str]:
        """The names of the arrays that each parameter has."""
        return [text(lib.nn_optimizer_slot(self.pointer, i)) for i in range(lib.nn_optimizer_slots(self.pointer))]

    def state(self, i: int) -> dict[str, Any]:
        """That of parameter i, empty before its first step."""
        steps = lib.nn_optimizer_param_steps(self.pointer, i)
        state: dict[str, Any] = {"step": steps} if steps else {}
        for slot, name in enumerate(self.slots() if steps else []):
            state[name] = np.empty(self.params[i].shape, np.float32)
            check(lib.nn_optimizer_get_slot(self.pointer, i, slot, floats(state[name])))
        return state

    def set_state(self, i: int, state: Mapping[str, Any]) -> None:
        """That of parameter i, as ``checked`` has it."""
        check(lib.nn_optimizer_set_param_steps(self.pointer, i, state["step"]))
        for slot, name in enumerate(self.slots()):
            check(lib.nn_optimizer_set_slot(self.pointer, i, slot, floats(state[name])))

    def checked(self, i: int, state: Mapping[str, Any]) -> dict[str, Any]:
        """A state of parameter i as C takes it."""
        shape, names = self.params[i].shape, self.slots()
        if not state:
            return {"step": 0, **{name: np.zeros(shape, np.float32) for name in names}}
        if set(state) != {"step", *names}:
            raise ValueError(f"the state of a parameter has {sorted(state)}, but this optimiser's {sorted(['step', *names])}")
        arrays = {name: np.ascontiguousarray(readable(state[name]), np.float32) for name in names}
        for name, array in arrays.items():
            if array.shape != shape:
                raise ValueError(f"{name} of a parameter is {list(array.shape)}, and the parameter {list(shape)}")
        steps = int(state["step"])
        if not 0 <= steps < 1 << 63:
            raise ValueError(f"a parameter has taken {steps} steps; that is a number from 0 on")
        return {"step": steps, **arrays}


def _numbered(states: Any) -> dict[int, Any]:
    """By the numbers of parameters, which are text where JSON has kept them."""
    try:
        return {int(number): dict(state) for number, state in states.items()}
    except (AttributeError, TypeError, ValueError):
        raise ValueError("the state of an optimiser has a dict for each number of a parameter") from None


def _rate(value: Any) -> float:
    rate = float(value)
    if not 0 <= rate < float("inf"):
        raise ValueError(f"a learning rate of {value!r} in the state; it is at least 0")
    return rate


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, (bool, np.bool_)) else repr(float(value))


class Optimizer:
    """What the optimisers have in common.

    ``params`` are parameters, or dicts with "params" and options of their own, as in PyTorch. ``comm`` are the ranks
    whose gradients are averaged (None: all that mpirun has started); they begin with the parameters of the first one.
    ``param_groups[i]["lr"]`` can be changed between two steps, other options not. Making one, ``step`` and
    ``load_state_dict`` are Collective.
    """

    kind: str

    def __init__(self, params: Iterable[Any], options: dict[str, Any], comm: Comm | None = None):
        listed = list(params)
        if not listed:
            raise ValueError("there are no parameters to optimise")
        groups = listed if isinstance(listed[0], dict) else [{"params": listed}]
        comm = Comm() if comm is None else comm
        self.param_groups: list[dict[str, Any]] = []
        self._groups: list[_Group] = []
        seen: set[int] = set()
        for group in groups:
            own = {**options, **group}
            of = own.pop("params")
            of = [of] if isinstance(of, Tensor) else list(of)
            for p in of:
                if not isinstance(p, Tensor):
                    raise TypeError(f"a parameter is a tensor, not {type(p).__name__}")
                if id(p) in seen:  # it would take two steps at once
                    raise ValueError("a parameter is named twice")
                seen.add(id(p))
            self._groups.append(_Group(comm, self.kind, own, of))
            self.param_groups.append({"params": of, **own, "lr": self._groups[-1].rate})

    def state_dict(self) -> dict[str, Any]:
        """All that its next step depends on besides the parameters, as PyTorch arranges it: "state", by the number of
        each parameter its steps and arrays of its shape, and "param_groups", their options and numbers. Numpy arrays,
        numbers, lists and dicts; the same on every rank. Local."""
        state: dict[int, dict[str, Any]] = {}
        groups, first = [], 0
        for group, options in zip(self._groups, self.param_groups):
            group.check_options(options)
            numbers = list(range(first, first + len(group.params)))
            first += len(numbers)
            states = {number: group.state(i) for i, number in enumerate(numbers)}
            state.update((number, own) for number, own in states.items() if own)
            groups.append({**options, "params": numbers})
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes on from what ``state_dict`` of an optimiser of as many parameters of the same shapes has given, options
        included; on every rank the same. Nothing is changed where it does not fit. Collective."""
        of_parameters, groups = members(state_dict, "an optimiser", "state", "param_groups")
        of_parameters = _numbered(of_parameters)
        given = [len(members(group, "a group of parameters", "params")[0]) for group in groups]
        if given != [len(group.params) for group in self._groups]:
            raise ValueError(
                f"the state is of {given} parameters in each group, but this optimiser has "
                f"{[len(group.params) for group in self._groups]}"
            )
        unknown = set(of_parameters).difference(*(group["params"] for group in groups))
        if unknown:
            raise ValueError(f"the state is of parameters {sorted(unknown)}, which no group has")
        rates = [_rate(*members(group, "a group of parameters", "lr")) for group in groups]
        made = []
        for group, options in zip(self._groups, groups):
            wanted = dict(zip(group.options, members(options, f"{self.kind}'s parameters", *group.options)))
            wanted["lr"] = group.options["lr"]  # steps set that of param_groups, which may be 0
            same = wanted == group.options
            made.append(group if same else _Group(group.comm, self.kind, wanted, group.params))
        states = [
            [group.checked(i, of_parameters.get(number, {})) for i, number in enumerate(options["params"])]
            for group, options in zip(made, groups)
        ]
        for group, options, rate, own, held in zip(made, groups, rates, states, self.param_groups):
            for i, state in enumerate(own):
                group.set_state(i, state)
            held.update({**options, "params": group.params, "lr": rate})
        self._groups = made

    def step(self, closure: Callable[[], Any] | None = None, weight: float = 1) -> Any:
        """Averages the gradients of the ranks, with weights (the rows of each, where they differ), and takes a step.
        A ``closure`` is called before, and its result returned."""
        loss = closure() if closure else None
        for group, options in zip(self._groups, self.param_groups):
            group.step(options, weight)
        return loss

    def average_gradients(self, weight: float = 1) -> None:
        """The gradients of every rank become the averages that ``step`` takes, to be looked at or changed before it, as by
        ``nn.utils.clip_grad_norm_``. Collective."""
        for group in self._groups:
            check(lib.nn_optimizer_average_gradients(group.pointer, weight))

    def zero_grad(self, set_to_none: bool = True) -> None:
        """No parameter has a gradient."""
        for group in self._groups:
            lib.nn_optimizer_zero_gradients(group.pointer)


class SGD(Optimizer):
    """w <- w - lr d, d = g + weight_decay w, or with momentum v <- momentum v + (1 - dampening) d in its place."""

    kind = "sgd"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        comm: Comm | None = None,
    ):
        options = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
        }
        super().__init__(params, options, comm)


def _adam_options(lr: float, betas: tuple[float, float], eps: float, decay: float, amsgrad: bool) -> dict[str, Any]:
    return {
        "lr": lr,
        "beta1": betas[0],
        "beta2": betas[1],
        "eps": eps,
        "weight_decay": decay,
        "amsgrad": amsgrad,
    }


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015); weight_decay w joins the gradient."""

    kind = "adam"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        comm: Comm | None = None,
    ):
        super().__init__(params, _adam_options(lr, betas, eps, weight_decay, amsgrad), comm)


class AdamW(Optimizer):
    """Adam whose weight decay is apart from the gradient (Loshchilov and Hutter 2019)."""

    kind = "adamw"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        comm: Comm | None = None,
    ):
        super().__init__(params, _adam_options(lr, betas, eps, weight_decay, amsgrad), comm)


class RMSprop(Optimizer):
    """w <- w - lr g / (sqrt(s) + eps), s a running mean of g^2."""

    kind = "rmsprop"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        comm: Comm | None = None,
    ):
        options = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
        }
        super().__init__(params, options, comm)
