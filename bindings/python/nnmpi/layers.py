"""Layers: a class for each layer of the library, e.g. ``Dense(64, activation="relu")``.

Keys are those of ``nnmpi help dense``; the names that Keras has for common layers and their arguments are understood,
too. A layer called on a tensor makes one: ``y = Dense(10)(x)``. All of it is Local.
"""

from __future__ import annotations

from typing import Any, Optional, Sequence, Union

from .catalog import Choice, families, make_module, plain

#: Layers as Keras calls them, and those whose names are abbreviations.
_SPELLED = {
    "AveragePooling1D": "avg_pool1d",
    "AveragePooling2D": "avg_pool",
    "AveragePooling3D": "avg_pool3d",
    "BatchNormalization": "batch_norm",
    "Concatenate": "concat",
    "Conv1D": "conv1d",
    "Conv1DTranspose": "conv_transpose1d",
    "Conv2D": "conv2d",
    "Conv2DTranspose": "conv_transpose2d",
    "Conv3D": "conv3d",
    "Conv3DTranspose": "conv_transpose3d",
    "ELU": "elu",
    "GELU": "gelu",
    "GLU": "glu",
    "GRU": "gru",
    "GlobalAveragePooling2D": "global_avg_pool",
    "GlobalAveragePooling3D": "global_avg_pool",
    "GroupNormalization": "group_norm",
    "LSTM": "lstm",
    "LayerNormalization": "layer_norm",
    "LeakyReLU": "leaky_relu",
    "MaxPooling1D": "max_pool1d",
    "MaxPooling2D": "max_pool",
    "MaxPooling3D": "max_pool3d",
    "PReLU": "prelu",
    "RMSNormalization": "rms_norm",
    "RNN": "rnn",
    "ReLU": "relu",
    "SimpleRNN": "rnn",
    "UpSampling1D": "upsample1d",
    "UpSampling2D": "upsample",
    "UpSampling3D": "upsample3d",
    "ZeroPadding2D": "pad",
}

#: Initialisers as Keras calls them, where that is another name.
_INITIALIZERS = {"random_normal": "normal", "random_uniform": "uniform"}


class Tensor:
    """What a layer makes, while a :class:`~nnmpi.models.Model` is put together: no numbers yet."""

    def __init__(self, layer: Optional["Layer"], inputs: Sequence["Tensor"], shape: Optional[tuple] = None):
        self.layer, self.inputs, self.shape = layer, list(inputs), shape

    def __repr__(self) -> str:
        return f"Tensor(of {self.layer!r})" if self.layer else f"Input(shape={self.shape})"


def Input(shape: Optional[Sequence[int]] = None, **others: Any) -> Tensor:  # noqa: N802 (Keras's name)
    """The data that a model reads: ``shape`` is that of one sample, without the minibatch; None: as they are."""
    if others:
        raise TypeError(f"Input(): the library reads one input of any shape, and knows no {', '.join(others)}")
    return Tensor(None, [], None if shape is None else tuple(int(size) for size in shape))


class Layer(Choice):
    """A layer. ``Layer.of("dense", units=64)`` makes one by the library's name, also those that a program has added.
    Local."""

    common = families()["layer"].common
    spellings = {
        "alpha": "gamma",
        "bias_initializer": "bias_init",
        "dilation_rate": "dilation",
        "epsilon": "eps",
        "input_dim": "vocabulary",
        "kernel_initializer": "init",
        "kernel_size": "kernel",
        "negative_slope": "gamma",
        "output_dim": "units",
        "pool_size": "size",
        "return_": "return",
        "strides": "stride",
        "target_shape": "shape",
        "use_bias": "bias",
    }

    #: The shape of a sample that Keras's input_shape or input_dim says, or None.
    input_shape: Optional[tuple] = None

    def __init__(self, *values: Any, **options: Any):
        if "input_shape" in options:
            self.input_shape = tuple(options.pop("input_shape"))
        if "input_dim" in options and "vocabulary" not in self.row.options:
            self.input_shape = (int(options.pop("input_dim")),)
        if "return_sequences" in options:
            options["return"] = "all" if options.pop("return_sequences") else "last"
        super().__init__(*values, **options)
        if self.options.get("padding") == "valid":
            self.options["padding"] = 0
        if self.options.get("activation") in ("linear", "identity"):
            del self.options["activation"]
        for key in ("init", "bias_init"):
            if isinstance(self.options.get(key), str):
                self.options[key] = _INITIALIZERS.get(self.options[key], self.options[key])

    @staticmethod
    def of(kind: str, **options: Any) -> "Layer":
        """The layer of that name in the library."""
        layer = Layer.__new__(_Named)
        layer.kind, layer.options = kind, {key: plain(value) for key, value in options.items()}
        return layer

    def describe(self) -> dict[str, Any]:
        return {self.kind: dict(self.options)}

    @property
    def kind(self) -> str:
        """The library's name of the layer: "dense"."""
        return self.row.name

    def __call__(self, inputs: Union[Tensor, Sequence[Tensor]]) -> Tensor:
        tensors = [inputs] if isinstance(inputs, Tensor) else list(inputs)
        for tensor in tensors:
            if not isinstance(tensor, Tensor):
                raise TypeError(
                    f"{self!r} is called on {type(tensor).__name__}: while a model is put together, layers are "
                    "called on Input() and on what other layers made of it; numbers go to model.predict"
                )
        return Tensor(self, tensors)


class _Named(Layer):
    """A layer that :meth:`Layer.of` has made."""

    kind = ""

    def __repr__(self) -> str:
        return f"Layer.of({self.kind!r}, {self.options})"


def Activation(activation: Union[str, dict, Choice], **options: Any) -> Layer:  # noqa: N802 (Keras's name)
    """An activation as a layer of its own: ``Activation("relu")``, ``Activation({"elu": {"gamma": 0.5}})``."""
    described = plain(activation)
    if isinstance(described, str):
        described = {"identity" if described == "linear" else described: {}}
    if not isinstance(described, dict) or len(described) != 1:
        raise TypeError(f"Activation() takes a name, or {{name: {{key: value}}}}, not {activation!r}")
    ((kind, keys),) = described.items()
    return Layer.of(kind, **{**(keys or {}), **options})


__getattr__, __dir__, __all__ = make_module(Layer, "layer", _SPELLED, ["Activation", "Input", "Tensor"])
