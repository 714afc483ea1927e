"""Models: what a stack of layers and a graph of them have in common, and the graph."""

from __future__ import annotations

import copy
import os
from typing import Any, Callable, Iterable, Optional, Sequence, Union

import numpy as np

from .. import callbacks as cb
from .._library import Messages, lib
from ..arrays import borrowable, unmasked
from ..catalog import Choice, plain
from ..comm import Comm, is_launched
from ..data import Data
from ..layers import Tensor
from ..training import Config, Evaluation, Interrupts, Training
from .compiled import Compiled
from .epochs import default_batch_size, hold_out, run_epochs
from .graphs import describe_graph, one
from .texts import Texts
from .traits import Checkpoint, Traits


class Model:
    """A directed acyclic graph of layers from one ``Input()`` to one output.

    ::

        x = nnmpi.Input(shape=(8,))
        h = Dense(16, activation="relu")(x)
        model = nnmpi.Model(x, Dense(1)(Concatenate()([x, h])))

    The order is compile, fit, then evaluate, predict and save. Fit and evaluate are Collective over the ranks of
    ``comm``, and do the same on every rank; compile, predict and summary are Local. Models are copied
    (``copy.deepcopy``) and pickled with their parameters; the optimiser's state ends with each ``fit``.
    """

    def __init__(self, inputs: Union[Tensor, Sequence[Tensor]], outputs: Union[Tensor, Sequence[Tensor]]):
        self._begin()
        self.inputs, self.outputs = one(inputs, "inputs"), one(outputs, "outputs")
        self._structure()  # what is wrong with the graph is said here

    def _begin(self) -> None:
        self.stop_training = False
        self.training: Optional[Training] = None  #: the C training while ``fit`` runs
        self._compiled: Optional[Compiled] = None
        self._weights: dict[str, np.ndarray] = {}
        self._traits: Optional[Traits] = None  # of what it was trained on
        self._last: dict[str, int] = {"batch_size": 32, "epochs": 1}  # of the last fit
        self._scale: Optional[tuple[Any, Any]] = None  # of x: factors and summands
        self._vocabulary: Optional[tuple[str, list[bytes]]] = None  # of tokens: their kind and names
        self._epochs = 0  # trained so far
        self._seeds: dict[str, int] = {}  # of runs by their folder, to resume them with
        self._comm: Optional[Comm] = None
        self._predictor: Optional[tuple[int, bool, Training]] = None  # batch_size, with lengths?

    # ---- structure ------------------------------------------------------------------------------

    def _structure(self) -> list[dict[str, Any]]:
        """The section model of the configuration."""
        return describe_graph(self.inputs, self.outputs)

    def _input_shape(self) -> Optional[tuple]:
        return self.inputs.shape

    # ---- compile ----------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Union[str, dict, Choice] = "sgd",
        loss: Union[str, dict, None] = None,
        metrics: Optional[Sequence[Union[str, dict]]] = None,
        *,
        seed: int = 1,
        comm: Optional[Comm] = None,
        **train: Any,
    ) -> "Model":
        """Says how to train: names as in a configuration or as Keras has them, or ``{name: {key: value}}``.

        ``train`` are keys of the section train of a configuration (``nnmpi help train``): ``clip_norm=1``,
        ``schedule={"cosine": {}}``, ``reproducible=True`` ... ``comm``: the ranks, by default the world. Local.
        """
        if loss is None:
            raise TypeError("compile() wants a loss, e.g. loss='cross_entropy'")
        self._compiled = Compiled(optimizer, loss, metrics, seed, train)
        self._comm, self._predictor = comm, None
        return self

    @property
    def comm(self) -> Comm:
        """The ranks that train and evaluate."""
        if self._comm is None:
            self._comm = Comm()
        return self._comm

    def _settings(self) -> Compiled:
        if self._compiled is None:
            raise RuntimeError("the model is not compiled: call compile(optimizer, loss, metrics) first")
        return self._compiled

    def _config(self, data: Data, train: dict[str, Any], **others: Any) -> Config:
        return self._settings().config(self._structure(), data, train, **others)

    # ---- data ---------------------------------------------------------------------------------------

    def _check_shape(self, x: np.ndarray) -> None:
        shape = self._input_shape()
        if shape is not None and tuple(x.shape[1:]) != tuple(shape):
            raise ValueError(f"x is {list(x.shape[1:])} a sample, but the model's input is {list(shape)}")

    def _data(self, comm: Comm, sharing: str, **splits: Optional[tuple]) -> Data:
        if sharing not in ("same", "shard"):
            raise ValueError(f"data is 'same' (every rank has all samples) or 'shard' (a part each), not {sharing!r}")
        data = Data()
        for split, fields in splits.items():
            if fields is not None:
                x, y, *rest = fields
                x = borrowable(x, "x")
                self._check_shape(x)
                data.set_split(split, x, self._settings().target(y), *rest)
        self._describe(data)
        return data.gathered(comm) if sharing == "shard" else data

    def _describe(self, data: Data) -> None:
        """What else is known of samples."""
        if self._scale is not None:
            data.set_scale(*self._scale)
        if self._vocabulary is not None:
            data.set_tokens(*self._vocabulary)

    # ---- fit ------------------------------------------------------------------------------------------

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: Optional[int] = None,
        epochs: int = 1,
        verbose: int = 1,
        callbacks: Optional[Iterable[cb.Callback]] = None,
        validation_split: float = 0.0,
        validation_data: Optional[tuple] = None,
        shuffle: bool = True,
        class_weight: Optional[dict] = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        *,
        lengths: Any = None,
        scale: Any = None,
        offset: Any = 0.0,
        data: str = "same",
        run_dir: Union[str, os.PathLike] = "",
        resume: bool = False,
        when_changed: str = "refuse",
    ) -> cb.History:
        """Trains ``epochs`` epochs (those from ``initial_epoch`` on) and returns their history.

        x [N, ...] samples; y [N] classes, [N, C] one-hot rows, or [N] or [N, d] numbers to predict;
        ``sample_weight`` [N]; ``class_weight`` {class: weight}; ``lengths`` [N] steps of sequences; images are
        [N, C, H, W] or [N, H, W, C]. What the model sees is x * ``scale`` + ``offset``, a number, or one for each
        channel or element, so that images can stay uint8; evaluate and predict scale alike.
        ``batch_size`` counts the samples of all ranks together; by default 32, or all where there are fewer.
        ``validation_data`` is (x, y) or (x, y, weights), or the last ``validation_split`` of the samples.
        ``data="same"``: every rank gives the same arrays; ``data="shard"``: each has a part.
        ``run_dir`` names a folder for checkpoints and the metrics log, which ``resume`` goes on from, up to ``epochs``
        epochs of the whole run; they are numbered on from where it stands, whatever ``initial_epoch`` is. Samples that
        are not those that it was trained on are refused (UsageError), or with ``when_changed="accept"`` trained on.
        Every epoch draws a new order of all samples, or with ``shuffle=False`` takes them as they stand. Ctrl-C ends
        after the step under way, on several ranks within some 8 steps. Collective.
        """
        if self.training is not None:
            raise RuntimeError("fit is under way for this model: a callback, or another thread, cannot call it as well")
        training_set: tuple = (x, y, sample_weight, lengths)
        if scale is not None:
            self._scale = scale, offset
        if validation_split:
            training_set, validation_data = hold_out(training_set, validation_split, validation_data)
        comm = self.comm
        samples = self._data(comm, data, train=training_set, valid=validation_data)
        seed = self._settings().train["seed"] + self._epochs
        if run_dir:
            folder = os.path.abspath(run_dir)
            seed = self._seeds.get(folder, seed) if resume else seed
            self._seeds[folder] = seed
        self._last = {
            "batch_size": default_batch_size(training_set[0], data) if batch_size is None else plain(batch_size),
            "epochs": max(int(epochs) - (0 if resume else int(initial_epoch)), 0),
        }
        train = {**self._settings().train, **self._last, "seed": seed}
        history = cb.History()
        watchers: list[cb.Callback] = [*(callbacks or ()), history]
        if verbose and comm.rank == 0:
            watchers.append(cb.ProgressLogger(epochs))
        validates = validation_data is not None
        how = {"shuffle": bool(shuffle), "when_changed": plain(when_changed)}
        with self._config(samples, train, class_weight=class_weight, validates=validates, how=how) as config:
            with Training(comm, config, run_dir, resume, measures=True) as training:
                self._remember(training_set[0], training_set[1])
                first = training.epoch - 1 if resume else initial_epoch
                self._run(training, watchers, first, validates, history)
        samples.close()
        return history

    def _run(self, training: Training, watchers: list, epoch: int, validates: bool, history: cb.History) -> None:
        self.training, self.stop_training, self._predictor = training, False, None
        if self._weights and training.steps == 0:  # else it is resumed, with parameters of its own
            training.set_weights(self._weights)
        try:
            with Interrupts(training) as interrupts:
                for watcher in watchers:
                    watcher.model = self
                    watcher.on_train_begin()
                run_epochs(self, training, watchers, epoch, validates, interrupts)
                for watcher in watchers:
                    watcher.on_train_end()
                self._weights = self.get_weights()
                history.result = training.finish()
        finally:
            self.training = None

    def _remember(self, x: Any, y: Any) -> None:
        """What the data look like. A rank that has no part takes the others' word for what targets are."""
        target = self._settings().target(y)
        labels = self._any(len(target) > 0 and target.dtype.kind in "iu")
        self._traits = Traits(borrowable(x, "x").shape[1:], target.shape[1:], labels)

    def _any(self, here: bool) -> bool:
        """Whether it is so on any rank."""
        return bool(lib.nn_comm_agree(self.comm.pointer, lib.NN_ESTOPPED if here else 0))

    # ---- parameters ---------------------------------------------------------------------------------

    def get_weights(self) -> dict[str, np.ndarray]:
        """Copies of the parameters by name ("dense1/weight"), float32 in PyTorch's shapes; with ``ema`` their average,
        which is what is validated, predicted with and saved. Within ``fit`` Collective."""
        if self.training is not None:
            return self.training.get_weights(average=True)
        return {name: values.copy() for name, values in self._weights.items()}

    def set_weights(self, weights: dict[str, Any]) -> None:
        """Replaces parameters by name, or before the first ``fit`` says what it starts from; within ``fit``
        Collective, with the same numbers on every rank, and with ``ema`` in their average, too."""
        self._predictor = None
        if self.training is not None:
            self.training.set_weights(weights, average=True)
        else:
            self._weights.update((name, np.array(values, np.float32)) for name, values in weights.items())

    def load_weights(self, path: Union[str, os.PathLike]) -> None:
        """Takes all parameters from a checkpoint of a model with the same tensors (of a run folder the best, else the
        last), on every rank alike; within ``fit`` Collective. FormatError where a tensor is missing or has another
        shape."""
        self._predictor = None
        if self.training is not None:
            self.training.load(path)
        else:
            with Checkpoint(path) as checkpoint:
                self._take(checkpoint, path)

    def save_weights(self, path: Union[str, os.PathLike]) -> None:
        """As ``save``: a checkpoint holds the model beside its parameters."""
        self.save(path)

    def _take(self, checkpoint: Checkpoint, path: Union[str, os.PathLike]) -> None:
        """The parameters of a checkpoint, and what the model does not know yet of its data."""
        if self._traits is None:
            self._traits, self._scale = checkpoint.traits, checkpoint.scale
            self._vocabulary = checkpoint.vocabulary
        with self._alone(1) as training:
            with Messages.silenced():
                training.load(path)
            self._weights = training.get_weights()

    # ---- use ------------------------------------------------------------------------------------------

    def _alone(self, batch: int, lengths: bool = False) -> Training:
        """The model on this process alone, without samples: to predict, to be loaded and saved. Local."""
        assert self._traits is not None
        data = self._traits.empty(lengths)
        self._describe(data)
        threads = self._settings().train.get("threads", 1 if is_launched() else 0)
        config = self._config(data, {"batch_size": batch, "threads": threads}, class_weight={})
        with Messages.silenced():
            training = Training(Comm.alone(), config, in_parts=True)
        if self._weights:
            training.set_weights(self._weights)
        return training

    def _predicts(self, batch: int, lengths: bool) -> Training:
        """As it was opened for the last prediction, or anew."""
        if self._predictor is None or self._predictor[:2] != (batch, lengths):
            self._predictor = batch, lengths, self._alone(batch, lengths)
        return self._predictor[2]

    def evaluate(
        self,
        x: Any,
        y: Any,
        batch_size: Optional[int] = None,
        verbose: int = 0,
        sample_weight: Any = None,
        *,
        lengths: Any = None,
        data: str = "same",
        return_dict: bool = False,
    ) -> Union[float, list, Evaluation]:
        """The loss, and with metrics a list of it and them; ``return_dict``: by name. Arguments as in ``fit``.

        x [N, ...] and y [N] or [N, ...]. ``verbose`` is there for programs written for Keras: nothing is printed.
        Within ``fit`` it is of the parameters of ``get_weights``. Collective.
        """
        self._check_trained()
        samples = self._data(self.comm, data, train=(x, y, sample_weight, lengths))
        batch = batch_size if isinstance(batch_size, str) else default_batch_size(x, data, batch_size or 32)
        train = {**self._settings().train, "batch_size": batch, **_AS_IT_IS}
        weights = self.get_weights()
        with self._config(samples, train) as config, Training(self.comm, config) as training:
            training.set_weights(weights)
            found = training.evaluate("train")
        if return_dict:
            return found
        return list(found.values()) if self._settings().metrics else found["loss"]

    def predict(self, x: Any, batch_size: int = 256, verbose: int = 0, *, lengths: Any = None) -> np.ndarray:
        """The outputs [N, outputs], float32, after the activation that the loss implies (softmax, sigmoid), of x
        [N, ...] and of sequences with ``lengths`` [N]. Local.

        ``batch_size`` samples are computed at a time; ``verbose``: nothing is printed. Within ``fit`` x has the type
        that the training data have.
        """
        steps = None if lengths is None else borrowable(lengths, "lengths")
        if self.training is not None:
            return self.training.predict(borrowable(x, "x"), steps)
        self._check_trained()
        assert self._traits is not None
        array = self._traits.as_trained(np.asarray(unmasked(x, "x"), np.float32))
        return self._predicts(batch_size, lengths is not None).predict(array, steps)

    def generate(
        self,
        prompts: Any,
        max_tokens: int = 200,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 1,
        stop: Optional[str] = None,
        on_token: Optional[Callable[[str, int, int], Any]] = None,
        *,
        first: int = 0,
    ) -> Any:
        """What follows a prompt, or a list of what follows each of several, token by token: of a str a str, of integers
        a list of tokens.

        The model has learned which token comes next, of tokens x [N, T] and y [N, T], by layers that go through
        sequences step by step (docs/howto/generate.md); a str wants a checkpoint of texts, which ``nnmpi.load`` reads.
        ``temperature`` 0 takes the likeliest token, others draw one: from all, from the ``top_k`` likeliest, from the
        fewest likeliest that have probability ``top_p`` together. ``stop`` names a token that ends a text (by default
        <|endoftext|> where there is one) and is no part of it. ``on_token(text, token, i)`` is told what prompt i gets
        as it comes; when it returns False, that text ends. Texts are those of ``nnmpi generate``: functions of
        ``seed``, prompt and its number, which counts from ``first``, on any rank and whatever other prompts there are.
        Local.
        """
        self._check_trained()
        texts = Texts(prompts, on_token)
        training = self.training or self._predicts(1, False)
        how = {"max_tokens": max_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
        training.generate(texts.prompts, texts.told, stop, first=first, **how)
        return texts.made()

    def _check_trained(self) -> None:
        if self.training is None and (not self._weights or self._traits is None):
            raise RuntimeError("the model has no parameters yet: call fit or load_weights first")

    def save(self, path: Union[str, os.PathLike]) -> None:
        """Writes a checkpoint on rank 0, which ``nnmpi.load``, ``nnmpi eval``, ``predict`` and ``export`` read, too.

        Within ``fit``, in a callback, Collective; otherwise rank 0 may do so alone.
        """
        if self.training is not None:
            self.training.write(path)
        elif self.comm.rank == 0:
            self._check_trained()
            with self._alone(1) as training, self._config(Data(), {**self._settings().train, **self._last}) as config:
                training.write(path, config)

    @classmethod
    def load(cls, path: Union[str, os.PathLike], comm: Optional[Comm] = None) -> "Model":
        """As ``nnmpi.load``: the model of a checkpoint. Local."""
        from .saved import load

        return load(path, comm)

    def summary(self, out: Any = None) -> None:
        """Prints the layers, and once there are parameters their shapes and numbers. Local."""
        for position, row in enumerate(self._structure()):
            ((kind, options),) = row.items()
            print(f"{position:3} {kind:20} {', '.join(f'{key}={value}' for key, value in options.items())}", file=out)
        for name, values in self._weights.items():
            print(f"    {name:24} {str(list(values.shape)):>20} {values.size:>12,}", file=out)
        if self._weights:
            print(f"{sum(values.size for values in self._weights.values()):,} parameters", file=out)

    # ---- copies ---------------------------------------------------------------------------------------

    def __deepcopy__(self, memo: dict) -> "Model":
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        made.__setstate__({**copy.deepcopy(self.__getstate__(), memo), "_comm": self._comm})  # within this process
        return made

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in self.__dict__.items() if name not in ("training", "_predictor")}
        return {**state, "_comm": None}  # ranks are those of the process that loads it

    def __setstate__(self, state: dict[str, Any]) -> None:
        compiled = state.get("_compiled")
        if isinstance(compiled, dict):  # before it was a class
            state = {**state, "_compiled": Compiled.restored(**compiled, targets_are_numbers=state["_targets_are_numbers"])}
        self.__dict__.update({"_vocabulary": None, **state}, training=None, _predictor=None)


#: Keys of a run of no steps, on the parameters that it is given.
_AS_IT_IS: dict[str, Any] = {"max_steps": 0, "accumulate": 1, "ema": None, "schedule": None}
