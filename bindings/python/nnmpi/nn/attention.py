"""Modules of attention, with the names of torch.nn. All of them are Local."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..arithmetic import gelu, relu
from ..tensors import Tensor, operand
from . import functional, init
from .layers import Dropout, Linear
from .modules import Module, ModuleList, Parameter
from .norms import LayerNorm


class MultiheadAttention(Module):
    """Several attentions beside each other (Vaswani et al. 2017); in_proj_weight [3 embed_dim, embed_dim]."""

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, batch_first: bool = False
    ):
        super().__init__()
        if num_heads < 1 or embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: {num_heads} heads do not divide embed_dim {embed_dim}")
        if not 0 <= dropout < 1:
            raise ValueError(f"MultiheadAttention: dropout is in [0, 1), not {dropout}")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.in_proj_weight = init.xavier_uniform_(Parameter(np.zeros((3 * embed_dim, embed_dim))))
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias)
        if bias:
            init.zeros_(self.out_proj.bias)

    def _mask(self, key_padding_mask: Any, attn_mask: Any, is_causal: bool, shape: tuple[int, ...]) -> Any:
        """Summands of the scores [samples, heads, L, S]; None: there are none."""
        masks = []
        if is_causal and attn_mask is None:
            masks.append(functional.causal(*shape[2:]))
        if attn_mask is not None:
            mask = functional.summands(attn_mask, seen=False)
            masks.append(mask if mask.ndim == 2 else mask.reshape(shape))
        if key_padding_mask is not None:
            masks.append(functional.summands(key_padding_mask, seen=False).reshape(shape[0], 1, 1, shape[3]))
        return sum(masks[1:], masks[0]) if masks else None

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """query [L, samples, embed_dim], key and value [S, samples, embed_dim]; ``batch_first``: samples first; of one
        sample without them. Gives the same as the query, and the weights [samples, L, S] (None unless they are needed),
        or those of each head [samples, heads, L, S].

        Masks are truth values of what is hidden, or summands: ``key_padding_mask`` [samples, S], ``attn_mask`` [L, S] or
        [samples x heads, L, S]; ``is_causal`` without one: keys behind the query's own place.
        """
        inputs = [operand(x) for x in (query, key, value)]
        batched = inputs[0].ndim == 3
        if not batched:
            inputs = [x.unsqueeze(0) for x in inputs]
        elif not self.batch_first:
            inputs = [x.transpose(0, 1) for x in inputs]
        n, heads = self.embed_dim, self.num_heads
        parts = []
        for i, x in enumerate(inputs):
            rows = slice(i * n, (i + 1) * n)
            bias = None if self.in_proj_bias is None else self.in_proj_bias[rows]
            x = functional.linear(x, self.in_proj_weight[rows], bias)
            parts.append(x.reshape(x.shape[0], x.shape[1], heads, n // heads).transpose(1, 2))
        shape = (*parts[0].shape[:3], parts[1].shape[2])
        mask = self._mask(key_padding_mask, attn_mask, is_causal, shape)
        y, weights = functional.attend(*parts, mask, self.dropout if self.training else 0.0)
        y = self.out_proj(y.transpose(1, 2).reshape(shape[0], shape[2], n))
        weights = weights.mean(1) if average_attn_weights else weights
        if not batched:
            y, weights = y.squeeze(0), weights.squeeze(0)
        elif not self.batch_first:
            y = y.transpose(0, 1)
        return y, weights if need_weights else None


class TransformerEncoderLayer(Module):
    """Attention of a sequence to itself and two dense layers, each added to its input and normalised."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
    ):
        super().__init__()
        if isinstance(activation, str) and activation not in ("relu", "gelu"):
            raise ValueError(f"TransformerEncoderLayer: activation is 'relu', 'gelu' or a function, not {activation!r}")
        self.activation = {"relu": relu, "gelu": gelu}[activation] if isinstance(activation, str) else activation
        self.norm_first = norm_first
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first)
        self.linear1 = Linear(d_model, dim_feedforward, bias)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias)
        self.norm1, self.norm2 = LayerNorm(d_model, layer_norm_eps), LayerNorm(d_model, layer_norm_eps)
        if not bias:
            self.norm1.bias = self.norm2.bias = None
        self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout)

    def forward(
        self, src: Tensor, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        """The same shape; masks as ``MultiheadAttention`` has them."""

        def attend(x: Tensor) -> Tensor:
            masks = {"key_padding_mask": src_key_padding_mask, "attn_mask": src_mask, "is_causal": is_causal}
            return self.dropout1(self.self_attn(x, x, x, need_weights=False, **masks)[0])

        def feed(x: Tensor) -> Tensor:
            return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))

        if self.norm_first:
            x = src + attend(self.norm1(src))
            return x + feed(self.norm2(x))
        x = self.norm1(src + attend(src))
        return self.norm2(x + feed(x))


class TransformerEncoder(Module):
    """Copies of a layer one after the other, and a module ``norm`` behind them."""

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None):
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(encoder_layer) for _ in range(num_layers)])
        self.norm = norm

    def forward(self, src: Tensor, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Tensor:
        """The same shape; masks as ``MultiheadAttention`` has them."""
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, is_causal)
        return src if self.norm is None else self.norm(src)
