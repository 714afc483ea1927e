"""Optimisers of parameters, with the names of torch.optim; the gradients of all ranks are averaged in ``step``."""

from __future__ import annotations

from typing import Any, Callable, Iterable

import numpy as np

from ._library import Handle, check, ffi, lib
from .comm import Comm
from .tensors import Tensor


class _Group(Handle):
    """Parameters with the same options: an optimiser of the C interface."""

    def __init__(self, comm: Comm, kind: str, options: dict[str, Any], params: list[Tensor]):
        self.params = params
        self.comm = comm
        text = ", ".join(f"{key}: {_yaml(value)}" for key, value in options.items())
        out = ffi.new("nn_optimizer **")
        pointers = [p._c for p in params]
        spec = f"{kind}: {{{text}}}".encode()
        check(lib.nn_optimizer_new(comm.pointer, spec, len(pointers), pointers, out))
        self._own(out[0], lib.nn_optimizer_free, comm)
        self.rate = lib.nn_optimizer_rate(self.pointer)

    def step(self, rate: float, weight: float) -> None:
        """One step with this learning rate."""
        if rate != self.rate:
            check(lib.nn_optimizer_set_rate(self.pointer, rate))
            self.rate = rate
        check(lib.nn_optimizer_step(self.pointer, weight))


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, (bool, np.bool_)) else repr(float(value))


class Optimizer:
    """What the optimisers have in common.

    ``params`` are parameters, or dicts with "params" and options of their own, as in PyTorch. ``comm`` are the ranks
    whose gradients are averaged (None: all that mpirun has started); they begin with the parameters of the first one.
    ``param_groups[i]["lr"]`` can be changed between two steps. Making one and ``step`` are collective.
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

    def step(self, closure: Callable[[], Any] | None = None, weight: float = 1) -> Any:
        """Averages the gradients of the ranks, with weights (the rows of each, where they differ), and takes a step.
        A ``closure`` is called before, and its result returned."""
        loss = closure() if closure else None
        for group, options in zip(self._groups, self.param_groups):
            group.step(options["lr"], weight)
        return loss

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
