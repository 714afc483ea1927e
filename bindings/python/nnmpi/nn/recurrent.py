"""Modules that are recurrent layers, with the names of torch.nn. All of them are Local."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arithmetic import relu, sigmoid, tanh
from ..operations import cat, stack
from ..tensors import Tensor, operand
from . import functional
from .modules import Module, uniform

State = tuple[Tensor, ...]  # h, and for LSTM c, each [samples, hidden_size]


def _steps(x: Tensor) -> list[Tensor]:
    """x[0], x[1], ... by halves: the derivative of a slice is as large as what it is a slice of."""
    if len(x) == 1:
        return [x[0]]
    half = len(x) // 2
    return _steps(x[:half]) + _steps(x[half:])


class _Recurrent(Module):
    """Layers that go through sequences step by step; parameters are called and laid out as PyTorch's."""

    gates: int
    states = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ):
        super().__init__()
        if min(input_size, hidden_size, num_layers) < 1:
            raise ValueError(f"{type(self).__name__}: sizes and layers are at least 1")
        if not 0 <= dropout < 1:
            raise ValueError(f"{type(self).__name__}: dropout is in [0, 1), not {dropout}")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, dropout, bidirectional
        rows = self.gates * hidden_size
        for layer in range(num_layers):
            below = hidden_size * (1 + bidirectional) if layer else input_size
            for suffix in self._suffixes(layer):
                setattr(self, f"weight_ih_{suffix}", uniform((rows, below), hidden_size))
                setattr(self, f"weight_hh_{suffix}", uniform((rows, hidden_size), hidden_size))
                for name in ("bias_ih", "bias_hh") if bias else ():
                    setattr(self, f"{name}_{suffix}", uniform(rows, hidden_size))

    def _suffixes(self, layer: int) -> list[str]:
        return [f"l{layer}", f"l{layer}_reverse"][: 1 + self.bidirectional]

    def _cell(self, x: Tensor, state: State, w: Tensor, b: Tensor | None) -> State:
        """The next state. x: what W_ih and its bias give for a step [samples, gates hidden_size]."""
        raise NotImplementedError

    def _run(self, x: Tensor, state: State, suffix: str) -> tuple[Tensor, State]:
        """One direction of a layer: h of every step [steps, samples, hidden_size], and the last state."""
        w, b = getattr(self, f"weight_hh_{suffix}"), getattr(self, f"bias_hh_{suffix}", None)
        gates = functional.linear(x, getattr(self, f"weight_ih_{suffix}"), getattr(self, f"bias_ih_{suffix}", None))
        order = slice(None, None, -1 if suffix.endswith("_reverse") else 1)
        outputs = []
        for step in _steps(gates)[order]:
            state = self._cell(step, state, w, b)
            outputs.append(state[0])
        return stack(outputs[order]), state

    def _first_states(self, hx: Any, samples: int, batched: bool) -> list[State]:
        """Of each layer and direction."""
        count = self.num_layers * (1 + self.bidirectional)
        shape = (count, samples, self.hidden_size)
        if hx is None:
            hx = [Tensor(np.zeros(shape, np.float32))] * self.states
        given = [operand(t) for t in (hx if isinstance(hx, (tuple, list)) else [hx])]
        if not batched and given[0].ndim == 2:
            given = [t.unsqueeze(1) for t in given]
        if len(given) != self.states or any(t.shape != shape for t in given):
            raise ValueError(
                f"{type(self).__name__}: {self.states} first states {list(shape)} are wanted, not "
                f"{[list(t.shape) for t in given]}"
            )
        return [tuple(t[i] for t in given) for i in range(count)]

    def forward(self, input: Tensor, hx: Any = None) -> Any:  # noqa: A002 (PyTorch's names)
        """[steps, samples, input_size] (``batch_first``: [samples, steps, input_size]; of one sample [steps,
        input_size]) to the same with hidden_size numbers, twice as many where it is bidirectional, and the last state;
        ``hx``: the first state, else zeros. A state is h, of LSTM (h, c), each [layers x directions, samples,
        hidden_size]."""
        input = operand(input)  # noqa: A001
        if input.ndim not in (2, 3) or input.shape[-1] != self.input_size or 0 in input.shape:
            raise ValueError(f"{type(self).__name__}: [..., {self.input_size}] is wanted, not {list(input.shape)}")
        batched = input.ndim == 3
        turned = batched and self.batch_first
        x = input.transpose(0, 1) if turned else (input if batched else input.unsqueeze(1))
        first, last = self._first_states(hx, x.shape[1], batched), []
        for layer in range(self.num_layers):
            if layer > 0:
                x = functional.dropout(x, self.dropout, self.training)
            runs = [self._run(x, first[len(last) + i], s) for i, s in enumerate(self._suffixes(layer))]
            x = cat([outputs for outputs, _ in runs], 2) if self.bidirectional else runs[0][0]
            last += [state for _, state in runs]
        ends = [stack(parts) for parts in zip(*last)]
        if not batched:
            x, ends = x.squeeze(1), [t.squeeze(1) for t in ends]
        return x.transpose(0, 1) if turned else x, ends[0] if self.states == 1 else tuple(ends)

    def extra_repr(self) -> str:
        """Its sizes."""
        return f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}"


class RNN(_Recurrent):
    """h <- tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it."""

    gates = 1

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", **more: Any):
        super().__init__(input_size, hidden_size, num_layers, **more)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: nonlinearity is 'tanh' or 'relu', not {nonlinearity!r}")
        self.nonlinearity = nonlinearity

    def _cell(self, x: Tensor, state: State, w: Tensor, b: Tensor | None) -> State:
        activation = tanh if self.nonlinearity == "tanh" else relu
        return (activation(x + functional.linear(state[0], w, b)),)


class LSTM(_Recurrent):
    """i, f, o = sigmoid(...), g = tanh(...), c <- f c + i g, h <- o tanh(c) (Hochreiter and Schmidhuber 1997)."""

    gates = 4
    states = 2

    def _cell(self, x: Tensor, state: State, w: Tensor, b: Tensor | None) -> State:
        h, c = state
        n, z = self.hidden_size, x + functional.linear(h, w, b)
        kept = sigmoid(z[:, : 2 * n])
        c = kept[:, n:] * c + kept[:, :n] * tanh(z[:, 2 * n : 3 * n])
        return sigmoid(z[:, 3 * n :]) * tanh(c), c


class GRU(_Recurrent):
    """r, z = sigmoid(...), n = tanh(W x + b + r (U h + b')), h <- (1 - z) n + z h (Cho et al. 2014)."""

    gates = 3

    def _cell(self, x: Tensor, state: State, w: Tensor, b: Tensor | None) -> State:
        (h,) = state
        n, u = self.hidden_size, functional.linear(h, w, b)
        rz = sigmoid(x[:, : 2 * n] + u[:, : 2 * n])
        new = tanh(x[:, 2 * n :] + rz[:, :n] * u[:, 2 * n :])
        return (new + rz[:, n:] * (h - new),)
